"""Random streams derived by name from one root seed, so that adding an experiment changes no other."""

import hashlib

import numpy as np


def seed_sequence(seed: int, *names: str | float) -> np.random.SeedSequence:
    """Seed of the stream called `names` under the root `seed`.

    Args:
        seed: Root seed, a non-negative integer.
        names: What the stream is for, from the general to the special, such as `"crossing", "bond", 0.4, 64`.

    Returns:
        A seed sequence; equal arguments give equal streams, any other name gives an independent one.

    Raises:
        ValueError: seed is negative.
    """
    if seed < 0:
        raise ValueError(f"seed must be a non-negative integer, got {seed}")
    digest = hashlib.sha256("\x1f".join(repr(name) for name in names).encode()).digest()
    return np.random.SeedSequence([seed, *np.frombuffer(digest, dtype=np.uint32).tolist()])


def generator(seed: int, *names: str | float) -> np.random.Generator:
    """NumPy generator of the stream called `names` (see `seed_sequence`)."""
    return np.random.Generator(np.random.SFC64(seed_sequence(seed, *names)))
