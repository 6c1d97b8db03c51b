"""Effects of the ablations, paired over seeds: what verdicts and figures share."""

import numpy as np
import pandas as pd

from dropatlas.stats import mean_interval

GRID = ["base_rate", "gradient_rate", "threshold"]
PUBLISHED = (0.3, 0.5, 0.5)
"""Published values of `GRID`."""


def paired_differences(rows: pd.DataFrame, arm: str, base: str, column: str) -> np.ndarray:
    """`column` of `arm` minus that of `base`, seed by seed, where both are numbers.

    Args:
        rows: One row per arm and replica.
        arm: Side of the comparison.
        base: What it is compared with.
        column: A measure.

    Returns:
        Shape (seeds,).
    """
    values = rows.pivot(index="replica", columns="arm", values=column)
    if not {arm, base} <= set(values.columns):
        return np.array([])
    difference = (values[arm] - values[base]).to_numpy(dtype=float)
    return difference[np.isfinite(difference)]


def sensitivity_effects(rows: pd.DataFrame) -> pd.DataFrame:
    """Every setting of the grid against the published one, paired over seeds.

    Args:
        rows: Table `ablations/sensitivity_images` or `ablations/sensitivity_table`.

    Returns:
        One row per setting but the published one: base_rate, gradient_rate, threshold, `effect` with `low` and `high`
        (95 %) and `differences`: gain in test accuracy, or for regression the relative fall of the test loss; NaN and
        `diverged` where a run diverged. `best` marks the setting (published included) with the best mean validation.
    """
    regression = rows.test_accuracy.isna().all()
    quality, checked = (
        (-rows.test_loss, -rows.validation_loss) if regression else (rows.test_accuracy, rows.validation_accuracy)
    )
    values = rows.assign(quality=quality, checked=checked)
    wide = values.pivot(index="replica", columns=GRID, values="quality")
    if PUBLISHED not in wide.columns:
        raise ValueError(f"the grid lacks the published setting (p, p_g, τ) = {PUBLISHED}")
    published = wide[PUBLISHED]
    scale = float(-published.mean()) if regression else 1.0
    best = values.groupby(GRID).checked.mean().idxmax()
    broken = values.groupby(GRID).diverged.any()
    found = []
    for setting in wide.columns:
        differences = ((wide[setting] - published) / scale).to_numpy(dtype=float)
        interval = mean_interval(differences)
        found.append(
            dict(zip(GRID, setting, strict=True))
            | {"effect": interval.estimate, "low": interval.low, "high": interval.high}
            | {"differences": differences[np.isfinite(differences)]}
            | {"best": setting == best, "published": setting == PUBLISHED, "diverged": bool(broken[setting])}
        )
    return pd.DataFrame(found)
