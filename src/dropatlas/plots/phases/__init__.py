"""Figures of the phase diagram report (arXiv 2510.07554), one module per subject."""

from dropatlas.plots.phases import (
    boundaries,
    coupling,
    curvature,
    depth,
    diagram,
    digits,
    penalty,
    precision,
    stability,
    students,
)

__all__ = [
    "boundaries",
    "coupling",
    "curvature",
    "depth",
    "diagram",
    "digits",
    "penalty",
    "precision",
    "stability",
    "students",
]
