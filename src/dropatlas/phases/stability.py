"""The largest learning rate at which training stays stable, without a mask and under random metrics.

Defined beforehand: a run is stable if it has learned, that is, if the risk is below a small share of its initial value
throughout the last tenth of its steps, and never exceeded a million times that value. (A risk that is merely below its
initial value is no sign of stability where the activation is bounded: such networks bounce about at any rate and cannot
blow up.) The largest stable rate of a network is found by bisection of log τ; the answer presumes that a rate above an
unstable one is unstable too, and that the smallest rate is large enough to learn in the steps of a trial; where it is
unstable with one mask for all neurons it is halved, down to q times as much.

Metrics, each with multipliers of mean 1 on the gradient:
    none      no mask.
    ram       a mask per neuron (random metric): 1/q with probability q, else 0.
    common    one mask for all neurons of a network: a random learning rate. A control: its steps of single neurons are
              as long as those of ram, but nothing averages over neurons, so that the sharpness is not bypassed.

Source: arXiv 2510.07554 (sharpness bypass); definition of stability and the control are ours.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from dropatlas.phases.dynamics import Multipliers, Rule, draw_mask, outputs, risk, step
from dropatlas.phases.names import METRICS

BLOWN_UP = 1e6  # risk over initial risk from which on a run counts as diverged


def metric_mask(rng: np.random.Generator, metric: str, networks: int, width: int, keep_rate: float) -> Tensor:
    """Multipliers of one step, shape (networks, width).

    Raises:
        ValueError: Unknown metric, or keep_rate outside (0, 1].
    """
    if metric == "none":
        return torch.ones(networks, width)
    if metric not in METRICS:
        raise ValueError(f"metric must be one of {', '.join(METRICS)}, got {metric!r}")
    if metric == "ram":
        return draw_mask(rng, (networks, width), keep_rate)
    return draw_mask(rng, (networks, 1), keep_rate).expand(networks, width)


def train(
    activation: str,
    loss: str,
    metric: str,
    keep_rate: float,
    particles: Tensor,
    inputs: Tensor,
    targets: Tensor,
    rates: Tensor,
    steps: int,
    learned: float,
    rng: np.random.Generator,
    observe: Callable[[int, Tensor, Tensor], None] | None = None,
) -> tuple[Tensor, Tensor]:
    """Train several networks, each at its own rate; those that blow up are not followed any further.

    Args:
        activation: Name of the activation.
        loss: Name of the loss.
        metric: One of METRICS.
        keep_rate: q of the masks.
        particles: Shape (S, n, 1 + d).
        inputs: Shape (S, N, d).
        targets: Shape (S, N).
        rates: Master rates τ, shape (S,).
        steps: Number of steps.
        learned: Largest risk over the initial one of a stable run, in the last tenth of the steps.
        rng: Stream of the masks; equal streams give equal masks at all rates.
        observe: Called with (steps done, particles of all networks, multipliers of the step to come, (S, n)) before
            every step and after the last.

    Returns:
        Largest risk of the last tenth of the steps over the initial risk, inf for those that blew up, shape (S,); and
        whether the run was stable, shape (S,).
    """
    rule = Rule(1.0, activation, loss)
    state, running = particles.clone(), torch.arange(len(particles))
    initial = risk(rule, outputs(rule, particles, inputs), targets)
    worst = torch.zeros(len(particles), dtype=initial.dtype)
    for number in range(steps + 1):
        # all masks are drawn, also of networks that are not followed, so that streams stay aligned
        drawn = metric_mask(rng, metric, len(particles), particles.shape[1], keep_rate).to(rates)
        if observe is not None:
            observe(number, state, drawn)
        mask = rates[:, None] * drawn
        taken = step(rule, state[running], inputs[running], targets[running], Multipliers(None, mask[running]))
        ratio = taken.risk / initial[running]
        alive = ratio.isfinite() & (ratio <= BLOWN_UP)
        if number > steps - max(1, steps // 10):
            worst[running] = torch.maximum(worst[running], ratio)
        worst[running[~alive]] = torch.inf
        state[running[~alive]] = torch.nan
        running = running[alive]
        if number < steps:
            state[running] = taken.particles[alive]
        if not len(running):
            break
    return worst, worst < learned


def bisect_rates(
    stable: Callable[[Tensor], Tensor], lowest: float, highest: float, networks: int, rounds: int, halvings: int = 0
) -> tuple[Tensor, Tensor]:
    """Bracket the largest stable rate of every network by bisection of its logarithm.

    Args:
        stable: Tells for one rate per network, shape (S,), which of them are stable.
        lowest: Rate that is tried first.
        highest: Rate that is tried second; where it is stable the bracket is (highest, inf).
        networks: Number of networks S.
        rounds: Halvings of the bracket.
        halvings: How often the lowest rate is halved where it is unstable; where it still is the bracket begins at 0.

    Returns:
        Largest rate found stable and smallest rate found unstable, each of shape (S,).

    Raises:
        ValueError: not 0 < lowest < highest.
    """
    if not 0 < lowest < highest:
        raise ValueError(f"rates must satisfy 0 < lowest < highest, got {lowest=}, {highest=}")
    low, high = torch.full((networks,), lowest), torch.full((networks,), highest)
    below, above = ~stable(low), stable(high)
    for _ in range(halvings):
        if not below.any():
            break
        low, high, above = torch.where(below, low / 2, low), torch.where(below, low, high), above & ~below
        below = ~stable(low)
    least = low
    for _ in range(rounds):
        middle = (low * high).sqrt()
        holds = stable(middle)
        low, high = torch.where(holds, middle, low), torch.where(holds, high, middle)
    low = torch.where(below, torch.zeros_like(low), torch.where(above, torch.full_like(low, highest), low))
    high = torch.where(below, least, torch.where(above, torch.full_like(high, torch.inf), high))
    return low, high
