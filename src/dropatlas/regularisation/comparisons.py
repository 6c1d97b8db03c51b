"""What a table of arms says: final scores, and one arm against the others, paired over seeds."""

import numpy as np
import pandas as pd

from dropatlas.stats import Interval, bootstrap_interval, holm, mean_interval, paired_comparison


def is_regression(rows: pd.DataFrame) -> bool:
    """Whether a benchmark's scores are losses."""
    return bool(rows.loc[~rows.diverged, "validation_accuracy"].isna().all())


def final_scores(rows: pd.DataFrame, chosen: str = "last") -> pd.DataFrame:
    """Test score of every run: share of correct samples, or minus the squared error in regression; more is better.

    Args:
        rows: A benchmark's table.
        chosen: "last" epoch, or the one "selected" on validation.

    Returns:
        Seeds (rows, `replica`) by arms (columns, in the table's order); NaN for a run that diverged.
    """
    at = rows[rows[chosen]]
    score = -at.test_loss if is_regression(rows) else at.test_accuracy
    table = at.assign(score=score).pivot(index="replica", columns="arm", values="score")
    return table[list(rows.arm.unique())]


def arm_against_others(rows: pd.DataFrame, arm: str = "ddc", chosen: str = "last") -> pd.DataFrame:
    """Score of one arm minus that of every other, paired over seeds.

    Args:
        rows: A benchmark's table.
        arm: The one compared; without a row, the result is empty.
        chosen: As in `final_scores`.

    Returns:
        One row per other arm: baseline, difference, low, high (95 % t interval), p_value (adjusted by Holm over the
        baselines), seeds (that both arms finished).
    """
    scores = final_scores(rows, chosen)
    columns = ["baseline", "difference", "low", "high", "p_value", "seeds"]
    if arm not in scores:
        return pd.DataFrame(columns=columns)
    found = []
    for baseline in scores.columns.drop(arm):
        pair = paired_comparison(scores[arm].to_numpy(), scores[baseline].to_numpy())
        seeds = int(scores[[arm, baseline]].notna().all(axis=1).sum())
        found.append((baseline, pair.estimate, pair.low, pair.high, pair.p_value, seeds))
    table = pd.DataFrame(found, columns=columns)
    return table.assign(p_value=holm(table.p_value.to_numpy()))


def mean_scores(rows: pd.DataFrame, chosen: str = "last") -> dict[str, Interval]:
    """Mean test score of every arm with its 95 % t interval over seeds."""
    return {arm: mean_interval(values.to_numpy()) for arm, values in final_scores(rows, chosen).items()}


def accuracy_table(rows: pd.DataFrame, published: dict[str, float] | None = None) -> pd.DataFrame:
    """What a reader wants of a benchmark: every arm's scores, its difference to DDC, the published value.

    Args:
        rows: A benchmark's table.
        published: Published accuracies by arm, in [0, 1].

    Returns:
        One row per arm, texts: scores at the last epoch and at the one chosen on validation, DDC's difference and its p
        value, the gap between training and test samples. Accuracies in percent, in regression squared errors.
    """
    published, regression = published or {}, is_regression(rows)
    sign, factor, digits = (-1, 1, 3) if regression else (1, 100, 2)

    def text(found: Interval, turn: int = sign) -> str:
        ends = sorted((turn * factor * found.low, turn * factor * found.high))
        return f"{turn * factor * found.estimate:.{digits}f} [{ends[0]:.{digits}f}, {ends[1]:.{digits}f}]"

    last, selected = mean_scores(rows), mean_scores(rows, "selected")
    against = arm_against_others(rows).set_index("baseline")
    gap = rows[rows["last"]].assign(gap=lambda at: at.fitted_accuracy - at.test_accuracy)
    table = []
    for arm in last:
        difference = "" if arm not in against.index else text(_interval(against.loc[arm]), 1)
        row = {"arm": arm, "last epoch": text(last[arm]), "chosen epoch": text(selected[arm])}
        row["DDC − arm"] = difference
        row["p (Holm)"] = "" if arm not in against.index else f"{against.p_value[arm]:.2g}"
        if not regression:
            row["gap"] = text(mean_interval(gap[gap.arm == arm].gap.to_numpy()), 1)
            row["published"] = f"{100 * published[arm]:.2f}" if arm in published else ""
        table.append(row)
    return pd.DataFrame(table)


def _interval(row: pd.Series) -> Interval:
    return Interval(row.difference, row.low, row.high)


def step_time_ratios(rows: pd.DataFrame, method: str, column: str = "wall_ms") -> dict[str, Interval]:
    """Median over rounds of a step's time with `method` over the plain step's, by model, with bootstrap interval."""
    found = {}
    for model, part in rows.groupby("model", sort=False):
        times = part.pivot(index="round", columns="method", values=column)
        ratio = (times[method] / times["none"]).to_numpy()
        rng = np.random.default_rng(0)  # of the resampling alone
        found[str(model)] = bootstrap_interval(ratio, np.median, rng)
    return found
