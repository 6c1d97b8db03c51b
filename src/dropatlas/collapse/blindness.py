"""Blindness (ours): a step whose mask leaves no path teaches nothing about the inputs, with whatever optimiser.

Take a network whose vertices interact only along edges: each applies any activation to the weighted sum of its kept
edges, plus any bias; any loss. Let a mask leave no path from an input to an output vertex; a bias starts no path, as it
is a constant. The gradient of a parameter at vertex v is a sum over kept paths from v to the
output. There is none if an input reaches v, so that this gradient is zero. If none does, no input reaches a vertex on
these paths, nor a neighbour before v that a kept edge joins to it: all activations in the sum, and the output, are
functions of weights and mask alone, and the gradient is one of weights, mask and labels. So is the step, and by
induction the state of the optimiser. Two runs with the same start, masks and labels but other inputs X' are therefore
equal until the first step with a path, and by the coupling inequality

    TV(law of w_T given X, law of w_T given X') <= P(some of T steps has a path) = 1 - (1 - θ)^T <= T θ,

with 1 - (1 - θ)^(T B) where each of B samples has its own mask. This answers open question 3 of arXiv 2512.13853, whose
Theorem V.7 is about outputs, and about gradients without biases, for information; for movement the answer is no, as
biases and weights behind the cut move towards the labels. "Equal" is meant bit for bit, but for the sign of
zeros: masked activations are ±0 by the sign of what was masked, which no later sum or comparison tells apart.

Not covered: vertices that interact within their layer (layer, group or instance normalisation, softmax or a maximum
over hidden vertices). Under dropconnect a seeing vertex reaches blind ones through them. Under dropout of whole
vertices a cut of a fully connected network is an empty layer, which they do not cross.

Prediction: in training with `torch.optim` coupled pairs are equal until their first step with a path, differ right
after it (positive control), and so differ by step T with probability 1 - (1 - θ)^T; meanwhile parameters of networks
with biases move. What would refute it: one pair that differs before its first step with a path, a larger probability,
or biased networks that stay where they are. Pairs that hardly separate, or a smaller probability, decide nothing.

The inputs X' are the inputs X dealt to other labels: a network trained on X' cannot learn what one trained on X can.
Activations are smooth, as a ReLU network with a path may be dead and then does not separate.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.nn.functional import gelu
from torch.optim import SGD, Adam, AdamW, Optimizer

from dropatlas.collapse import masks
from dropatlas.collapse.blindness_settings import Blindness, MaskedNetwork
from dropatlas.collapse.problems import Problem
from dropatlas.randomness import generator

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {"tanh": torch.tanh, "sigmoid": torch.sigmoid, "gelu": gelu}
OPTIMISER_CLASSES: dict[str, Callable[..., Optimizer]] = {
    "SGD": SGD,
    "momentum": partial(SGD, momentum=0.9),
    "Adam": Adam,
    "AdamW": AdamW,
}


@dataclass(frozen=True)
class StepMasks:
    """Masks of a block of steps for N networks.

    Attributes:
        kept: One array per masked layer, True = kept, first axes (steps, N): vertices of the hidden layers, shape
            (steps, N, 1 or batch, W), or edges of all layers, shape (steps, N, W_in, W_out).
        crossed: Whether the step of a network has a path (with masks per sample: any sample), shape (steps, N).
    """

    kept: list[np.ndarray]
    crossed: np.ndarray


def draw_masks(network: MaskedNetwork, batch: int, pairs: int, seed: int, block: int) -> StepMasks:
    """Masks of `masks.BLOCK` steps, each pair's from its own stream."""
    p, depth, width = network.drop_rate, network.depth, network.width
    if network.model == "bond":
        bonds = [masks.draw_edge_masks(p, network.widths(), seed, pair, block) for pair in range(pairs)]
        edges = [np.stack(layers, axis=1) for layers in zip(*bonds, strict=True)]
        cuts = masks.edge_cuts([layer.reshape(-1, *layer.shape[2:]) for layer in edges])
        return StepMasks(edges, cuts.reshape(-1, pairs) == 0)
    if network.masks == "sample":
        drawn = [masks.draw_sample_masks(p, depth, width, batch, seed, pair, block) for pair in range(pairs)]
        kept = np.stack(drawn, axis=1)
    else:
        drawn = [masks.draw_vertex_masks(p, depth, width, seed, pair, block) for pair in range(pairs)]
        kept = np.stack(drawn, axis=1)[:, :, :, None]
    crossed = masks.vertex_cuts(np.moveaxis(kept, 3, 2)) == 0  # (steps, N, samples)
    return StepMasks([kept[:, :, layer] for layer in range(depth)], crossed.any(axis=-1))


def layer_sizes(network: MaskedNetwork) -> list[int]:
    """Numbers of parameters, layer by layer: weights, then biases."""
    sizes = ((w_in * w_out, w_out * network.biases) for w_in, w_out in pairwise(network.widths()))
    return [size for layer in sizes for size in layer]


def initial_parameters(network: MaskedNetwork, spread: float, count: int, rng: np.random.Generator) -> Tensor:
    """Normal parameters: weights of variance 1/W_in, biases of standard deviation `spread`; shape (count, P)."""
    scales = [scale for w_in in network.widths()[:-1] for scale in (w_in**-0.5, spread)]
    deviations = np.repeat(scales, layer_sizes(network))
    return torch.from_numpy(rng.standard_normal((count, deviations.size)) * deviations)


