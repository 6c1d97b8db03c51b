"""Figures of Dynamic DropConnect (arXiv 2502.19948)."""
