"""Two runs side by side: which verdicts changed, whose effects are apart, which tables differ and why.

For a rerun after a change of code, for another seed, scale or machine. Nothing is computed again.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from dropatlas.claims import Verdict
from dropatlas.claims.scorecard import measured
from dropatlas.provenance import Provenance
from dropatlas.tables import content_hash, read_provenance, read_table

SCORECARD = "scorecard"
VERDICT_TABLES = (SCORECARD, "claims")  # what they say is compared claim by claim
COMPARED = ["verdict", "measure", "effect", "interval_low", "interval_high", "criterion", "min_scale"]


class TableChange(NamedTuple):
    """One table of two runs: "same", "differs", "only in first" or "only in second", and what is behind it."""

    name: str
    state: str
    reasons: list[str]


def compare_tables(first: Path, second: Path) -> list[TableChange]:
    """Result tables below two results folders, in order of name, without those that hold verdicts.

    Raises:
        UnreadableTableError: a table is damaged or edited.
    """
    here, there = _tables(first), _tables(second)
    changes = []
    for name in sorted({*here, *there}):
        if name not in there:
            changes.append(TableChange(name, "only in first", []))
        elif name not in here:
            changes.append(TableChange(name, "only in second", []))
        else:
            changes.append(_table_change(name, here[name], there[name]))
    return changes


def _tables(results: Path) -> dict[str, Path]:
    folder = results / "tables"
    if not folder.is_dir():
        raise ValueError(f"{results} holds no tables: give two results folders, such as results/quick results/standard")
    paths = {path.relative_to(folder).with_suffix("").as_posix(): path for path in folder.rglob("*.parquet")}
    return {name: path for name, path in paths.items() if path.stem not in VERDICT_TABLES}


def _table_change(name: str, first: Path, second: Path) -> TableChange:
    frames = read_table(first), read_table(second)
    if content_hash(frames[0]) == content_hash(frames[1]):
        return TableChange(name, "same", [])
    origins = read_provenance(first), read_provenance(second)
    reasons = list(_differences_of_origin(*origins)) or ["same origin: the computation is not repeatable"]
    return TableChange(name, "differs", [_extent(*frames), *reasons])


def _extent(first: pd.DataFrame, second: pd.DataFrame) -> str:
    """How much of the values differs, where rows can be compared one by one."""
    if list(first.columns) != list(second.columns):
        return f"columns differ: {', '.join(sorted({*first.columns} ^ {*second.columns})) or 'their order'}"
    if len(first) != len(second):
        return f"{len(first)} rows against {len(second)}"
    unequal = pd.DataFrame(
        {
            column: (first[column].to_numpy() != second[column].to_numpy())
            & ~(first[column].isna() & second[column].isna()).to_numpy()
            for column in first.columns
        }
    )
    columns = unequal.columns[unequal.any()]
    return f"{int(unequal.any(axis=1).sum())} of {len(first)} rows differ, in {', '.join(columns) or 'types only'}"


def _differences_of_origin(first: Provenance, second: Provenance) -> Iterator[str]:
    """What is different about how two tables were made."""
    for what, before, after in (
        ("scale", first.scale, second.scale),
        ("seed", first.seed, second.seed),
        ("code", first.code_hash[:12], second.code_hash[:12]),
    ):
        if before != after:
            yield f"{what}: {before} → {after}"
    yield from _changed_keys(json.loads(first.settings), json.loads(second.settings))
    inputs = {*first.inputs, *second.inputs}
    changed = sorted(name for name in inputs if first.inputs.get(name) != second.inputs.get(name))
    if changed:
        yield f"inputs: {', '.join(changed)}"
    for what in ("lock_hash", "libraries", "python", "machine", "device"):
        if getattr(first, what) != getattr(second, what):
            yield what.replace("_hash", " file")


def _changed_keys(before: Any, after: Any, path: str = "settings") -> Iterator[str]:
    if isinstance(before, dict) and isinstance(after, dict):
        for key in sorted({*before, *after}):
            yield from _changed_keys(before.get(key), after.get(key), f"{path}.{key}")
    elif before != after:
        yield f"{path}: {_short(before)} → {_short(after)}"


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:37]}..."


def compare_verdicts(first: Path, second: Path) -> pd.DataFrame:
    """Verdicts of two runs, claim by claim.

    Returns:
        Indexed by claim: verdict, measure, effect, interval ends and criterion of both runs (suffixes `_1` and `_2`,
        missing where a run has no such claim), and `change`: "verdict" for another one, else "measure" if the two
        numbers are not of the same thing, else "effect" for intervals that do not overlap (a number without sampling:
        for another number), else "".

    Raises:
        UnreadableTableError: a run has no scorecard, or a damaged one.
        ValueError: a scorecard lacks a column.
    """
    cards = [_scorecard(results) for results in (first, second)]
    both = cards[0].add_suffix("_1").join(cards[1].add_suffix("_2"), how="outer")
    both = both.loc[list(dict.fromkeys([*cards[0].index, *cards[1].index]))]
    other_verdict = both.verdict_1.fillna(Verdict.NOT_RUN) != both.verdict_2.fillna(Verdict.NOT_RUN)
    numbers = both.effect_1.notna() & both.effect_2.notna()
    apart = (both.interval_low_1 > both.interval_high_2) | (both.interval_low_2 > both.interval_high_1)
    other_measure = numbers & (both.measure_1 != both.measure_2)
    kinds = [other_verdict, other_measure, numbers & apart]
    both["change"] = np.select([kind.to_numpy() for kind in kinds], ["verdict", "measure", "effect"], "")
    return both


def _scorecard(results: Path) -> pd.DataFrame:
    path = results / "tables" / f"{SCORECARD}.parquet"
    rows = read_table(path)
    if missing := [name for name in COMPARED if name not in rows]:
        raise ValueError(f"{path} has no column {', '.join(missing)}: another version of the project made it")
    return rows.set_index("id")[COMPARED]


def _why(row: pd.Series) -> str:
    """Whether the rules changed, too, by which a claim was judged."""
    both = pd.notna(row.verdict_1) and pd.notna(row.verdict_2)
    changed = [name for name in ("criterion", "min_scale") if both and row[f"{name}_1"] != row[f"{name}_2"]]
    return "".join(f"; {name} {row[f'{name}_1']} → {row[f'{name}_2']}" for name in changed)


def _told(row: pd.Series, run: int) -> str:
    verdict = row[f"verdict_{run}"]
    if pd.isna(verdict):
        return "no such claim"
    return f"{verdict} {measured(*(row[f'{part}_{run}'] for part in ('effect', 'interval_low', 'interval_high')))}"


def comparison(first: Path, second: Path) -> str:
    """What a reader wants to know of two runs, as text for a terminal (errors as of the parts)."""
    tables, verdicts = compare_tables(first, second), compare_verdicts(first, second)
    sides = [[_told(row, run) for _, row in verdicts.iterrows()] for run in (1, 2)]
    width = max(map(len, [*sides[0], str(first)])) + 2
    lines = [f"{'claim':6}{first!s:{width}}{second!s:{width}}changed"]
    for (identifier, row), left, right in zip(verdicts.iterrows(), *sides, strict=True):
        note = {"effect": "intervals apart", "measure": "not the same number"}.get(row.change, row.change)
        note = (note + _why(row)).removeprefix("; ")
        lines.append(f"{identifier:6}{left:{width}}{right:{width}}{note}".rstrip())
    counts = verdicts.change.value_counts()
    lines.append(
        f"{counts.get('verdict', 0)} of {len(verdicts)} verdicts changed; of the others {counts.get('effect', 0)} have "
        f"intervals that do not overlap"
    )
    same = sum(table.state == "same" for table in tables)
    lines += ["", f"{same} of {len(tables)} tables are the same"]
    for table in tables:
        if table.state != "same":
            lines.append(f"  {table.name}: {table.state}")
            lines += [f"    {reason}" for reason in table.reasons]
    return "\n".join(lines)
