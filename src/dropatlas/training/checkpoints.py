"""The file a killed run goes on from."""

import logging
from pathlib import Path
from typing import Any

from dropatlas.checkpoints import keep_state, kept_state

logger = logging.getLogger("dropatlas")


class Checkpoint:
    """State of a run after its last finished epoch, in one file that is always whole.

    Args:
        path: The file; None keeps nothing.
        identity: Text that tells this run from every other (settings, seed, data, code): a file of another run is not
            picked up.
    """

    def __init__(self, path: Path | None, identity: str) -> None:
        self._path, self._identity = path, identity

    def load(self) -> dict[str, Any] | None:
        """What was kept of this run; None if nothing (readable) was."""
        state = None if self._path is None else kept_state(self._path)
        if state is None:
            return None
        if state.pop("identity", None) != self._identity:
            logger.warning("%s belongs to a run with other settings, data or code: starting over", self._path)
            return None
        return state

    def save(self, state: dict[str, Any]) -> None:
        """Keep tensors, numbers, texts and containers of them."""
        if self._path is not None:
            keep_state(self._path, state | {"identity": self._identity})
