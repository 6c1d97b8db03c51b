"""Residual and convolutional networks under dropout, beside plain ones of the same width and depth (stacked, autograd).

Three topologies, all with tanh, without biases, masks shared by the minibatch, nothing rescaled:

plain: L hidden layers of W vertices, vertices dropped. Crossing probability (1 - p^W)^L.
residual: stream of W vertices, L blocks h <- h + V (m ⊙ tanh(U h)) / sqrt(L), branch vertices dropped. Some path
always exists; "a branch is open" has probability 1 - p^(W L).
convolution: L hidden 3x3 convolutions of W channels on the 7x7 image, whole channels dropped. Crossing probability
(1 - p^W)^L.

Prediction if paths decide: plain and convolution do not leave their start where θ·Σα << 1 and learn where θ·Σα >> 1,
the residual network always learns. At W = 1 a mask cuts the network or leaves it as it is, so that paths are all that
matters; wider networks also lose signal. What would refute it: a residual network that stalls where plain ones are
cut, a convolution that learns with θ·Σα << 1, or one that does not with θ·Σα >> 1.
"""

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import conv2d, pad

from dropatlas.collapse.masks import BLOCK, draw_vertex_masks, vertex_cuts
from dropatlas.collapse.members import TOPOLOGIES, gain_of
from dropatlas.collapse.problems import Problem
from dropatlas.percolation import residual_crossing_probability, site_crossing_probability
from dropatlas.randomness import generator

IMAGE = 7  # side of the pooled digits
KERNEL = 3


