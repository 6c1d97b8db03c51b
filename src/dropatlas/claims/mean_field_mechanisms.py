"""Judges of the mechanisms behind the phase diagram, M6, M7, M9, M10 (arXiv 2510.07554): pure functions of tables."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import stats

from dropatlas.claims.verdicts import Judgement, Verdict
from dropatlas.stats import Interval, holm, mean_interval

CURVATURE = "phases/curvature"
STABLE_RATES = "phases/stable_rates"
EDGE = "phases/edge_sharpness"
PRECISION = "phases/precision"
DEPTH = "phases/depth"

LEAST_SEEDS = 3


def _undecided(measure: str, n: int, reason: str) -> Judgement:
    return Judgement(Verdict.INCONCLUSIVE, measure, np.nan, np.nan, np.nan, n, reason)


def _seed_slopes(rows: pd.DataFrame, column: str) -> pd.Series:
    """Exponent of `column` over the width for every seed, by least squares in logarithms; NaN where not positive."""

    def slope(part: pd.DataFrame) -> float:
        values = part[column].to_numpy(dtype=float)
        if len(part) < 2 or not (np.isfinite(values).all() and (values > 0).all()):
            return np.nan
        return float(np.polyfit(np.log(part.width), np.log(values), 1)[0])

    return rows.groupby("seed")[["width", column]].apply(slope)


def judge_curvature(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """M6: B >> |C| along training, over activations, losses, widths and depths.

    Every measurement (network and step) counts once: does the ratio reach `factor`? The share that does, with its
    interval over seeds, must reach `share`. Partly: it does not, but the share with a ratio of at least `weak` does.
    Ratios that are no numbers, of diverged networks too, count as not reaching anything.
    """
    rows = tables[CURVATURE]
    ratio = rows.ratio.where(~rows.diverged & np.isfinite(rows.ratio), -np.inf)
    measure = f"share of measurements along training with B/|C| >= {criterion['factor']:g}"
    by_seed = [(ratio >= limit).groupby(rows.seed).mean() for limit in (criterion["factor"], criterion["weak"])]
    strong, weak = (mean_interval(shares) for shares in by_seed)
    n = len(by_seed[0])
    if n < LEAST_SEEDS:
        return _undecided(measure, n, f"{n} seeds carry no interval")
    phase = pd.cut(rows.risk_ratio, [-np.inf, 0.05, 0.5, np.inf], labels=["late", "middle", "early"])
    cells = (ratio >= criterion["factor"]).groupby([rows.loss, phase], observed=True).mean()
    lowest = ", ".join(f"{loss} {when} {value:.0%}" for (loss, when), value in cells.sort_values().items())
    below = ratio < criterion["factor"]
    gains = (rows.curved[below] < 0).mean() if below.any() else 0.0
    text = (
        f"median ratio {ratio.median():.1f}; at least {criterion['weak']:g} in {weak.estimate:.0%} of measurements; "
        f"by loss and stage (risk above 50 %, 5 to 50 %, below 5 % of its start): {lowest}; where the ratio is "
        f"smaller, C is negative in {gains:.0%}, which lowers the risk"
    )
    if strong.low >= criterion["share"]:
        verdict = Verdict.REPRODUCED
    elif strong.high < criterion["share"]:
        kept, lost = weak.low >= criterion["share"], weak.high < criterion["share"]
        verdict = Verdict.PARTLY if kept else Verdict.NOT_REPRODUCED if lost else Verdict.INCONCLUSIVE
    else:
        verdict = Verdict.INCONCLUSIVE
    return Judgement(verdict, measure, strong.estimate, strong.low, strong.high, n, text)


def _logs(values: pd.Series) -> np.ndarray:
    """Logarithms of the positive numbers; none unless at least half of the seeds have one."""
    numbers = values[np.isfinite(values) & (values > 0)].to_numpy(dtype=float)
    return np.log(numbers) if len(numbers) >= max(LEAST_SEEDS, len(values) / 2) else np.array([])


def _sides(groups: list[np.ndarray], limits: list[float], alpha: float) -> list[int]:
    """+1 where the mean is above its limit, -1 where below, 0 where open: t tests, corrected together (Holm)."""
    p_values = []
    for values, limit in zip(groups, limits, strict=True):
        if len(values) < LEAST_SEEDS:
            p_values.append(1.0)
        elif np.ptp(values) == 0:
            p_values.append(float(values[0] == limit))
        else:
            p_values.append(float(stats.ttest_1samp(values, limit).pvalue))
    decided = holm(np.array(p_values)) <= alpha
    return [
        int(np.sign(values.mean() - limit)) if found else 0
        for values, limit, found in zip(groups, limits, decided, strict=True)
    ]


def judge_stable_rates(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """M7: under RaM single neurons step beyond 2/lambda, and the mean rate decides about stability.

    For every activation, width and q < 1, at the edge of stability (medians over the second half of training): (a) the
    step of a kept neuron exceeds 2/lambda, (b) the mean rate has come to at least `mean_rate` of 2/lambda, so that its
    bound is what ends stability. Two-sided t tests of the logarithms over seeds, corrected together (Holm, `alpha`). A
    cell holds if both hold, fails if one is refuted. All hold: reproduced; all fail: not reproduced; some of each:
    partly; otherwise inconclusive. The stable mean rate over that without masks is reported beside, for RaM and for
    the control.
    """
    keys = ["activation", "width", "keep_rate"]
    rates, edge = tables[STABLE_RATES], tables[EDGE]
    late = edge[(edge.step > edge.step.max() / 2) & (edge.metric == "ram") & (edge.keep_rate < 1)]
    measure = "step of a kept neuron in units of 2/λ at the edge of stability, lowest cell"
    medians = late.groupby([*keys, "seed"])[["neuron_step", "mean_step"]].median().reset_index()
    cells = [(key, _logs(part.neuron_step), _logs(part.mean_step)) for key, part in medians.groupby(keys)]
    n = int(medians.groupby(keys).size().min()) if cells else 0
    if n < LEAST_SEEDS or not any(len(steps) for _, steps, _ in cells):
        return _undecided(measure, n, "too few seeds of the random metric")
    groups = [steps for _, steps, _ in cells] + [means for _, _, means in cells]
    limits = [0.0] * len(cells) + [np.log(criterion["mean_rate"])] * len(cells)
    sides = _sides(groups, limits, criterion["alpha"])
    named = [f"{name} n={width} q={q:g}" for (name, width, q), _, _ in cells]
    pairs = list(zip(named, sides[: len(cells)], sides[len(cells) :], strict=True))
    holds = [name for name, step, mean in pairs if step > 0 and mean > 0]
    fails = [name for name, step, mean in pairs if step < 0 or mean < 0]
    undecided = [name for name in named if name not in {*holds, *fails}]
    beyond = sum(step > 0 for _, step, _ in pairs)
    plain = rates[rates.metric == "none"].set_index(["activation", "width", "seed"]).rate
    reference = plain.reindex(pd.MultiIndex.from_frame(rates[["activation", "width", "seed"]])).to_numpy()
    shares = (rates.rate / reference).groupby([rates.metric, rates.activation]).quantile([0.05, 0.95])

    def spread(metric: str) -> str:
        found = shares.get(metric, pd.Series(dtype=float))
        names = found.index.get_level_values(0).unique() if len(found) else []
        return ", ".join(f"{name} {found[name, 0.05]:.2f} to {found[name, 0.95]:.2f}" for name in names) or "not run"

    lowest = mean_interval(min((steps for _, steps, _ in cells if len(steps)), key=np.mean))
    effect, low, high = (float(np.exp(value)) for value in (lowest.estimate, lowest.low, lowest.high))
    text = (
        f"single neurons step beyond 2/λ in {beyond} of {len(cells)} cells; both hold in {len(holds)}; refuted: "
        f"{', '.join(fails) or 'none'}; open: {', '.join(undecided) or 'none'}; stable mean rate over that unmasked: "
        f"RaM {spread('ram')}; one mask for all neurons {spread('common')}"
    )
    if len(holds) == len(cells):
        verdict = Verdict.REPRODUCED
    elif len(fails) == len(cells):
        verdict = Verdict.NOT_REPRODUCED
    elif holds and fails:
        verdict = Verdict.PARTLY
    else:
        verdict = Verdict.INCONCLUSIVE
    return Judgement(verdict, measure, effect, low, high, n, text)


def judge_precision(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """M9: in the critical phase (learning rates of order 1/n) floating-point errors become a problem.

    A precision has a problem if its final error exceeds `tolerance` of the movement at the largest width, or grows
    with the width with an exponent above `growth` (intervals over seeds). In float32: reproduced; in lower precisions
    only: partly; in none: not reproduced. Errors that are no numbers decide nothing. Gradient flow at the same
    learning rates in bfloat16 must show a problem: otherwise the test could not have seen one, and the verdict is
    inconclusive.
    """
    rows = tables[PRECISION]
    final = rows[rows.step == rows.groupby(["regime", "width"]).step.transform("max")]
    measure = "critical phase: error over movement at the largest width, worst precision"

    def errors(regime: str, precision: str) -> tuple[Interval, Interval, int]:
        part = final[(final.regime == regime) & (final.precision == precision)]
        largest = part[part.width == part.width.max()].relative_error
        broken = not np.isfinite(part.relative_error).all()
        slopes = _seed_slopes(part, "relative_error")
        error = Interval(np.nan, -np.inf, np.inf) if broken else mean_interval(largest)
        return error, mean_interval(slopes), len(largest)

    def problem(error: Interval, slope: Interval) -> bool:
        return error.low > criterion["tolerance"] or slope.low > criterion["growth"]

    names = [name for name in final[final.regime == "critical"].precision.unique() if name != "float64"]
    found = {name: errors("critical", name) for name in names}
    if "float32" not in found or min(n for _, _, n in found.values()) < LEAST_SEEDS:
        return _undecided(measure, 0, "no float32 runs of the critical phase with enough seeds")
    troubled = [name for name in names if problem(*found[name][:2])]
    fine = [
        name
        for name, (error, slope, _) in found.items()
        if error.high < criterion["tolerance"] and slope.high < criterion["growth"]
    ]
    reference, reference_slope, _ = errors("gradient_flow", "bfloat16")
    worst = max(found.values(), key=lambda entry: np.nan_to_num(entry[0].estimate, nan=np.inf))[0]
    listed = ", ".join(f"{name} {e.estimate:.1e} (exponent {s.estimate:+.2f})" for name, (e, s, _) in found.items())
    text = (
        f"critical phase, error over movement at the largest width: {listed}; gradient flow at the same learning rate "
        f"in bfloat16: {reference.estimate:.1e} (exponent {reference_slope.estimate:+.2f})"
    )
    if "float32" in troubled:
        verdict = Verdict.REPRODUCED
    elif troubled:
        verdict = Verdict.PARTLY
    elif len(fine) == len(names) and problem(reference, reference_slope):
        verdict = Verdict.NOT_REPRODUCED
    else:
        verdict = Verdict.INCONCLUSIVE
    n = min(n for _, _, n in found.values())
    return Judgement(verdict, measure, worst.estimate, worst.low, worst.high, n, text)


def judge_depth(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """M10: at every depth the distance dropout-RaM falls like n^(-1/2), faster than that to no dropout.

    Correlated initialisation, last measured step, exponents fitted per seed. A depth follows the law if the interval of
    the exponent lies within `margin` of -1/2 and below the exponent of no dropout; it is slower or steeper if the
    interval lies outside that band. Depths whose networks without dropout do not learn (risk above `learned` of the
    constant's at some width) are undecided. All follow: reproduced; all deeper ones (L > 1) slower: not reproduced;
    some slower or steeper: partly; otherwise inconclusive.
    """
    rows = tables[DEPTH].query("initialisation == 'correlated'")
    final = rows[rows.step == rows.step.max()]
    measure = "exponent of the distance dropout-RaM over the width, depth furthest from -1/2"
    states, exponents = {}, {}
    for depth, part in final.groupby("depth"):
        slopes = {name: _seed_slopes(cell, "distance") for name, cell in part.groupby("variant") if name != "dropout"}
        if not {"ram", "none"} <= set(slopes) or slopes["ram"].notna().sum() < LEAST_SEEDS or part.diverged.any():
            states[depth] = "open"
            continue
        exponents[depth] = mean_interval(slopes["ram"])
        interval, apart = exponents[depth], mean_interval(slopes["ram"] - slopes["none"])
        learns = part[part.variant == "none"].groupby("width").risk_ratio.median().max() <= criterion["learned"]
        if not learns:
            states[depth] = "open"
        elif interval.low > -0.5 + criterion["margin"] or apart.low > 0:
            states[depth] = "slower"
        elif interval.high < -0.5 - criterion["margin"]:
            states[depth] = "steeper"
        elif abs(interval.low + 0.5) <= criterion["margin"] >= abs(interval.high + 0.5) and apart.high < 0:
            states[depth] = "law"
        else:
            states[depth] = "open"
    if not exponents:
        return _undecided(measure, 0, "no depth with enough seeds that did not diverge")
    furthest = max(exponents.values(), key=lambda interval: abs(interval.estimate + 0.5))
    listed = ", ".join(
        f"L={depth}: {interval.estimate:.2f} [{interval.low:.2f}, {interval.high:.2f}] ({states[depth]})"
        for depth, interval in exponents.items()
    )
    deeper = [state for depth, state in states.items() if depth > 1]
    if all(state == "law" for state in states.values()) and deeper:
        verdict = Verdict.REPRODUCED
    elif deeper and all(state == "slower" for state in deeper):
        verdict = Verdict.NOT_REPRODUCED
    elif "slower" in deeper or ("steeper" in deeper and "open" not in deeper):
        verdict = Verdict.PARTLY
    else:
        verdict = Verdict.INCONCLUSIVE
    n = int(final.groupby(["depth", "width"]).seed.nunique().min())
    return Judgement(
        verdict, measure, furthest.estimate, furthest.low, furthest.high, n, f"exponents by hidden layers: {listed}"
    )
