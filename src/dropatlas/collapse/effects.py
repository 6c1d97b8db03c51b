"""Selections and numbers of the collapse tables that figures, captions and verdicts share."""

from collections.abc import Sequence

import pandas as pd

from dropatlas.collapse.labels import COMPARED, VARIANT_LABELS

CERTAIN = 0.99
"""Crossing probability above which practically every mask leaves a path."""
RARE = 0.05
"""Crossing probability below which hardly a mask leaves one."""

CELL = ["depth", "width", "cell_drop_rate"]
"""Columns that name a cell of `collapse/variants`; networks without dropout belong to it, too."""


def network_counts(rows: pd.DataFrame) -> pd.DataFrame:
    """Masked networks of `collapse/decoupling`, with and without a path, inside and outside the assumption.

    Returns:
        Columns `networks`, `input_effect_zero`, `weight_gradients_zero`; four rows, indexed by `has_path` and
        `assumption` (no biases and zero activation at zero).
    """
    names = ["has_path", "assumption"]
    counts = rows.groupby(names)[["networks", "input_effect_zero", "weight_gradients_zero"]].sum()
    return counts.reindex(pd.MultiIndex.from_product([[False, True]] * 2, names=names), fill_value=0)


def learners(runs: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """How many networks learn (column `learned`) and how many there are (`networks`), indexed by the columns `by`."""
    return runs.groupby(list(by), sort=False).agg(learned=("learned", "sum"), networks=("learned", "size"))


def ended(rows: pd.DataFrame, problem: str, *, biases: bool) -> pd.DataFrame:
    """Rows of `collapse/variants` of one problem at the last step, diverged networks left out."""
    return rows[(rows.problem == problem) & (rows.biases == biases) & (rows.step == rows.step.max()) & ~rows.diverged]


def final_means(final: pd.DataFrame, column: str) -> pd.DataFrame:
    """Mean of a column over seeds: a row per cell, a column per variant; NaN where no network is left.

    Args:
        final: From `ended`.
        column: A measure.
    """
    return final.groupby([*CELL, "variant"])[column].mean().unstack()


def modified_minus_dropout(final: pd.DataFrame) -> pd.Series:
    """Final loss ratio of modified minus plain dropout, by cell and seed that have both (index).

    Args:
        final: From `ended`.
    """
    losses = final[final.variant.isin(["modified", "dropout"])].set_index([*CELL, "seed", "variant"]).loss_ratio
    both = losses.unstack().reindex(columns=["modified", "dropout"]).dropna()
    return both.modified - both.dropout


def steps_to_target(rows: pd.DataFrame) -> pd.DataFrame:
    """Steps until the loss target in words: the median of the networks that get there, and how many do.

    Args:
        rows: Table `collapse/variants`.

    Returns:
        One row per problem, biases and cell, a column per variant, named as a reader needs it.
    """
    keys = {"problem": "problem", "biases": "biases", "depth": "L", "width": "W", "cell_drop_rate": "p"}
    final = rows[(rows.step == rows.step.max()) & rows.variant.isin(COMPARED)]
    reached = final.groupby([*keys, "variant"]).steps_to_target.agg(
        lambda steps: (
            f"{steps.median():.0f} ({steps.count()} of {len(steps)})" if steps.count() else f"none of {len(steps)}"
        )
    )
    told = reached.unstack(fill_value="–").reindex(columns=COMPARED, fill_value="–").rename(columns=VARIANT_LABELS)
    return told.reset_index().rename(columns=keys).rename_axis(columns=None)
