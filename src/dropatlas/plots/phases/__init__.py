"""Figures of the phase diagram (arXiv 2510.07554)."""
