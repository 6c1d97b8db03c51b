"""Tables of the mechanisms in words, on networks few enough to check by hand."""

import numpy as np
import pandas as pd

from dropatlas.phases.bypass import sharpness_medians, stable_shares_by_width
from dropatlas.phases.precision_errors import at_largest_width


def test_the_widest_networks_are_those_of_the_table_given():
    rows = pd.DataFrame({"width": [100, 400, 400], "depth": [1, 2, 2]})
    assert list(at_largest_width(rows).index) == [1, 2]
    assert list(at_largest_width(rows[rows.depth == 1]).index) == [0]
    assert at_largest_width(rows[rows.depth == 3]).empty


def test_stable_shares_are_those_of_the_same_network_without_masks():
    rows = pd.DataFrame(
        [
            (metric, width, keep, seed, rate)
            for width, scale in ((50, 1.0), (100, 10.0))
            for metric, keep, rates in (
                ("none", 1.0, (2.0, 4.0, 1.0)),
                ("ram", 0.5, (1.0, 3.0, 1.0)),  # shares 0.5, 0.75, 1
                ("ram", 0.1, (0.5, 1.0, np.nan)),
                ("common", 0.5, (1.0, 2.0, 0.5)),
            )
            for seed, rate in enumerate(scale * np.array(rates))
        ],
        columns=["metric", "width", "keep_rate", "seed", "rate"],
    ).assign(activation="tanh")
    told = stable_shares_by_width(rows)
    assert list(told.columns) == ["activation", "metric", "n", "q = 0.1", "q = 0.5"]
    assert list(told.n) == [50, 100, 50, 100]
    assert list(told.metric.str.split(":").str[0]) == ["RaM", "RaM", "control", "control"]
    assert list(told["q = 0.5"]) == ["0.75", "0.75", "0.50", "0.50"]
    assert list(told["q = 0.1"]) == ["0.25", "0.25", "–", "–"]  # the control was not run there


def test_sharpness_is_told_of_the_measurements_with_masks():
    rows = pd.DataFrame(
        [
            ("ram", 0.1, 0, 5.0, 5.0, 5.0),  # at the start
            ("ram", 0.1, 10, 5.0, np.nan, np.nan),  # without minibatches
            ("ram", 0.1, 20, 1.0, 0.5, 0.25),
            ("ram", 0.1, 30, 2.0, 1.5, -0.35),
            ("none", 1.0, 30, 9.0, 9.0, np.nan),
        ],
        columns=["metric", "keep_rate", "step", "sharpness", "batch_sharpness", "masked_sharpness"],
    ).assign(activation="relu", width=50, share=0.9)
    told = sharpness_medians(rows)
    assert told.to_dict("records") == [
        {
            "activation": "relu",
            "n": 50,
            "q": "0.1",
            "sharpness": "1.500",
            "batch sharpness": "1.000",
            "batch sharpness with masks": "-0.050",
        }
    ]
    assert sharpness_medians(rows[rows.metric == "none"]).empty
