"""Tasks of the Dynamic DropConnect benchmarks (arXiv 2502.19948)."""
