"""Judges of training collapse (arXiv 2512.13853, Section V), P10-P12: biases, modified dropout, other topologies."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import stats

from dropatlas.claims.bands import Check, deciding, limit_check, sides_of
from dropatlas.claims.verdicts import VERDICTS, Judgement, by_share, conjunction, side_of, undecided
from dropatlas.stats import binomial_interval, holm, mean_interval, mean_signs

VARIANTS = "collapse/variants"
TOPOLOGIES = "collapse/topologies"


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
    return by_share(side, measure, differing, len(known), reason)


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


def _breakdown_checks(
    runs: pd.DataFrame, control: pd.DataFrame, criterion: Mapping[str, float]
) -> tuple[list[Check], list[Check]]:
    """Of every cell: that only biases learn (loss, movement of the biases), and that weights stall."""
    learn, still = [], []
    shares = {name: _share_of_control(runs, control, name) for name in ("relative_movement", "bias_movement")}
    for key, cell in runs.groupby(CELL):
        name = _cell_name(key)
        weights, biases = (shares[column][cell.index].to_numpy() for column in shares)
        loss, constant = cell.loss_ratio.to_numpy(), 1 - criterion["margin"]
        learn.append(limit_check("loss over the loss of the best constant", name, loss, constant, above=True))
        moved = "norm of the biases over that without dropout"
        learn.append(limit_check(moved, name, biases, criterion["stall"], above=True))
        moved = "movement of the weights over that without dropout"
        still.append(limit_check(moved, name, weights, criterion["stall"], above=False))
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
    learn, still = _breakdown_checks(runs, final[final.variant == "none"], criterion)
    sides = sides_of(learn + still, criterion["alpha"])
    where = f"in every biased cell with θ <= {criterion['theta']:g} ({len(still)})"
    parts = []
    for checks, own, what in (
        (learn, sides[: len(learn)], "only biases learn"),
        (still, sides[len(learn) :], "weights stall"),
    ):
        worst, side = deciding(checks, own), min(own)
        verb = {1: f"{what} {where}", 0: f"whether {what} is open", -1: f"it is not so that {what}"}[side]
        reason = f"{worst.name} {worst.shown} ({worst.wanted} required) for {worst.where}: {verb}"
        parts.append(worst.judgement(VERDICTS[side], reason))
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
        judged.append(by_share(side, f"share of networks that learn ({cell.name})", cell.count, cell.n, reason))
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