def outputs(network: MaskedNetwork, parameters: Tensor, x: Tensor, kept: Sequence[Tensor]) -> Tensor:
    """Outputs of N masked networks, shape (N, B, outputs).

    Args:
        network: Widths, activation, biases, and whether masks are of vertices or edges.
        parameters: Shape (N, P), in the order of `layer_sizes`.
        x: Inputs, shape (N, B, inputs).
        kept: A mask per layer as in `StepMasks`, of one step, as numbers 0 and 1.
    """
    parts, hidden = parameters.split(layer_sizes(network), dim=-1), x
    for layer, (w_in, w_out) in enumerate(pairwise(network.widths())):
        weight = parts[2 * layer].reshape(-1, w_in, w_out)
        if network.model == "bond":
            weight = weight * kept[layer]
        hidden = torch.bmm(hidden, weight)
        if network.biases:
            hidden = hidden + parts[2 * layer + 1].unsqueeze(1)
        if layer < network.depth:
            hidden = ACTIVATIONS[network.activation](hidden)
            if network.model == "site":
                hidden = hidden * kept[layer]
    return hidden


class Run:
    """N networks in training, an equal share of them under each kind of optimiser.

    Args:
        start: Initial parameters, shape (N, P).
        kinds: Optimiser and learning rate of each share.
    """

    def __init__(self, start: Tensor, kinds: Sequence[tuple[str, float]]) -> None:
        self.parameters = start.clone().requires_grad_()
        self._shares = self.parameters.detach().chunk(len(kinds))  # the same memory
        self._optimisers = [
            OPTIMISER_CLASSES[name]([share], lr=rate) for (name, rate), share in zip(kinds, self._shares, strict=True)
        ]

    def step(self, losses: Tensor) -> None:
        """One step of every optimiser on the sum of the networks' losses (each depends on its own network only)."""
        (gradient,) = torch.autograd.grad(losses.sum(), self.parameters)
        for share, part, optimiser in zip(
            self._shares, gradient.chunk(len(self._shares)), self._optimisers, strict=True
        ):
            share.grad = part
            optimiser.step()

    def differs(self, other: "Run") -> np.ndarray:
        """Networks whose parameters or optimiser state differ from another run's, shape (N,), bool; NaN equals NaN."""
        found = []
        for number, share in enumerate(self._shares):
            mine, others = self._held(number), other._held(number)
            differing = torch.zeros(len(share), dtype=torch.bool)
            for name, values in mine.items():
                both_nan = values.isnan() & others[name].isnan()
                differing |= ((values != others[name]) & ~both_nan).any(-1)
            found.append(differing)
        return torch.cat(found).numpy()

    def _held(self, number: int) -> dict[str, Tensor]:
        """Parameters and state of one share, by name; all of one row per network."""
        share = self._shares[number]
        state = self._optimisers[number].state[share]
        return {"": share, **{name: value for name, value in state.items() if torch.is_tensor(value) and value.ndim}}


def coupled_runs(network: MaskedNetwork, settings: Blindness, problem: Problem, seed: int) -> pd.DataFrame:
    """Train coupled pairs of one network to the second horizon: the same masks and labels, other inputs.

    Returns:
        One row per pair: optimiser, learning rate, `pair`, `first_crossed` and `first_different` (steps, from 1; 0:
        none within the horizon), `movement` (of the first run: ‖w_T - w_0‖/‖w_0‖, all parameters).
    """
    kinds, batch = settings.kinds(), settings.batch_size
    count, horizon = settings.pairs * len(kinds), settings.horizons(network)[1]
    names = (network.problem, network.model, network.masks, network.activation, int(network.biases))
    rng = generator(seed, "collapse", "blindness", *names, network.depth, network.width, network.drop_rate)
    start = initial_parameters(network, settings.spread, count, rng)
    samples = len(problem.train_x)
    others = problem.train_x.roll(int(rng.integers(1, samples)), 0)  # every input with another label
    runs = [(Run(start, kinds), problem.train_x), (Run(start, kinds), others)]
    first_crossed, first_different = (np.zeros(count, dtype=np.int64) for _ in range(2))
    for step in range(horizon):
        block, now = divmod(step, masks.BLOCK)
        if not now:
            drawn = draw_masks(network, batch, count, seed, block)
        kept = [torch.from_numpy(layer[now]).to(start.dtype) for layer in drawn.kept]
        chosen = torch.from_numpy(rng.integers(samples, size=(count, batch)))
        for run, inputs in runs:
            found = outputs(network, run.parameters, inputs[chosen], kept)
            run.step(problem.losses(found, problem.train_y[chosen]).mean(-1))
        first_crossed[(first_crossed == 0) & drawn.crossed[now]] = step + 1
        first_different[(first_different == 0) & runs[0][0].differs(runs[1][0])] = step + 1
    moved = (runs[0][0].parameters.detach() - start).norm(dim=-1) / start.norm(dim=-1)
    return pd.DataFrame(
        {
            "optimiser": np.repeat([name for name, _ in kinds], settings.pairs),
            "learning_rate": np.repeat([rate for _, rate in kinds], settings.pairs),
            "pair": np.arange(count),
            "first_crossed": first_crossed,
            "first_different": first_different,
            "movement": moved.numpy(),
        }
    )
