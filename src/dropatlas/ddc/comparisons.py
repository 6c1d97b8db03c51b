"""What a table of arms says: final scores, and one arm against the others, paired over seeds."""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from dropatlas.ddc.effects import paired_differences
from dropatlas.ddc.labels import ARM_LABELS, MODEL_LABELS
from dropatlas.stats import Interval, bootstrap_interval, holm, mean_interval, mean_p_value

MAIN_RESULT = "ddc/mnist_simple_cnn1"
"""Table of the benchmark for which the paper reports how DDC compares with all others."""


def described(rows: pd.DataFrame) -> str:
    """Data, sizes, epochs and seeds of a table of runs, for titles and captions."""
    first = rows.iloc[0]
    epochs = f"{first.epochs} epoch" + ("s" if first.epochs > 1 else "")
    return f"{first['data']}, {first.train_samples:,} training samples, {epochs}, {rows.seed.nunique()} seeds"


def in_order(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows of a table of runs with the arms in the order of `ARM_LABELS`."""
    return rows.sort_values("arm", key=lambda arms: arms.map(list(ARM_LABELS).index), kind="stable")


def in_reading_order(tables: Iterable[str]) -> list[str]:
    """Names of the benchmarks' tables in the order shown: the paper's main result, other images, tables of numbers."""
    return sorted(tables, key=lambda name: (name != MAIN_RESULT, name.endswith("_mlp"), name))


def is_regression(rows: pd.DataFrame) -> bool:
    """Whether a benchmark's scores are losses."""
    return bool(rows.loc[~rows.diverged, "validation_accuracy"].isna().all())


def _scored(rows: pd.DataFrame, chosen: str) -> pd.DataFrame:
    """The chosen epoch of every run, with its `score`: more is better."""
    at = rows[rows[chosen]]
    return at.assign(score=-at.test_loss if is_regression(rows) else at.test_accuracy)


def final_scores(rows: pd.DataFrame, chosen: str = "last") -> pd.DataFrame:
    """Test score of every run: share of correct samples, or minus the squared error in regression; more is better.

    Args:
        rows: A benchmark's table.
        chosen: "last" epoch, or the one "selected" on validation.

    Returns:
        Seeds (rows, `seed`) by arms (columns, in the table's order); NaN for a run that diverged.
    """
    table = _scored(rows, chosen).pivot(index="seed", columns="arm", values="score")
    return table[list(rows.arm.unique())]


def gains(rows: pd.DataFrame, baseline: str, arm: str = "ddc", chosen: str = "last") -> np.ndarray:
    """Score of one arm minus that of another, seed by seed; as `paired_differences` of `final_scores`."""
    return paired_differences(_scored(rows, chosen), arm, baseline, "score")


def arm_against_others(rows: pd.DataFrame) -> pd.DataFrame:
    """`gains` of DDC over every other arm at the last epoch.

    Args:
        rows: A benchmark's table; without a row of DDC, the result is empty.

    Returns:
        One row per other arm: baseline, difference, low, high (95 % t interval), p_value (t test, adjusted by Holm over
        the baselines), seeds (that both arms finished).
    """
    found = []
    for baseline in rows.arm.unique():
        gain = gains(rows, baseline)
        if baseline == "ddc" or not len(gain):
            continue
        gain = gain[np.isfinite(gain)]
        mean = mean_interval(gain)
        found.append((baseline, mean.estimate, mean.low, mean.high, mean_p_value(gain), len(gain)))
    table = pd.DataFrame(found, columns=["baseline", "difference", "low", "high", "p_value", "seeds"])
    return table.assign(p_value=holm(table.p_value.to_numpy()))


def mean_scores(rows: pd.DataFrame, chosen: str = "last") -> dict[str, Interval]:
    """Mean test score of every arm with its 95 % t interval over seeds."""
    return {arm: mean_interval(values.to_numpy()) for arm, values in final_scores(rows, chosen).items()}


def accuracy_table(rows: pd.DataFrame, published: Mapping[str, float] | None = None) -> pd.DataFrame:
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
    gaps = generalisation_gaps(rows)
    table = []
    for arm in last:
        difference = "" if arm not in against.index else text(_interval(against.loc[arm]), 1)
        row = {"arm": arm, "last epoch": text(last[arm]), "chosen epoch": text(selected[arm])}
        row["DDC − arm"] = difference
        row["p (Holm)"] = "" if arm not in against.index else f"{against.p_value[arm]:.2g}"
        if not regression:
            row["gap"] = text(mean_interval(gaps[arm].to_numpy()), 1)
            row["published"] = f"{100 * published[arm]:.2f}" if arm in published else ""
        table.append(row)
    return pd.DataFrame(table)


def accuracy_tables(
    benchmarks: Mapping[str, pd.DataFrame], published: Mapping[str, Mapping[str, float]]
) -> dict[str, pd.DataFrame]:
    """`accuracy_table` of several benchmarks with the arms named for a reader, by headings that say what was run.

    Args:
        benchmarks: Tables by name.
        published: Published accuracies by benchmark and arm.
    """
    tables = {}
    for name, rows in benchmarks.items():
        model = rows.model.iloc[0]
        heading = f"{name}: {MODEL_LABELS.get(model, model)} on {described(rows)}"
        tables[heading] = accuracy_table(rows, published.get(name)).replace({"arm": ARM_LABELS})
    return tables


def _interval(row: pd.Series) -> Interval:
    return Interval(row.difference, row.low, row.high)


def generalisation_gaps(rows: pd.DataFrame) -> pd.DataFrame:
    """Accuracy on the training samples minus test accuracy, both without masks, at the last epoch.

    Returns:
        Seeds (rows) by arms (columns).
    """
    at = rows[rows["last"]]
    table = at.assign(gap=at.fitted_accuracy - at.test_accuracy).pivot(index="seed", columns="arm", values="gap")
    return table[list(rows.arm.unique())]


def step_ratios(rows: pd.DataFrame, method: str, column: str = "wall_ms") -> dict[str, np.ndarray]:
    """A step's time with `method` over that of the plain step by model, shape (rounds timed with both,)."""
    times = rows.pivot(index=["model", "round"], columns="method", values=column).reindex(columns=[method, "none"])
    ratios = (times[method] / times["none"]).dropna()
    return {model: ratios[ratios.index.get_level_values("model") == model].to_numpy() for model in rows.model.unique()}


def median_ratio(ratios: np.ndarray) -> Interval:
    """Median of `step_ratios` of one model, with its 95 % bootstrap interval; shape (rounds,)."""
    return bootstrap_interval(ratios, np.median, np.random.default_rng(0))  # of the resampling alone
