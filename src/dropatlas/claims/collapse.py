"""Judges of the training-collapse claims P5-P12 (arXiv 2512.13853, Section V)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from scipy import stats

from dropatlas.claims.percolation import agreement_with_sampling
from dropatlas.claims.verdicts import VERDICTS, Judgement, conjunction, side_of, undecided
from dropatlas.randomness import generator
from dropatlas.stats import (
    Interval,
    binomial_interval,
    binomial_p_value,
    bootstrap_interval,
    holm,
    mean_interval,
    mean_p_value,
    mean_signs,
)

DECOUPLING = "collapse/decoupling"
MOVEMENT = "collapse/movement"
VARIANTS = "collapse/variants"
WIDTH_DEPTH = "collapse/width_depth"
LEARNING_TIME = "collapse/learning_time"
DRIFT_BOUND = "collapse/drift_bound"
TOPOLOGIES = "collapse/topologies"

MODELS = {"site": "dropout", "bond": "dropconnect"}
GOALS = {"movement": "until weights have moved", "loss": "until the loss target"}


@dataclass(frozen=True)
class _Requirement:
    """What a statement demands of the networks of one cell: that their mean lies above, or below, a limit.

    Attributes:
        name: The cell, for a reader.
        measure: What the values are.
        values: One value per seed, shape (m,). If one is no number, the requirement is neither met nor refuted.
        limit: Threshold of the mean.
        above: Whether the mean must be above the limit, or else below it.
    """

    name: str
    measure: str
    values: np.ndarray
    limit: float
    above: bool

    @cached_property
    def interval(self) -> Interval:
        """Mean with its 95 % interval, unbounded if it is not known."""
        known = len(self.values) and np.isfinite(self.values).all()
        return mean_interval(self.values) if known else Interval(np.nan, -np.inf, np.inf)

    @property
    def shown(self) -> str:
        """The mean with its interval, for a reader."""
        return f"{self.interval:.3g}" if np.isfinite(self.interval.estimate) else "no number"

    @property
    def slack(self) -> float:
        """How far the interval stays on the demanded side of the limit; negative if it reaches beyond."""
        return self.interval.low - self.limit if self.above else self.limit - self.interval.high

    @property
    def p_value(self) -> float:
        """Of the hypothesis that the requirement is met."""
        known = np.isfinite(self.values).all()
        return mean_p_value(self.values, self.limit, "less" if self.above else "greater") if known else 1.0


def _sides(requirements: Sequence[_Requirement], alpha: float) -> list[int]:
    """For each requirement +1 if its interval meets it, -1 if it is refuted (Holm over all), 0 if it is open."""
    refuted = holm(np.array([one.p_value for one in requirements])) <= alpha
    return [-1 if no else int(one.slack >= 0) for one, no in zip(requirements, refuted, strict=True)]


def _worst(requirements: Sequence[_Requirement], sides: Sequence[int]) -> tuple[_Requirement, int]:
    """The requirement that decides whether all are met: a refuted one before an open one, then by slack."""
    return min(zip(requirements, sides, strict=True), key=lambda pair: (pair[1], pair[0].slack))


def _by_one(requirement: _Requirement, side: int, reason: str) -> Judgement:
    """Judgement that rests on one requirement."""
    found = requirement.interval
    return Judgement(
        VERDICTS[side], requirement.measure, found.estimate, found.low, found.high, len(requirement.values), reason
    )


def _by_share(side: int, measure: str, successes: int, trials: int, reason: str) -> Judgement:
    """Judgement that rests on a share of independent trials, with its exact interval."""
    found = binomial_interval(successes, trials)
    return Judgement(VERDICTS[side], measure, found.estimate, found.low, found.high, trials, reason)


def _exactly_zero(rows: pd.DataFrame, column: str, what: str, verb: str, criterion: Mapping[str, float]) -> Judgement:
    """Whether the networks without a path have exactly zero `column`; those with a path are the control."""
    cut, crossed = rows[~rows.has_path], rows[rows.has_path]
    measure = f"share of {what} without a path that {verb}"
    n, reacting = int(cut.networks.sum(skipna=False)), int(crossed.networks.sum())
    if not n:
        return undecided(measure, 0, f"no {what} without a path to tell whether they {verb}")
    failures = n - int(cut[column].sum(skipna=False))
    sighted = 1 - crossed[column].sum() / reacting if reacting else 0.0
    fewest = int(cut.networks.min())
    text = f"{failures} of {n} {what} without a path {verb}"
    if failures:
        return _by_share(-1, measure, failures, n, f"{text} (a single one refutes)")
    if fewest < criterion["least_networks"] or not sighted >= criterion["least_sighted"]:
        blind = (
            f"{text}, but in some case there are only {fewest} ({criterion['least_networks']:g} needed), and of those "
            f"with a path {sighted:.0%} do ({criterion['least_sighted']:.0%} needed)"
        )
        return _by_share(0, measure, 0, n, blind)
    return _by_share(1, measure, 0, n, f"{text}; of those with a path {sighted:.0%} do")


def judge_decoupling(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """P5: no path => F(x) = F(0) exactly, and bias-free gradients are exactly zero. Criterion: `least_networks`.

    Two parts, outputs and (without biases, with zero activation at zero) gradients; one counterexample refutes its
    part. Networks with a path must show the opposite often enough (`least_sighted`), and there must be
    `least_networks` networks without a path per case; else the check is blind and decides nothing.
    """
    rows = tables[DECOUPLING]
    outputs = _exactly_zero(rows, "input_effect_zero", "networks", "depend on their input", criterion)
    bias_free = rows[rows.assumption]
    gradients = _exactly_zero(bias_free, "weight_gradients_zero", "bias-free networks", "have gradients", criterion)
    found = conjunction([outputs, gradients])
    others = rows[~rows.has_path & ~rows.assumption]
    if not others.networks.sum():
        return found
    share = 1 - others.weight_gradients_zero.sum() / others.networks.sum()
    text = f"with biases or sigmoid {share:.0%} of those without a path have gradients"
    return replace(found, reason=f"{found.reason}; {text}")


def bound_ratio(rows: pd.DataFrame) -> np.ndarray:
    """Movement over bound; 0 where neither is positive (all gradients underflowed), infinite where only movement is.

    NaN where one of them is no number.
    """
    distance, bound = rows.distance.to_numpy(), rows.bound.to_numpy()
    known = np.isfinite(distance) & np.isfinite(bound)
    beyond = np.where(known, np.where(distance > 0, np.inf, 0.0), np.nan)
    return np.divide(distance, bound, where=known & (bound > 0), out=beyond)


def _drift_cells(rows: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    for (network, model, depth, width, p), cell in rows.groupby(["network", "model", "depth", "width", "drop_rate"]):
        yield f"{network} under {MODELS[model]}, L = {depth}, W = {width}, p = {p:g}", cell


def _moved_against_a_bound_of_zero(cells: Mapping[str, pd.DataFrame]) -> Judgement | None:
    """Refutation by networks that move although their bound is zero, from the cell with the largest share of them."""
    moved = {name: int(np.isposinf(bound_ratio(cell)).sum()) for name, cell in cells.items()}
    name = max(moved, key=lambda cell: moved[cell] / len(cells[cell]))
    if not moved[name]:
        return None
    measure, n = "share of networks that move although their bound is 0, cell with the largest share", len(cells[name])
    reason = f"{moved[name]} of {n} networks move although their bound is 0 (a single one refutes): {name}"
    return _by_share(-1, measure, moved[name], n, reason)


def judge_drift_bound(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """P6: E‖w_T - w_0‖ <= M θ Σα for bias-free networks with σ(0) = 0. Criterion: `alpha`, `least_crossings`.

    Per cell a one-sided t test of mean distance > bound, Holm-corrected; one rejection refutes, and so does a network
    that moves although its bound is zero. Confirmed if in every cell the upper end of the 95 % interval of mean
    distance is below the bound. Cells with fewer than `least_crossings` crossed steps over all seeds say too little
    about M and are left out, as are those in which no network ever has a gradient (dead ReLU networks).
    """
    rows = tables[DRIFT_BOUND].query("not diverged")
    every = dict(_drift_cells(rows[rows.assumption]))
    cells = {name: cell for name, cell in every.items() if cell.crossed_steps.sum() >= criterion["least_crossings"]}
    measure = "mean movement over its bound, cell that comes nearest to the bound or farthest beyond it"
    if not cells:
        reason = f"no cell with at least {criterion['least_crossings']:g} steps that have a path"
        return undecided(measure, 0, reason)
    refuted = _moved_against_a_bound_of_zero(cells)
    if refuted:
        return refuted
    cells = {name: cell for name, cell in cells.items() if (cell.bound != 0).any()}
    if not cells:
        return undecided(measure, 0, "in no cell does any network have a gradient")
    bounds = [_Requirement(name, measure, bound_ratio(cell), 1.0, above=False) for name, cell in cells.items()]
    sides = _sides(bounds, criterion["alpha"])
    worst, side = _worst(bounds, sides)
    skipped = f" ({len(every) - len(cells)} more with too few steps that have a path, or no gradient, left out)"
    of_all = f"of {len(cells)} bias-free cells{skipped if len(cells) < len(every) else ''}"
    text = {
        1: f"in every one {of_all} the interval stays below the bound",
        0: f"none {of_all} clearly exceeds the bound, but {sides.count(0)} do not clearly stay below it",
        -1: f"{sides.count(-1)} {of_all} exceed the bound (Holm-corrected t tests)",
    }[side]
    reason = f"movement is {worst.shown} of its bound (at most 1 allowed) for {worst.name}; {text}"
    unprotected = [np.mean(bound_ratio(cell)) for _, cell in _drift_cells(rows[~rows.assumption])]
    largest = max(filter(np.isfinite, unprotected), default=0.0)
    outside = f"; where the assumption fails (biases, sigmoid) it goes up to {largest:.3g}" if largest else ""
    return _by_one(worst, side, reason + outside)


def _movement_shares(rows: pd.DataFrame) -> Iterator[tuple[str, float, np.ndarray]]:
    """(name, θΣα, movement of every seed relative to its control) of all cells whose control learns, at the end."""
    final = rows[(rows.step == rows.step.max()) & rows.control_learns & ~rows.diverged]
    final = final.drop_duplicates(["depth", "width", "variant", "gain", "replica"])
    keys = ["depth", "width", "replica"]
    control = final[final.variant == "none"].set_index(keys).relative_movement
    runs = final[final.variant == "dropout"]
    share = runs.relative_movement / control.reindex(pd.MultiIndex.from_frame(runs[keys])).to_numpy()
    for (gain, depth, width), cell in runs.assign(share=share).groupby(["gain", "depth", "width"]):
        yield f"L = {depth}, W = {width}, {gain} gain", cell.theta_rate_sum.iloc[0], cell.share.to_numpy()


def _movement_part(cells: Sequence[_Requirement], sides: Sequence[int], where: str) -> Judgement:
    """Whether the cells on one side of the boundary move as claimed; if not, the share of them that do not is shown."""
    worst, side = _worst(cells, sides)
    wanted, unwanted = ("more", "less") if worst.above else ("less", "more")
    without = "of what they move without dropout"
    if side == -1:
        refuting = [cell for cell, one in zip(cells, sides, strict=True) if one == -1]
        text = f"weights move {unwanted} than {worst.limit:.0%} {without}"
        depths = ", ".join(dict.fromkeys(cell.name.partition(",")[0] for cell in refuting))
        why = ": something else than missing paths holds them" if worst.above else ""
        reason = f"in {len(refuting)} of {len(cells)} cells with {where} {text} ({depths}){why}"
        measure = f"share of cells with {where} whose {text}"
        return _by_share(-1, measure, len(refuting), len(cells), reason)
    text = f"weights move {worst.shown} {without} ({wanted} than {worst.limit:g} required) at {worst.name}"
    rank = f"one of {list(sides).count(0)} undecided ones" if side == 0 else "the tightest"
    return _by_one(worst, side, f"{text}, {rank} of {len(cells)} cells with {where}")


def judge_movement_boundary(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """P7: weights stay at initialisation where θΣα << 1 and leave it where θΣα >> 1.

    Movement is that at the last step relative to networks without dropout (same depth, width, seeds). Two parts: where
    θΣα is at most `stays_below` it must be under `stays` in every cell (weights stay), where θΣα is at least
    `leaves_above` it must exceed `leaves` in every cell (weights leave). A part holds if all its intervals do; a cell
    clearly on the wrong side (one-sided t tests at `alpha`, Holm-corrected over the cells of both parts) refutes it.
    Cells whose control does not learn decide nothing.
    """
    measure = "movement relative to no dropout, cell nearest to the limit or farthest beyond it"
    stay, leave = [], []
    for name, x, share in _movement_shares(tables[MOVEMENT]):
        if x <= criterion["stays_below"]:
            stay.append(_Requirement(name, measure, share, criterion["stays"], above=False))
        elif x >= criterion["leaves_above"]:
            leave.append(_Requirement(name, measure, share, criterion["leaves"], above=True))
    if not stay or not leave:
        reason = f"{len(stay)} cells far below and {len(leave)} far above the boundary: both sides are needed"
        return undecided(measure, 0, reason)
    sides = _sides(stay + leave, criterion["alpha"])
    parts = [
        _movement_part(leave, sides[len(stay) :], f"θ·Σα >= {criterion['leaves_above']:g}"),
        _movement_part(stay, sides[: len(stay)], f"θ·Σα <= {criterion['stays_below']:g}"),
    ]
    return conjunction(parts)


def _crossings(runs: pd.DataFrame) -> pd.DataFrame:
    """Masks met in training by cell, as `agreement_with_sampling` takes them."""
    cells = (
        runs.groupby(["depth", "width", "drop_rate"])
        .agg(theta=("theta", "first"), crossings=("crossed_steps", "sum"), samples=("steps", "sum"))
        .reset_index()
        .rename(columns={"drop_rate": "p"})
    )
    p_values = [binomial_p_value(row.crossings, row.samples, row.theta) for row in cells.itertuples()]
    return cells.assign(p_value=np.array(p_values, dtype=float))


def _success(runs: pd.DataFrame, criterion: Mapping[str, float]) -> Judgement:
    """Whether success rises with θ, and networks with θ near 1 learn."""
    high = runs[runs.theta >= criterion["high"]]
    measure = "share of seeds in which most networks with θ near 1 learn"
    where = f"L = {criterion['depth']:g} and θ >= {criterion['high']:g}"
    if high.empty:
        return undecided(measure, 0, f"no network with {where} that learns without dropout")
    by_seed = high.groupby("replica").learned.mean()
    n, count = len(by_seed), int((by_seed > 0.5).sum())
    learned, tau = binomial_interval(count, n), _bootstrap_tau(runs)
    learns = int(learned.low >= criterion["learns"]) - int(learned.high < criterion["learns"])
    rises = int(tau.low > 0) - int(tau.high < 0)
    share_text = (
        f"in {count} of {n} seeds most networks with {where} learn (at least {criterion['learns']:.0%} required), "
        f"{high.learned.sum()} of {len(high)} networks in all"
    )
    tau_text = f"the rank correlation of θ and the share that learns is {tau:.2f} (above 0 required)"
    if rises < learns:
        name = "rank correlation of θ and the share of networks that learn"
        return Judgement(VERDICTS[rises], name, tau.estimate, tau.low, tau.high, n, f"{tau_text}; {share_text}")
    why = ", although nearly every mask leaves a path and they learn without dropout" if learns == -1 else ""
    return _by_share(learns, measure, count, n, f"{share_text}{why}; {tau_text}")


def judge_crossings_and_success(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """P8: crossings met in training occur with probability θ, and go with training success (published L = 100).

    Two parts, over the cells of depth `depth` and plain gain. Crossings must agree with θ, judged as in P1 (`alpha`,
    `margin`). Kendall's tau-b between θ and the share of networks that learn, bootstrapped over seeds, must be positive
    (interval above 0), *and* in at least the share `learns` of seeds most networks with θ >= `high` must learn (the
    networks of a seed share data and masks), or else θ does not say what trains; the opposite of one refutes this
    part. Networks that do not learn without dropout say nothing about success.
    """
    rows = tables[WIDTH_DEPTH].query("variant == 'dropout' and gain == 'plain'")
    runs = rows[rows.depth == criterion["depth"]]
    success = _success(runs[runs.control_learns & ~runs.diverged], criterion)
    return conjunction([success, agreement_with_sampling(_crossings(runs), criterion)])


def _bootstrap_tau(runs: pd.DataFrame) -> Interval:
    """Kendall's tau-b over cells between θ and the share of networks that learn, interval by resampling seeds.

    0 if the share is the same in all cells.
    """
    table = runs.pivot(index="replica", columns=["width", "drop_rate"], values="learned").astype(float)
    theta = runs.groupby(["width", "drop_rate"]).theta.first().reindex(table.columns).to_numpy()

    def tau(seeds: np.ndarray) -> float:
        return float(np.nan_to_num(stats.kendalltau(theta, np.nanmean(seeds, axis=0)).statistic))

    return bootstrap_interval(table.to_numpy(), tau, generator(0, "bootstrap", "tau"))


def time_slopes(runs: pd.DataFrame) -> np.ndarray:
    """Slope of log steps against log 1/θ of every seed; their mean is the slope of the mean.

    Only θ at which no run is censored are used: a censored run is a time beyond the horizon, and leaving out just
    that run would bias the slope. Empty if fewer than three θ remain.

    Args:
        runs: Rows of one model, width and goal.
    """
    open_ended = runs.groupby("target_theta").censored.any()
    used = runs[runs.target_theta.isin(open_ended.index[~open_ended])]
    table = np.log(used.pivot(index="theta", columns="replica", values="steps")).dropna(axis=1)
    if len(table) < 3:
        return np.empty(0)
    x = -np.log(table.index.to_numpy())
    x = x - x.mean()
    return (x @ table.to_numpy()) / (x @ x)


def _time_requirements(name: str, runs: pd.DataFrame, criterion: Mapping[str, float]) -> list[_Requirement]:
    """That steps grow no more slowly than 1/θ, and no faster, and that most runs are not far behind it."""
    slopes, margin, patience = time_slopes(runs), criterion["margin"], criterion["patience"]
    slope = f"slope of log steps against log 1/θ ({name})"
    late = f"share of the θ at which a network needs over {patience:g} times the steps foretold ({name})"
    lateness = (runs.steps > patience * runs.control_steps / runs.theta).groupby(runs.replica).mean().to_numpy()
    return [
        _Requirement(name, slope, slopes, 1 - margin, above=True),
        _Requirement(name, slope, slopes, 1 + margin, above=False),
        _Requirement(name, late, lateness, 0.5, above=False),
    ]


def _other_networks(sides: Mapping[str, int], patience: float) -> Judgement:
    """Whether steps grow like 1/θ in all networks but the pure case; `sides` by name of the case."""
    measure = "share of the other cases in which steps grow faster than 1/θ"
    if not sides:
        return undecided(measure, 0, "no other networks than those of width 1 under dropout")
    worst = min(sides.values())
    shown = [name for name, side in sides.items() if side == worst]
    kinds = "; ".join(dict.fromkeys(name.rpartition(", ")[0] for name in shown))
    cases = f"in {len(shown)} of {len(sides)} other cases ({kinds})"
    if worst == -1:
        text = f"{cases} steps grow faster, or most networks need over {patience:g} times as long: 1/θ is a lower bound"
        return _by_share(-1, measure, len(shown), len(sides), text)
    if worst == 0:
        return undecided(measure, len(sides), f"{cases} the slope is open")
    return _by_share(1, measure, 0, len(sides), f"{cases} the slope is as required, too")


def _pure_case(requirements: Sequence[_Requirement], sides: Sequence[int]) -> Judgement:
    """Whether steps grow like 1/θ under dropout of width 1; the slope nearest to its limits, or farthest beyond."""
    worst, side = _worst(requirements, sides)
    bound = "at least" if worst.above else "at most"
    reason = f"{worst.shown} is the {worst.measure}, {bound} {worst.limit:g} required"
    return _by_one(worst, side, f"{reason}; there a mask either cuts or spares the network")


def _slower_growth(slopes: Sequence[_Requirement]) -> Judgement:
    """Refutation by slopes clearly below what is required."""
    worst, side = _worst(slopes, [-1] * len(slopes))
    names = "; ".join(slope.name for slope in slopes)
    reason = f"{worst.shown} is the slope, at least {worst.limit:g} required: steps grow more slowly than 1/θ ({names})"
    return _by_one(worst, side, reason)


def judge_learning_time(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """P9: steps needed (to leave initialisation, and to reach the loss target) grow like 1/θ.

    The effect is the slope of log steps against log 1/θ, one per seed (paired across θ). Two parts: the pure case,
    dropout of width 1, where a mask cuts or spares the whole network, and all others (wider networks; dropconnect,
    which also takes input edges). A part holds if in every case, for both goals, the interval of the slope lies within
    1 ± `margin`, and at most half of the runs need over `patience` times the control's steps times 1/θ; it is refuted
    by a case clearly beyond (t tests over seeds at `alpha`, Holm-corrected over all of them). A slope clearly below
    1 - `margin` anywhere refutes the whole statement: such networks learn without paths. Seeds whose horizon is not
    beyond `patience` times the steps foretold, or whose control never arrives, are left out.
    """
    rows = tables[LEARNING_TIME].query("not diverged")
    rows = rows[rows.horizon > criterion["patience"] * rows.control_steps / rows.theta]
    cases = {
        (model, width, goal): _time_requirements(f"{MODELS[model]}, W = {width}, {GOALS[goal]}", runs, criterion)
        for (model, width, goal), runs in rows.groupby(["model", "width", "goal"])
    }
    pure_keys = [("site", 1, goal) for goal in GOALS]
    if not set(pure_keys) <= set(cases):
        reason = "dropout in networks of width 1 is needed, until weights have moved and until the loss target"
        return undecided("slope of log steps against log 1/θ", 0, reason)
    requirements = [one for case in cases.values() for one in case]
    sides = dict(zip(cases, np.reshape(_sides(requirements, criterion["alpha"]), (-1, 3)).tolist(), strict=True))
    slower = [cases[key][0] for key in cases if sides[key][0] == -1]
    if slower:
        return _slower_growth(slower)
    pure = _pure_case(*([one for key in pure_keys for one in which[key]] for which in (cases, sides)))
    others = {cases[key][0].name: min(sides[key]) for key in cases if key not in pure_keys}
    other = _other_networks(others, criterion["patience"])
    found = conjunction([pure, other])
    if side_of(pure) == 1:  # the slope where the law holds says more than how many other cases break it
        return replace(pure, verdict=found.verdict, reason=f"{pure.reason}; {other.reason}")
    return found


def _final(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[(rows.step == rows.step.max()) & ~rows.diverged]


def _cell_name(key: tuple[str, int, int, float]) -> str:
    problem, depth, width, p = key
    return f"{problem}, L = {depth}, W = {width}, p = {p:g}"


CELL = ["problem", "depth", "width", "cell_drop_rate"]


def _modified_minus_dropout(final: pd.DataFrame) -> dict[str, np.ndarray]:
    """Final loss ratio of modified minus plain dropout, one value per seed (NaN if one diverged), by cell with both."""
    found = {}
    for key, cell in final.groupby(CELL):
        wide = cell.pivot(index="replica", columns="variant", values="loss_ratio")
        if {"modified", "dropout"} <= set(wide):
            both = wide[["modified", "dropout"]].dropna(how="all")
            found[_cell_name(key)] = (both.modified - both.dropout).to_numpy()
    return {name: differences for name, differences in found.items() if np.isfinite(differences).any()}


def _better_with_biases(cells: Mapping[str, np.ndarray], criterion: Mapping[str, float]) -> Judgement:
    """Whether modified dropout is better: clearly somewhere, and worse by less than the margin everywhere."""
    cells = {name: differences[np.isfinite(differences)] for name, differences in cells.items()}
    signs = dict(zip(cells, mean_signs(list(cells.values()), criterion["alpha"]), strict=True))
    found, margin = {name: mean_interval(differences) for name, differences in cells.items()}, criterion["margin"]
    worse, better = ([name for name, sign in signs.items() if sign == which] for which in (1, -1))
    highest = max(cells, key=lambda name: found[name].high)
    if worse:
        side, shown = -1, max(worse, key=lambda name: found[name].estimate)
    elif better and found[highest].high < margin:
        side, shown = 1, min(better, key=lambda name: found[name].estimate)
    elif not better and all(-margin < one.low and one.high < margin for one in found.values()):
        side, shown = -1, max(cells, key=lambda name: abs(found[name].estimate))
    else:
        side, shown = 0, highest
    where = [f"{word} in {'; '.join(names)}" for word, names in (("worse", worse), ("better", better)) if names]
    without = f"of no benefit, within {margin:g} everywhere" if side else "not clearly better or worse"
    reason = (
        f"with biases modified dropout changes the loss ratio by {found[shown]:.3g} (below 0 required) for {shown}; "
        f"it is {' and '.join(where) or without}"
    )
    measure = "loss ratio of modified minus plain dropout with biases, paired over seeds, deciding cell"
    one = found[shown]
    return Judgement(VERDICTS[side], measure, one.estimate, one.low, one.high, len(cells[shown]), reason)


def _equal_without_biases(cells: Mapping[str, np.ndarray]) -> Judgement:
    """Whether modified dropout is dropout, bit for bit."""
    differences = np.concatenate(list(cells.values()))
    known = differences[np.isfinite(differences)]
    differing = int(np.count_nonzero(known))
    measure = "share of bias-free networks whose final loss differs between modified and plain dropout"
    reason = f"without biases {differing} of {len(known)} networks differ (none may, Theorem V.7)"
    side = -1 if differing else int(len(known) == len(differences))
    return _by_share(side, measure, differing, len(known), reason)


def judge_modified_dropout(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """P10: modified dropout is better than dropout with biases, and equal without. Criterion: `alpha`, `margin`.

    Two parts. With biases paired differences of final loss ratios decide (two-sided t tests at `alpha`, Holm-corrected
    over cells): a cell in which modified dropout is worse refutes, and so do differences within ± `margin` in all cells
    (no benefit); better in some cell and nowhere worse by as much as `margin` (intervals) confirms. Without biases one
    network that differs at all refutes (the implementation, or Theorem V.7, would be wrong). Cells whose control does
    not learn decide nothing.
    """
    final = _final(tables[VARIANTS]).query("control_learns")
    free, biased = _modified_minus_dropout(final[~final.biases]), _modified_minus_dropout(final[final.biases])
    if not free or not biased:
        reason = f"{len(biased)} cells with and {len(free)} without biases have both variants: both kinds are needed"
        return undecided("loss ratio of modified minus plain dropout", 0, reason)
    return conjunction([_better_with_biases(biased, criterion), _equal_without_biases(free)])


def _share_of_control(runs: pd.DataFrame, control: pd.DataFrame, column: str) -> pd.Series:
    """Movement of every run over that of the network without dropout of the same cell and seed, aligned with `runs`."""
    same = control.set_index([*CELL, "replica"])[column].reindex(pd.MultiIndex.from_frame(runs[[*CELL, "replica"]]))
    return runs[column] / same.to_numpy()


def _breakdown_requirements(
    runs: pd.DataFrame, control: pd.DataFrame, criterion: Mapping[str, float]
) -> tuple[list[_Requirement], list[_Requirement]]:
    """Of every cell: that only biases learn (loss, movement of the biases), and that weights stall."""
    learn, still = [], []
    shares = {name: _share_of_control(runs, control, name) for name in ("relative_movement", "bias_movement")}
    for key, cell in runs.groupby(CELL):
        name = _cell_name(key)
        weights, biases = (shares[column][cell.index].to_numpy() for column in shares)
        loss, constant = cell.loss_ratio.to_numpy(), 1 - criterion["margin"]
        learn.append(_Requirement(name, "loss over the loss of the best constant", loss, constant, above=True))
        moved = "norm of the biases over that without dropout"
        learn.append(_Requirement(name, moved, biases, criterion["stall"], above=True))
        moved = "movement of the weights over that without dropout"
        still.append(_Requirement(name, moved, weights, criterion["stall"], above=False))
    return learn, still


def judge_breakdown_with_biases(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """P11: the breakdown extends to networks with biases: weights stall and only biases learn where paths are rare.

    Cells: biased, θ <= `theta`, control learns. Two parts. Only biases learn: the loss ratio to the best constant stays
    above 1 - `margin`, and biases move by more than `stall` of what they move without dropout. Weights stall: they move
    by less than `stall` of what they move without dropout. A part holds if all its 95 % intervals do in every cell; a
    mean clearly on the wrong side (one-sided t tests at `alpha`, Holm-corrected over all of them) refutes it.
    """
    final = _final(tables[VARIANTS]).query("biases and control_learns")
    runs = final[(final.variant == "dropout") & (final.theta <= criterion["theta"])]
    if runs.empty:
        reason = f"no biased cell with θ <= {criterion['theta']:g} whose network learns without dropout"
        return undecided("loss over the loss of the best constant", 0, reason)
    learn, still = _breakdown_requirements(runs, final[final.variant == "none"], criterion)
    sides = _sides(learn + still, criterion["alpha"])
    where = f"in every biased cell with θ <= {criterion['theta']:g} ({len(still)})"
    parts = []
    for (worst, side), what in (
        (_worst(learn, sides[: len(learn)]), "only biases learn"),
        (_worst(still, sides[len(learn) :]), "weights stall"),
    ):
        verb = {1: f"{what} {where}", 0: f"whether {what} is open", -1: f"it is not so that {what}"}[side]
        bound = f"{'more' if worst.above else 'less'} than {worst.limit:g} required"
        parts.append(_by_one(worst, side, f"{worst.measure} {worst.shown} ({bound}) for {worst.name}: {verb}"))
    found = conjunction(parts)
    return replace(found, reason=f"{found.reason}; mean norm of the biases {runs.bias_movement.mean():.2f}")


@dataclass(frozen=True)
class _Learners:
    """How many networks of one cell learn, and whether most of them must, or else most must not."""

    name: str
    count: int
    n: int
    most: bool


def _learners(runs: pd.DataFrame, most: bool) -> list[_Learners]:
    cells = runs.groupby(["topology", "width", "drop_rate"])
    return [
        _Learners(
            f"{topology}, W = {width}, p = {p:g}, θ·Σα = {cell.theta_rate_sum.iloc[0]:.2g}",
            int(cell.learned.sum()),
            len(cell),
            most,
        )
        for (topology, width, p), cell in cells
    ]


def _learning(cells: Sequence[_Learners], refuted: Sequence[bool], share: float) -> Judgement:
    """Whether in all cells more, or less, than `share` of the networks learn; the cell nearest to it, or beyond."""
    judged = []
    for cell, no in zip(cells, refuted, strict=True):
        found = binomial_interval(cell.count, cell.n)
        side = -1 if no else int(found.low > share if cell.most else found.high < share)
        bound = f"{'more' if cell.most else 'less'} than {share:.0%} required"
        reason = f"{cell.count} of {cell.n} networks learn ({bound}): {cell.name}"
        judged.append(_by_share(side, f"share of networks that learn ({cell.name})", cell.count, cell.n, reason))
    return min(judged, key=lambda one: (side_of(one), abs(one.effect - share)))


def judge_topologies(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """P12: the threshold holds for convolutional networks and is lifted by residual connections.

    Few paths: θΣα of the plain network is at most `stays_below`; many: at least `leaves_above`, as in P7. Two parts.
    The threshold applies to the convolution: less than the share `learns` of its networks learn with few paths, more
    with many. Residual connections lift it: more than `learns` of the widest residual networks learn where the plain
    network has few paths (a stream of one vertex can hardly tell ten digits, masked or not). In every cell exact 95 %
    intervals must confirm; one-sided binomial tests at `alpha`, Holm-corrected over all cells, refute. Topologies whose
    control does not learn decide nothing.
    """
    rows = tables[TOPOLOGIES].query("control_learns and not diverged and variant == 'dropout' and gain == 'plain'")
    convolution, residual = rows.query("topology == 'convolution'"), rows.query("topology == 'residual'")
    few, many = (f"theta_rate_sum {end}" for end in ("<= @criterion['stays_below']", ">= @criterion['leaves_above']"))
    groups = {
        "convolutional networks with few paths": _learners(convolution.query(few), most=False),
        "convolutional networks with many paths": _learners(convolution.query(many), most=True),
        "residual networks where plain ones have few paths": _learners(
            residual[residual.width == residual.width.max()].query(few), most=True
        ),
    }
    absent = [name for name, cells in groups.items() if not cells]
    if absent:
        return undecided("share of networks that learn", 0, f"no decidable {'; no decidable '.join(absent)}")
    learns = criterion["learns"]
    p_values = [
        stats.binomtest(cell.count, cell.n, learns, "less" if cell.most else "greater").pvalue
        for cells in groups.values()
        for cell in cells
    ]
    refuted = iter(holm(np.array(p_values)) <= criterion["alpha"])
    *threshold, lifted = (_learning(cells, [next(refuted) for _ in cells], learns) for cells in groups.values())
    worst, other = sorted(threshold, key=side_of)
    return conjunction([replace(worst, reason=f"{worst.reason}; {other.reason}"), lifted])
