"""What a report notebook needs: its tables, its figures stamped and saved, its claims, its provenance."""

import base64
import html
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
from IPython.display import HTML
from matplotlib.figure import Figure

from dropatlas.files import whole_file
from dropatlas.plots.style import use_style
from dropatlas.provenance import Provenance
from dropatlas.reports.export import csv_text
from dropatlas.reports.figures import save
from dropatlas.reports.verdicts import finding, verdict_table
from dropatlas.tables import read_provenance, read_table


class Report:
    """One run of one report notebook.

    Args:
        name: Report name; figures go to `figures/<name>/`, tables come from `tables/`.
        results: Results folder of the scale, such as `results/quick`.
        tables: Names of the tables it shows; what else lies in the folder is not looked at.
    """

    def __init__(self, name: str, results: str | Path, tables: Sequence[str]) -> None:
        self.name = name
        self.results = Path(results)
        self.tables = tuple(tables)
        self.sources: dict[str, Provenance] = {}
        use_style()

    def table(self, name: str) -> pd.DataFrame:
        """Read the result table `name`, such as `percolation/crossing_probability`, and remember its origin.

        Raises:
            KeyError: it is none of the report's tables.
        """
        if name not in self.tables:
            raise KeyError(
                f"{name} is none of the tables of the {self.name} report: {', '.join(self.tables) or 'none'}"
            )
        path = self._path(name)
        self.sources[name] = read_provenance(path)
        return read_table(path)

    def made_by(self, task: str) -> list[str]:
        """Names of the report's tables that a task, such as `ddc.benchmark`, has made."""
        return [name for name in self.tables if read_provenance(self._path(name)).task == f"dropatlas.tasks.{task}"]

    def _path(self, table: str) -> Path:
        return self.results / "tables" / f"{table}.parquet"

    def show(self, figure: Figure, name: str, caption: str, source: str | list[str]) -> HTML:
        """Stamp a figure, save it as SVG, PDF and PNG beside its table as CSV, and show it with its caption.

        Args:
            figure: The figure; closed afterwards.
            name: File name without suffix.
            caption: What is seen, with numbers; also the alternative text.
            source: Name of the table the figure shows, read before with `table`, or names (the first one stamps it).

        Raises:
            KeyError: the (first) table was not read.
        """
        tables = [source] if isinstance(source, str) else source
        provenance = self.sources[tables[0]]
        folder = self.results / "figures" / self.name
        save(figure, folder / name, provenance.stamp, provenance.model_dump_json())
        data = {f"data: {table} (CSV)": f"{table.replace('/', '-')}.csv" for table in tables}
        for table, file in zip(tables, data.values(), strict=True):
            if not (folder / file).exists():
                with whole_file(folder / file) as part:
                    part.write_text(csv_text(read_table(self._path(table))), encoding="utf-8")
        encoded = base64.b64encode((folder / f"{name}.svg").read_bytes()).decode()
        files = {"SVG": f"{name}.svg", "PDF": f"{name}.pdf", "PNG": f"{name}.png", **data}
        links = " · ".join(
            f'<a href="../figures/{self.name}/{html.escape(file)}" download>{html.escape(label)}</a>'
            for label, file in files.items()
        )
        return HTML(
            f'<figure id="{html.escape(name)}">'
            f'<div class="picture"><img alt="{html.escape(caption)}" src="data:image/svg+xml;base64,{encoded}"></div>'
            f"<figcaption>{html.escape(caption)}</figcaption>"
            f'<p class="downloads">{links}</p></figure>'
        )

    @staticmethod
    def listing(frames: pd.DataFrame | Mapping[str, pd.DataFrame]) -> HTML:
        """Show a table of text as it stands, or several by their headings."""
        titled = {"": frames} if isinstance(frames, pd.DataFrame) else frames
        return HTML(
            "".join(
                (f"<h3>{html.escape(title)}</h3>" if title else "")
                + f'<div class="wide">{frame.to_html(index=False, border=0)}</div>'
                for title, frame in titled.items()
            )
        )

    def claims(self) -> HTML:
        """The verdicts of this report's claims, with effect, interval and reason."""
        return HTML(verdict_table(self.table(f"{self.name}/claims"), self.name))

    def conclusion(self, *claims: str) -> HTML:
        """What this run says of some claims of the report, such as "P7": verdict and parts, from their judges alone."""
        rows = self.table(f"{self.name}/claims").set_index("id", drop=False).loc[list(claims)]
        return HTML("".join(finding(row) for row in rows.itertuples(index=False)))

    def provenance(self) -> HTML:
        """Origin of every table this report has read."""
        rows = "".join(
            f"<tr><td>{name}</td><td>{origin.commit[:9]}{' + changes' if origin.dirty else ''}</td>"
            f"<td><code>{origin.code_hash[:12]}</code></td><td><code>{origin.settings_hash[:12]}</code></td>"
            f"<td>{'–' if origin.seed is None else origin.seed}</td><td>{origin.started:%Y-%m-%d %H:%M} UTC</td>"
            f"<td>{origin.wall_seconds:.1f} s</td></tr>"
            for name, origin in sorted(self.sources.items())
        )
        last = max(self.sources.values(), key=lambda origin: origin.started)
        libraries = ", ".join(f"{name} {version}" for name, version in last.libraries.items())
        return HTML(
            '<div class="wide"><table class="provenance"><thead><tr><th>table</th><th>commit</th><th>code</th>'
            f"<th>settings</th><th>seed</th><th>made</th><th>took</th></tr></thead><tbody>{rows}</tbody></table></div>"
            f"<p>Scale {last.scale}; Python {last.python} on {last.machine}, {last.device}; {libraries}; "
            f"lock file <code>{last.lock_hash[:12]}</code>.</p>"
        )
