"""Judges of training collapse (arXiv 2512.13853, Section V), P8 and P9: what paths decide about learning."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import stats

from dropatlas.claims.bands import Check, deciding, limit_check, sides_of
from dropatlas.claims.collapse_movement import MODELS
from dropatlas.claims.percolation import agreement_with_sampling
from dropatlas.claims.verdicts import VERDICTS, Judgement, by_share, conjunction, side_of, undecided
from dropatlas.randomness import generator
from dropatlas.stats import Interval, binomial_interval, binomial_p_value, bootstrap_interval

WIDTH_DEPTH = "collapse/width_depth"
LEARNING_TIME = "collapse/learning_time"

GOALS = {"movement": "until weights have moved", "loss": "until the loss target"}


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
    return by_share(learns, measure, count, n, f"{share_text}{why}; {tau_text}")


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


def _time_checks(name: str, runs: pd.DataFrame, criterion: Mapping[str, float]) -> list[Check]:
    """That steps grow no more slowly than 1/θ, and no faster, and that most runs are not far behind it."""
    slopes, margin, patience = time_slopes(runs), criterion["margin"], criterion["patience"]
    slope = f"slope of log steps against log 1/θ ({name})"
    late = f"share of the θ at which a network needs over {patience:g} times the steps foretold ({name})"
    lateness = (runs.steps > patience * runs.control_steps / runs.theta).groupby(runs.replica).mean().to_numpy()
    return [
        limit_check(slope, name, slopes, 1 - margin, above=True),
        limit_check(slope, name, slopes, 1 + margin, above=False),
        limit_check(late, name, lateness, 0.5, above=False),
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
        return by_share(-1, measure, len(shown), len(sides), text)
    if worst == 0:
        return undecided(measure, len(sides), f"{cases} the slope is open")
    return by_share(1, measure, 0, len(sides), f"{cases} the slope is as required, too")


def _pure_case(checks: Sequence[Check], sides: Sequence[int]) -> Judgement:
    """Whether steps grow like 1/θ under dropout of width 1; the slope nearest to its limits, or farthest beyond."""
    worst = deciding(checks, sides)
    reason = (
        f"{worst.shown} is the {worst.name}, {worst.wanted} required; there a mask either cuts or spares the network"
    )
    return worst.judgement(VERDICTS[min(sides)], reason)


def _slower_growth(slopes: Sequence[Check]) -> Judgement:
    """Refutation by slopes clearly below what is required."""
    worst = deciding(slopes, [-1] * len(slopes))
    names = "; ".join(slope.where for slope in slopes)
    reason = f"{worst.shown} is the slope, {worst.wanted} required: steps grow more slowly than 1/θ ({names})"
    return worst.judgement(VERDICTS[-1], reason)


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
        (model, width, goal): _time_checks(f"{MODELS[model]}, W = {width}, {GOALS[goal]}", runs, criterion)
        for (model, width, goal), runs in rows.groupby(["model", "width", "goal"])
    }
    pure_keys = [("site", 1, goal) for goal in GOALS]
    if not set(pure_keys) <= set(cases):
        reason = "dropout in networks of width 1 is needed, until weights have moved and until the loss target"
        return undecided("slope of log steps against log 1/θ", 0, reason)
    checks = [one for case in cases.values() for one in case]
    sides = dict(zip(cases, np.reshape(sides_of(checks, criterion["alpha"]), (-1, 3)).tolist(), strict=True))
    slower = [cases[key][0] for key in cases if sides[key][0] == -1]
    if slower:
        return _slower_growth(slower)
    pure = _pure_case(*([one for key in pure_keys for one in which[key]] for which in (cases, sides)))
    others = {cases[key][0].where: min(sides[key]) for key in cases if key not in pure_keys}
    other = _other_networks(others, criterion["patience"])
    found = conjunction([pure, other])
    if side_of(pure) == 1:  # the slope where the law holds says more than how many other cases break it
        return replace(pure, verdict=found.verdict, reason=f"{pure.reason}; {other.reason}")
    return found
