"""How variants, metrics and regimes are called, in figures, captions and tables for readers."""

VARIANT_LABELS = {
    "none": "no dropout",
    "dropout": "dropout",
    "ram": "random metric (RaM)",
    "pn_ram": "PN + RaM",
    "forward": "forward mask only",
}
METRIC_LABELS = {"none": "no mask", "ram": "RaM: a mask per neuron", "common": "control: one mask for all neurons"}
REGIME_LABELS = {
    "critical": "critical phase (IV)",
    "penalised": "towards phase II",
    "gradient_flow": "gradient flow",
}
FAMILY_LABELS = {
    "series": "common clocks",
    "own clocks": "control: clocks of its own",
    "fixed keep rate": "control: fixed keep rate",
}
QUANTITY_LABELS = {
    "risk": "risk",
    "square": "mean |x|²",
    "cosine": "mean cos a",
    "bump": "mean exp(−|x|²/2)",
    "law": "law (projections)",
}
