"""Theorem V.7 on random networks: masks without a path decouple output from input; bias-free, no gradient is left."""

import pandas as pd

from dropatlas.collapse.decoupling import sample_outcomes
from dropatlas.collapse.settings import Decoupling
from dropatlas.progress import LoggedProgress
from dropatlas.tasks.collapse.common import small_products
from dropatlas.tasks.runner import run_table_task

MEANINGS = {
    "model": "site (dropout) or bond (dropconnect)",
    "activation": "activation of the hidden layers",
    "biases": "whether the layers have biases",
    "assumption": "whether Assumption V.2 is claimed: no biases and activation zero at zero",
    "has_path": "whether the masks of this row have a path from input to output",
    "networks": "random masked networks (widths, depth, removal probability, weights, inputs all random)",
    "input_effect_zero": "networks with F(x) = F(0) in all bits, for every x of the batch",
    "weight_gradients_zero": "networks whose weight gradients are all exactly zero",
    "bias_gradients_zero": "networks whose bias gradients are all exactly zero (all of them without biases)",
    "largest_input_effect": "largest |F(x) - F(0)|",
    "largest_weight_gradient": "largest entry of a weight gradient",
}


@small_products()
def tabulate(settings: Decoupling, seed: int) -> pd.DataFrame:
    """One row per model, activation, biases and presence of a path."""
    rows = []
    sizes = (settings.networks, settings.largest_depth, settings.largest_width)
    for model, activation, biases in LoggedProgress(settings.cases(), "decoupling"):
        outcomes = sample_outcomes(model, activation, biases, *sizes, seed)
        for has_path in (False, True):
            group = [outcome for outcome in outcomes if outcome.has_path == has_path]
            rows.append(
                (model, activation, biases, not biases and activation != "sigmoid", has_path, len(group))
                + (sum(outcome.input_effect == 0 for outcome in group),)
                + (sum(outcome.weight_gradient == 0 for outcome in group),)
                + (sum(outcome.bias_gradient == 0 for outcome in group),)
                + (max((outcome.input_effect for outcome in group), default=0.0),)
                + (max((outcome.weight_gradient for outcome in group), default=0.0),)
            )
    return pd.DataFrame(rows, columns=list(MEANINGS))


if __name__ == "__main__":
    run_table_task("dropatlas.tasks.collapse.decoupling", Decoupling, MEANINGS, tabulate)
