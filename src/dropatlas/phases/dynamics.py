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
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from dropatlas.phases.losses import LOSSES
from dropatlas.phases.names import VARIANTS
from dropatlas.phases.neurons import activation, features, pullback
from dropatlas.phases.relu_kernels import Passes


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
    """Outputs of all variants before a step: on the training inputs with its masks, on held-out inputs without."""

    training: Tensor
    held_out: Tensor


class FullBatchReLU:
    """Full-batch steps of unconstrained ReLU networks, all variants of one seed, several times as fast as `step`.

    ReLU is homogeneous, σ(u) = u·1[u > 0], so that with m_i = Σ_k 1[u_ik > 0] r_k z_k the gradient of a neuron is
    (w_i·m_i, a_i m_i): one product backward. A dropped neuron is not differentiated and, where it is dropped in the
    forward pass too, not run on the training inputs. Not to be shared between threads: one object for each.

    Args:
        rule: Activation relu, no bound; any loss.
        inputs: Training inputs, shape (N, d).
        targets: Shape (N,).
        held_out_inputs: Inputs that are measured on, shape (M, d).
        variants: Names in `VARIANTS`.
        compiled: Whether compiled loops are used, which run on the CPU, or `step`; None: where the inputs are there.

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
        compiled: bool | None = None,
    ) -> None:
        if rule.activation != "relu" or rule.bound is not None:
            raise ValueError(f"FullBatchReLU takes relu without a bound, got {rule}; use `step`")
        self._rule, self._variants = rule, tuple(variants)
        self._inputs, self._targets, self._held_out_inputs = inputs, targets, held_out_inputs
        self._compiled = inputs.device.type == "cpu" if compiled is None else compiled
        self._passes: Passes | None = None

    def advance(self, networks: Tensor, mask: Tensor, second: Tensor | None = None, held_out: bool = True) -> Seen:
        """One step of every variant, changing `networks` in place.

        Args:
            networks: Particles of every variant, shape (variants, n, 1 + d), contiguous, of the inputs' type.
            mask: The mask they share, shape (n,), of the same type.
            second: The second forward mask, shape (n,); only `pn_ram` needs it.
            held_out: Whether the held-out inputs are measured on, which costs over half as much as the step itself.

        Returns:
            Outputs before the step, shapes (variants, N) and (variants, M), or (variants, 0) without held-out inputs.
        """
        return self._pass(networks, mask, second, held_out, update=True)

    def look(self, networks: Tensor, mask: Tensor, second: Tensor | None = None, held_out: bool = True) -> Seen:
        """What `advance` would return, without the step."""
        return self._pass(networks, mask, second, held_out, update=False)

    def _pass(self, networks: Tensor, mask: Tensor, second: Tensor | None, held_out: bool, update: bool) -> Seen:
        training = networks.new_empty(len(networks), len(self._targets))
        measured = networks.new_empty(len(networks), len(self._held_out_inputs) if held_out else 0)
        run = self._compiled_pass if self._compiled else self._general_pass
        run(networks, mask, second, training, measured, update)
        return Seen(training, measured)

    def _general_pass(
        self, networks: Tensor, mask: Tensor, second: Tensor | None, training: Tensor, measured: Tensor, update: bool
    ) -> None:
        for row, variant in enumerate(self._variants):
            network, masks = networks[row], multipliers(variant, mask, second)
            if measured.numel():
                measured[row] = outputs(self._rule, network, self._held_out_inputs)
            if update:
                moved = step(self._rule, network, self._inputs, self._targets, masks)
                training[row] = moved.outputs
                network.copy_(moved.particles)
            else:
                training[row] = outputs(self._rule, network, self._inputs, masks.forward)

    def _compiled_pass(
        self, networks: Tensor, mask: Tensor, second: Tensor | None, training: Tensor, measured: Tensor, update: bool
    ) -> None:
        count = len(mask)
        if self._passes is None or self._passes.count != count:
            self._passes = Passes(self._inputs.numpy(), self._held_out_inputs.numpy(), count)
        kept = mask != 0
        order = torch.cat([kept.nonzero()[:, 0], (~kept).nonzero()[:, 0]])  # what is dropped comes last
        active, mask, second = int(kept.sum()), mask[order], None if second is None else second[order]
        rates = mask.new_full((count,), self._rule.learning_rate / len(self._inputs))
        masked_rates = (rates * mask)[:active]
        particles, places, seen, unmasked = (part.numpy() for part in (networks, order, training, measured))
        for row, variant in enumerate(self._variants):
            masks = multipliers(variant, mask, second)
            used = active if masks.forward is masks.backward is mask else count
            self._passes.load(particles[row], places)
            seen[row] = self._passes.training(used, 1.0 if masks.forward is None else masks.forward.numpy())
            if measured.numel():
                unmasked[row] = self._passes.held_out()
            if update:
                residual = LOSSES[self._rule.loss].first(training[row], self._targets)
                self._passes.descend(residual.numpy(), (rates if masks.backward is None else masked_rates).numpy())