def _orthogonal(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    q, r = np.linalg.qr(rng.standard_normal((max(rows, columns), min(rows, columns))))
    q *= np.sign(np.diag(r))
    return q if rows >= columns else q.T


class Crossing(NamedTuple):
    """Crossing probabilities of one network.

    Attributes:
        plain: θ of the plain network of this depth and width.
        own: θ of the network itself (residual: 1).
        branch: Probability that some branch of a residual network is open; otherwise `own`.
    """

    plain: float
    own: float
    branch: float


def crossing_of(topology: str, drop_rate: float, width: int, depth: int) -> Crossing:
    """Crossing probabilities of a network of one of `TOPOLOGIES`."""
    plain = site_crossing_probability(drop_rate, width, depth)
    if topology != "residual":
        return Crossing(plain, plain, plain)
    branches = residual_crossing_probability("site", drop_rate, width, 1, depth)
    return Crossing(plain, 1.0, branches.non_identity_path)


class StackedTopology:
    """R members of one topology; the drop rates may differ, everything else is shared.

    Args:
        topology: One of `TOPOLOGIES`.
        depth: Hidden layers or blocks L.
        width: Vertices or channels W.
        drop_rates: Removal probability of each member, 0 for none, length R.
        gains: "plain" or "compensated" for each member (`networks`), length R.
        members: Random stream of each member, length R.
        problem: Digits, with inputs of 49 pixels.
        batch_size: Samples per step.
        learning_rate: Constant rate.
        seed: Root seed.

    Raises:
        ValueError: unknown topology.
    """

    def __init__(
        self,
        topology: str,
        depth: int,
        width: int,
        drop_rates: list[float],
        gains: list[str],
        members: list[int],
        problem: Problem,
        batch_size: int,
        learning_rate: float,
        seed: int,
    ) -> None:
        if topology not in TOPOLOGIES:
            raise ValueError(f"topology must be one of {', '.join(TOPOLOGIES)}, got {topology!r}")
        self.topology, self.depth, self.width, self.problem = topology, depth, width, problem
        self.drop_rates, self.members, self.batch_size = drop_rates, members, batch_size
        self.learning_rate, self.seed, self.step = learning_rate, seed, 0
        factors = [1.0 if topology == "residual" else gain_of(g, p) for g, p in zip(gains, drop_rates, strict=True)]
        stacked = [self._initial(index, factor) for index, factor in zip(members, factors, strict=True)]
        like = problem.train_x
        self.parameters = [
            torch.tensor(np.stack(part), dtype=like.dtype, device=like.device).requires_grad_()
            for part in zip(*stacked, strict=True)
        ]
        self._start = [part.detach().clone() for part in self.parameters]
        count = len(members)
        self.crossed = np.zeros(count)
        self.branch_open = np.zeros(count)
        self._crossed_loss, self._crossed_steps = np.zeros(count), np.zeros(count)
        self.diverged = np.zeros(count, dtype=bool)

    def _initial(self, member: int, factor: float) -> list[np.ndarray]:
        """Parameters of one member: in, hidden..., out."""
        rng = generator(self.seed, "collapse", "topology", self.topology, self.depth, self.width, member)
        w, inputs, outputs = self.width, self.problem.train_x.shape[1], self.problem.outputs
        if self.topology == "plain":
            hidden = [factor * _orthogonal(rng, w, w) for _ in range(self.depth - 1)]
            return [_orthogonal(rng, inputs, w), *hidden, factor * _orthogonal(rng, w, outputs)]
        if self.topology == "residual":
            branches = [_orthogonal(rng, w, w) for _ in range(2 * self.depth)]
            return [_orthogonal(rng, inputs, w), *branches, _orthogonal(rng, w, outputs)]
        # Orthogonal centre tap, other taps zero: trains at any depth (arXiv 1806.05393, delta-orthogonal).
        kernels = []
        for layer in range(self.depth):
            kernel = np.zeros((w, 1 if layer == 0 else w, KERNEL, KERNEL))
            centre = _orthogonal(rng, w, kernel.shape[1])
            kernel[:, :, KERNEL // 2, KERNEL // 2] = centre if layer == 0 else factor * centre
            kernels.append(kernel)
        return [*kernels, factor * _orthogonal(rng, w * IMAGE**2, outputs)]

    def _forward(self, x: Tensor, masks: Tensor, parameters: list[Tensor]) -> Tensor:
        """Outputs (R, B, outputs) for inputs (R, B, 49) and masks (L, R, 1, W) (factors of the hidden vertices)."""
        if self.topology == "convolution":
            return self._convolve(x, masks, parameters)
        h = torch.bmm(x, parameters[0])
        if self.topology == "plain":
            for layer in range(self.depth):
                h = torch.tanh(h if layer == 0 else torch.bmm(h, parameters[layer])) * masks[layer]
            return torch.bmm(h, parameters[-1])
        for block in range(self.depth):
            branch = torch.tanh(torch.bmm(h, parameters[1 + 2 * block])) * masks[block]
            h = h + torch.bmm(branch, parameters[2 + 2 * block]) / math.sqrt(self.depth)
        return torch.bmm(h, parameters[-1])

    def _convolve(self, x: Tensor, masks: Tensor, parameters: list[Tensor]) -> Tensor:
        count, batch = x.shape[:2]
        h = x.transpose(0, 1).reshape(batch, count, IMAGE, IMAGE)
        for layer in range(self.depth):
            kernel = parameters[layer].flatten(0, 1)  # one group of channels per member
            h = torch.tanh(conv2d(pad(h, (KERNEL // 2,) * 4), kernel, groups=count))
            h = h * masks[layer].reshape(1, count * self.width, 1, 1)
        features = h.reshape(batch, count, -1).transpose(0, 1)
        return torch.bmm(features, parameters[-1])

    def advance(self, until: int) -> None:
        """Train all members up to step `until`."""
        count, x_all = len(self.members), self.problem.train_x
        while self.step < until:
            block = self.step // BLOCK
            kept = np.stack(
                [
                    draw_vertex_masks(p, self.depth, self.width, self.seed, index, block)
                    for p, index in zip(self.drop_rates, self.members, strict=True)
                ]
            )
            rows = np.stack(
                [
                    generator(self.seed, "collapse", "batches", self.problem.name, index, block).integers(
                        len(x_all), size=(BLOCK, self.batch_size)
                    )
                    for index in self.members
                ]
            )
            crossed, opened = vertex_cuts(kept) == 0, np.any(kept, axis=(2, 3))
            for position in range(self.step - block * BLOCK, min(until - block * BLOCK, BLOCK)):
                masks = torch.from_numpy(kept[:, position]).transpose(0, 1).unsqueeze(2).to(x_all)
                chosen = torch.from_numpy(rows[:, position]).to(x_all.device)
                losses = self._descend(x_all[chosen], self.problem.train_y[chosen], masks)
                path = np.ones(count, dtype=bool) if self.topology == "residual" else crossed[:, position]
                self.crossed += path
                self.branch_open += opened[:, position]
                self._crossed_loss += np.where(path, losses, 0.0)
                self._crossed_steps += path
                self.step += 1

    def train(self, steps: int) -> dict[str, np.ndarray]:
        """Train all members up to step `steps`; `measure`, its mean loss being that of the last tenth of the steps."""
        self.advance(max(1, steps * 9 // 10))
        self.measure()
        self.advance(steps)
        return self.measure()

    def _descend(self, x: Tensor, y: Tensor, masks: Tensor) -> np.ndarray:
        losses = self.problem.losses(self._forward(x, masks, self.parameters), y).mean(1)
        gradients = torch.autograd.grad(losses.sum(), self.parameters)
        with torch.no_grad():
            for parameter, gradient in zip(self.parameters, gradients, strict=True):
                parameter.sub_(gradient, alpha=self.learning_rate)
        return losses.detach().double().cpu().numpy()

    @torch.no_grad()
    def measure(self) -> dict[str, np.ndarray]:
        """Relative movement, test losses, accuracy, and the mean loss of crossed steps since the last call."""
        count = len(self.members)
        target = self.problem.test_y.expand(count, *self.problem.test_y.shape)
        x = self.problem.test_x.expand(count, *self.problem.test_x.shape)
        kept = (
            torch.tensor([1 - p for p in self.drop_rates])
            .to(x)[None, :, None, None]
            .expand(self.depth, count, 1, self.width)
        )
        losses, hits = [], []
        for masks in (kept, torch.ones_like(kept)):
            output = self._forward(x, masks, self.parameters)
            losses.append(self.problem.losses(output, target).mean(1).double().cpu().numpy())
            hits.append((output.argmax(-1) == target).double().mean(1).cpu().numpy())
        moved, norm = (torch.zeros(count, dtype=torch.float64, device=x.device) for _ in range(2))
        for now, start in zip(self.parameters, self._start, strict=True):
            moved += (now - start).double().square().flatten(1).sum(1)
            norm += start.double().square().flatten(1).sum(1)
        movement = (moved / norm).sqrt().cpu().numpy()
        self.diverged |= ~np.isfinite(movement + losses[0] + losses[1])
        with np.errstate(invalid="ignore", divide="ignore"):
            path_loss = self._crossed_loss / self._crossed_steps
        self._crossed_loss, self._crossed_steps = np.zeros(count), np.zeros(count)
        found = {
            "relative_movement": movement,
            "scaled_loss": losses[0],
            "full_loss": losses[1],
            "test_accuracy": np.where(losses[0] <= losses[1], *hits),
            "path_loss": path_loss,
        }
        return {name: np.where(self.diverged, np.nan, values) for name, values in found.items()}
