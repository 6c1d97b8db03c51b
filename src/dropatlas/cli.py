"""The `dropatlas` command: small questions that need no pipeline run."""

import argparse
import os
import sys
from pathlib import Path

import yaml

from dropatlas.claims import load_ledger
from dropatlas.config import CONFIG, SCALES, stored_config
from dropatlas.data import DataSettings, data_status, load_catalog
from dropatlas.provenance import ROOT


def show_claim(identifier: str, scale: str) -> str:
    """The whole way of a claim at a scale (`dropatlas.upkeep.route`).

    Raises:
        LedgerError: the ledger has no such claim.
        CatalogueError: its judge, its figure or a table cannot be found.
    """
    from dropatlas.catalogue import Catalogue
    from dropatlas.upkeep.route import route

    ledger = load_ledger()
    return route(ledger[identifier], Catalogue(stored_config(scale), ledger), ROOT / "results" / scale)


def show_data(offline_directory: str | None) -> str:
    """What is there of every data set, whether its checksums agree, and where it would come from.

    Raises:
        ValueError: the offline directory holds several archives for a set.
        OSError: a file cannot be read.
    """
    config = yaml.safe_load((CONFIG / "config.yaml").read_text(encoding="utf-8"))
    line = {} if offline_directory is None else {"offline_directory": offline_directory}
    settings = DataSettings.resolve(config["data"]["sources"], os.environ, line)
    rows = data_status(load_catalog(CONFIG / "data.yaml"), settings)
    return "\n".join(f"{row.name:9} {row.state:9} {row.found}\n{'':9} from {row.source}" for row in rows)


def show_check(arguments: argparse.Namespace) -> str:
    """What masks do to a fully connected network (`dropatlas.check`, which checks any module from Python).

    Raises:
        ValueError: a value out of range, widths that are no integers, or a learning rate without steps.
    """
    from dropatlas.check import check_network  # takes torch along: only where it is needed

    try:
        widths = [int(width) for width in arguments.widths.split(",")]
    except ValueError:
        raise ValueError(f"widths must be integers separated by commas, got {arguments.widths!r}") from None
    return str(
        check_network(
            widths,
            arguments.drop_rate,
            arguments.model,
            masks=arguments.masks,
            batch_size=arguments.batch_size,
            steps=arguments.steps,
            learning_rate=arguments.learning_rate,
        )
    )


def show_verification(results: Path) -> str:
    """State of every file below a results folder that is not current, and the counts; exit code 1 if there is any.

    Raises:
        ValueError: the folder is no results folder.
    """
    from dropatlas.upkeep.verification import State, Verifier, summary

    findings = Verifier(results).findings()
    if all(finding.state == State.CURRENT for finding in findings):
        return summary(findings)
    raise ValueError(f"not everything in {results} is what it should be:\n{summary(findings)}")


def show_comparison(first: Path, second: Path) -> str:
    """Two runs side by side (`dropatlas.upkeep.comparison`).

    Raises:
        ValueError: a folder holds no results, or a table that cannot be read.
    """
    from dropatlas.upkeep.comparison import comparison

    return comparison(first, second)


def take_snapshot(results: Path, reports: list[str]) -> str:
    """Renew the committed snapshot from finished reports, all if none is named (`dropatlas.upkeep.snapshot`)."""
    from dropatlas.upkeep.snapshot import snapshot

    folder = snapshot(results, reports)
    files = list(folder.iterdir())
    size = sum(path.stat().st_size for path in files) / 1e6
    return f"{folder}: {len(files)} files, {size:.1f} MB; README.md shows its scorecard. Commit both."


def pack_results(results: Path, archive: Path | None) -> str:
    """Pack results (`dropatlas.upkeep.archive.pack`)."""
    from dropatlas.upkeep.archive import pack

    archive = archive or Path(f"dropatlas-{results.resolve().name}.tar.gz")
    manifest = pack(results, archive)
    return f"{archive}: {len(manifest.files)} files, {archive.stat().st_size / 1e6:.1f} MB"


def restore_results(archive: Path) -> str:
    """Put packed results back and say what of them is stale here (`dropatlas.upkeep.archive.restore`)."""
    from dropatlas.upkeep.archive import restore
    from dropatlas.upkeep.verification import Verifier, summary

    results = restore(archive, Path.cwd())
    return f"{summary(Verifier(results).findings())}\nNow run: snakemake --config scale={results.name}"


