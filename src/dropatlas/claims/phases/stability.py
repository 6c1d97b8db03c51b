"""Judge of stability beyond the sharpness, M7 (arXiv 2510.07554); intervals over seeds."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from dropatlas.claims.checks import all_known, mean_check
from dropatlas.claims.parts import Check, Part, decide
from dropatlas.claims.verdicts import Judgement
from dropatlas.phases.bypass import ACTIVATIONS, CELL, edge_steps, stable_shares

STABLE_RATES = "phases/stable_rates"
EDGE = "phases/edge_sharpness"


def judge_m7(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """M7: under RaM single neurons step beyond 2/lambda, and the mean rate decides about stability.

    For every activation, width and q < 1 with β = 1/(nq) below `most_beta`, at the edge of stability (medians over the
    second half of training, geometric means over seeds): the step of a kept neuron is at least `neuron_step` times
    2/lambda; the mean rate has come to 2/lambda, that is between `least_rate` and `most_rate` of it; and with one mask
    for all neurons, the control, it stays below `least_rate`. Cells with more β are told beside it, and the largest
    stable mean rate over that without masks.
    """
    steps = edge_steps(tables[EDGE])
    ram, common = (steps[(steps.metric == metric) & (steps.beta < criterion["most_beta"])] for metric in METRICS)
    band = (criterion["least_rate"], criterion["most_rate"])
    edge = "in units of 2/λ at the edge of stability"
    why = "too few networks with masks, a known edge of stability and β < {:g}".format(criterion["most_beta"])
    parts = [
        Part(
            "neurons step beyond 2/λ",
            f"step of a kept neuron {edge}",
            _checks(ram, "neuron_step", (criterion["neuron_step"], np.inf)),
            why_open=why,
        ),
        Part("the mean rate decides", f"mean rate {edge}", _checks(ram, "mean_step", band), why_open=why),
        Part(
            "not with one mask for all neurons",
            f"mean rate of the control {edge}",
            _checks(common, "mean_step", (-np.inf, criterion["least_rate"])),
            why_open=why,
        ),
    ]
    beyond = steps[(steps.metric == "ram") & (steps.beta >= criterion["most_beta"])].groupby(CELL).mean_step.median()
    told = [f"{_name(*cell)} {value:.2f}" for cell, value in beyond.items()]
    context = [f"outside the regime, β ≥ {criterion['most_beta']:g}, mean rate {', '.join(told)}"] if told else []
    shares = stable_shares(tables[STABLE_RATES])
    ranges = [
        f"{name} {part.quantile(0.05):.2f} to {part.quantile(0.95):.2f}" if part.notna().any() else f"{name} unknown"
        for name, part in (
            ("RaM", shares.share[shares.metric == "ram"]),
            ("one mask for all neurons", shares.share[shares.metric == "common"]),
        )
    ]
    context.append(f"largest stable mean rate over that without masks (90 % of networks): {', '.join(ranges)}")
    return decide(parts, "; ".join(context))


METRICS = ("ram", "common")


def _name(activation: str, width: int, keep_rate: float) -> str:
    return f"{ACTIVATIONS.get(activation, activation)}, n = {width}, q = {keep_rate:g}"


def _checks(steps: pd.DataFrame, column: str, band: tuple[float, float]) -> list[Check]:
    """One per cell; a network without a known edge leaves its cell open."""
    return [mean_check(_name(*key), all_known(cell[column]), band, log=True) for key, cell in steps.groupby(CELL)]
