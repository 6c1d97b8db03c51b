"""The whole way of a claim: from its statement to the code, settings, tables, figure and page behind its verdict."""

import ast
import json
from pathlib import Path

from dropatlas.catalogue import Catalogue, CatalogueError
from dropatlas.catalogue.figures import figure_cell
from dropatlas.catalogue.judges import judge_place
from dropatlas.claims import Claim, Verdict
from dropatlas.claims.scorecard import measured
from dropatlas.closure import module_file
from dropatlas.provenance import ROOT
from dropatlas.reports.pages import paper_page
from dropatlas.tables import UnreadableTableError, read_table


def function_line(module: str, function: str) -> str:
    """File and line of a function of the library, such as `src/dropatlas/plots/percolation.py:120`.

    Raises:
        CatalogueError: the module does not define it.
    """
    file = module_file(module)
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name == function:
            return f"{file.relative_to(ROOT)}:{node.lineno}"
    raise CatalogueError(f"{file.relative_to(ROOT)} defines no function {function}")


def route(claim: Claim, catalogue: Catalogue, results: Path) -> str:
    """Everything that leads to the verdict on a claim, as lines for a terminal.

    Args:
        claim: Entry of the ledger.
        catalogue: Tables of the run's scale.
        results: Folder of the run; without its verdicts the way is told all the same.

    Raises:
        CatalogueError: the claim's figure, its cell or its judge cannot be found.
    """
    scale = catalogue.config.scale
    drawn = figure_cell(claim.report, claim.figure)
    judge = judge_place(claim)
    made = [catalogue[name] for name in claim.evidence if name in catalogue]
    told = [
        f"{claim.id} ({claim.group}; arXiv {claim.paper}, {claim.where})",
        f"  {claim.statement}",
        *_entries("published", [claim.published]),
        *_verdict(claim, results),
        *_entries("plan", [f"{name}: {text}" for name, text in claim.plan.model_dump().items()]),
        *_entries("history", [f"{one.date} {one.commit}: {one.what}" for one in claim.history]),
    ]
    for table in made:
        told += [
            f"  table      {_shown(results)}/tables/{table.name}.parquet",
            f"    rule     {table.rule}",
            f"    task     {_shown(module_file(table.module))}",
            f"    settings {table.section} in config/config.yaml and config/scales/{scale}.yaml",
        ]
        told += [f"    reads    {', '.join(table.tables)}"] if table.tables else []
    missing = [name for name in claim.evidence if name not in catalogue]
    told += _entries("not made", [f"{name} (scale {scale})" for name in missing])
    told += [
        f"  judge      {_shown(judge.file)}:{judge.line} ({judge.function})",
        f"  plot       {function_line(drawn.module, drawn.function)} ({drawn.function})",
        f"  notebook   {_shown(drawn.notebook)}, cell {drawn.number}",
        f"  page       {_shown(results)}/reports/{paper_page(claim.paper)}.html#{claim.id}, "
        f"{_shown(results)}/reports/{claim.report}.html#{claim.figure}",
        f"  run again  {_command(claim, catalogue, results)}",
    ]
    return "\n".join(told)


def _command(claim: Claim, catalogue: Catalogue, results: Path) -> str:
    """Shell command that makes the evidence of a claim anew, with what it is made from, and its page."""
    waiting = [name for name in claim.evidence if name in catalogue]
    if not waiting:
        return f"snakemake --config scale={claim.min_scale} {claim.report}"
    behind: list[str] = []
    while waiting:
        name = waiting.pop(0)
        if name not in behind:
            behind.append(name)
            waiting += catalogue[name].tables
    files = " ".join(f"{_shown(results)}/tables/{name}.parquet" for name in behind)
    return f"snakemake --config scale={catalogue.config.scale} --forcerun {files} -- {claim.report}"


def _shown(path: Path) -> str:
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else str(path)


def _entries(name: str, texts: list[str]) -> list[str]:
    """Lines of one entry, its name before the first."""
    return [f"  {name if number == 0 else '':10} {text}" for number, text in enumerate(texts)]


def _verdict(claim: Claim, results: Path) -> list[str]:
    """What the run says of a claim: verdict, number, parts."""
    table = results / "tables" / claim.report / "claims.parquet"
    try:
        rows = read_table(table).set_index("id")
    except UnreadableTableError as error:
        return _entries("verdict", [f"none yet: {error}"])
    if claim.id not in rows.index:
        return _entries("verdict", [f"none yet: {table} was made before the claim; run `snakemake` to judge it"])
    found = rows.loc[claim.id]
    lines = _entries("verdict", [f"{found.verdict} (scale {found.scale}; to be decided from {claim.min_scale} on)"])
    if found.verdict != Verdict.NOT_RUN and found.measure != "none":
        ours = measured(found.effect, found.interval_low, found.interval_high)
        lines += _entries("number", [f"{ours}: {found.measure}, n = {found.n}"])
    parts = json.loads(found.parts)
    return lines + _entries("parts", [f"{part['state']}: {part['sentence']}" for part in parts] or [found.reason])
