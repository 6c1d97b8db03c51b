"""Judges of training collapse (arXiv 2512.13853, Section V), P12 and P20: residual and convolutional networks."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import pandas as pd

from dropatlas.claims.checks import all_known, mean_check, never_check, no_number, ratio_check, share_check
from dropatlas.claims.parts import LEVEL, Band, Check, Part, decide
from dropatlas.claims.verdicts import Judgement, State
from dropatlas.collapse.topology_effects import kept_benefit, paired_differences, share_interval, undecidable

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

    Args:
        where: Which networks it is of.
        part: One value per seed, shape (m,).
        whole: What it is compared with, shape (m,); unless its mean is clearly above 0 the check stays open, as it does
            where a value is none (a network diverged).
        band: What must be shown.
    """
    clear = np.isfinite([*part, *whole, share_interval(part, whole).estimate]).all()
    return ratio_check(where, part, whole, band) if clear else no_number(where, band)


def _paths(rows: pd.DataFrame, within: Callable[[pd.Series], pd.Series]) -> pd.DataFrame:
    """Rows of cells in which both θ·Σα and α times the mean counted steps with a path lie where they should."""
    counted = rows.assign(sum=rows.plain_crossed_steps * rows.learning_rate)
    counted = counted.groupby(["topology", "width", "drop_rate"])["sum"].transform("mean")
    return rows[within(rows.theta_rate_sum) & within(counted)]


def _learners(rows: pd.DataFrame, band: Band) -> list[Check]:
    """That the share of networks that learn lies in the band, in every cell; one with a diverged network stays open."""
    found = []
    for (gain, width, p), cell in rows.groupby(["gain", "width", "drop_rate"]):
        name = f"gain {gain}, W = {width}, p = {p:g}, θ·Σα = {cell.theta_rate_sum.iloc[0]:.2g}"
        gone = no_number(f"{name}, networks diverged", band)
        found.append(gone if cell.diverged.any() else share_check(name, int(cell.learned.sum()), len(cell), band))
    return found


def _kept_shares(rows: pd.DataFrame, criterion: Mapping[str, float]) -> tuple[list[Check], str]:
    """That branches keep their benefit where the plain network has few paths, and which cells cannot tell.

    A cell tells only if a wide network of the same p and depth, whose plain counterpart has a path in nearly every
    step, clearly keeps `kept`: else p and the number of steps decide, not paths.
    """
    masked = rows[(rows.topology == "residual") & (rows.variant == "dropout")]

    def cells(chosen: pd.DataFrame) -> set[tuple[int, float]]:
        return set(zip(chosen.width, chosen.drop_rate, strict=True))

    few = cells(_paths(masked, lambda sums: sums <= criterion["few"]))
    wide = cells(masked[masked.plain_theta >= criterion["certain"]])
    band = (criterion["kept"], np.inf)
    shares = {
        (width, p): share_of_effect(f"W = {width}, p = {p:g}", *benefits, band)
        for (width, p), benefits in kept_benefit(rows).items()
    }
    able = {p for (width, p), share in shares.items() if (width, p) in wide and share.p_holds <= LEVEL}
    found, silent = [], []
    for (width, p), share in shares.items():
        if (width, p) not in few:
            continue
        if share.known and p not in able:
            silent.append(f"{share.where} (no wide network of this p keeps its benefit)")
            share = no_number(share.where, band)
        elif not share.known:
            silent.append(f"{share.where} (no clear benefit of the branches, or networks diverged)")
        found.append(share)
    return found, ", ".join(silent)


def judge_p12(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """P12: the threshold holds for convolutional networks and is lifted by residual connections.

    Few paths: θΣα of the plain network is at most `few`, many: at least `many`, each both by θ and by the counted
    steps with a path. Five parts. Counted steps agree with θ within `agree`. At most the share `learns` of the
    convolutions of W = 1, where a mask removes nothing besides paths, learn with few, at either gain; at least `learns`
    with many, at any W, a part for each gain. Where the plain network has few paths the branches of a residual one keep
    more than the share `kept` of their benefit over the identity alone; such a cell tells only if wide residual
    networks of its p, whose plain θ is at least `certain`, keep as much. Convolutions whose control does not learn,
    cells with a diverged network, and branches without a clear benefit, decide nothing.
    """
    rows = tables[TOPOLOGIES]
    masked = rows[(rows.variant == "dropout") & (rows.gain == "plain")]
    cells = masked[masked.topology != "plain"].groupby(["topology", "width", "drop_rate"])
    counted = crossings(
        ((f"{t}, W = {w}, p = {p:g}", cell, "plain_theta plain_crossed_steps") for (t, w, p), cell in cells),
        criterion["agree"],
    )
    convolution = rows[rows.control_learns & (rows.variant == "dropout") & (rows.topology == "convolution")]
    few = _paths(convolution[convolution.width == 1], lambda sums: sums <= criterion["few"])
    many = _paths(convolution, lambda sums: sums >= criterion["many"])
    kept, unclear = _kept_shares(rows, criterion)
    share, most, not_most = "share of networks that learn", (criterion["learns"], 1.0), (0.0, criterion["learns"])
    none = "no convolution whose control learns has {} by θ and by count"
    return decide(
        [
            Part("masks leave paths as often as θ says", "share of steps whose mask has a path", counted),
            Part(
                "few paths stop convolutions of width 1",
                share,
                _learners(few, not_most),
                ".0%",
                why_open=f"{none.format('few paths')}, or networks diverged",
            ),
            *(
                Part(
                    f"with many paths convolutions learn at {gain} gain",
                    share,
                    _learners(many[many.gain == gain], most),
                    ".0%",
                    why_open=f"{none.format('many paths')}, or networks diverged",
                )
                for gain in ("compensated", "plain")
            ),
            Part(
                "residual branches learn where plain networks have few paths",
                "share of the branches' benefit over the identity alone that is kept under dropout",
                kept,
                ".0%",
                dict.fromkeys(State, f"cannot tell: {unclear}") if unclear else {},
                why_open="no residual network can tell" if unclear else "no residual network with few paths",
            ),
        ]
    )


def _better(cell: pd.DataFrame, margin: float) -> list[Check]:
    """That modified dropout has the lower test loss at the plateau; it fails without a benefit of `margin`."""
    late = paired_differences(cell[cell.step == cell.step.max()], "test_loss_ratio")
    return [mean_check("", all_known(late), (-np.inf, 0.0), fails_outside=(-np.inf, -margin))]


def judge_p20(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """P20: modified dropout ends at a lower test loss on networks with biases, and equals dropout without.

    A part for each architecture and learning rate: modified minus plain dropout in test loss ratio, mean over the last
    half of the steps, is clearly below 0; it fails where it is clearly above -`margin`: worse, or no benefit that
    matters. It stays open unless both are at their plateau (`undecidable`). Without biases one pair that differs in any
    number fails.
    Counted steps with a path agree with θ within `agree`. Cells that cannot tell are open with their reason.
    """
    rows = tables[MODIFIED]
    biased, free = rows[rows.biases], rows[~rows.biases]
    parts = []
    for (architecture, rate), cell in biased.groupby(["architecture", "learning_rate"], sort=False):
        unable = undecidable(cell, criterion["margin"])
        parts.append(
            Part(
                f"modified dropout is better: {architecture}, α = {rate:g}",
                "test loss ratio of modified minus plain dropout (paired, last half of the steps)",
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
