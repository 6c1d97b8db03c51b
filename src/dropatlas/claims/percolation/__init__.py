"""Judges of the claims on percolation (arXiv 2512.13853), one module per subject."""
