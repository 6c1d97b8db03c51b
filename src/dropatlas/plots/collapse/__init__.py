"""Figures of the training-collapse report."""
