"""Keeping finished results trustworthy: verify, publish, restore, forecast."""
