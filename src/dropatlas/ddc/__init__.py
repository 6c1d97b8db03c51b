"""Regularisation methods compared: arms of a comparison trained on equal terms (arXiv 2502.19948)."""
