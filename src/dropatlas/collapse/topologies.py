"""Residual and convolutional networks under dropout, beside plain ones of the same width and depth (stacked, autograd).

Four architectures, all with tanh, masks shared by the minibatch, nothing rescaled:

plain: L hidden layers of W vertices, vertices dropped. Crossing probability θ = (1 - p^W)^L.
convolution: L hidden 3x3 convolutions of W channels on the 7x7 image, whole channels dropped. Crossing probability θ.
residual: stream of W vertices, L blocks h <- h + V (m ⊙ tanh(U h)) / sqrt(L), branch vertices dropped. Some path
always exists; "a branch is open" has probability 1 - p^(W L), "all are" θ.
residual stream: blocks h <- m ⊙ (h + V tanh(U h) / sqrt(L)), vertices of the stream dropped after every addition.
Crossing probability θ: the identity edges add no path (`percolation.topologies`).

Every step of every network is computed; one whose mask leaves no path of a bias-free network has zero gradients by
itself (Theorem V.7). Only *modified* dropout (Section V.B.2) changes nothing in such a step by definition. With dropout
inside residual branches some path always exists, so that modified dropout is dropout there.

Experiment 6, bias-free, prediction if paths decide: convolutions stay at their start where θ·Σα is below what learning
takes and learn where it is far above, at every initial gain; branches of residual networks, one of which is open in
practically every step, learn where the plain network is cut (told only if wide ones learn at the same p). What would
refute it: a convolution of W = 1 that learns with few paths, or any that does not with many; residual networks that
under dropout do no better than the identity alone.

Experiment 7, with biases, prediction: in a step without a path dropout still moves what lies behind the cut, towards
the labels and without seeing the input; modified dropout does not, and ends at a lower test loss. What would refute it:
no difference, or one the other way, at the plateau; networks without biases that differ at all.
"""

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import conv2d

from dropatlas.collapse.architectures import ARCHITECTURES, STREAM, StackedMember
from dropatlas.collapse.masks import BLOCK, draw_vertex_masks, vertex_cuts
from dropatlas.collapse.members import gain_of
from dropatlas.collapse.problems import Problem
from dropatlas.randomness import generator

IMAGE = 7  # side of the pooled digits
KERNEL = 3


def _orthogonal(rng: np.random.Generator, rows: int, columns: int) -> np.ndarray:
    q, r = np.linalg.qr(rng.standard_normal((max(rows, columns), min(rows, columns))))
    q *= np.sign(np.diag(r))
    return q if rows >= columns else q.T


