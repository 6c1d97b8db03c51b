"""The committed part of the results: scorecard, key figures and provenance of finished reports, and the README's table.

Everything in `results/published/` and between the README's marks is made here, never edited by hand. A report is
renewed as a whole; the others stay as they were published and judged, and the README says which of them present code
and settings may change.
"""

import io
import json
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd

from dropatlas.claims import PAPERS, Verdict, load_ledger
from dropatlas.claims.scorecard import measured, verdict_counts
from dropatlas.files import whole_file
from dropatlas.plots.scorecard import verdicts
from dropatlas.plots.style import use_style
from dropatlas.provenance import Provenance
from dropatlas.reports.export import csv_text
from dropatlas.reports.figures import save
from dropatlas.reports.verdicts import JudgedClaim
from dropatlas.seals import BrokenSealError, notebook_origin, write_checksums
from dropatlas.tables import read_provenance, read_table
from dropatlas.tasks.judge_claims import MEANINGS
from dropatlas.upkeep.verification import Finding, State, Verifier, summary

LARGEST = 8_000_000  # bytes, as it is part of every clone
BEGIN = "<!-- scorecard: made by `snakemake snapshot`, not by hand -->"
END = "<!-- end of the scorecard -->"
OUTDATED = "Code or settings of tables have changed since, so that a new run may differ:"

Origins = dict[str, dict[str, Provenance]]
"""Provenance of every table behind a report, by report and table."""


class SnapshotError(ValueError):
    """A run that cannot be published, or a README without the marks of the scorecard."""


def report_names() -> list[str]:
    """Reports with claims, in reading order."""
    return [report for reports in load_ledger().reports().values() for report in reports]


def snapshot(results: Path, reports: Collection[str] = ()) -> Path:
    """Renew `results/published/` and the README's scorecard from finished reports.

    Args:
        results: Folder `results/<scale>` below the project.
        reports: Reports to renew; none: all.

    Returns:
        The folder of the snapshot.

    Raises:
        SnapshotError: a report is unknown or not current, one that is not renewed was never published, or at another
            scale, the snapshot is too large, or the README has no marks. Nothing is changed then.
    """
    known = report_names()
    renewed = [name for name in known if name in reports or not reports]
    if unknown := sorted(set(reports) - set(known)):
        raise SnapshotError(f"no snapshot: unknown report {', '.join(unknown)}; there are {', '.join(known)}")
    verifier = Verifier(results)
    root = results.resolve().parents[1]
    target, readme = root / "results" / "published", root / "README.md"
    findings = verifier.findings()
    origins = {name: _origins_of_current(results, name, findings) for name in renewed}
    kept = _kept(target, [name for name in known if name not in renewed], verifier.config.scale)
    with tempfile.TemporaryDirectory(prefix=".published-", dir=root / "results") as temporary:
        folder = Path(temporary) / "published"
        folder.mkdir()
        _collect(results, target, folder, origins | kept, renewed, _outdated(verifier, kept))
        size = sum(path.stat().st_size for path in folder.iterdir())
        if size > LARGEST:
            raise SnapshotError(f"no snapshot: {size / 1e6:.1f} MB, at most {LARGEST / 1e6:g} MB may be committed")
        text = with_scorecard(readme.read_text(encoding="utf-8"), readme_scorecard(folder))
        shutil.rmtree(target, ignore_errors=True)
        folder.rename(target)
    with whole_file(readme) as part:
        part.write_text(text, encoding="utf-8")
    return target


def _origins_of_current(results: Path, report: str, findings: list[Finding]) -> dict[str, Provenance]:
    """Provenance of all tables behind a finished report.

    Raises:
        SnapshotError: the report was not run, or something of it is not current.
    """
    notebook = results / "notebooks" / f"{report}.ipynb"
    if not notebook.exists():
        raise SnapshotError(f"no snapshot: {results} has no {report} report; run it first")
    bad = {finding.path for finding in findings if finding.state != State.CURRENT}
    files = {notebook, results / "reports" / f"{report}.html"} | set((results / "figures" / report).glob("*"))
    origins = {}
    pending = [f"{report}/claims"]
    with suppress(BrokenSealError):  # one of the findings, too
        pending += notebook_origin(notebook).inputs
    while pending:
        name = pending.pop()
        path = results / "tables" / f"{name}.parquet"
        if path.exists() and path not in files:  # data sets are inputs, too
            files.add(path)
            if path not in bad:
                origins[name] = read_provenance(path)
                pending += origins[name].inputs
    if bad & files:
        behind = [finding for finding in findings if finding.path in files]
        raise SnapshotError(f"no snapshot: run `snakemake` until {report} is current\n{summary(behind)}")
    return origins


def _kept(published: Path, reports: list[str], scale: str) -> Origins:
    """Provenance of the published reports that are not renewed.

    Raises:
        SnapshotError: one was not published at this scale, or with other claims.
    """
    before = read_origins(published) if reports else {}
    rows = read_scorecard(published) if before else pd.DataFrame(columns=["id", "scale"])
    if before and list(rows.columns) != list(MEANINGS):
        raise SnapshotError("no snapshot: renew all reports together, the published scorecard has other columns")
    at_scale = set(rows[rows.scale == scale].id)
    if unfit := sorted(
        {claim.report for claim in load_ledger() if claim.report in reports and claim.id not in at_scale}
    ):
        raise SnapshotError(
            f"no snapshot: renew {', '.join(unfit)}, too: not published at scale {scale} with all claims"
        )
    return {report: before[report] for report in reports}


def _outdated(verifier: Verifier, origins: Origins) -> list[str]:
    """Reports with a result table that present code or settings would make anew (verdicts do not count)."""
    return [
        report
        for report, tables in origins.items()
        if any(
            name not in verifier.catalogue or verifier.outdated(name, origin)
            for name, origin in tables.items()
            if name != f"{report}/claims"
        )
    ]


