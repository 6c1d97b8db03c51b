"""Judges of training collapse (arXiv 2512.13853, Section V), P12 and P20: residual and convolutional networks."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from dropatlas.claims.checks import mean_check, mean_tests, never_check, no_number, share_check
from dropatlas.claims.parts import Band, Check, Part, decide
from dropatlas.claims.verdicts import Judgement, State
from dropatlas.collapse.topology_effects import kept_benefit, paired_differences, ratio_interval, undecidable

TOPOLOGIES = "collapse/topologies"
MODIFIED = "collapse/modified_topologies"


def crossings(cells: Iterator[tuple[str, pd.DataFrame, str]], agree: float) -> list[Check]:
    """That masks leave a path in the share θ of all steps, within `agree`; it fails where θ itself is rejected.

    Args:
        cells: Name, rows (one per network, with `steps`), and columns "theta counted", separated by a blank.
        agree: Margin.
    """
    found = []
    for name, cell, columns in cells:
        theta, counted = columns.split()
        value = float(cell[theta].iloc[0])
        counts = int(cell[counted].sum()), int(cell.steps.sum())
        found.append(share_check(name, *counts, (value - agree, value + agree), fails_outside=(value, value)))
    return found


def share_of_effect(where: str, part: np.ndarray, whole: np.ndarray, band: Band) -> Check:
    """Ratio of two paired means over seeds, such as the kept share of a benefit.

    The tests are those of the mean of part - end·whole, in accord with Fieller's interval (`ratio_interval`).

    Args:
        where: Which networks it is of.
        part: One value per seed, shape (m,).
        whole: What it is compared with, shape (m,); unless its mean is clearly above 0 the check stays open.
        band: What must be shown; its lower end is finite, its upper end is not.
    """
    value = ratio_interval(part, whole)
    if not np.isfinite(value.estimate):
        return no_number(where, band)
    contrast = part - band[0] * whole
    contrast = contrast[np.isfinite(contrast)]
    inside, outside = mean_tests(contrast, (0.0, np.inf))
    return Check(where, value, band, len(contrast), inside, outside)


def _paths(rows: pd.DataFrame, within: Callable[[pd.Series], pd.Series]) -> pd.DataFrame:
    """Rows of cells in which both θ·Σα and α times the mean counted steps with a path lie where they should."""
    counted = rows.assign(sum=rows.plain_crossed_steps * rows.learning_rate)
    counted = counted.groupby(["topology", "width", "drop_rate"])["sum"].transform("mean")
    return rows[within(rows.theta_rate_sum) & within(counted)]


def _learners(rows: pd.DataFrame, band: Band) -> list[Check]:
    """That the share of networks that learn lies in the band, in every cell."""
    return [
        share_check(
            f"gain {gain}, W = {width}, p = {p:g}, θ·Σα = {cell.theta_rate_sum.iloc[0]:.2g}",
            int(cell.learned.sum()),
            len(cell),
            band,
        )
        for (gain, width, p), cell in rows.groupby(["gain", "width", "drop_rate"])
    ]


def judge_p12(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """P12: the threshold holds for convolutional networks and is lifted by residual connections.

    Few paths: θΣα of the plain network is at most `few`, many: at least `many`, each both by θ and by the counted
    steps with a path. Five parts. Counted steps agree with θ within `agree`. At most the share `learns` of the
    convolutions learn with few paths, at either gain; at least `learns` with many, a part for each gain. Where the
    plain network has few paths the branches of a residual one keep more than the share `kept` of their benefit over the
    identity alone. Convolutions whose control does not learn, and branches without a clear benefit, decide nothing.
    """
    rows = tables[TOPOLOGIES]
    masked = rows[(rows.variant == "dropout") & (rows.gain == "plain")]
    cells = masked[masked.topology != "plain"].groupby(["topology", "width", "drop_rate"])
    counted = crossings(
        ((f"{t}, W = {w}, p = {p:g}", cell, "plain_theta plain_crossed_steps") for (t, w, p), cell in cells),
        criterion["agree"],
    )
    learning = rows[rows.control_learns & ~rows.diverged & (rows.variant == "dropout")]
    convolution = learning[learning.topology == "convolution"]
    few = _paths(convolution, lambda sums: sums <= criterion["few"])
    many = _paths(convolution, lambda sums: sums >= criterion["many"])
    blocked = _paths(masked[masked.topology == "residual"], lambda sums: sums <= criterion["few"])
    blocked_cells = set(zip(blocked.width, blocked.drop_rate, strict=True))
    kept = [
        share_of_effect(f"W = {width}, p = {p:g}", *benefits, (criterion["kept"], np.inf))
        for (width, p), benefits in kept_benefit(rows).items()
        if (width, p) in blocked_cells
    ]
    unclear = ", ".join(check.where for check in kept if not check.known)
    share, most, not_most = "share of networks that learn", (criterion["learns"], 1.0), (0.0, criterion["learns"])
    none = "no convolution whose control learns has {} by θ and by count"
    return decide(
        [
            Part("masks leave paths as often as θ says", "share of steps whose mask has a path", counted),
            Part(
                "few paths stop convolutions", share, _learners(few, not_most), ".0%", why_open=none.format("few paths")
            ),
            *(
                Part(
                    f"with many paths convolutions learn at {gain} gain",
                    share,
                    _learners(many[many.gain == gain], most),
                    ".0%",
                    why_open=none.format("many paths"),
                )
                for gain in ("compensated", "plain")
            ),
            Part(
                "residual branches learn where plain networks have few paths",
                "share of the branches' benefit over the identity alone that is kept under dropout",
                kept,
                ".0%",
                dict.fromkeys(State, f"cannot tell, no clear benefit of the branches: {unclear}") if unclear else {},
                why_open="the branches have no clear benefit over the identity alone, or no cell has few paths",
            ),
        ]
    )


def _better(cell: pd.DataFrame, margin: float) -> list[Check]:
    """That modified dropout has the lower test loss at both horizons; it fails without a benefit of `margin` at both.

    The last one is shown.
    """
    half, full = (
        mean_check("", values.to_numpy(), (-np.inf, 0.0), fails_outside=(-np.inf, -margin))
        for _, values in paired_differences(cell, "test_loss_ratio").groupby("step")
    )
    return [replace(full, p_holds=max(half.p_holds, full.p_holds), p_fails=max(half.p_fails, full.p_fails))]


def judge_p20(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """P20: modified dropout ends at a lower test loss on networks with biases, and equals dropout without.

    A part for each architecture and learning rate: modified minus plain dropout in test loss ratio is clearly below 0
    after T/2 and after T steps alike (a transient shows at one of them only); it fails where it is clearly above
    -`margin` at both: worse, or no benefit that matters. Without biases one pair that differs in any number fails.
    Counted steps with a path agree with θ within `agree`. Cells that cannot tell are open with their reason.
    """
    rows = tables[MODIFIED]
    biased, free = rows[rows.biases], rows[~rows.biases]
    parts = []
    for (architecture, rate), cell in biased.groupby(["architecture", "learning_rate"], sort=False):
        unable = undecidable(cell)
        parts.append(
            Part(
                f"modified dropout is better: {architecture}, α = {rate:g}",
                "test loss ratio of modified minus plain dropout (paired over seeds, at the last step)",
                [] if unable else _better(cell, criterion["margin"]),
                why_open=f"cannot tell, {unable}" if unable else "there are too few numbers",
            )
        )
    measures = ("train_loss_ratio", "test_loss_ratio", "relative_movement")
    differing = pd.concat([paired_differences(free, column) for column in measures], axis=1)
    pairs = differing.groupby(["architecture", "seed"])
    differ = pairs.agg(lambda values: (values.fillna(np.inf) != 0).any()).any(axis=1)
    last = rows[(rows.step == rows.step.max()) & (rows.variant == "dropout")]
    once = last.drop_duplicates(["architecture", "biases", "seed"])  # learning rates share their masks
    cells = once[once.biases].assign(steps=lambda found: found.step).groupby("architecture", sort=False)
    counted = crossings(((name, cell, "theta crossed_steps") for name, cell in cells), criterion["agree"])
    return decide(
        [
            *parts,
            Part(
                "modified dropout is the same without biases",
                "share of pairs of networks that differ",
                [never_check("", int(differ.sum()), len(differ), len(differ))],
            ),
            Part("masks leave paths as often as θ says", "share of steps whose mask has a path", counted),
        ]
    )
