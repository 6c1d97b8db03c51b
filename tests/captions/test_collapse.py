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
BLINDNESS = pd.DataFrame(
    {
        "first_crossed": [1, 3, 0, 2, 0],
        "first_different": [1, 2, 0, 2, 4],
        "movement": [9.0, 9.0, 0.25, 9.0, 0.5],
        "biases": [True, True, True, False, False],
        "optimiser": ["SGD", "Adam", "SGD", "SGD", "Adam"],
    }
).assign(
    problem="regression", model="site", masks="step", activation="tanh", depth=2, width=2, drop_rate=0.5, theta=0.1
)
BLINDNESS = BLINDNESS.assign(early=1, late=4, learning_rate=0.1)
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
        ("map", "dropout", 1, 0.5, 1200, [True, True]),
        ("map", "dropout", 10, 0.999, 600, [False, False, False]),
        ("map", "dropout", 10, 0.999, 1200, [True, True, False]),
        ("map", "sample", 10, 0.999, 1200, [True, True]),
        ("published", "dropout", 64, 0.999, 200, [False, True]),
        ("published", "dropout", 8, 0.2, 200, [True]),
        ("published", "none", 8, 1.0, 200, [True, True, True]),
    ],
    columns=["grid", "arm", "width", "theta", "step", "learned"],
)
GRID = GRID.explode("learned").astype({"learned": bool}).assign(seed=0, depth=100, control_learns=True, diverged=False)
TIMES = pd.DataFrame({"depth": 20, "width": 1, "seed": [0, 1, 0, 1, 2], "censored": [True, False, False, False, True]})
TIMES = TIMES.assign(goal=["loss", "loss", "movement", "movement", "loss"], control_steps=[30, 30, 1, 1, 1])
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
MODIFIED = pd.DataFrame(
    [
        (biases, variant, seed, step, 0.5 + 0.1 * (variant == "modified") * (seed == 0))
        for biases in (False, True)
        for variant in ("dropout", "modified")
        for seed in (0, 1, 2)
        for step in (5, 10)
    ],
    columns=["biases", "variant", "seed", "step", "test_loss_ratio"],
).assign(data="made-up digits", depth=4, architecture="plain", learning_rate=0.1, diverged=False)
TABLES = {
    "decoupling": DECOUPLING,
    "blindness": BLINDNESS,
    "drift_bound": DRIFT,
    "movement": MOVEMENT,
    "trainability_map": GRID,
    "what_stops_training": GRID,
    "leaving": MOVEMENT,
    "gradients": (NORMS, OPTIMISERS),
    "learning_time": TIMES,
    "depth_law": DEPTHS,
    "loss_without_biases": VARIANTS,
    "loss_with_biases": VARIANTS,
    "modified_dropout": VARIANTS,
    "topologies": TOPOLOGIES,
    "modified_topologies": MODIFIED,
}


def caption_of(name, tables, **thresholds):
    """The caption of one table, or of several."""
    return getattr(captions, name)(*(tables if isinstance(tables, tuple) else (tables,)), **thresholds)


THRESHOLDS = {"blindness": {"margin": 0.08}}


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("decoupling", "1,700 networks whose masks leave no path (left): 1,699 give the same output"),
        ("decoupling", "Of 1,500 without biases"),
        ("decoupling", "(shaded) 1,499 have no weight gradient at all, of the 200 others 80."),
        ("decoupling", "Right: 3,000 networks with a path."),
        (
            "blindness",
            "5 pairs of runs with the same start, masks and labels but other inputs: 2 networks, 2 optimisers, 1",
        ),
        (
            "blindness",
            "±0.08 required. Of 4 pairs 2 differ before their first step with a path; of the 3 that have one 2",
        ),
        ("blindness", "parameters of networks with biases moved by 0.25 of their initial norm, in the network"),
        ("trainability_map", "within T = 1,200 steps, 1 seeds a cell"),
        ("trainability_map", "Networks that learn where θ > 0.99: 2 of 3 at W = 10."),
        ("what_stops_training", "(L = 100, 200 steps, not drawn): 1 of 2 networks with θ >= 0.99 learn."),
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
        ("learning_time", "L = 20, 95 % intervals (Fieller) over 2 seeds"),
        ("learning_time", "counts as its horizon (25% of all)"),
        ("learning_time", "Left out: the 20% whose control meets the loss target before training."),
        ("depth_law", "over 3 seeds; θ falls from 0.64 to 0.07, by the rate 0.45 per layer"),
        ("loss_without_biases", "of 2 pairs of networks that met a step without a path 1 differ in"),
        ("loss_with_biases", "interval over 2 seeds"),
        ("modified_dropout", "With biases, 2 cells of 2 paired seeds"),
        ("topologies", "made-up digits, L = 10, 1 seeds."),
        ("topologies", "learn: 3 of 3 at gain 1/√q, W = 1, θ·Σα = 7.1e-05; 2 of 3 at gain 1, W = 1, θ·Σα = 4.2; 0 of"),
        ("modified_topologies", "made-up digits, L = 4, networks with biases, 3 seeds."),
        ("modified_topologies", "Without biases the test losses of 1 of 3 pairs differ."),
    ],
)
def test_a_caption_names_the_number(name, told):
    assert told in caption_of(name, TABLES[name], **THRESHOLDS.get(name, {}))


@pytest.mark.parametrize(
    ("name", "rows", "left_out"),
    [
        *((name, rows, "nan") for name, rows in TABLES.items()),
        ("decoupling", DECOUPLING[DECOUPLING.has_path], "Right: 0"),
        ("blindness", BLINDNESS.assign(first_crossed=1), "Meanwhile"),
        ("drift_bound", DRIFT[~DRIFT.assumption], "should meet"),
        ("drift_bound", DRIFT[DRIFT.network == "tanh"], "ReLU"),
        ("learning_time", TIMES.assign(control_steps=30), "Left out"),
        ("trainability_map", GRID.assign(theta=0.5), "Networks that learn"),
        ("what_stops_training", GRID[GRID.grid == "map"], "Published size"),
        ("topologies", TOPOLOGIES.assign(variant="none"), "Convolutions that learn"),
    ],
)
def test_a_caption_says_nothing_of_what_is_not_there(name, rows, left_out):
    caption = caption_of(name, rows, **THRESHOLDS.get(name, {}))
    assert left_out not in caption
    assert "nan" not in caption
    assert caption.endswith(".")


def test_regularisation_tells_data_and_seeds():
    told = captions.regularisation(pd.DataFrame({"data": ["five digits"] * 3, "seed": [0, 1, 1]}))
    assert told.startswith("five digits, a training set of its own for every cell: ")
    assert "95 % interval over 2 networks; squares: without dropout" in told


def test_parameter_budget_counts_points_that_have_paths_and_do_not_learn():
    rows = pd.DataFrame(
        [
            (width, p, seed, theta, learned, control)
            for width, p, theta, learned, control in (
                (16, 0.1, 1.0, True, 1.0),
                (8, 0.1, 0.9, False, 1.0),
                (8, 0.5, 0.2, False, 1.0),
                (4, 0.1, 0.9, False, 0.5),
            )
            for seed in (0, 1)
        ],
        columns=["width", "drop_rate", "seed", "theta", "learned", "control_share"],
    ).assign(budget=1000, variant="dropout", gain="plain")
    told = captions.trained_shapes(rows, 0.9)
    assert "over 2 networks each; white: fewer than 90% learn without dropout" in told
    assert told.endswith(" Of 2 filled points below one half 1 have θ of at least 0.5.")
    assert "filled points" not in captions.trained_shapes(rows[rows.width == 16], 0.9)
