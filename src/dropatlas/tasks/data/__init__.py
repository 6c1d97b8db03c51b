"""Prepared data sets and the table that describes them."""
