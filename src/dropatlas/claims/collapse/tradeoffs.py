"""Judges of training collapse (arXiv 2512.13853, "Design tradeoffs"), P19 and P21: what connectivity costs."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pandas as pd

from dropatlas.claims.checks import all_known, mean_check, share_check
from dropatlas.claims.parts import LEVEL, Check, Part, decide
from dropatlas.claims.verdicts import Judgement
from dropatlas.collapse.labels import VARIANT_LABELS
from dropatlas.collapse.tradeoffs import CELL, changes_from_none, cost_slopes, gap_slopes, with_learning
from dropatlas.stats import known_seeds, mean_interval

REGULARISATION = "collapse/regularisation"
PARAMETER_BUDGET = "collapse/parameter_budget"

LABELS = {True: "where some labels are wrong", False: "where all labels are right"}


def _name(runs: pd.DataFrame) -> str:
    """A cell with the form of dropout and the horizon of its rows."""
    first = runs.iloc[0]
    return (
        f"{VARIANT_LABELS[first.variant]}, L = {first.depth}, W = {first.width}, "
        f"{first.wrong_labels:.0%} random labels, {first.horizon} steps"
    )


def _somewhere(checks: Sequence[Check]) -> Check:
    """That one of the checks holds (Bonferroni); it fails if none does and all of them fail. The clearest is shown."""
    clearest = min(checks, key=lambda check: check.p_holds)
    p_holds = min(1.0, len(checks) * clearest.p_holds)
    p_fails = 1.0 if p_holds <= LEVEL else max(check.p_fails for check in checks)
    return replace(clearest, p_holds=p_holds, p_fails=p_fails)


def overfitting_cells(rows: pd.DataFrame, gap: float) -> pd.DataFrame:
    """Rows of `collapse/regularisation` whose cell can tell regularisers apart at its horizon.

    Args:
        rows: The table, or some of its cells.
        gap: Train-test gap (nats) that networks without dropout must clearly have: the lower end of the 95 % interval
            of their mean.
    """

    def overfits(cell: pd.DataFrame) -> bool:
        known = known_seeds(cell[cell.variant == "none"].gap)
        return len(known) > 0 and mean_interval(known).low >= gap

    chosen = [cell for _, cell in rows.groupby([*CELL, "horizon"]) if overfits(cell)]
    return pd.concat(chosen) if chosen else rows.iloc[:0]


def _gap_falls(rows: pd.DataFrame, criterion: Mapping[str, float]) -> list[Check]:
    """That the gap falls with p, and that no p widens it, in every form, cell and horizon; networks that learn."""
    found = []
    for _, cell in rows.groupby([*CELL, "horizon"]):
        control = cell[cell.variant == "none"]
        for _, runs in cell[cell.learns & (cell.variant != "none")].groupby("variant"):
            if len(slopes := gap_slopes(runs, control)):
                found.append(mean_check(_name(runs), all_known(slopes), (-np.inf, -criterion["slope"])))
            for p, chosen in changes_from_none(pd.concat([control, runs]), "gap").groupby("drop_rate"):
                share = all_known(chosen.change / control.gap.mean())
                check = mean_check(f"{_name(chosen)}, p = {p:g}", share, (-np.inf, criterion["widens"]))
                found.append(replace(check, measure="change of the train-test gap, in gaps without dropout"))
    return found


def _test_loss_falls(changes: pd.DataFrame, margin: float) -> list[Check]:
    """That some p lowers the test loss, in every form, cell and horizon; it fails where no p does by the margin."""
    found = []
    for _, runs in changes.groupby([*CELL, "horizon", "variant"]):
        tried = [
            mean_check(
                f"{_name(chosen)}, p = {p:g}",
                all_known(chosen.change),
                (-np.inf, 0.0),
                fails_outside=(-np.inf, -margin),
            )
            for p, chosen in runs.groupby("drop_rate")
        ]
        found.append(_somewhere(tried))
    return found


def _rare_paths_cost(changes: pd.DataFrame, criterion: Mapping[str, float]) -> list[Check]:
    """That rare paths add the price to what a wide network pays at the same p, in every form, cell, horizon and p.

    The wide network (the widest with θ of at least `certain`) has the same depth and share of random labels. Both share
    nothing, so that values are paired by the number of the seed, at the expense of degrees of freedom only.
    """
    found = []
    keys = ["depth", "wrong_labels", "horizon", "variant", "drop_rate"]
    for (*_, p), runs in changes.groupby(keys):
        wide = runs[runs.theta >= criterion["certain"]]
        wide = wide[wide.width == wide.width.max()].set_index("seed").change
        for _, narrow in runs[runs.theta <= criterion["rare"]].groupby("width"):
            excess = (narrow.set_index("seed").change - wide) if len(wide) else pd.Series(dtype=float)
            found.append(mean_check(f"{_name(narrow)}, p = {p:g}", all_known(excess), (criterion["price"], np.inf)))
    return found


def _beyond_stopping(rows: pd.DataFrame) -> str:
    """What dropout gains on a network without dropout that stops at its best step, for a reader."""
    best = changes_from_none(rows, "best_test_loss")
    if best.empty:
        return ""
    gains = best[best.horizon == best.horizon.max()].groupby([*CELL, "variant", "drop_rate"]).change.mean()
    return f"with every run stopped at its best step the largest gain in test loss is {max(0.0, -gains.min()):.2g} nats"


def _cannot_tell(rows: pd.DataFrame, gap: float) -> str:
    """The cells whose networks without dropout learn, but do not overfit, for a reader."""
    cells = rows.groupby([*CELL, "horizon"]).size().index
    named = ", ".join(
        f"L = {depth}, W = {width}, {wrong:.0%} random labels, {at} steps" for depth, width, wrong, at in cells
    )
    return f"no gap of clearly {gap:g} nats without dropout, so nothing to tell, in {named}" if named else ""


def _told(sentences: Sequence[str]) -> str:
    """What there is to say besides the parts."""
    return "; ".join(filter(None, sentences))


def judge_p19(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """P19: after as many steps a lower drop rate regularises less, and rare paths cost more than their drop rate.

    Five parts, at fixed numbers of steps. The gap between test and training loss falls as p rises, by at least `slope`
    gaps without dropout per unit of p, and at no p it is wider by `widens` gaps, over the p at which networks learn
    (best test loss at most `learns` of the trivial one); some p lowers the test loss (it fails where none does by
    `benefit` nats): each apart for cells with some wrong and with only right labels, since the latter leave less to
    regularise. And where θ is at most `rare`, what dropout adds to the test loss at the best step (so that a control
    that overfits is no excuse) is by at least `price` nats more than in a wide network with θ of at least `certain`, of
    the same depth, p and labels.

    Gap and test loss count in cells with θ of at least `certain` at every p that can tell: without dropout networks
    learn, and their gap is clearly at least `gap` nats. Every form of dropout, cell and horizon counts.
    """
    rows = with_learning(tables[REGULARISATION], criterion["learns"])
    rows = rows[rows.control_learns]
    with_paths = rows[rows.groupby(CELL).theta.transform("min") >= criterion["certain"]]
    telling = overfitting_cells(with_paths, criterion["gap"])
    changes = changes_from_none(telling, "test_loss")
    parts = []
    for wrong, told in LABELS.items():
        why = f"no cell {told} whose networks learn and overfit without dropout"
        chosen, changed = (frame[(frame.wrong_labels > 0) == wrong] for frame in (telling, changes))
        slope = "slope of the train-test gap over p, in gaps without dropout"
        parts += [
            Part(
                f"after as many steps the gap falls with p {told}", slope, _gap_falls(chosen, criterion), why_open=why
            ),
            Part(
                f"after as many steps dropout lowers the test loss {told}",
                "change of the test loss against no dropout at the best p (nats, paired over seeds)",
                _test_loss_falls(changed, criterion["benefit"]),
                why_open=why,
            ),
        ]
    best = changes_from_none(rows, "best_test_loss")
    price = Part(
        "rare paths cost more than the drop rate itself",
        "rise of the test loss at the best step against no dropout, minus that of a wide network (nats)",
        _rare_paths_cost(best, criterion),
        why_open=f"no cell with θ <= {criterion['rare']:g} that learns without dropout, as does a wide one beside it",
    )
    silent = with_paths[~with_paths.index.isin(telling.index)]
    return decide([*parts, price], _told([_beyond_stopping(telling), _cannot_tell(silent, criterion["gap"])]))


def _success(runs: pd.DataFrame, band: tuple[float, float]) -> list[Check]:
    """The share of networks that learn, in every budget, drop rate and gain of the rows."""
    found = []
    for (budget, p, gain), cell in runs.groupby(["budget", "drop_rate", "gain"]):
        first = cell.iloc[0]
        where = f"{budget} weights, L = {first.depth}, W = {first.width}, p = {p:g}, {gain} gain"
        found.append(share_check(where, int(cell.learned.sum()), len(cell), band))
    return found


def _costs(where: str, cell: pd.DataFrame, criterion: Mapping[str, float]) -> list[Check]:
    """That the cost of dropout falls along a budget, and rises from no shape to the next."""
    checks = [mean_check(where, all_known(cost_slopes(cell)), (-np.inf, -criterion["slope"]))]
    for narrow, wide in pairwise(sorted(cell.width.unique())):
        change = cost_slopes(cell[cell.width.isin([narrow, wide])]) * np.log2(wide / narrow)
        found = mean_check(f"{where}, from W = {narrow} to {wide}", all_known(change), (-np.inf, criterion["rise"]))
        checks.append(replace(found, measure="change of what dropout adds to the loss ratio"))
    return checks


def _lost(runs: pd.DataFrame) -> str:
    """How many of the shapes that mostly do not learn have nearly all paths, for a reader."""
    shapes = runs.groupby(["budget", "depth", "width", "drop_rate", "gain"]).agg(
        share=("learned", "mean"), theta=("theta", "first")
    )
    lost = shapes[shapes.share < 0.5]
    if lost.empty:
        return ""
    with_paths = int((lost.theta >= 0.5).sum())
    return f"of {len(lost)} shapes, drop rates and gains that mostly do not learn {with_paths} have θ >= 0.5"


def _incapable(rows: pd.DataFrame) -> str:
    """The shapes that do not learn without dropout, for a reader."""
    shapes = rows.groupby(["budget", "depth", "width"]).size().index
    named = ", ".join(f"{budget} weights, L = {depth}, W = {width}" for budget, depth, width in shapes)
    return f"too few networks learn without dropout, so nothing to tell, in {named}" if named else ""


def judge_p21(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """P21: at a fixed number of weights wide shallow networks learn under dropout where narrow deep ones do not.

    Three parts, over budgets, drop rates and gains, of the shapes of which at least the share `able` of networks learns
    without dropout. At least the share `learns` of the networks of the widest of them learns. At most that share of the
    narrowest does, at drop rates of at least `heavy`. What dropout adds to the loss ratio falls along the budget by at
    least `slope` per doubling of the width, and rises by `rise` from no shape to the next. A budget with fewer than two
    such shapes says nothing.
    """
    rows = tables[PARAMETER_BUDGET]
    runs = rows[(rows.variant == "dropout") & (rows.control_share >= criterion["able"])]
    runs = runs[runs.groupby("budget").width.transform("nunique") > 1]
    narrowest, widest = (runs[runs.width == runs.groupby("budget").width.transform(end)] for end in ("min", "max"))
    slopes = [
        check
        for (budget, p, gain), cell in runs.groupby(["budget", "drop_rate", "gain"])
        for check in _costs(f"{budget} weights, p = {p:g}, {gain} gain", cell, criterion)
    ]
    share, none = "share of networks that learn", "no budget has two shapes that learn without dropout"
    heavy = narrowest[narrowest.drop_rate >= criterion["heavy"]]
    cost = "change of what dropout adds to the loss ratio, per doubling of the width"
    return decide(
        [
            Part("the widest shape learns", share, _success(widest, (criterion["learns"], 1.0)), why_open=none),
            Part("the narrowest does not learn", share, _success(heavy, (0.0, criterion["learns"])), why_open=none),
            Part("dropout costs less with the width", cost, slopes, why_open=none),
        ],
        _told([_lost(runs), _incapable(rows[rows.control_share < criterion["able"]])]),
    )
