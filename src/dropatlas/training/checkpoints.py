"""The file a killed run goes on from."""

import logging
from pathlib import Path
from typing import Any

import torch

from dropatlas.files import whole_file

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
        if self._path is None or not self._path.exists():
            return None
        try:
            state = torch.load(self._path, map_location="cpu", weights_only=True)
            identity = state.pop("identity")
        except Exception as error:
            # Whatever is wrong with the file, training from the start is right, only slower.
            logger.warning("cannot resume from %s (%s: %s): starting over", self._path, type(error).__name__, error)
            return None
        if identity != self._identity:
            logger.warning("%s belongs to a run with other settings, data or code: starting over", self._path)
            return None
        return state

    def save(self, state: dict[str, Any]) -> None:
        """Keep tensors, numbers, texts and containers of them."""
        if self._path is None:
            return
        with whole_file(self._path) as part:
            torch.save(state | {"identity": self._identity}, part)
