"""How the variants of dropout are called, in figures and tables."""

VARIANT_LABELS = {
    "none": "no dropout",
    "dropout": "dropout",
    "modified": "modified dropout",
    "inverted": "inverted dropout",
    "dropconnect": "dropconnect",
    "modified_dropconnect": "modified dropconnect",
}
COMPARED = ["none", "dropout", "modified", "inverted", "dropconnect"]
"""Variants shown side by side in experiment 2; modified dropconnect only adds what modified dropout shows."""
