"""A set of the catalogue, fetched or found, checked, as one memory-mapped file."""

from pathlib import Path

from dropatlas.data import DataSettings, DataUnavailableError, load_catalog, prepare
from dropatlas.tasks.runner import guarded, logger, task_parser


def run(name: str, catalog: Path, output: Path) -> None:
    """Prepare the set `name` with the data settings of this run."""
    data = prepare(name, DataSettings.handed_over(), load_catalog(catalog), output)
    logger.info("%s: %d training, %d test images", data.label, len(data.train_labels), len(data.test_labels))


if __name__ == "__main__":
    arguments = task_parser("dropatlas.tasks.data.prepare_official", name=str, catalog=Path).parse_args()
    guarded(
        arguments.log,
        lambda: run(arguments.name, arguments.catalog, arguments.output),
        expected=(DataUnavailableError,),
    )
