"""A set that needs no download, as one memory-mapped file."""

from pathlib import Path

from dropatlas.data import digits5k, save, shapes10
from dropatlas.tasks.runner import guarded, logger, task_parser


def run(name: str, seed: int, shapes10_train: int, shapes10_test: int, output: Path) -> None:
    """Make the set `name`; digits5k has its own sizes."""
    data = digits5k(seed) if name == "digits5k" else shapes10(seed, shapes10_train, shapes10_test)
    save(data, output)
    logger.info("%s: %d training, %d test images", data.label, len(data.train_labels), len(data.test_labels))


if __name__ == "__main__":
    parser = task_parser("dropatlas.tasks.data.prepare_embedded", name=str, seed=int)
    parser.add_argument("--train", type=int, help="training images of shapes10")
    parser.add_argument("--test", type=int, help="test images of shapes10")
    arguments = parser.parse_args()
    sizes = (arguments.train, arguments.test)
    guarded(arguments.log, lambda: run(arguments.name, arguments.seed, *sizes, arguments.output))
