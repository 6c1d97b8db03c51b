"""How the variants of dropout are called, in figures and tables."""

VARIANT_LABELS = {
    "none": "no dropout",
    "dropout": "dropout",
    "modified": "modified dropout",
    "dropconnect": "dropconnect",
    "modified_dropconnect": "modified dropconnect",
    "inverted": "library dropout",
}
COMPARED = ["none", "dropout", "modified", "dropconnect", "modified_dropconnect"]
"""Variants shown side by side in experiment 2."""
