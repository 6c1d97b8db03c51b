"""Crossing probabilities of masked networks: exact values, scaling laws, sampling, and topologies beyond the paper."""

from .sampling import Reachability, draw_masks, reachable, sample_crossings
from .scaling import (
    bond_extinction_upper_bound,
    critical_depth,
    critical_probability,
    crossing_probability_at,
    half_crossing_probability,
    log_n_of_width,
    required_width,
    width_at,
)
from .theory import (
    bond_crossing_bounds,
    bond_crossing_probability,
    bond_decay_rate,
    bond_extinction_probability,
    site_crossing_probability,
    site_extinction_probability,
)
from .topologies import (
    ResidualCrossing,
    draw_kernel_masks,
    kernel_dropconnect_bounds,
    reaches_through_kernels,
    residual_crossing_probability,
    sample_channel_dropout,
    sample_kernel_dropconnect,
    sample_residual,
    sample_residual_stream,
)

__all__ = [
    "Reachability",
    "ResidualCrossing",
    "bond_crossing_bounds",
    "bond_crossing_probability",
    "bond_decay_rate",
    "bond_extinction_probability",
    "bond_extinction_upper_bound",
    "critical_depth",
    "critical_probability",
    "crossing_probability_at",
    "draw_kernel_masks",
    "draw_masks",
    "half_crossing_probability",
    "kernel_dropconnect_bounds",
    "log_n_of_width",
    "reachable",
    "reaches_through_kernels",
    "required_width",
    "residual_crossing_probability",
    "sample_channel_dropout",
    "sample_crossings",
    "sample_kernel_dropconnect",
    "sample_residual",
    "sample_residual_stream",
    "site_crossing_probability",
    "site_extinction_probability",
    "width_at",
]
