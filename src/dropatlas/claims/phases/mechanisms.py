"""Judges of the mechanisms behind the phase diagram, M6, M7, M9 (arXiv 2510.07554); intervals over seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from dropatlas.claims.checks import mean_check
from dropatlas.claims.parts import LEVEL, Check, Part, decide, one_part_open
from dropatlas.claims.verdicts import Judgement
from dropatlas.phases.exponents import seed_slopes
from dropatlas.phases.mechanisms import edge_steps, final_errors, shares_reaching, stable_shares
from dropatlas.stats import Interval, holm

CURVATURE = "phases/curvature"
STABLE_RATES = "phases/stable_rates"
EDGE = "phases/edge_sharpness"
PRECISION = "phases/precision"

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


def judge_m9(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """M9: in the critical phase (learning rates of order 1/n) floating-point errors become a problem.

    A precision has a problem if its final error at the largest width exceeds `tolerance` of the movement (geometric
    mean), or grows with the width with an exponent above `growth`. Two parts: float32 has one, and some precision has.
    Nothing fails unless all numbers are known and gradient flow at the same learning rates in bfloat16, the control, is
    shown to have a problem: without it the test might not see one.
    """
    final = final_errors(tables[PRECISION])
    critical = final[(final.regime == "critical") & (final.precision != "float64")]
    lacking = [name for name in ("float32", "bfloat16") if name not in set(critical.precision)]
    measure = "error over movement"
    if lacking:
        return one_part_open("float32 has a problem", measure, f"not run in the critical phase: {', '.join(lacking)}")
    found = {name: _errors(part, criterion) for name, part in critical.groupby("precision", sort=False)}
    control = _errors(final[(final.regime == "gradient_flow") & (final.precision == "bfloat16")], criterion)
    every = [check for pair in found.values() for check in pair]
    sighted = _one_of(control).p_holds <= LEVEL
    tells = sighted and all(check.known for check in every)
    parts = [
        Part(name, measure, [one if tells else replace(one, p_fails=1.0)], ".2g")
        for name, one in (
            ("float32 has a problem", _one_of(found["float32"])),
            ("a precision has a problem", _one_of(every)),
        )
    ]
    told = ", ".join(f"{name} {_told(pair)}" for name, pair in found.items())
    sight = "a problem, so the test can see one" if sighted else "no clear problem, so the test may be blind"
    context = (
        f"error, exponent in n: {told}; gradient flow at the same learning rate in bfloat16 {_told(control)} ({sight})"
    )
    return decide(parts, context)


def _errors(part: pd.DataFrame, criterion: Mapping[str, float]) -> tuple[Check, Check]:
    """Error at the largest width and its exponent over the width, of one precision: numbers of a problem."""
    name = part.precision.iloc[0] if len(part) else "not run"
    finite = part if np.isfinite(part.relative_error).all() else part[:0]  # what failed must not vanish from a mean
    largest = finite.relative_error[finite.width == part.width.max()]
    error = mean_check(f"{name}, n = {part.width.max()}", largest, (criterion["tolerance"], np.inf), log=True)
    growth = mean_check(name, seed_slopes(finite, "relative_error"), (criterion["growth"], np.inf))
    return error, replace(growth, measure="exponent in n of the error over movement")


def _one_of(checks: Sequence[Check]) -> Check:
    """That at least one number lies in its band: shown by any of them (Holm), refuted only by all."""
    p_holds = holm(np.array([check.p_holds for check in checks]))
    p_fails = [check.p_fails for check in checks]
    shown = checks[int(p_holds.argmin() if p_holds.min() <= LEVEL else np.argmax(p_fails))]
    return replace(shown, p_holds=float(p_holds.min()), p_fails=max(p_fails))


def _told(pair: tuple[Check, Check]) -> str:
    return f"{pair[0].value.estimate:.1e}, {pair[1].value.estimate:z.2f}"
