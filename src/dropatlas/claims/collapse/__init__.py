"""Judges of training collapse (arXiv 2512.13853, Section V)."""