def show_forecast(scale: str, results: Path, cores: int) -> str:
    """What a scale will cost (`dropatlas.upkeep.forecast`)."""
    from dropatlas.upkeep.forecast import forecast, summary

    return summary(scale, forecast(scale, results), cores)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="dropatlas", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    claim = commands.add_parser("claim", help="the whole way of a claim, from statement to judge, tables and page")
    claim.add_argument("id", help="identifier, such as P2")
    claim.add_argument("--scale", choices=SCALES, default="quick")
    claim.set_defaults(answer=lambda arguments: show_claim(arguments.id, arguments.scale))
    data = commands.add_parser("data", help="data sets").add_subparsers(dest="question", required=True)
    status = data.add_parser("status", help="what is present, verified, missing, and where it would come from")
    status.add_argument("--offline-directory", help="folder to look in instead of the configured places")
    status.set_defaults(answer=lambda arguments: show_data(arguments.offline_directory))
    check = commands.add_parser(
        "check", help="whether dropout masks cut a network of given widths (any module: dropatlas.check.check_module)"
    )
    check.add_argument("--widths", required=True, help="widths of all layers, input and output included: 64,64,10")
    check.add_argument("--drop-rate", type=float, required=True, help="removal probability p")
    check.add_argument("--model", choices=("site", "bond"), default="site", help="dropout (site) or dropconnect (bond)")
    check.add_argument(
        "--masks",
        choices=("sample", "step"),
        help="drawn for every sample (default for site, as nn.Dropout) or every step (default for bond)",
    )
    check.add_argument("--batch-size", type=int, help="samples of a step")
    check.add_argument("--steps", type=int, help="planned training steps")
    check.add_argument("--learning-rate", type=float, help="planned constant learning rate; needs --steps")
    check.set_defaults(answer=show_check)
    verify = commands.add_parser("verify", help="whether results are current, and as they were made")
    verify.add_argument("results", type=Path, help="folder such as results/quick")
    verify.set_defaults(answer=lambda arguments: show_verification(arguments.results))
    compare = commands.add_parser("compare", help="verdicts and tables of two runs side by side, and what changed")
    compare.add_argument("first", type=Path, help="folder such as results/quick")
    compare.add_argument("second", type=Path, help="folder such as results/standard")
    compare.set_defaults(answer=lambda arguments: show_comparison(arguments.first, arguments.second))
    snapshot = commands.add_parser("snapshot", help="renew results/published/ and the README's scorecard from a run")
    snapshot.add_argument("results", type=Path, help="folder of a finished run, such as results/standard")
    snapshot.add_argument(
        "--reports", nargs="+", default=[], help="renew these alone, such as percolation (default: all)"
    )
    snapshot.set_defaults(answer=lambda arguments: take_snapshot(arguments.results, arguments.reports))
    pack = commands.add_parser("pack", help="put finished results into one archive, to be restored elsewhere")
    pack.add_argument("results", type=Path, help="folder such as results/standard")
    pack.add_argument("--output", type=Path, help="the archive (default: dropatlas-<scale>.tar.gz)")
    pack.set_defaults(answer=lambda arguments: pack_results(arguments.results, arguments.output))
    restore = commands.add_parser("restore", help="put packed results back, checked file by file")
    restore.add_argument("archive", type=Path, help="file of `dropatlas pack`")
    restore.set_defaults(answer=lambda arguments: restore_results(arguments.archive))
    ahead = commands.add_parser("forecast", help="hours, memory and disk of a scale, from recorded runs")
    ahead.add_argument("--scale", choices=SCALES, required=True)
    ahead.add_argument("--results", type=Path, default=Path("results"), help="folder of the recorded runs")
    ahead.add_argument("--cores", type=int, default=os.cpu_count(), help="cores the run may use (default: all here)")
    ahead.set_defaults(answer=lambda arguments: show_forecast(arguments.scale, arguments.results, arguments.cores))
    arguments = parser.parse_args()
    try:
        print(arguments.answer(arguments))
    except (ValueError, OSError) as error:
        sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
