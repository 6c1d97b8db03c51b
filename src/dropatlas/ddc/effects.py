"""Numbers of the ablations that verdicts, figures and captions share: differences are paired over seeds."""

import numpy as np
import pandas as pd

from dropatlas.stats import mean_interval

GRID = ["base_rate", "gradient_rate", "threshold"]
PUBLISHED = (0.3, 0.5, 0.5)
"""Published values of `GRID`."""


def paired_differences(rows: pd.DataFrame, arm: str, base: str, column: str, by: str = "arm") -> np.ndarray:
    """`column` of one side minus that of another, seed by seed.

    Args:
        rows: One row per side and seed.
        arm: Side of the comparison.
        base: What it is compared with.
        column: A measure.
        by: Column that names the sides.

    Returns:
        Shape (seeds,), NaN where one of both is no number; without rows of both sides there is no seed.
    """
    values = rows.pivot(index="seed", columns=by, values=column)
    if not {arm, base} <= set(values.columns):
        return np.array([])
    return (values[arm] - values[base]).to_numpy(dtype=float)


def first_to_target(rows: pd.DataFrame, other: str) -> pd.DataFrame:
    """Who reaches the target first from each start: +1 `ddc`, -1 `other`, 0 both or none.

    Args:
        rows: Table `ddc/regression` at one target.
        other: Method.

    Returns:
        One row per seed, one column per problem and learning rate in which one of the two ever gets there; NaN for
        starts that only one of them was run from.
    """
    steps = rows.assign(steps_to_target=rows.steps_to_target.fillna(np.inf)).pivot(
        index="seed", columns=["first_scale", "learning_rate", "method"], values="steps_to_target"
    )
    ours, theirs = (steps.loc[:, steps.columns.get_level_values("method") == name] for name in ("ddc", other))
    ours, theirs = ours.droplevel("method", axis=1).align(theirs.droplevel("method", axis=1))
    first = ((ours < theirs).astype(float) - (ours > theirs)).where(ours.notna() & theirs.notna())
    return first.loc[:, (np.isfinite(ours) | np.isfinite(theirs)).any()]


def runs_once(rows: pd.DataFrame) -> pd.DataFrame:
    """Every run of table `ddc/regression` once; there it has a row for each target."""
    return rows[rows.target == rows.target.max()]


def at_smallest_rate(rows: pd.DataFrame) -> pd.DataFrame:
    """Runs of table `ddc/regression` at the smallest learning rate, where gradients change least from step to step."""
    return rows[rows.learning_rate == rows.learning_rate.min()]


def selectivity(rows: pd.DataFrame) -> pd.Series:
    """How much more often DDC drops the edge with the smaller gradient than that with the larger, share of steps.

    Args:
        rows: Table `ddc/regression`.

    Returns:
        Mean over starts at the smallest learning rate, by `first_scale`.
    """
    ours = at_smallest_rate(runs_once(rows))
    ours = ours[ours.method == "ddc"]
    return (ours.small_drop_rate - ours.large_drop_rate).groupby(ours.first_scale).mean()


def shares_at_target(rows: pd.DataFrame, target: float) -> pd.Series:
    """Share of runs of table `ddc/regression` that come to `target` of the initial risk at all, by `method`."""
    at = rows[np.isclose(rows.target, target)]
    return at.steps_to_target.notna().groupby(at.method).mean()


def mean_drop_rate(rows: pd.DataFrame, arm: str) -> float:
    """Share of edges that an arm drops in the last epoch, mean over seeds."""
    return float(rows[rows["last"] & (rows.arm == arm)].drop_rate.mean())


def calibration_ratios(rows: pd.DataFrame, arm: str, stage: str, column: str = "mean_ratio") -> np.ndarray:
    """A ratio of the layer's output in training to that in inference, one per seed; see table `ddc/activations`."""
    return rows[(rows.arm == arm) & (rows.stage == stage)][column].to_numpy(dtype=float)


def sensitivity_effects(rows: pd.DataFrame) -> pd.DataFrame:
    """Every setting of the grid against the published one, paired over seeds.

    Args:
        rows: Table `ddc/sensitivity_images` or `ddc/sensitivity_table`.

    Returns:
        One row per setting: base_rate, gradient_rate, threshold, `effect` with `low` and `high` (95 %) and
        `differences`, shape (seeds,): gain in test accuracy, or for regression the relative fall of the test loss, NaN
        where a run diverged. `diverged` counts such runs. `published` marks the setting compared with, `best` the one
        with the best mean validation.

    Raises:
        ValueError: no run has the published setting.
    """
    regression = rows.test_accuracy.isna().all()
    quality, checked = (
        (-rows.test_loss, -rows.validation_loss) if regression else (rows.test_accuracy, rows.validation_accuracy)
    )
    values = rows.assign(quality=quality, checked=checked)
    wide = values.pivot(index="seed", columns=GRID, values="quality")
    if PUBLISHED not in wide.columns:
        raise ValueError(f"the grid lacks the published setting (p, p_g, τ) = {PUBLISHED}")
    published = wide[PUBLISHED]
    scale = float(-published.mean()) if regression else 1.0
    best = values.groupby(GRID).checked.mean().idxmax()
    broken = values.groupby(GRID).diverged.sum()
    found = []
    for setting in wide.columns:
        differences = ((wide[setting] - published) / scale).to_numpy(dtype=float)
        interval = mean_interval(differences)
        found.append(
            dict(zip(GRID, setting, strict=True))
            | {"effect": interval.estimate, "low": interval.low, "high": interval.high, "differences": differences}
            | {"best": setting == best, "published": setting == PUBLISHED, "diverged": int(broken[setting])}
        )
    return pd.DataFrame(found)


def candidate_losses(rows: pd.DataFrame) -> pd.Series:
    """Mean validation loss of every map that was tried, by generation and candidate; see table `ddc/learned_search`."""
    return rows.groupby(["generation", "candidate"]).validation_loss.mean()


def averaging_changes(rows: pd.DataFrame, arm: str, column: str) -> np.ndarray:
    """A score of predictions averaged over masks minus that of the deterministic ones, seed by seed.

    Args:
        rows: Table `ddc/monte_carlo`.
        arm: Method of the networks.
        column: A score.

    Returns:
        As `paired_differences`.
    """
    scores = rows[(rows.bin == 0) & (rows.arm == arm)]
    return paired_differences(scores, "monte carlo", "deterministic", column, by="prediction")


def over_all_training(rows: pd.DataFrame) -> pd.DataFrame:
    """What table `ddc/feedback` measures over all of training: one row per variant and seed that finished."""
    return rows[(rows.window == 0) & (rows.bin == 0) & ~rows.diverged.astype(bool)]
