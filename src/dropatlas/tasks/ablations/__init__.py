"""Tasks of the ablations and mechanisms of Dynamic DropConnect (arXiv 2502.19948)."""
