"""Judges of training collapse (arXiv 2512.13853, Section V), P8 and P13: what stops training, paths or signal."""

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd

from dropatlas.claims.checks import mean_check, no_number, share_check
from dropatlas.claims.parts import Band, Check, Part, decide
from dropatlas.claims.percolation.crossing import agreement_with_sampling
from dropatlas.claims.verdicts import Judgement, State
from dropatlas.collapse.trainability import edge_shifts, ordering
from dropatlas.stats import LEAST_SEEDS

TRAINABILITY = "collapse/trainability"
MOST: Band = (0.5, np.inf)
"""Of the seeds."""
NO_SUCCESS = "success does not vary"

Criterion = Mapping[str, float]


def able(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Masked networks that say something: those like them learn without dropout, and they are finite."""
    rows = tables[TRAINABILITY]
    return rows[(rows.arm != "none") & rows.control_learns & ~rows.diverged]


def _in_most_seeds(where: str, runs: pd.DataFrame, learn: bool, clear: float) -> Check:
    """That in at least half of the seeds at least the share `clear` of these networks learn (or: do not learn).

    Networks of one seed share masks and data, so that the seed is the unit.
    """
    shares = runs.groupby("seed").learned.mean()
    if len(shares) < LEAST_SEEDS:
        return no_number(where, MOST)
    agreeing = (shares if learn else 1 - shares) >= clear - 1e-9
    return share_check(where, int(agreeing.sum()), len(shares), MOST)


Score = Callable[[pd.DataFrame], pd.Series]


def better_order(where: str, runs: pd.DataFrame, score: Score, rival: Score | None) -> Check:
    """That a score puts more pairs of a learner and another network in order than a rival; mean over seeds.

    Pairs are formed within a seed, so that seeds are independent; one in which all networks learn, or none, says
    nothing.

    Args:
        where: Which networks, and against what.
        runs: One row per network.
        score: Larger where success is expected.
        rival: The other score; None: pure chance, which orders half of the pairs.
    """
    excess = []
    for _, group in runs.groupby("seed"):
        learned = group.learned.to_numpy(dtype=bool)
        beaten = 0.5 if rival is None else ordering(rival(group).to_numpy(), learned)
        excess.append(ordering(score(group).to_numpy(), learned) - beaten)
    # rounded, as shares that are equal may differ in their last bit
    return mean_check(where, np.round(excess, 12), (0.0, np.inf), support=(-1.0, 1.0))


def _paths(runs: pd.DataFrame) -> pd.Series:
    return runs.crossed_steps


def _signal(runs: pd.DataFrame) -> pd.Series:
    return runs.signal


def _both(runs: pd.DataFrame) -> pd.Series:
    """Measured steps with a path times s²: T·q^L on average."""
    return runs.crossed_steps * runs.signal


def _horizons(runs: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    return [(f"T = {step:g}", group) for step, group in runs.groupby("step")]


def _wide(runs: pd.DataFrame, criterion: Criterion) -> pd.DataFrame:
    """Plain dropout of the map at widths where both predictors differ from cell to cell."""
    return runs[(runs.grid == "map") & (runs.arm == "dropout") & (runs.width >= criterion["wide"])]


def judge_p8(tables: Mapping[str, pd.DataFrame], criterion: Criterion) -> Judgement:
    """P8: training success goes with the paths that masks leave, and networks with practically always one learn.

    Three parts. In the published cells the masks met in training have a path as often as θ says (as in P1, `margin`).
    Over the cells of the map with W >= `wide` the measured steps with a path put pairs of a network that learns and one
    that does not in the right order more often than chance. In the published cells with θ >= `certain` networks learn:
    in most seeds at least the share `clear` of them.
    """
    runs = able(tables)
    published = runs[(runs.grid == "published") & (runs.arm == "dropout")]
    wide = f"W >= {criterion['wide']:g}"
    order = [
        better_order(f"{wide}, {horizon}", group, _paths, None) for horizon, group in _horizons(_wide(runs, criterion))
    ]
    sure = published[published.theta >= criterion["certain"]]
    where = f"L = {sure.depth.max():g}, θ >= {criterion['certain']:g}" if len(sure) else "published cells"
    return decide(
        [
            agreement_with_sampling(_crossings(tables), criterion["margin"]),
            Part(
                "success goes with paths",
                "excess over 1/2 of the pairs that steps with a path put in order",
                order,
                ".3f",
                why_open=NO_SUCCESS,
            ),
            Part(
                "networks with paths learn at the published size",
                f"share of seeds in which at least {criterion['clear']:.0%} of the networks learn",
                [_in_most_seeds(where, sure, True, criterion["clear"])],
                ".0%",
                notes={State.FAILS: "although these networks learn without dropout"},
                why_open="no network of this size learns without dropout",
            ),
        ]
    )


def _crossings(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Masks met in training by published cell, as `agreement_with_sampling` takes them."""
    rows = tables[TRAINABILITY].query("grid == 'published' and arm == 'dropout'")
    cells = rows.groupby(["depth", "width", "drop_rate"]).agg(
        theta=("theta", "first"), crossings=("crossed_steps", "sum"), samples=("step", "sum")
    )
    return cells.reset_index().rename(columns={"drop_rate": "p"})


def _paths_alone(runs: pd.DataFrame, criterion: Criterion) -> list[Check]:
    """The control, W = 1, where a mask with a path removes nothing: few such steps teach nothing, many teach."""
    checks = []
    for horizon, group in _horizons(runs.query("grid == 'map' and arm == 'dropout' and width == 1")):
        few, many, clear = criterion["few"], criterion["many"], criterion["clear"]
        starved, fed = group[group.crossed_steps <= few], group[group.crossed_steps >= many]
        where = f"control: W = 1, {horizon}"
        checks.append(
            _in_most_seeds(f"{where}, at most {few:g} steps with a path: do not learn", starved, False, clear)
        )
        checks.append(_in_most_seeds(f"{where}, at least {many:g} steps with a path: learn", fed, True, clear))
    return checks


def _crossed(group: pd.DataFrame, criterion: Criterion) -> pd.DataFrame:
    """Networks whose masks practically always leave a path, by θ and as measured."""
    step = group.step.max()
    measured = group.crossed_steps >= (2 * criterion["certain"] - 1) * step  # θ, with room for chance
    return group[(group.theta >= criterion["certain"]) & measured]


def _signal_alone(runs: pd.DataFrame, criterion: Criterion) -> list[Check]:
    """Where masks always leave a path: networks whose paths nearly all vanish do not learn, those that keep many do."""
    checks = []
    for horizon, group in _horizons(_wide(runs, criterion)):
        crossed = _crossed(group, criterion)
        left = crossed.step * crossed.surviving_share
        kept, lost = crossed[left >= criterion["many"]], crossed[left <= criterion["lost"]]
        where = f"W >= {criterion['wide']:g}, {horizon}, T·q^L"
        checks += [
            _in_most_seeds(f"{where} >= {criterion['many']:g}: learn", kept, True, criterion["clear"]),
            _in_most_seeds(f"{where} <= {criterion['lost']:g}: do not learn", lost, False, criterion["clear"]),
        ]
    return checks


def _edge_shifts(runs: pd.DataFrame, criterion: Criterion) -> tuple[list[Check], list[str]]:
    """By how many decades of T·q^L each arm learns further than plain dropout of the same width, paired over seeds.

    Returns:
        The checks, and the arms that cannot tell.
    """
    checks, silent = [], []
    chosen = runs[(runs.grid == "map") & (runs.width >= criterion["wide"])]
    for arm, all_of_arm in chosen[chosen.arm != "dropout"].groupby("arm"):
        for horizon, group in _horizons(all_of_arm):
            group = _crossed(group, criterion)
            kept = group[group.step * group.surviving_share >= criterion["many"]].groupby("depth").learned.mean()
            depths = kept.index[kept >= criterion["clear"]]  # elsewhere the arm is held by something else
            own = group[group.depth.isin(depths)]
            shifts = edge_shifts(own, chosen[chosen.arm == "dropout"], criterion["hopeless"])
            if (own.step * own.surviving_share <= criterion["lost"]).any() and len(shifts) >= LEAST_SEEDS:
                where = f"{arm}, {horizon}, L = {', '.join(f'{depth:g}' for depth in depths)}"
                checks.append(mean_check(where, shifts, (-np.inf, criterion["edge"])))
            else:
                silent.append(f"{arm} ({horizon})")
    return checks, silent


def _product(runs: pd.DataFrame, criterion: Criterion) -> list[Check]:
    """Over all widths steps with a path times s² order success better than either alone."""
    checks = []
    for horizon, group in _horizons(runs.query("grid == 'map' and arm == 'dropout'")):
        for name, rival in (("paths", _paths), ("signal", _signal)):
            checks.append(better_order(f"against {name} alone, {horizon}", group, _both, rival))
    return checks


def _per_sample(runs: pd.DataFrame, criterion: Criterion) -> list[Check]:
    """At W = 1, paired over seeds: share of cells learned with a mask per sample minus with one mask a step."""
    checks = []
    margin = criterion["shift"]
    for horizon, group in _horizons(runs.query("grid == 'map' and width == 1")):
        shares = [
            group[group.arm == arm].set_index(["seed", "depth", "drop_rate"]).learned.astype(float)
            for arm in ("sample", "dropout")
        ]
        difference = (shares[0] - shares[1]).dropna().groupby("seed").mean()
        checks.append(mean_check(f"W = 1, {horizon}", difference.to_numpy(), (-margin, margin), support=(-1.0, 1.0)))
    return checks


def _signal_order(runs: pd.DataFrame, criterion: Criterion) -> list[Check]:
    """In wider networks s² orders success better than steps with a path do."""
    return [
        better_order(f"W >= {criterion['wide']:g}, {horizon}", group, _signal, _paths)
        for horizon, group in _horizons(_wide(runs, criterion))
    ]


def judge_p13(tables: Mapping[str, pd.DataFrame], criterion: Criterion) -> Judgement:
    """P13 (ours): what stops training is that too small a share of paths survives, be it paths or signal that lacks.

    Five parts, each at T/2 and at T; "learn" is: in most seeds at least the share `clear` of the networks, "do not
    learn": at most 1 - `clear`.

    1. Networks with W >= `wide` and θ >= `certain`, as measured, do not learn if T·q^L is at most `lost`, and learn if
       it is at least `many`. The control is W = 1, where only paths can be missing: at most `few` and at least `many`
       measured steps with a path.
    2. Over all widths the product, steps with a path times s², orders success better than either factor.
    3. At W >= `wide` the signal s² orders it better than steps with a path.
    4. Arms that restore the size of the signal, or draw a mask per sample, move the edge of learning by less than
       `edge` decades of T·q^L (`edge_shifts`). Depths at which an arm does not learn at `many` are left out.
    5. At W = 1 a mask per sample changes the share of cells learned by at most `shift`.
    """
    runs = able(tables)
    seeds = f"share of seeds in which at least {criterion['clear']:.0%} of the networks do so"
    excess = "pairs that {} puts in order in excess of those"
    shifts, silent = _edge_shifts(runs, criterion)
    return decide(
        [
            Part(
                "lost signal stops training where masks leave paths",
                seeds,
                [*_signal_alone(runs, criterion), *_paths_alone(runs, criterion)],
                ".0%",
            ),
            Part(
                "surviving paths tell success best",
                excess.format("the product"),
                _product(runs, criterion),
                ".3f",
                why_open=NO_SUCCESS,
            ),
            Part(
                "in wider networks the signal tells it better than paths",
                excess.format("the signal"),
                _signal_order(runs, criterion),
                ".3f",
                why_open=NO_SUCCESS,
            ),
            Part(
                "restored size moves the edge little",
                "decades of T·q^L by which the edge of learning is lower than that of plain dropout",
                shifts,
                ".2f",
                why_open="no arm learns where many paths survive",
            ),
            Part(
                "a mask per sample brings no paths back",
                "share of cells learned in excess of one mask a step",
                _per_sample(runs, criterion),
                ".3f",
            ),
        ],
        f"cannot tell of the edge: they do not learn where many paths survive: {', '.join(silent)}" if silent else "",
    )
