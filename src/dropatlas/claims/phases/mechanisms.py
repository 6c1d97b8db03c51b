"""Judges of the mechanisms behind the phase diagram, M6, M7, M10 (arXiv 2510.07554); intervals over seeds."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from dropatlas.claims.checks import mean_check
from dropatlas.claims.parts import Check, Part, decide, one_part_open
from dropatlas.claims.phases.variants import EXPONENT
from dropatlas.claims.verdicts import Judgement, Verdict
from dropatlas.phases.exponents import seed_slopes
from dropatlas.phases.mechanisms import edge_steps, shares_reaching, stable_shares
from dropatlas.stats import Interval

CURVATURE = "phases/curvature"
STABLE_RATES = "phases/stable_rates"
EDGE = "phases/edge_sharpness"
DEPTH = "phases/depth"

ACROSS = {"activation": "activations", "loss": "losses", "width": "widths", "depth": "depths"}
ACTIVATIONS = {"relu": "ReLU"}  # the others are called as in the tables


def judge_m6(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """M6: B >> |C| along training, over activations, losses, widths and depths.

    Every measurement (network and step) counts once: does the ratio reach `factor`, and does it reach `weak`? The
    share that does must be at least `share`, for each a part.
    """
    rows, least = tables[CURVATURE], criterion["share"]
    lacking = [name for column, name in ACROSS.items() if rows[column].nunique() < 2]
    why = f"too few {', '.join(lacking) or 'seeds'} were measured"
    parts = []
    for name, factor in (("B ≫ |C|", criterion["factor"]), ("B > |C|", criterion["weak"])):
        checks = [] if lacking else [_reaching(rows, factor, least)]
        measure = f"share of measurements along training with B/|C| >= {factor:g}"
        parts.append(Part(name, measure, checks, ".0%", why_open=why))
    stage = pd.cut(rows.risk_ratio, [-np.inf, 0.05, 0.5, np.inf], labels=["late", "middle", "early"])
    known = np.isfinite(rows.ratio) & ~rows.diverged
    shares = (rows.ratio >= criterion["factor"])[known].groupby([rows.loss, stage], observed=True).mean()
    told = ", ".join(f"{loss} {when} {value:.0%}" for (loss, when), value in shares.items())
    stages = "early (risk above 50 % of its start) to late (below 5 %)"
    return decide(parts, f"share that reaches {criterion['factor']:g}, {stages}: {told}")


def _reaching(rows: pd.DataFrame, factor: float, least: float) -> Check:
    """Share of measurements that reach a factor; ratios that are no numbers may be small or large, for all we know."""
    shares = shares_reaching(rows, factor)
    low, high = (mean_check("", shares[name], (least, np.inf), support=(0.0, 1.0)) for name in ("least", "most"))
    return replace(low, value=Interval(shares.known.mean(), low.value.low, high.value.high), p_fails=high.p_fails)


def judge_m7(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """M7: under RaM single neurons step beyond 2/lambda, and the mean rate decides about stability.

    For every activation, width and q < 1, at the edge of stability (medians over the second half of training, geometric
    means over seeds): the step of a kept neuron exceeds 2/lambda, and the mean rate has come to at least `mean_rate` of
    2/lambda, so that its bound is what ends stability. The largest stable mean rate over that without masks is told
    beside it, for RaM and for the control.
    """
    cells = edge_steps(tables[EDGE]).groupby(["activation", "width", "keep_rate"])
    limits = {"neuron_step": 1.0, "mean_step": criterion["mean_rate"]}
    checks = {
        column: [
            mean_check(
                f"{ACTIVATIONS.get(kind, kind)}, n = {width}, q = {keep:g}", cell[column], (limit, np.inf), log=True
            )
            for (kind, width, keep), cell in cells
        ]
        for column, limit in limits.items()
    }
    why = "too few seeds of the random metric (RaM) at q < 1 with a known edge of stability"
    edge = "in units of 2/λ at the edge of stability"
    parts = [
        Part("neurons step beyond 2/λ", f"step of a kept neuron {edge}", checks["neuron_step"], why_open=why),
        Part("the mean rate decides", f"mean rate {edge}", checks["mean_step"], why_open=why),
    ]
    shares = stable_shares(tables[STABLE_RATES])
    told = ", ".join(
        f"{name} {part.quantile(0.05):.2f} to {part.quantile(0.95):.2f}" if part.notna().any() else f"{name} unknown"
        for name, part in (
            ("RaM", shares.share[shares.metric == "ram"]),
            ("one mask for all neurons", shares.share[shares.metric == "common"]),
        )
    )
    return decide(parts, f"largest stable mean rate over that without masks (90 % of networks): {told}")


def judge_m10(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """M10: at every depth the distance dropout-RaM falls like n^(-1/2), faster than that to no dropout.

    Correlated initialisation, last measured step, exponents fitted per seed; one part per depth: the exponent lies
    within `margin` of -1/2 and below that of no dropout. A depth where networks without dropout do not learn (risk
    above `learned` of the constant's at some width) stays open. The deeper networks (L > 1) are judged; if all of them
    hold, the two-layer network (L = 1), the case they extend, must as well.
    """
    rows = tables[DEPTH]
    rows = rows[rows.initialisation == "correlated"]
    final = rows[rows.step == rows.step.max()]
    parts = {depth: _depth(depth, part, criterion) for depth, part in final.groupby("depth")}
    deeper = [part for depth, part in parts.items() if depth > 1]
    if not deeper:
        return one_part_open("L > 1", "exponent in n", "no network with several hidden layers was run")
    found = decide(deeper)
    return decide(list(parts.values())) if found.verdict == Verdict.REPRODUCED else found


def _depth(depth: int, part: pd.DataFrame, criterion: Mapping[str, float]) -> Part:
    """Exponent of the distance dropout-RaM at one depth, and its difference to that of dropout-none."""
    measure = "exponent in n of the RMS distance of RaM to dropout"
    if not part[part.variant == "none"].groupby("width").risk_ratio.median().max() <= criterion["learned"]:
        return Part(f"L = {depth}", measure, [], why_open="no learning without dropout")
    ram, none = (seed_slopes(part[part.variant == name], "distance") for name in ("ram", "none"))
    law = mean_check("", ram, (EXPONENT - criterion["margin"], EXPONENT + criterion["margin"]))
    return Part(f"L = {depth}", measure, [law, mean_check("minus that of no dropout", ram - none, (-np.inf, 0.0))])
