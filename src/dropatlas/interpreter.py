"""The Python that jobs run: the one that runs Snakemake, whether its environment is activated or not."""

import os
import sys
from pathlib import Path


def use_this_python() -> None:
    """Put the folder of the running interpreter first on PATH, so that `python` in a job's command is this one.

    The command itself names no path: it is part of what decides whether a result is up to date, and must be the same in
    every checkout.
    """
    os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