class StackedTopology:
    """R members of one architecture; what a `StackedMember` holds may differ, everything else is shared.

    Args:
        architecture: One of `ARCHITECTURES`.
        depth: Hidden layers or blocks L.
        width: Vertices or channels W.
        members: The networks, R of them.
        problem: Digits, with inputs of 49 pixels.
        batch_size: Samples per step.
        seed: Root seed.
        biases: Whether every layer has biases (starting at zero).

    Raises:
        ValueError: unknown architecture.
    """

    def __init__(
        self,
        architecture: str,
        depth: int,
        width: int,
        members: list[StackedMember],
        problem: Problem,
        batch_size: int,
        seed: int,
        biases: bool = False,
    ) -> None:
        if architecture not in ARCHITECTURES:
            raise ValueError(f"architecture must be one of {', '.join(ARCHITECTURES)}, got {architecture!r}")
        self.architecture, self.depth, self.width, self.problem = architecture, depth, width, problem
        self.members, self.batch_size, self.seed, self.step = members, batch_size, seed, 0
        like, count = problem.train_x, len(members)
        self.weights = [
            torch.tensor(np.stack(part), dtype=like.dtype, device=like.device).requires_grad_()
            for part in zip(*map(self._initial, members), strict=True)
        ]
        # outputs of a layer: the last dimension of a matrix, the first of a kernel
        sizes = [part.shape[-1] if part.ndim == 3 else part.shape[1] for part in self.weights]
        self.biases = [like.new_zeros(count, 1, size).requires_grad_() for size in sizes] if biases else []
        self._start = [part.detach().clone() for part in self.weights]
        self._rates = np.array([member.learning_rate for member in members])
        self._modified = np.array([member.modified for member in members])
        # steps whose mask left this network a path, or would leave the plain one, or left a path besides the identity
        self.crossed, self.plain_crossed, self.branch_open = (np.zeros(count) for _ in range(3))
        self._crossed_loss, self._crossed_steps = np.zeros(count), np.zeros(count)
        self.diverged = np.zeros(count, dtype=bool)

    def _initial(self, member: StackedMember) -> list[np.ndarray]:
        """Weights of one member: in, hidden..., out."""
        name, w, inputs, outputs = self.architecture, self.width, self.problem.train_x.shape[1], self.problem.outputs
        residual = name in ("residual", STREAM)
        rng = generator(self.seed, "collapse", "topology", name, self.depth, w, member.seed)
        factor = 1.0 if residual or member.drop_rate == 1 else gain_of(member.gain, member.drop_rate)
        if residual:
            branches = [_orthogonal(rng, w, w) for _ in range(2 * self.depth)]
            return [_orthogonal(rng, inputs, w), *branches, _orthogonal(rng, w, outputs)]
        if name == "plain":
            hidden = [factor * _orthogonal(rng, w, w) for _ in range(self.depth - 1)]
            return [_orthogonal(rng, inputs, w), *hidden, factor * _orthogonal(rng, w, outputs)]
        # Orthogonal centre tap, other taps zero: trains at any depth (arXiv 1806.05393, delta-orthogonal).
        kernels = []
        for layer in range(self.depth):
            kernel = np.zeros((w, 1 if layer == 0 else w, KERNEL, KERNEL))
            centre = _orthogonal(rng, w, kernel.shape[1])
            kernel[:, :, KERNEL // 2, KERNEL // 2] = centre if layer == 0 else factor * centre
            kernels.append(kernel)
        return [*kernels, factor * _orthogonal(rng, w * IMAGE**2, outputs)]

    def _layer(self, h: Tensor, layer: int) -> Tensor:
        """Layer number `layer`, for inputs (R, B, W_in)."""
        product = torch.bmm(h, self.weights[layer])
        return product + self.biases[layer] if self.biases else product

    def _forward(self, x: Tensor, masks: Tensor) -> Tensor:
        """Outputs (R, B, outputs) for inputs (R, B, 49) and masks (L, R, 1, W) (factors of the hidden vertices)."""
        if self.architecture == "convolution":
            return self._layer(self._convolve(x, masks), -1)
        if self.architecture == "plain":
            h = x
            for layer in range(self.depth):
                h = torch.tanh(self._layer(h, layer)) * masks[layer]
            return self._layer(h, -1)
        h = self._layer(x, 0)
        for block in range(self.depth):
            branch = torch.tanh(self._layer(h, 1 + 2 * block))
            if self.architecture == "residual":
                branch = branch * masks[block]
            h = h + self._layer(branch, 2 + 2 * block) / math.sqrt(self.depth)
            if self.architecture == STREAM:
                h = h * masks[block]
        return self._layer(h, -1)

    def _convolve(self, x: Tensor, masks: Tensor) -> Tensor:
        """Features (R, B, 49 W) behind the last convolution; a group of channels per member."""
        count, batch = x.shape[:2]
        h = x.transpose(0, 1).reshape(batch, count, IMAGE, IMAGE)
        for layer in range(self.depth):
            kernel = self.weights[layer].flatten(0, 1)
            bias = self.biases[layer].flatten() if self.biases else None
            h = torch.tanh(conv2d(h, kernel, bias, padding=KERNEL // 2, groups=count))
            h = h * masks[layer].reshape(1, count * self.width, 1, 1)
        return h.reshape(batch, count, -1).transpose(0, 1)

    def _draw(self, block: int) -> tuple[np.ndarray, np.ndarray]:
        """Kept vertices (R, BLOCK, L, W) and training samples (R, BLOCK, B) of one block; equal members share them."""
        name, samples = self.problem.name, len(self.problem.train_x)
        kept = {
            (p, i): draw_vertex_masks(p, self.depth, self.width, self.seed, i, block)
            for p, i in {(member.drop_rate, member.seed) for member in self.members}
        }
        rows = {
            i: generator(self.seed, "collapse", "batches", name, i, block).integers(
                samples, size=(BLOCK, self.batch_size)
            )
            for i in {member.seed for member in self.members}
        }
        return (
            np.stack([kept[member.drop_rate, member.seed] for member in self.members]),
            np.stack([rows[member.seed] for member in self.members]),
        )

    def advance(self, until: int) -> None:
        """Train all members up to step `until`."""
        x_all = self.problem.train_x
        while self.step < until:
            block = self.step // BLOCK
            kept, rows = self._draw(block)
            plain, opened = vertex_cuts(kept) == 0, np.any(kept, axis=(2, 3))
            inside = self.architecture == "residual"
            paths = np.ones_like(plain) if inside else plain
            for position in range(self.step - block * BLOCK, min(until - block * BLOCK, BLOCK)):
                masks = torch.from_numpy(kept[:, position]).transpose(0, 1).unsqueeze(2).to(x_all)
                chosen, path = torch.from_numpy(rows[:, position]).to(x_all.device), paths[:, position]
                rates = np.where(self._modified & ~path, 0.0, self._rates)
                losses = self._descend(x_all[chosen], self.problem.train_y[chosen], masks, rates)
                self.crossed += path
                self.plain_crossed += plain[:, position]
                self.branch_open += opened[:, position] if inside else path
                self._crossed_loss += np.where(path, losses, 0.0)
                self._crossed_steps += path
                self.step += 1

    def train(self, steps: int) -> dict[str, np.ndarray]:
        """Train all members up to step `steps`; `measure`, its mean loss being that of the last tenth of the steps."""
        self.advance(max(1, steps * 9 // 10))
        self.measure()
        self.advance(steps)
        return self.measure()

    def _descend(self, x: Tensor, y: Tensor, masks: Tensor, rates: np.ndarray) -> np.ndarray:
        losses = self.problem.losses(self._forward(x, masks), y).mean(1)
        parameters = [*self.weights, *self.biases]
        gradients = torch.autograd.grad(losses.sum(), parameters)
        factors = torch.from_numpy(-rates).to(x)
        with torch.no_grad():
            for parameter, gradient in zip(parameters, gradients, strict=True):
                parameter.addcmul_(gradient, factors.reshape(-1, *[1] * (gradient.ndim - 1)))
        return losses.detach().double().cpu().numpy()

    @torch.no_grad()
    def evaluate(self, x: Tensor, y: Tensor) -> tuple[np.ndarray, np.ndarray]:
        """Mean losses and accuracies of all members without masks, each of shape (2, R).

        The first row is that of the weights scaled by the mean q of their masks (how dropout is used to predict), the
        second that of the weights as they are.

        Args:
            x: Inputs, shape (M, 49).
            y: Labels, shape (M,).
        """
        count = len(self.members)
        shared, target = x.expand(count, *x.shape), y.expand(count, *y.shape)
        kept = torch.tensor([1 - member.drop_rate for member in self.members]).to(x)[None, :, None, None]
        kept = kept.expand(self.depth, count, 1, self.width)
        losses, hits = [], []
        for masks in (kept, torch.ones_like(kept)):
            output = self._forward(shared, masks)
            losses.append(self.problem.losses(output, target).mean(1).double().cpu().numpy())
            hits.append((output.argmax(-1) == target).double().mean(1).cpu().numpy())
        return np.stack(losses), np.stack(hits)

    @torch.no_grad()
    def measure(self) -> dict[str, np.ndarray]:
        """Relative movement, test losses, accuracy, and the mean loss of crossed steps since the last call."""
        count, device = len(self.members), self.problem.train_x.device
        losses, hits = self.evaluate(self.problem.test_x, self.problem.test_y)
        moved, norm = (torch.zeros(count, dtype=torch.float64, device=device) for _ in range(2))
        for now, start in zip(self.weights, self._start, strict=True):
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
