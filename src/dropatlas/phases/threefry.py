"""JAX's random numbers in numpy: the counter-based generator Threefry-2x32 and what JAX makes of its bits.

A key is two 32-bit words. How counters are laid out changed between versions: up to JAX 0.4.x by default one array of
counters is cut in two halves (`partitionable` false); from 0.5.0 on every 64-bit counter is a block of its own
(`jax_threefry_partitionable`, true). Equal keys give other numbers in the two layouts.

Sources: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3" (SC 2011), 20 rounds; JAX's documentation.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import erfinv

Key = np.ndarray
"""Two words, uint32, shape (2,)."""

PARITY = 0x1BD11BDA
ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))


def threefry(key: Key, first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Threefry-2x32-20 of many blocks.

    Args:
        key: Two words.
        first: First word of every block, uint32, any shape.
        second: Second word, same shape.

    Returns:
        First and second words of the encrypted blocks.
    """
    words = np.array([*key, key[0] ^ key[1] ^ np.uint32(PARITY)], dtype=np.uint32)
    one, two = first + words[0], second + words[1]
    for group in range(5):
        for bits in ROTATIONS[group % 2]:
            one = one + two
            two = (two << np.uint32(bits) | two >> np.uint32(32 - bits)) ^ one
        one = one + words[(group + 1) % 3]
        two = two + words[(group + 2) % 3 : (group + 2) % 3 + 1] + np.uint32(group + 1)
    return one, two


def prng_key(seed: int) -> Key:
    """`jax.random.PRNGKey` of a seed in [0, 2^32)."""
    return np.array([0, seed], dtype=np.uint32)


@dataclass(frozen=True)
class Jax:
    """Random functions of JAX, in single precision.

    Attributes:
        partitionable: Layout of the counters; JAX's default is false up to 0.4.x and true from 0.5.0 on.
    """

    partitionable: bool

    def split(self, key: Key, number: int = 2) -> np.ndarray:
        """So many new keys, shape (number, 2)."""
        if self.partitionable:
            counters = np.arange(number, dtype=np.uint32)
            return np.stack(threefry(key, np.zeros_like(counters), counters), axis=1)
        return self._bits(key, 2 * number).reshape(number, 2)

    def uniform(self, key: Key, shape: tuple[int, ...]) -> np.ndarray:
        """Uniform in [0, 1): 23 random bits as the fraction of a number in [1, 2), less 1."""
        bits = self._bits(key, int(np.prod(shape))) >> np.uint32(9) | np.uint32(0x3F800000)
        return bits.view(np.float32).reshape(shape) - np.float32(1)

    def normal(self, key: Key, shape: tuple[int, ...]) -> np.ndarray:
        """Standard normal numbers, √2 erf⁻¹ of uniform ones in (-1, 1).

        The inverse error function is computed in double precision; JAX's, in single precision, is off by up to 2e-5.
        """
        low = np.nextafter(np.float32(-1), np.float32(0))
        spread = np.maximum(low, self.uniform(key, shape) * (np.float32(1) - low) + low)
        return (np.sqrt(2) * erfinv(spread.astype(np.float64))).astype(np.float32)

    def bernoulli(self, key: Key, probability: float, shape: tuple[int, ...]) -> np.ndarray:
        """True with this probability."""
        return self.uniform(key, shape) < np.float32(probability)

    def _bits(self, key: Key, count: int) -> np.ndarray:
        counters = np.arange(count, dtype=np.uint32)
        if self.partitionable:
            one, two = threefry(key, np.zeros_like(counters), counters)
            return one ^ two
        padded = np.append(counters, np.zeros(count % 2, dtype=np.uint32))
        return np.concatenate(threefry(key, *np.split(padded, 2)))[:count]
