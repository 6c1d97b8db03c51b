"""Numbers that judges, figures and captions read off the table of teacher and student (Figure 2): one per seed."""

import pandas as pd

from dropatlas.phases.exponents import plateau_shares, seed_slopes
from dropatlas.phases.widest import of_widest

LOSSES = {"validation_risk": "validation risk, without masks", "training_risk": "training risk, with masks"}


def lasting_shares(rows: pd.DataFrame, variant: str, step: int, widest: int | None = None) -> pd.Series:
    """`plateau_shares` of a variant's RMS distance to dropout, by seed.

    Args:
        rows: Table `phases/teacher_student`.
        variant: Any but dropout.
        step: Steps done.
        widest: Fit only so many of the largest widths; None: all.
    """
    at = rows[(rows.variant == variant) & (rows.step == step)]
    return plateau_shares(of_widest(at, widest), "rms_distance")


def final_risks(rows: pd.DataFrame, loss: str) -> pd.DataFrame:
    """A loss, mean over the measured steps of the last tenth of training.

    Args:
        rows: Table `phases/teacher_student`.
        loss: Column, one of `LOSSES`.

    Returns:
        One row per width and seed, one column per variant; NaN where the run diverged.
    """
    end = rows[rows.step >= 0.9 * rows.step.max()]
    risk = end.assign(risk=end[loss].where(~end.diverged)).groupby(["width", "seed", "variant"]).risk
    return risk.mean(skipna=False).unstack()


def loss_gaps(rows: pd.DataFrame, loss: str, variant: str) -> pd.DataFrame:
    """How far a variant's loss at the end is from dropout's (see `final_risks`).

    Returns:
        One row per width and seed: `width`, `seed`, `gap` = |dropout - variant|; NaN where one of both diverged or was
        not run.
    """
    risks = final_risks(rows, loss).reindex(columns=["dropout", variant])
    return (risks.dropout - risks[variant]).abs().rename("gap").reset_index()


def gap_slopes(rows: pd.DataFrame, loss: str, variant: str) -> pd.Series:
    """Exponent in n of `loss_gaps`, by seed."""
    return seed_slopes(loss_gaps(rows, loss, variant), "gap")


def slope_changes(rows: pd.DataFrame, variant: str, first: int, last: int) -> pd.Series:
    """By seed: exponent in n of the distance after `last` steps minus that after `first`."""
    of_variant = rows[rows.variant == variant]
    late, early = (seed_slopes(of_variant[of_variant.step == step], "rms_distance") for step in (last, first))
    return late - early


def distance_ratios(rows: pd.DataFrame, width: int, step: int) -> pd.Series:
    """By seed: distance of no dropout over that of RaM, both to dropout; NaN where one diverged."""
    at = rows[(rows.step == step) & (rows.width == width)]
    table = at.assign(distance=at.rms_distance.where(~at.diverged)).pivot(
        index="seed", columns="variant", values="distance"
    )
    table = table.reindex(columns=["none", "ram"])
    return table.none / table.ram
