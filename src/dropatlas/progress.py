"""Progress of long jobs as log lines, so that a terminal and a log file show the same."""

import logging
from collections.abc import Iterable, Iterator
from typing import Generic, TypeVar

from tqdm import tqdm

T = TypeVar("T")

logger = logging.getLogger("dropatlas")


class LoggedProgress(tqdm, Generic[T]):  # type: ignore[type-arg]  # tqdm takes no parameter at run time
    """A tqdm bar that writes one log line every few seconds instead of redrawing a terminal line.

    Call `set_postfix_str("p=0.4 W=64", refresh=False)` in the loop to name the cell at work.
    """

    def __init__(self, iterable: Iterable[T], description: str, unit: str = "cell", total: int | None = None) -> None:
        super().__init__(
            iterable,
            desc=description,
            unit=unit,
            total=total,
            mininterval=5.0,
            miniters=1,
            bar_format="{desc}: {n_fmt}/{total_fmt} {unit}s, {elapsed} elapsed, {remaining} to go{postfix}",
        )

    def __iter__(self) -> Iterator[T]:
        """The items (tqdm's own iterator, with their type)."""
        return super().__iter__()

    def display(self, msg: str | None = None, pos: int | None = None) -> None:
        """Write the state as a log line (tqdm's hook)."""
        logger.info("%s", msg or str(self))
