"""Figures drawn from result tables: one module per report, one style for all."""
