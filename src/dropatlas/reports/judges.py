"""The code that judged, as HTML."""

import html
import inspect
import json
from collections.abc import Callable
from types import CodeType

import pandas as pd

from dropatlas.claims import load_ledger
from dropatlas.claims.judging import judge_of


def judges(rows: pd.DataFrame) -> str:
    """Thresholds and source code of the functions that judged each claim, folded away."""
    ledger, parts = load_ledger(), []
    for row in rows.itertuples():
        source = "\n\n".join(map(inspect.getsource, _with_helpers(judge_of(ledger[row.id]))))
        criterion = ", ".join(f"{key} = {value:g}" for key, value in json.loads(row.criterion).items())
        parts.append(
            f'<details class="judge" id="judge-{row.id}"><summary>{row.id}: <code>{row.judge}</code></summary>'
            f"<p>Thresholds: {criterion or 'none'}. Decided from scale {row.min_scale} on.</p>"
            f"<pre>{html.escape(source)}</pre></details>"
        )
    return "".join(parts)


def _with_helpers(judge: Callable[..., object]) -> list[Callable[..., object]]:
    """A judge and the functions of `dropatlas.claims` that it calls, directly or not."""
    found: list[Callable[..., object]] = []
    pending = [judge]
    while pending:
        function = pending.pop(0)
        if function not in found:
            found.append(function)
            known = vars(inspect.getmodule(function))
            called = [known.get(name) for name in _names(function.__code__)]
            pending += [
                other
                for other in called
                if inspect.isfunction(other) and other.__module__.startswith("dropatlas.claims.")
            ]
    return found


def _names(code: CodeType) -> list[str]:
    """Global names that a function uses, those of its inner functions included."""
    inner = [constant for constant in code.co_consts if isinstance(constant, CodeType)]
    return [*code.co_names, *(name for part in inner for name in _names(part))]
