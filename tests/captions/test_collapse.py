"""Captions of the collapse report name the right numbers, on tables small enough to check by hand."""

import numpy as np
import pandas as pd
import pytest

from dropatlas.captions import collapse as captions
from dropatlas.collapse.effects import steps_to_target

DECOUPLING = pd.DataFrame(
    [
        (False, True, 1000, 1000, 999),
        (False, True, 500, 500, 500),
        (False, False, 200, 199, 80),
        (True, True, 3000, 1, 2),
    ],
    columns=["has_path", "assumption", "networks", "input_effect_zero", "weight_gradients_zero"],
)
DRIFT = pd.DataFrame(
    [
        (0, "tanh", 0.2, True, True),
        (1, "tanh", 0.05, True, True),
        (0, "relu", 0.5, True, True),
        (1, "relu", 0.5, True, False),
        (0, "sigmoid", 0.01, False, True),
    ],
    columns=["seed", "network", "theta", "assumption", "alive"],
).assign(step=300, width=2)
MOVEMENT = pd.DataFrame(
    [("grid", seed, seed < 2, 700) for seed in range(5)] + [("threshold", seed, seed < 2, 40) for seed in range(4)],
    columns=["series", "seed", "estimates", "step"],
)
NORMS = pd.DataFrame({"seed": [0, 1, 2], "width": 4})
OPTIMISERS = pd.DataFrame({"seed": [0, 1, 1, 3, 4], "depth": 10})
GRID = pd.DataFrame(
    [
        (depth, variant, gain, theta, learned)
        for depth in (10, 100)
        for variant, gain, theta, networks in (
            ("none", "plain", 1.0, [True, True, False]),
            ("dropout", "plain", 0.999, [False, False]),
            ("dropout", "compensated", 0.999, [True, False]),
            ("dropout", "plain", 0.5, [True, True]),
        )
        for learned in networks
    ],
    columns=["depth", "variant", "gain", "theta", "learned"],
).assign(seed=0)
TIMES = pd.DataFrame({"depth": [20, 20], "seed": [0, 1]})


def variant_rows() -> pd.DataFrame:
    """Two seeds of one cell of regression without biases, two with biases, and one of digits; two steps."""
    cells = [("regression", False, 10), ("regression", True, 10), ("regression", True, 20), ("digits", False, 10)]
    rows = [
        (problem, biases, depth, variant, seed, step)
        for problem, biases, depth in cells
        for variant in ("none", "dropout", "modified")
        for seed in (0, 1)
        for step in (1, 60)
    ]
    frame = pd.DataFrame(rows, columns=["problem", "biases", "depth", "variant", "seed", "step"]).assign(
        width=2, cell_drop_rate=0.25, diverged=False, data="made-up digits", output_bias_movement=0.2
    )
    frame["theta"] = np.where((frame.depth == 20) & (frame.variant != "none"), 0.01, 1.0)
    frame["loss_ratio"] = np.where(frame.variant == "dropout", 0.5, 0.75) + 0.1 * frame.seed
    alike = ~frame.biases & (frame.seed == 0)
    frame.loc[alike, "loss_ratio"] = 0.5
    frame.loc[(frame.variant == "dropout") & (frame.depth == 20), "output_bias_movement"] = [9.0, 1.0, 9.0, 0.5]
    frame["steps_to_target"] = np.where((frame.variant == "dropout") & (frame.seed == 0), 40.0, np.nan)
    return frame


VARIANTS = variant_rows()
TOPOLOGIES = pd.DataFrame(
    [
        ("convolution", 1, 0.1, "plain", 4.2, [True, True, False]),
        ("convolution", 1, 0.7, "plain", 7.1e-5, [False, False, False]),
        ("convolution", 1, 0.7, "compensated", 7.1e-5, [True, True, True]),
        ("plain", 1, 0.1, "plain", 4.2, [True, True, True]),
    ],
    columns=["topology", "width", "drop_rate", "gain", "theta_rate_sum", "learned"],
)
TOPOLOGIES = (
    TOPOLOGIES.explode("learned")
    .astype({"learned": bool})
    .assign(data="made-up digits", depth=10, variant="dropout", diverged=False, seed=0)
)
TABLES = {
    "decoupling": DECOUPLING,
    "drift_bound": DRIFT,
    "movement": MOVEMENT,
    "leaving": MOVEMENT,
    "gradients": (NORMS, OPTIMISERS),
    "width_and_depth": GRID,
    "learning_time": TIMES,
    "loss_without_biases": VARIANTS,
    "loss_with_biases": VARIANTS,
    "weights_and_biases": VARIANTS,
    "loss_digits": VARIANTS,
    "topologies": TOPOLOGIES,
}


