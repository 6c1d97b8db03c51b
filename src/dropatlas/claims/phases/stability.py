"""Judge of stability beyond the sharpness, M7 (arXiv 2510.07554); intervals over seeds."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from dropatlas.claims.checks import mean_check
from dropatlas.claims.parts import LEVEL, Band, Check, Part, decide
from dropatlas.claims.verdicts import Judgement
from dropatlas.phases.bypass import ACTIVATIONS, CELL, edge_steps, near_edge, stable_shares

STABLE_RATES = "phases/stable_rates"
EDGE = "phases/edge_sharpness"


def judge_m7(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """M7: under RaM the mean rate decides about stability, so that single neurons step beyond 2/lambda.

    For every activation, width and q < 1 with β = 1/(nq) below `most_beta`, near the edge of stability (medians over
    the second half of training, geometric means over seeds): the mean rate has come to 2/lambda, that is between
    `least_rate` and `most_rate` of it, and with it the step of a kept neuron to at least `neuron_step` times
    2/lambda; with one mask for all neurons, the control, the mean rate stays below `least_rate`. A cell in which the
    mean rate comes close to 2/lambda far from the edge, too, cannot tell: at a quarter of the rate it must be shown
    to be below `least_rate`. Runs that were unstable themselves are left out and counted. Cells with more β are told
    beside it, and the largest stable mean rate over that without masks.
    """
    every = edge_steps(tables[EDGE])
    steps, lower = every[near_edge(every)], every[~near_edge(every) & (every.metric == "ram")]
    judged = steps.beta < criterion["most_beta"]
    telling = {
        cell
        for cell, runs in lower.groupby(CELL)
        if _check(cell, runs, "mean_step", (-np.inf, criterion["least_rate"])).p_holds <= LEVEL
    }
    tells = pd.Series([cell in telling for cell in zip(*(steps[key] for key in CELL), strict=True)], steps.index, bool)
    ram, common = (steps[(steps.metric == metric) & judged & tells] for metric in METRICS)
    band = (criterion["least_rate"], criterion["most_rate"])
    edge = "in units of 2/λ at the edge of stability"
    why = "too few networks with masks, a known edge of stability, β < {:g} and a smaller mean rate far from the edge"
    why = why.format(criterion["most_beta"])
    neurons = [
        replace(check, measure=f"step of a kept neuron {edge}")
        for check in _checks(ram, "neuron_step", (criterion["neuron_step"], np.inf))
    ]
    parts = [
        Part(
            "the mean rate decides, neurons step beyond 2/λ",
            f"mean rate {edge}",
            [*_checks(ram, "mean_step", band), *neurons],
            why_open=why,
        ),
        Part(
            "not with one mask for all neurons",
            f"mean rate of the control {edge}",
            _checks(common, "mean_step", (-np.inf, criterion["least_rate"])),
            why_open=why,
        ),
    ]
    context = _left_out(steps[judged], tells[judged])
    beyond = steps[(steps.metric == "ram") & (steps.beta >= criterion["most_beta"])].groupby(CELL).mean_step.median()
    told = [f"{_name(*cell)} {value:.2f}" for cell, value in beyond.items()]
    context += [f"outside the regime, β ≥ {criterion['most_beta']:g}, mean rate {', '.join(told)}"] if told else []
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


def _left_out(steps: pd.DataFrame, tells: pd.Series) -> list[str]:
    """Which cells are not judged, and how many runs of the others."""
    ram = steps[(steps.metric == "ram") & ~tells]
    cells = [_name(*cell) for cell in ram.groupby(CELL).groups]
    unable = [f"cannot tell, as the mean rate is not clearly smaller far from the edge: {', '.join(cells)}"]
    judged = steps[tells & steps.known]
    lost = [
        f"{count} of {name}"
        for name, metric in (("RaM", "ram"), ("the control", "common"))
        if (count := int((~judged.stable[judged.metric == metric]).sum()))
    ]
    return (unable if cells else []) + ([f"runs left out as unstable: {', '.join(lost)}"] if lost else [])


def _check(cell: tuple[str, int, float], runs: pd.DataFrame, column: str, band: Band) -> Check:
    """A network without a known edge leaves its cell open; runs that were unstable are no numbers."""
    return mean_check(_name(*cell), runs[column] if runs.known.all() else [], band, log=True)


def _checks(steps: pd.DataFrame, column: str, band: Band) -> list[Check]:
    return [_check(cell, runs, column, band) for cell, runs in steps.groupby(CELL)]
