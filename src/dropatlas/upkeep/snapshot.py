"""The committed part of the results: scorecard, key figures and provenance of one finished run, and the README's table.

Everything in `results/published/` and between the README's marks is made here, never edited by hand.
"""

import json
import shutil
import tempfile
from pathlib import Path

import pandas as pd

from dropatlas.claims import PAPERS, Verdict
from dropatlas.claims.scorecard import measured, verdict_counts
from dropatlas.files import whole_file
from dropatlas.seals import write_checksums
from dropatlas.tables import read_provenance
from dropatlas.upkeep.verification import State, Verifier, summary

LARGEST = 5_000_000  # bytes, as it is part of every clone
BEGIN = "<!-- scorecard: made by `snakemake published`, not by hand -->"
END = "<!-- end of the scorecard -->"


class SnapshotError(ValueError):
    """A run that cannot be published, or a README without the marks of the scorecard."""


def snapshot(results: Path) -> Path:
    """Replace `results/published/` and the README's scorecard by those of a finished run.

    Args:
        results: Folder `results/<scale>` below the project.

    Returns:
        The folder of the snapshot.

    Raises:
        SnapshotError: something of the run is not current, there is no scorecard, the snapshot is too large, or the
            README has no marks. Nothing is changed then.
    """
    findings = Verifier(results).findings()
    if any(finding.state != State.CURRENT for finding in findings):
        raise SnapshotError(f"no snapshot: run `snakemake` until everything is current\n{summary(findings)}")
    if not (results / "tables" / "scorecard.csv").exists() or not (results / "figures" / "scorecard").exists():
        raise SnapshotError(f"no snapshot: {results} has no scorecard; run `snakemake scorecard`")
    root = results.resolve().parents[1]
    target, readme = root / "results" / "published", root / "README.md"
    with tempfile.TemporaryDirectory(prefix=".published-", dir=root / "results") as temporary:
        folder = Path(temporary) / "published"
        folder.mkdir()
        _collect(results, folder)
        size = sum(path.stat().st_size for path in folder.iterdir())
        if size > LARGEST:
            raise SnapshotError(f"no snapshot: {size / 1e6:.1f} MB, at most {LARGEST / 1e6:g} MB may be committed")
        text = with_scorecard(readme.read_text(encoding="utf-8"), readme_scorecard(folder))
        shutil.rmtree(target, ignore_errors=True)
        folder.rename(target)
    with whole_file(readme) as part:
        part.write_text(text, encoding="utf-8")
    return target


def _collect(results: Path, folder: Path) -> None:
    """Copy what a snapshot holds: of each figure the smaller one of SVG and PNG."""
    shutil.copy(results / "tables" / "scorecard.csv", folder)
    shutil.copy(results / "figures" / "scorecard" / "verdicts.svg", folder)
    rows = read_scorecard(folder)
    for row in rows[rows.verdict != Verdict.NOT_RUN].itertuples():
        candidates = [results / "figures" / row.report / f"{row.figure}.{suffix}" for suffix in ("svg", "png")]
        smaller = min(
            (path for path in candidates if path.exists()), key=lambda path: path.stat().st_size, default=None
        )
        if smaller is not None:
            shutil.copy(smaller, folder / f"{row.report}-{smaller.name}")
    tables = {
        path.relative_to(results / "tables").with_suffix("").as_posix(): read_provenance(path).model_dump(mode="json")
        for path in sorted((results / "tables").rglob("*.parquet"))
    }
    (folder / "provenance.json").write_text(json.dumps(tables, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    write_checksums(folder)


def read_scorecard(folder: Path) -> pd.DataFrame:
    """The scorecard of a snapshot."""
    return pd.read_csv(folder / "scorecard.csv", dtype={"paper": str})


def readme_scorecard(folder: Path) -> str:
    """Markdown of a snapshot's picture and table, between the marks.

    Args:
        folder: The snapshot, wherever it is; links lead to `results/published/`.
    """
    rows = read_scorecard(folder)
    origin = json.loads((folder / "provenance.json").read_text(encoding="utf-8"))["scorecard"]
    told = "; ".join(
        f"arXiv {paper}: {', '.join(f'{count} {verdict}' for verdict, count in counts.items() if count)}"
        for paper, counts in verdict_counts(rows).iterrows()
    )
    lines = [
        BEGIN,
        f"Scale `{origin['scale']}`, {origin['started'][:10]}, commit `{origin['commit'][:9]}`: {told}.",
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


def _line(row: tuple, folder: Path) -> str:
    figure = next((path.name for path in sorted(folder.glob(f"{row.report}-{row.figure}.*"))), None)
    verdict = f"[{row.verdict}](results/published/{figure})" if figure else row.verdict
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
