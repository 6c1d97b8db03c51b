"""Gradient descent with dropout on two-layer networks f = (1/n) Σ_i φ(x_i, ·), and its variants.

One step of every variant is x_i ← x_i - τ b_i ∇_x⟨φ(x_i), ℓ'(f̂, y)⟩/N with f̂ = (1/n) Σ_j c_j φ(x_j): forward
multipliers c, backward multipliers b, either 1 or a mask that is 1/q with probability q and else 0 (mean 1). The
parameter learning rate is n·τ, so that the 1/n of the output cancels.

Variants:
    none: c = b = 1.
    dropout: c = b = mask.
    ram: random metric: c = 1, b = mask.
    pn_ram: propagation noise and random metric: c = a second, independent mask, b = mask.
    forward: c = mask, b = 1.

All variants of one experiment get the same masks (`multipliers`), so that their networks are coupled.

Source: arXiv 2510.07554, Sections 2 and 4.4.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from dropatlas.phases.losses import LOSSES
from dropatlas.phases.names import VARIANTS
from dropatlas.phases.neurons import activation, features, pullback


@dataclass(frozen=True)
class Rule:
    """How networks are trained.

    Attributes:
        learning_rate: Master rate τ, positive; the parameter learning rate is n·τ.
        activation: Name in `neurons.ACTIVATIONS`.
        loss: Name in `losses.LOSSES`.
        bound: After every step |a_i| and |w_i| are projected to at most this; None: no constraint.

    Raises:
        ValueError: A value out of range, or an unknown name; the message lists what exists.
    """

    learning_rate: float
    activation: str = "relu"
    loss: str = "squared"
    bound: float | None = None

    def __post_init__(self) -> None:
        if not (self.learning_rate > 0 and math.isfinite(self.learning_rate)):
            raise ValueError(f"learning_rate must be positive and finite, got {self.learning_rate}")
        activation(self.activation)
        if self.loss not in LOSSES:
            raise ValueError(f"loss must be one of {', '.join(LOSSES)}, got {self.loss!r}")
        if self.bound is not None and not self.bound > 0:
            raise ValueError(f"bound must be positive (or None: unconstrained), got {self.bound}")


class Multipliers(NamedTuple):
    """What multiplies every neuron's output and every neuron's gradient in one step; None stands for ones."""

    forward: Tensor | None
    backward: Tensor | None


class Step(NamedTuple):
    """Outcome of one step.

    Attributes:
        particles: After the step, shape (..., n, 1 + d).
        outputs: f̂ as the step saw it, with its forward multipliers, shape (..., N).
        risk: Mean loss of these outputs, shape (...).
        diverged: Whether outputs or new particles stopped being finite, shape (...).
    """

    particles: Tensor
    outputs: Tensor
    risk: Tensor
    diverged: Tensor


def draw_mask(rng: np.random.Generator, shape: tuple[int, ...], keep_rate: float) -> Tensor:
    """Multipliers 1 + η: 1/q with probability q, else 0; mean 1.

    Drawn on the CPU in single precision whatever the device and precision of the networks, so that equal streams give
    equal masks everywhere.

    Args:
        rng: Stream of the masks.
        shape: Shape of the result, neurons last.
        keep_rate: q in (0, 1].

    Raises:
        ValueError: keep_rate outside (0, 1].
    """
    if not 0 < keep_rate <= 1:
        raise ValueError(f"keep_rate must be in (0, 1], got {keep_rate}")
    kept = rng.random(shape, dtype=np.float32) < keep_rate
    return torch.from_numpy(kept).float().div_(keep_rate)


def multipliers(variant: str, mask: Tensor, second: Tensor | None = None) -> Multipliers:
    """Forward and backward multipliers of a variant.

    Args:
        variant: One of `VARIANTS`.
        mask: The mask that all variants share.
        second: The independent forward mask, of the same shape; only `pn_ram` needs it.

    Raises:
        ValueError: Unknown variant, or `pn_ram` without a second mask.
    """
    if variant == "pn_ram" and second is None:
        raise ValueError("variant pn_ram needs a second, independent mask for its forward pass")
    known = {
        "none": Multipliers(None, None),
        "dropout": Multipliers(mask, mask),
        "ram": Multipliers(None, mask),
        "pn_ram": Multipliers(second, mask),
        "forward": Multipliers(mask, None),
    }
    if variant not in known:
        raise ValueError(f"variant must be one of {', '.join(VARIANTS)}, got {variant!r}")
    return known[variant]


def outputs(rule: Rule, particles: Tensor, inputs: Tensor, forward: Tensor | None = None) -> Tensor:
    """f̂ = (1/n) Σ_i c_i φ(x_i).

    Args:
        rule: For the activation.
        particles: Shape (..., n, 1 + d).
        inputs: Shape (N, d) or (..., N, d).
        forward: c, shape (..., n); None: ones.

    Returns:
        Shape (..., N).
    """
    phi = features(activation(rule.activation), particles, inputs)
    if forward is None:
        return phi.mean(-2)
    return (forward[..., None, :] @ phi)[..., 0, :] / particles.shape[-2]


def risk(rule: Rule, predicted: Tensor, targets: Tensor) -> Tensor:
    """Mean loss over the data, shape (...), of outputs of shape (..., N)."""
    return LOSSES[rule.loss].value(predicted, targets).mean(-1)


def project(particles: Tensor, bound: float) -> Tensor:
    """The nearest particles with |a| <= bound and |w| <= bound."""
    output = particles[..., :1].clamp(-bound, bound)
    norm = particles[..., 1:].norm(dim=-1, keepdim=True)
    return torch.cat([output, particles[..., 1:] * (bound / norm).clamp(max=1.0)], dim=-1)


def step(rule: Rule, particles: Tensor, inputs: Tensor, targets: Tensor, masks: Multipliers) -> Step:
    """One step on the given data (the whole set, or a minibatch), any activation and loss.

    Leading dimensions are variants, seeds, widths: anything that is trained alike.

    Args:
        rule: Learning rate, activation, loss, constraint.
        particles: Shape (..., n, 1 + d), output weight first; not changed.
        inputs: Shape (N, d) or (..., N, d).
        targets: Shape (N,) or (..., N).
        masks: Multipliers of shape (..., n) or (n,).

    Returns:
        The new particles and what the step saw.
    """
    # A mask of shape (n,) with batched networks is the shared mask of all of them.
    given = [mask if mask is None else mask.to(particles).expand(particles.shape[:-1]) for mask in masks]
    forward, backward = given
    seen = outputs(rule, particles, inputs, forward)
    residual = LOSSES[rule.loss].first(seen, targets)
    gradient = pullback(activation(rule.activation), particles, inputs, residual)
    if backward is not None:
        gradient = backward[..., None] * gradient
    moved = particles - (rule.learning_rate / inputs.shape[-2]) * gradient
    if rule.bound is not None:
        moved = project(moved, rule.bound)
    finite = seen.isfinite().all(-1) & moved.isfinite().flatten(-2).all(-1)
    return Step(moved, seen, risk(rule, seen, targets), ~finite)


def rms_distance(particles: Tensor, others: Tensor) -> Tensor:
    """sqrt(mean_i |x_i - x'_i|²) between coupled networks of shape (..., n, 1 + d); shape (...)."""
    return (particles - others).square().sum(-1).mean(-1).sqrt()


class Seen(NamedTuple):
    """Outputs of all variants before a step: on the training inputs with its masks, on held-out inputs without.

    No held-out outputs, shape (variants, 0), where they were not asked for.
    """

    training: Tensor
    held_out: Tensor


class FullBatchReLU:
    """Full-batch steps of unconstrained ReLU networks, all variants of one seed, about twice as fast as `step`.

    ReLU is homogeneous, σ(u) = u·1[u > 0], so that with m_i = Σ_k 1[u_ik > 0] r_k z_k the gradient of a neuron is
    (w_i·m_i, a_i m_i): one product backward. Neurons are worked on in blocks whose products with all inputs stay in
    the cache of a core; buffers are reused; a dropped neuron is not differentiated and, where it is dropped in the
    forward pass too, not run on the training inputs. Not to be shared between threads: one object for each.

    Args:
        rule: Activation relu, no bound; any loss.
        inputs: Training inputs, shape (N, d).
        targets: Shape (N,).
        held_out_inputs: Inputs that are measured on before a step where that is asked for, shape (M, d).
        variants: Names in `VARIANTS`.
        block: Neurons per block.

    Raises:
        ValueError: The rule is one that only `step` can do.
    """

    def __init__(
        self,
        rule: Rule,
        inputs: Tensor,
        targets: Tensor,
        held_out_inputs: Tensor,
        variants: Sequence[str],
        block: int = 384,
    ) -> None:
        if rule.activation != "relu" or rule.bound is not None:
            raise ValueError(f"FullBatchReLU takes relu without a bound, got {rule}; use `step`")
        self._rate = rule.learning_rate / len(inputs)
        self._residual = LOSSES[rule.loss].first
        self._inputs, self._targets, self._held_out_inputs = inputs, targets, held_out_inputs
        self._variants, self._block = tuple(variants), block
        self._weighted = torch.empty_like(inputs.T, memory_format=torch.contiguous_format)
        self._scratch = inputs.new_empty(len(held_out_inputs) * block)
        self._tiles = self._moments = inputs.new_empty(0)

    def advance(self, networks: Tensor, mask: Tensor, second: Tensor | None = None, held_out: bool = True) -> Seen:
        """One step of every variant, changing `networks` in place.

        Args:
            networks: Particles of every variant, shape (variants, n, 1 + d), contiguous, of the inputs' type.
            mask: The mask they share, shape (n,).
            second: The second forward mask, shape (n,); only `pn_ram` needs it.
            held_out: Whether to run the held-out inputs, too.

        Returns:
            Outputs before the step, shapes (variants, N) and (variants, M).
        """
        return self._pass(networks, mask, second, held_out, update=True)

    def look(self, networks: Tensor, mask: Tensor, second: Tensor | None = None) -> Seen:
        """What `advance` would return, without the step."""
        return self._pass(networks, mask, second, measured=True, update=False)

    def _pass(self, networks: Tensor, mask: Tensor, second: Tensor | None, measured: bool, update: bool) -> Seen:
        kept = mask != 0
        order = torch.cat([kept.nonzero()[:, 0], (~kept).nonzero()[:, 0]])  # what is dropped comes last
        active, count = int(kept.sum()), len(mask)
        ordered, mask = networks.index_select(1, order), mask[order]
        second = None if second is None else second[order]
        self._reserve(count)
        training = ordered.new_zeros(len(ordered), len(self._targets))
        held_out = ordered.new_zeros(len(ordered), len(self._held_out_inputs) if measured else 0)
        scale = ordered.new_full((len(ordered), count), self._rate)
        for row, variant in enumerate(self._variants):
            masks = multipliers(variant, mask, second)
            used = active if masks.forward is masks.backward is mask else count
            self._forward(ordered[row], used, masks.forward, training[row])
            if measured:
                self._forward_held_out(ordered[row], held_out[row])
            if update:
                if masks.backward is not None:
                    scale[row] *= masks.backward
                residual = self._residual(training[row], self._targets)
                self._differentiate(residual, used, count if masks.backward is None else active, self._moments[row])
        if update:
            moments = self._moments.mT
            scaled = (scale * ordered[..., 0])[..., None]
            ordered[..., 0] -= scale * (ordered[..., 1:] * moments).sum(-1)
            ordered[..., 1:] -= moments.mul_(scaled)
            networks.index_copy_(1, order, ordered)
        return Seen(training, held_out)

    def _reserve(self, count: int) -> None:
        """Buffers for n neurons; moments start as zeros, since those of dropped neurons are never computed."""
        size = -(-count // self._block) * self._block * len(self._inputs)
        if self._tiles.numel() < size:
            self._tiles = self._inputs.new_empty(size)
        shape = (len(self._variants), self._inputs.shape[1], count)
        if self._moments.shape != shape:
            self._moments = self._inputs.new_empty(shape)
        self._moments.zero_()

    def _blocks(self, count: int) -> Iterator[tuple[slice, Tensor]]:
        """Blocks of the first `count` neurons, each with the place where its activations are kept, shape (N, block)."""
        samples = len(self._inputs)
        for start in range(0, count, self._block):
            stop = min(start + self._block, count)
            yield slice(start, stop), self._tiles[start * samples : stop * samples].view(samples, -1)

    def _forward(self, particles: Tensor, used: int, forward: Tensor | None, total: Tensor) -> None:
        """Outputs on the training inputs into `total`; keeps σ(u) of the first `used` neurons for the gradient."""
        weights = particles[:, 0].contiguous() if forward is None else particles[:, 0] * forward
        hidden = particles[:used, 1:].T.split(self._block, 1)
        parts = zip(self._blocks(used), hidden, weights[:used].split(self._block), strict=False)
        for (_, tile), part, weight in parts:  # not strict: of no neurons there is no block, but one (empty) part
            torch.mm(self._inputs, part, out=tile)
            total.addmv_(tile.relu_(), weight)
        total.div_(len(particles))

    def _forward_held_out(self, particles: Tensor, total: Tensor) -> None:
        """Outputs on the held-out inputs, without masks, into `total`."""
        hidden, weights = particles[:, 1:].T, particles[:, 0].contiguous()
        for part, weight in zip(hidden.split(self._block, 1), weights.split(self._block), strict=True):
            tile = self._scratch[: len(total) * len(weight)].view(len(total), -1)
            torch.mm(self._held_out_inputs, part, out=tile)
            total.addmv_(tile.relu_(), weight)
        total.div_(len(particles))

    def _differentiate(self, residual: Tensor, used: int, differentiated: int, moments: Tensor) -> None:
        """m_i of the first `differentiated` of `used` neurons into `moments` (d, n); overwrites kept activations."""
        torch.mul(self._inputs.T, residual, out=self._weighted)
        for rows, tile in self._blocks(used):
            if rows.start < differentiated:
                wanted = moments[:, rows.start : min(rows.stop, differentiated)]
                torch.mm(self._weighted, tile[:, : wanted.shape[1]].sign_(), out=wanted)
