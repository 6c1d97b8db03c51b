"""Teacher, data, students and masks of the reference code's runs, from their keys (`phases.reference_runs`)."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from dropatlas.phases.reference_runs import FIGURE, FIGURE_REPEATS, FIGURE_WIDTHS, READ_OFF, Runs
from dropatlas.phases.teacher_student import Problem
from dropatlas.phases.threefry import Jax, Key, prng_key

JAX = {FIGURE: Jax(partitionable=False), READ_OFF: Jax(partitionable=True)}
"""Layout of the counters with which the runs were made."""


def reference_problem(jax: Jax, dimension: int, samples: int, held_out: int, teachers: int) -> tuple[Problem, Key]:
    """Teacher and data of all runs, and the key that is left for the runs.

    Args:
        jax: Layout of the counters.
        dimension: Inputs d.
        samples: Training samples N.
        held_out: Held-out samples M.
        teachers: Neurons of the teacher.
    """
    rest, for_inputs, for_inner, for_outer, for_held_out = jax.split(prng_key(0), 5)
    inner = jax.normal(for_inner, (teachers, dimension)) / np.float32(np.sqrt(dimension))
    outer = jax.normal(for_outer, (1, teachers))[0] / np.float32(np.sqrt(teachers))
    data = []
    for key, count in ((for_inputs, samples), (for_held_out, held_out)):
        inputs = np.ascontiguousarray(jax.normal(key, (dimension, count)).T)
        data += [torch.from_numpy(inputs), torch.from_numpy(np.maximum(inputs @ inner.T, 0) @ outer)]
    return Problem(*data), rest


def run_key(runs: Runs, rest: Key, width: int, repeat: int) -> Key:
    """Key of one run.

    Raises:
        ValueError: a width or repeat that the figure does not have.
    """
    if runs == READ_OFF:
        return rest
    if width not in FIGURE_WIDTHS or not 0 <= repeat < FIGURE_REPEATS:
        raise ValueError(f"Figure 2 has {FIGURE_REPEATS} repeats of n = {FIGURE_WIDTHS}, not {repeat} of {width}")
    jax = JAX[runs]
    of_width = jax.split(rest, len(FIGURE_WIDTHS))[FIGURE_WIDTHS.index(width)]
    return jax.split(of_width, FIGURE_REPEATS)[repeat]


def reference_student(jax: Jax, key: Key, width: int, dimension: int) -> tuple[Tensor, Key]:
    """Initial neurons (a, w) of a run, shape (n, 1 + d), and the chain of keys that is left for its masks."""
    chain, for_inner, for_outer = jax.split(key, 3)
    inner = jax.normal(for_inner, (width, dimension)) / np.float32(np.sqrt(dimension))
    outer = jax.normal(for_outer, (1, width))[0]
    return torch.from_numpy(np.column_stack([outer, inner])), chain


def reference_masks(jax: Jax, chain: Key, width: int, keep_rate: float) -> Iterator[tuple[Tensor, Tensor]]:
    """The mask and the second forward mask of every step, each of shape (n,)."""
    while True:
        chain, key = jax.split(chain)
        mask, second = (jax.bernoulli(each, keep_rate, (width,)) / np.float32(keep_rate) for each in jax.split(key))
        yield torch.from_numpy(mask), torch.from_numpy(second)