def caption_of(name, tables):
    """The caption of one table, or of several."""
    return getattr(captions, name)(*(tables if isinstance(tables, tuple) else (tables,)))


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("decoupling", "1,700 networks whose masks leave no path (left): 1,699 give the same output"),
        ("decoupling", "Of 1,500 without biases"),
        ("decoupling", "(shaded) 1,499 have no weight gradient at all, of the 200 others 80."),
        ("decoupling", "Right: 3,000 networks with a path."),
        ("drift_bound", "of the other half, 2 seeds; "),
        ("drift_bound", "at least 15 steps with a path. Of 2 ReLU networks 1 have a gradient"),
        (
            "movement",
            "Movement of 3 networks per cell, mean and 95 % interval, over its bound x from the gradients of 2",
        ),
        ("movement", "4 networks per width, after 40 steps"),
        ("leaving", "95 % interval of 3 networks per cell."),
        ("gradients", "W = 4, ratio of means over 3 seeds"),
        ("gradients", "L = 10, 4 seeds."),
        (
            "width_and_depth",
            "learn at L = 100 and θ > 0.99: 0 of 2 at gain 1 and 1 of 2 at gain 1/√q; without dropout 2 of 3.",
        ),
        ("learning_time", "L = 20: median and 10 to 90 % range over 2 seeds"),
        ("loss_without_biases", "the losses of 1 of 2 pairs of networks differ at the end."),
        (
            "loss_with_biases",
            "modified dropout: 0.55 and 0.80 at L = 10, W = 2, p = 0.25; 0.55 and 0.80 at",
        ),
        ("weights_and_biases", "θ < 0.05 the output bias of dropout moves by 0.75, that of modified dropout by 0.20."),
        ("loss_digits", "The same without biases on made-up digits ("),
        ("topologies", "made-up digits, L = 10: "),
        ("topologies", "learn at gain 1: 2 of 3 at W = 1, θ·Σα = 4.2; 0 of 3 at W = 1, θ·Σα = 7.1e-05."),
    ],
)
def test_a_caption_names_the_number(name, told):
    assert told in caption_of(name, TABLES[name])


@pytest.mark.parametrize(
    ("name", "rows", "left_out"),
    [
        *((name, rows, "nan") for name, rows in TABLES.items()),
        ("decoupling", DECOUPLING[DECOUPLING.has_path], "Right: 0"),
        ("drift_bound", DRIFT[~DRIFT.assumption], "should meet"),
        ("drift_bound", DRIFT[DRIFT.network == "tanh"], "ReLU"),
        ("width_and_depth", GRID[GRID.depth == 10], "Networks that learn"),
        ("loss_with_biases", VARIANTS.assign(diverged=VARIANTS.variant == "modified"), "0.80"),
        ("weights_and_biases", VARIANTS.assign(diverged=VARIANTS.variant == "modified"), "by 0.20"),
        ("weights_and_biases", VARIANTS.assign(theta=1.0), "output bias of dropout"),
        ("topologies", TOPOLOGIES.assign(diverged=True), "Convolutional networks that learn"),
    ],
)
def test_a_caption_says_nothing_of_what_is_not_there(name, rows, left_out):
    caption = caption_of(name, rows)
    assert left_out not in caption
    assert "nan" not in caption
    assert caption.endswith(".")


def test_the_listing_of_steps_to_the_target_counts_who_gets_there():
    listed = steps_to_target(VARIANTS)
    assert list(listed.columns[:8]) == ["problem", "biases", "L", "W", "p", "no dropout", "dropout", "modified dropout"]
    assert len(listed) == 4
    assert set(listed.dropout) == {"40 (1 of 2)"}
    assert set(listed["modified dropout"]) == {"none of 2"}
    assert set(listed.dropconnect) == {"–"}
