"""Judges of the mechanisms behind the phase diagram, M6, M7, M9, M10 (arXiv 2510.07554): pure functions of tables."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from dropatlas.claims.bands import (
    STATES,
    Check,
    both_hold,
    deciding,
    mean_check,
    numbers,
    seed_slopes,
    sides_of,
)
from dropatlas.claims.meanfield_variants import EXPONENT
from dropatlas.claims.verdicts import LEAST_SEEDS, Judgement, Verdict, of_parts, undecided
from dropatlas.stats import Interval, mean_interval, mean_signs

CURVATURE = "phases/curvature"
STABLE_RATES = "phases/stable_rates"
EDGE = "phases/edge_sharpness"
PRECISION = "phases/precision"
DEPTH = "phases/depth"

ACROSS = {"activation": "activations", "loss": "losses", "width": "widths", "depth": "depths"}
ACTIVATIONS = {"relu": "ReLU"}  # the others are called as in the tables
REGIMES = {"critical": "critical phase", "gradient_flow": "gradient flow"}


def judge_curvature(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """M6: B >> |C| along training, over activations, losses, widths and depths.

    Every measurement (network and step) counts once: does the ratio reach `factor`? The share that does must reach
    `share` (95 % interval over seeds). Partly: it does not, but the share with a ratio of at least `weak` does. Not
    reproduced: neither does. Ratios that are no numbers, of diverged networks too, may be small or large: the lower
    end counts them as small, the upper one as large.
    """
    rows = tables[CURVATURE]
    factor, weak, share = (criterion[name] for name in ("factor", "weak", "share"))
    measure = f"share of measurements along training with B/|C| >= {factor:g}"
    lacking = [name for column, name in {**ACROSS, "seed": "seeds"}.items() if rows[column].nunique() < 2]
    if lacking or rows.seed.nunique() < LEAST_SEEDS:
        return undecided(measure, rows.seed.nunique(), f"too few {', '.join(lacking) or 'seeds'} were measured")
    ratio = rows.ratio.where(~rows.diverged & np.isfinite(rows.ratio))
    reached, reached_weakly = (_share_reaching(ratio, rows.seed, limit) for limit in (factor, weak))
    side, weak_side = (int(found.low >= share) - int(found.high < share) for found in (reached, reached_weakly))
    refuted = {1: Verdict.PARTLY, 0: Verdict.INCONCLUSIVE, -1: Verdict.NOT_REPRODUCED}[weak_side]
    verdict = {1: Verdict.REPRODUCED, 0: Verdict.INCONCLUSIVE, -1: refuted}[side]
    stage = pd.cut(rows.risk_ratio, [-np.inf, 0.05, 0.5, np.inf], labels=["late", "middle", "early"])
    cells = (ratio >= factor)[ratio.notna()].groupby([rows.loss, stage], observed=True).mean()
    told = ", ".join(f"{loss} {when} {value:.0%}" for (loss, when), value in cells.items())
    below = ratio < factor
    reason = (
        f"B/|C| reaches {factor:g} in {reached:.0%} of the measurements, wanted at least {share:.0%}, and {weak:g} in "
        f"{reached_weakly:.0%} (partly from {share:.0%} on); median {ratio.median():.1f}; share that reaches "
        f"{factor:g}: {told} (early: risk above 50% of its start, late: below 5%)"
    )
    if below.any():
        reason += (
            f"; where it is smaller C is negative, which lowers the risk, in {(rows.curved[below] < 0).mean():.0%}"
        )
    n = rows.seed.nunique()
    return Judgement(verdict, measure, reached.estimate, reached.low, reached.high, n, reason)


def _share_reaching(ratio: pd.Series, seeds: pd.Series, limit: float) -> Interval:
    """Share of known ratios of at least `limit`; the interval over seeds covers whatever the unknown ones are."""
    reached = (ratio >= limit).astype(float)
    share = reached.where(ratio.notna()).groupby(seeds).mean().mean()
    least, most = (
        mean_interval(reached.where(ratio.notna(), of_unknown).groupby(seeds).mean()) for of_unknown in (0, 1)
    )
    return Interval(float(share), least.low, most.high)


def judge_stable_rates(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """M7: under RaM single neurons step beyond 2/lambda, and the mean rate decides about stability.

    For every activation, width and q < 1 two parts, at the edge of stability (medians over the second half of
    training, geometric means over seeds): (a) the step of a kept neuron exceeds 2/lambda, (b) the mean rate has come
    to at least `mean_rate` of 2/lambda, so that its bound is what ends stability. Two-sided t tests of the logarithms
    over seeds, corrected together (Holm over all parts, `alpha`), say whether a part holds or is refuted. The largest
    stable mean rate over that without masks is reported beside, for RaM and for the control.
    """
    keys = ["activation", "width", "keep_rate"]
    edge = tables[EDGE]
    late = edge[(edge.step > edge.step.max() / 2) & (edge.metric == "ram") & (edge.keep_rate < 1)]
    medians = late.groupby([*keys, "seed"])[["neuron_step", "mean_step"]].median().reset_index()
    least = {"neuron_step": 1.0, "mean_step": criterion["mean_rate"]}
    named = {"neuron_step": "step of a kept neuron", "mean_step": "mean rate"}
    places, checks, logs = [], [], []
    for (kind, width, keep), part in medians.groupby(keys):
        places.append(f"{ACTIVATIONS.get(kind, kind)}, n = {width}, q = {keep:g}")
        for column, what in named.items():
            name = f"{what} in units of 2/λ at the edge of stability, {places[-1]}"
            checks.append(mean_check(name, part[column], least[column], np.inf, log=True))
            logs.append(numbers(np.log(part[column].where(part[column] > 0))))
    if not any(check.n for check in checks):
        measure = "mean rate in units of 2/λ at the edge of stability"
        return undecided(measure, 0, "too few seeds of the random metric (RaM) at q < 1 with a known edge of stability")
    sides = mean_signs(logs, criterion["alpha"], np.log([check.band[0] for check in checks]))
    shown = deciding(checks, sides)
    reason = (
        f"{shown}; single neurons step beyond 2/λ in {_places(places, sides[::2])}; the mean rate reaches "
        f"{criterion['mean_rate']:g} of it in {_places(places, sides[1::2])}; largest stable mean rate over that "
        f"without masks: {_stable_shares(tables[STABLE_RATES])}"
    )
    return shown.judgement(of_parts(sides), reason)


def _places(places: list[str], sides: list[int]) -> str:
    """In how many of the cells a part holds, and where it does not."""
    other = "; ".join(
        f"{STATES[side]}: {' and '.join(place for place, found in zip(places, sides, strict=True) if found == side)}"
        for side in (-1, 0)
        if side in sides
    )
    return f"{sides.count(1)} of {len(sides)} cells" + (f" ({other})" if other else "")


def _stable_shares(rates: pd.DataFrame) -> str:
    """Range (5 % to 95 % of networks) of the largest stable mean rate over that without masks, by metric."""
    keys = ["activation", "width", "seed"]
    plain = rates[rates.metric == "none"].set_index(keys).rate
    shares = rates.rate / plain.reindex(pd.MultiIndex.from_frame(rates[keys])).to_numpy()
    found = {"RaM": shares[rates.metric == "ram"], "one mask for all neurons": shares[rates.metric == "common"]}
    return ", ".join(
        f"{name} {part.quantile(0.05):.2f} to {part.quantile(0.95):.2f}" if part.notna().any() else f"{name} unknown"
        for name, part in found.items()
    )


def judge_precision(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """M9: in the critical phase (learning rates of order 1/n) floating-point errors become a problem.

    A precision has a problem if its final error exceeds `tolerance` of the movement at the largest width, or grows
    with the width with an exponent above `growth` (one-sided t tests over seeds, Holm over both numbers of all
    precisions, `alpha`); it is fine if the 95 % intervals of both lie below. A problem in float32: reproduced; in lower
    precisions only, float32 being fine: partly; all fine: not reproduced. Errors that are no numbers decide nothing.
    Gradient flow at the same learning rates in bfloat16 must show a problem: otherwise the test could not have seen
    one, and the verdict is inconclusive. Effect: of the numbers that decide an error rather than an exponent, the
    largest.
    """
    rows = tables[PRECISION]
    final = rows[rows.step == rows.groupby(["regime", "width"]).step.transform("max")]
    critical = final[(final.regime == "critical") & (final.precision != "float64")]
    lacking = [name for name in ("float32", "bfloat16") if name not in set(critical.precision)]
    if lacking:
        measure = "error over movement at the largest width, critical phase"
        return undecided(measure, 0, f"the critical phase was not run in {', '.join(lacking)}")
    groups = {name: _precision_checks(part, criterion) for name, part in critical.groupby("precision", sort=False)}
    reference = _precision_checks(final[(final.regime == "gradient_flow") & (final.precision == "bfloat16")], criterion)
    checks = [check for pair in groups.values() for check in pair]
    sides = sides_of(checks, criterion["alpha"])
    state = dict(zip(groups, both_hold(sides), strict=True))
    sighted = -1 in sides_of(reference, criterion["alpha"])
    if state["float32"] < 0:
        verdict = Verdict.REPRODUCED
    elif -1 in sides:
        verdict = Verdict.PARTLY if state["float32"] > 0 else Verdict.INCONCLUSIVE
    else:
        verdict = Verdict.NOT_REPRODUCED if sighted and 0 not in sides else Verdict.INCONCLUSIVE
    first = 2 * list(groups).index("float32")
    pool = range(first, first + 2) if state["float32"] < 0 else range(len(checks))
    shown = checks[min(pool, key=lambda i: (not checks[i].n, sides[i], i % 2, -checks[i].interval.estimate))]
    words = {1: "fine", 0: "open", -1: "a problem"}
    told = ", ".join(
        f"{_precision(name)} {error:.1e}, {growth:z.2f} ({words[state[name]]})"
        for name, (error, growth) in groups.items()
    )
    sight = "a problem, so the test can see one" if sighted else "no clear problem, so the test may be blind"
    reason = (
        f"{shown.name}: {shown.interval:.2g}, a problem above {shown.band[1]:g}; error over movement and its "
        f"exponent in n (problems above {criterion['tolerance']:g} and {criterion['growth']:g}): {told}; "
        f"gradient flow at the same learning rate in bfloat16: {reference[0]:.2g}, {reference[1]:z.2f} ({sight})"
    )
    return shown.judgement(verdict, reason)


def _precision(name: str) -> str:
    return name.replace(", float32 weights", " with float32 weights")


def _precision_checks(part: pd.DataFrame, criterion: Mapping[str, float]) -> tuple[Check, Check]:
    """Error at the largest width and its growth with the width, of one precision; both must be small."""
    where = f"{REGIMES[part.regime.iloc[0]]}, {_precision(part.precision.iloc[0])}" if len(part) else "not run"
    finite = part if np.isfinite(part.relative_error).all() else part[:0]
    largest = finite[finite.width == part.width.max()]
    name = f"error over movement at n = {part.width.max()}, {where}"
    error = mean_check(name, largest.relative_error, -np.inf, criterion["tolerance"])
    slopes = seed_slopes(finite, "relative_error")
    name = f"exponent in n of the error over movement, {where}"
    return error, mean_check(name, slopes, -np.inf, criterion["growth"])


def judge_depth(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """M10: at every depth the distance dropout-RaM falls like n^(-1/2), faster than that to no dropout.

    Correlated initialisation, last measured step, exponents fitted per seed; one part per depth. It holds if the 95 %
    interval of the exponent lies within `margin` of -1/2, and that of its difference to the exponent of no dropout
    below 0. It is refuted by an exponent beyond that band (slower or steeper), or one above that of no dropout
    (one-sided t tests over seeds, Holm over all depths, `alpha`). A depth stays open where a network diverged, or
    where those without dropout do not learn (risk above `learned` of the constant's at some width). The deeper
    networks (L > 1) decide; if all of them hold, the two-layer network (L = 1) must as well. Effect: the exponent that
    decides, and of several the one whose interval reaches furthest beyond the band.
    """
    rows = tables[DEPTH]
    rows = rows[rows.initialisation == "correlated"]
    final = rows[rows.step == rows.step.max()]
    parts = {depth: part for depth, part in final.groupby("depth")}
    groups = {depth: _depth_checks(depth, part, criterion["margin"]) for depth, part in parts.items()}
    if not any(ram.n for depth, (ram, _) in groups.items() if depth > 1):
        measure = "exponent in n of the RMS distance of RaM to dropout"
        return undecided(measure, 0, "no network with several hidden layers has enough seeds that did not diverge")
    checks = [check for pair in groups.values() for check in pair]
    learns = {depth: _learns(part, criterion["learned"]) for depth, part in parts.items()}
    sides = [
        side if learns[depth] else 0
        for depth, side in zip(np.repeat(list(groups), 2), sides_of(checks, criterion["alpha"]), strict=True)
    ]
    by_depth = dict(zip(groups, both_hold(sides), strict=True))
    verdict = of_parts([side for depth, side in by_depth.items() if depth > 1])
    count = 2 * sum(depth == 1 for depth in groups)  # those of L = 1 come first
    if verdict == Verdict.REPRODUCED:
        verdict, count = of_parts(list(by_depth.values())), 0
    shown = deciding(checks[count:], sides[count:])
    told = ", ".join(
        f"L = {depth}: {ram:.2f} ({_depth_in_words(ram, *pair, learns[depth])})"
        for (depth, (ram, _)), pair in zip(groups.items(), zip(sides[::2], sides[1::2], strict=True), strict=True)
    )
    reason = f"{shown}; by number of hidden layers (below the exponent of no dropout wanted, too): {told}"
    return shown.judgement(verdict, reason)


def _depth_checks(depth: int, part: pd.DataFrame, margin: float) -> tuple[Check, Check]:
    """Exponent of the distance dropout-RaM at one depth, and its difference to that of dropout-none."""
    if part.diverged.any():
        part = part[:0]
    ram, none = (seed_slopes(part[part.variant == name], "distance") for name in ("ram", "none"))
    name = f"exponent in n of the RMS distance of RaM to dropout, L = {depth}"
    law = mean_check(name, ram, EXPONENT - margin, EXPONENT + margin)
    return law, mean_check(f"{name}, minus that of no dropout", ram - none, -np.inf, 0.0)


def _learns(part: pd.DataFrame, limit: float) -> bool:
    """Whether networks without dropout get below `limit` of the constant's risk at every width."""
    return bool(part[part.variant == "none"].groupby("width").risk_ratio.median().max() <= limit)


def _depth_in_words(ram: Check, side: int, apart: int, learns: bool) -> str:
    if not learns:
        return "open: no learning without dropout"
    if side < 0:
        return "slower" if ram.interval.estimate > EXPONENT else "steeper"
    return "no faster than no dropout" if apart < 0 else STATES[min(side, apart)]
