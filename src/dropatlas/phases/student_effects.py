"""Numbers that judges, figures and captions read off the table of teacher and student (Figure 2): one per seed."""

import numpy as np
import pandas as pd

from dropatlas.phases.exponents import plateau_shares, seed_slopes

LOSSES = {"validation_risk": "validation risk, without masks", "training_risk": "training risk, with masks"}
WIDEST = 3
"""Widths, the largest ones, on which a law for n → ∞ is fitted: no exponent comes from fewer."""


def lasting_shares(rows: pd.DataFrame, variant: str, step: int, widest: int | None = None) -> pd.Series:
    """`plateau_shares` of a variant's RMS distance to dropout, by seed.

    Args:
        rows: Table `phases/teacher_student`.
        variant: Any but dropout.
        step: Steps done.
        widest: Fit only so many of the largest widths; None: all.
    """
    at = rows[(rows.variant == variant) & (rows.step == step)]
    widths = np.sort(at.width.unique())[-(widest or len(at)) :]
    return plateau_shares(at[at.width.isin(widths)], "rms_distance")


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


def effects_on_loss(rows: pd.DataFrame, loss: str) -> pd.DataFrame:
    """Loss of dropout, RaM and PN+RaM minus that of no dropout, at the largest width (see `final_risks`).

    Returns:
        One row per seed, columns `dropout`, `ram`, `pn_ram`; NaN where a run diverged or is missing.
    """
    variants = ["dropout", "ram", "pn_ram"]
    risks = final_risks(rows[rows.width == rows.width.max()], loss).reindex(columns=["none", *variants])
    return risks[variants].sub(risks.none, axis=0).droplevel("width")


def gap_slopes(rows: pd.DataFrame, loss: str) -> pd.Series:
    """Exponent in n, by seed, of what dropout's loss has above RaM's (see `final_risks`)."""
    risks = final_risks(rows, loss).reindex(columns=["dropout", "ram"])
    return seed_slopes((risks.dropout - risks.ram).rename("gap").reset_index(), "gap")


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
