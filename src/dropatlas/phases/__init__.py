"""Dropout of two-layer networks in the mean-field regime (arXiv 2510.07554)."""
