"""Captions of the collapse report name the right numbers, on tables small enough to check by hand."""

import numpy as np
import pandas as pd
import pytest

from dropatlas.captions import collapse as captions

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
        (0, 0.2, 12, 2.0, False),
        (1, 0.2, 7, 2.0, False),
        (0, 0.5, 400, 2.0, False),
        (0, 0.9, 0, 0.0, False),  # without a bound there is no point in the figure
        (1, 0.8, 1, 2.0, True),
    ],
    columns=["seed", "drop_rate", "crossed_steps", "bound", "diverged"],
).assign(network="tanh", model="site", depth=20, width=2)


def movement_rows() -> pd.DataFrame:
    """Two seeds of three depths: under dropout weights move by a half and a quarter of the control's 2, at L = 50."""
    rows = [
        (constant, depth, variant, gain, seed, step, moved * step)
        for constant in (1.0, 2.0)  # give the same networks
        for depth in (10, 50, 100)
        for variant, gain, moves in (
            ("none", "plain", (2.0, 2.0)),
            ("dropout", "plain", (1.0, 0.5)),
            ("dropout", "compensated", (2.0, 2.0)),
        )
        for seed, moved in enumerate(moves)
        for step in (1, 2)
    ]
    frame = pd.DataFrame(
        rows, columns=["constant", "depth", "variant", "gain", "seed", "step", "relative_movement"]
    ).assign(width=8, theta=0.999, control_learns=True, diverged=False)
    frame.loc[frame.depth == 10, "theta"] = 0.5
    frame.loc[frame.depth == 100, "control_learns"] = False
    return frame


MOVEMENT = movement_rows()
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
TIMES = pd.DataFrame({"depth": 20, "seed": [0, 1, 0, 1], "censored": [True, False, False, False]})
DEPTHS = pd.DataFrame({"seed": [0, 1, 2], "theta": [0.64, 0.3, 0.07], "layer_rate": 0.45})


def variant_rows() -> pd.DataFrame:
    """Two seeds of one cell without biases and of two with; two steps, the first of which all masks cross."""
    rows = [
        (biases, depth, variant, seed, step)
        for biases, depth in ((False, 10), (True, 10), (True, 20))
        for variant in ("none", "dropout", "modified")
        for seed in (0, 1)
        for step in (1, 60)
    ]
    frame = pd.DataFrame(rows, columns=["biases", "depth", "variant", "seed", "step"]).assign(
        problem="regression", width=2, cell_drop_rate=0.25, learning_rate=0.1, diverged=False, output_bias_movement=0.2
    )
    frame["theta"] = np.where((frame.depth == 20) & (frame.variant != "none"), 0.01, 1.0)
    frame["loss_ratio"] = np.where(frame.variant == "dropout", 0.5, 0.75) + 0.1 * frame.seed
    frame["relative_movement"], frame["crossed_steps"] = 1.0, np.where(frame.step == 1, 1, 30)
    alike = ~frame.biases & (frame.seed == 0)
    frame.loc[alike, "loss_ratio"] = 0.5
    frame.loc[(frame.variant == "dropout") & (frame.depth == 20), "output_bias_movement"] = [9.0, 1.0, 9.0, 0.5]
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
    "width_and_depth": GRID,
    "learning_time": TIMES,
    "depth_law": DEPTHS,
    "loss_without_biases": VARIANTS,
    "loss_with_biases": VARIANTS,
    "modified_dropout": VARIANTS,
    "weights_and_biases": VARIANTS,
    "topologies": TOPOLOGIES,
}


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("decoupling", "1,700 networks whose masks leave no path (left): 1,699 give the same output"),
        ("decoupling", "Of 1,500 without biases"),
        ("decoupling", "(shaded) 1,499 have no weight gradient at all, of the 200 others 80."),
        ("decoupling", "Right: 3,000 networks with a path."),
        ("drift_bound", "over 2 seeds; "),
        ("drift_bound", "(fewest: 19 over all seeds)"),
        ("movement", "Mean at the end, at gain 1 where θ > 0.99: 0.4 at L = 50."),
        (
            "width_and_depth",
            "learn at L = 100 and θ > 0.99: 0 of 2 at gain 1 and 1 of 2 at gain 1/√q; without dropout 2 of 3.",
        ),
        ("learning_time", "L = 20, 95 % intervals (Fieller) over 2 seeds"),
        ("learning_time", "counts as its horizon (25% of all)"),
        ("depth_law", "over 3 seeds; θ falls from 0.64 to 0.07, by the rate 0.45 per layer"),
        ("loss_without_biases", "of 2 pairs of networks that met a step without a path 1 differ in"),
        ("loss_with_biases", "interval over 2 seeds"),
        ("modified_dropout", "With biases, 2 cells of 2 paired seeds"),
        ("weights_and_biases", "θ < 0.05 the output bias of dropout moves by 0.75, that of modified dropout by 0.20."),
        ("topologies", "made-up digits, L = 10: "),
        ("topologies", "learn at gain 1: 2 of 3 at W = 1, θ·Σα = 4.2; 0 of 3 at W = 1, θ·Σα = 7.1e-05."),
    ],
)
def test_a_caption_names_the_number(name, told):
    assert told in getattr(captions, name)(TABLES[name])


@pytest.mark.parametrize(
    ("name", "rows", "left_out"),
    [
        *((name, rows, "nan") for name, rows in TABLES.items()),
        ("decoupling", DECOUPLING[DECOUPLING.has_path], "Right: 0"),
        ("drift_bound", DRIFT.assign(bound=0.0), "fewest: 0"),
        ("movement", MOVEMENT.assign(theta=0.9), "Mean at the end"),
        ("movement", MOVEMENT.assign(diverged=MOVEMENT.variant == "none"), "Mean at the end"),
        ("width_and_depth", GRID[GRID.depth == 10], "Networks that learn"),
        ("weights_and_biases", VARIANTS.assign(diverged=VARIANTS.variant == "modified"), "by 0.20"),
        ("weights_and_biases", VARIANTS.assign(theta=1.0), "output bias of dropout"),
        ("topologies", TOPOLOGIES.assign(diverged=True), "Convolutional networks that learn"),
    ],
)
def test_a_caption_says_nothing_of_what_is_not_there(name, rows, left_out):
    caption = getattr(captions, name)(rows)
    assert left_out not in caption
    assert "nan" not in caption
    assert caption.endswith(".")