def _collect(
    results: Path, published: Path, folder: Path, origins: Origins, renewed: list[str], outdated: list[str]
) -> None:
    """Put together what a snapshot holds: of each figure the smaller one of SVG and PNG."""
    for path in (path for name in origins if name not in renewed for path in published.glob(f"{name}-*")):
        shutil.copy(path, folder)
    tables = [_as_text(csv_text(read_table(results / "tables" / name / "claims.parquet"))) for name in renewed]
    if len(renewed) < len(origins):
        before = _as_text((published / "scorecard.csv").read_text(encoding="utf-8"))
        tables.append(before[before.report.isin(origins) & ~before.report.isin(renewed)])
    rows = pd.concat(tables).set_index("id").loc[[claim.id for claim in load_ledger()]].reset_index()
    (folder / "scorecard.csv").write_text(csv_text(rows), encoding="utf-8")
    for row in rows[rows.report.isin(renewed) & (rows.verdict != Verdict.NOT_RUN)].itertuples():
        candidates = [results / "figures" / row.report / f"{row.figure}.{suffix}" for suffix in ("svg", "png")]
        smaller = min(
            (path for path in candidates if path.exists()), key=lambda path: path.stat().st_size, default=None
        )
        if smaller is not None:
            shutil.copy(smaller, folder / f"{row.report}-{smaller.name}")
    described = {
        report: {name: origin.model_dump(mode="json") for name, origin in tables.items()}
        for report, tables in origins.items()
    }
    text = json.dumps({"outdated": outdated, "reports": described}, indent=1, sort_keys=True)
    (folder / "provenance.json").write_text(f"{text}\n", encoding="utf-8")
    use_style()
    with tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary) / "verdicts"
        stamp = f"Dropout Atlas · scale {results.resolve().name} · {', '.join(_judged(origins))}"
        save(verdicts(read_scorecard(folder), PAPERS), place, stamp, stamp)
        shutil.copy(place.with_suffix(".svg"), folder)
    write_checksums(folder)


def _as_text(csv: str) -> pd.DataFrame:
    """Cells as they stand in the file, so that kept lines stay the same to the letter."""
    return pd.read_csv(io.StringIO(csv), dtype=str, keep_default_na=False)


def _judged(origins: Origins) -> Iterator[str]:
    """When and at which commit reports were judged, as in "2026-11-25 at a1b2c3d4e (percolation)"."""
    runs = defaultdict(list)
    for report in report_names():
        judged = origins[report][f"{report}/claims"]
        runs[f"{judged.started:%Y-%m-%d} at {judged.commit[:9]}"].append(report)
    return (f"{run} ({', '.join(reports)})" for run, reports in runs.items())


def read_scorecard(folder: Path) -> pd.DataFrame:
    """The scorecard of a snapshot."""
    return pd.read_csv(folder / "scorecard.csv", dtype={"paper": str})


def read_origins(folder: Path) -> Origins:
    """Provenance of every table behind a snapshot; empty if there is no snapshot."""
    return {
        report: {name: Provenance.model_validate(origin) for name, origin in tables.items()}
        for report, tables in _described(folder)["reports"].items()
    }


def _described(folder: Path) -> dict[str, Any]:
    path = folder / "provenance.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {"outdated": [], "reports": {}}


def readme_scorecard(folder: Path) -> str:
    """Markdown of a snapshot's picture and table, between the marks.

    Args:
        folder: The snapshot, wherever it is; links lead to `results/published/`.
    """
    rows = read_scorecard(folder)
    told = "; ".join(
        f"arXiv {paper}: {', '.join(f'{count} {verdict}' for verdict, count in counts.items() if count)}"
        for paper, counts in verdict_counts(rows).iterrows()
    )
    lines = [
        BEGIN,
        f"Scale `{rows.scale.iloc[0]}`: {told}.",
        "",
        _origin_text(folder),
        "",
        "![Verdict of every claim, with the deciding number and its interval](results/published/verdicts.svg)",
        "",
        "| claim | published | ours [95 % interval] | verdict |",
        "| --- | --- | --- | --- |",
        *(_line(row, folder) for paper in PAPERS for row in rows[rows.paper == paper].itertuples()),
        "",
        "All columns and the reasons: `results/published/scorecard.csv`.",
        END,
    ]
    return "\n".join(lines)


def _origin_text(folder: Path) -> str:
    """When which reports were judged, and which of them a new run may change."""
    outdated = ", ".join(_described(folder)["outdated"])
    judged = f"Judged {'; '.join(_judged(read_origins(folder)))}."
    return f"{judged} {OUTDATED} {outdated}." if outdated else judged


def _line(row: JudgedClaim, folder: Path) -> str:
    figure = next((path.name for path in sorted(folder.glob(f"{row.report}-{row.figure}.*"))), None)
    shown = figure and row.verdict != Verdict.NOT_RUN  # another claim's figure has nothing of it
    verdict = f"[{row.verdict}](results/published/{figure})" if shown else row.verdict
    ours = measured(row.effect, row.interval_low, row.interval_high)
    ours = ours if pd.isna(row.effect) else f"{ours}: {row.measure}"
    cells = (f"{row.id}: {row.statement} ({row.where})", row.published, ours, verdict)
    return f"| {' | '.join(cell.replace('|', '&#124;') for cell in cells)} |"


def with_scorecard(readme: str, scorecard: str) -> str:
    """The README with another scorecard between its marks.

    Raises:
        SnapshotError: the marks are missing, or not in order.
    """
    before, begin, rest = readme.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SnapshotError(f"no snapshot: README.md needs the two lines\n{BEGIN}\n{END}")
    return before + scorecard + after
