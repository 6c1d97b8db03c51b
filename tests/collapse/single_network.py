"""One network trained the way PyTorch users write it (nn.Linear, autograd, SGD): the yardstick of the ensembles."""

from functools import cache

import numpy as np
import torch
from torch import nn

from dropatlas.collapse.masks import (
    BLOCK,
    draw_edge_masks,
    draw_sample_masks,
    draw_vertex_masks,
    edge_cuts,
    vertex_cuts,
)
from dropatlas.collapse.members import KINDS, PLAIN_DESCENT, RESCALED, Descent, Member, Shape
from dropatlas.collapse.networks import initial_weights
from dropatlas.collapse.problems import Problem
from dropatlas.randomness import generator

ACTIVATIONS = {"tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid}

# a block is drawn once and not for each of its steps
vertex_block, sample_block, edge_block = cache(draw_vertex_masks), cache(draw_sample_masks), cache(draw_edge_masks)


@cache
def batch_block(seed: int, name: str, number: int, block: int, samples: int, batch_size: int) -> torch.Tensor:
    """Training samples of the steps of a block."""
    stream = generator(seed, "collapse", "batches", name, number, block)
    return torch.from_numpy(stream.integers(samples, size=(BLOCK, batch_size)))


class SingleNetwork:
    """The network of one member; every step is computed, path or not."""

    def __init__(
        self,
        shape: Shape,
        member: Member,
        problem: Problem,
        batch_size: int,
        seed: int,
        dtype: torch.dtype,
        descent: Descent = PLAIN_DESCENT,
    ):
        self.shape, self.member, self.problem, self.batch_size, self.seed = shape, member, problem, batch_size, seed
        self.kind = KINDS[member.variant]
        first, hidden, last = initial_weights(shape, member.width, seed, member.seed)
        gain = member.weight_gain
        matrices = [gain * first if self.kind == "edge" else first, *(gain * hidden), gain * last]
        self.layers = nn.ModuleList()
        for matrix in matrices:
            layer = nn.Linear(*matrix.shape, bias=shape.biases, dtype=dtype)
            with torch.no_grad():
                layer.weight.copy_(torch.from_numpy(matrix.T.copy()))
                if shape.biases:
                    layer.bias.zero_()
            self.layers.append(layer)
        self.initial = [layer.weight.detach().clone() for layer in self.layers]
        parameters, rate = self.layers.parameters(), member.learning_rate
        self.optimiser = {
            "sgd": lambda: torch.optim.SGD(parameters, lr=rate),
            "momentum": lambda: torch.optim.SGD(parameters, lr=rate, momentum=0.9),
            "adam": lambda: torch.optim.Adam(parameters, lr=rate, betas=(0.9, 0.999), eps=1e-8),
        }[descent.optimiser]()
        self.decay = descent.decay
        self.gradient_norms, self.crossed, self.crossed_losses = [], [], []

    def masks_of(self, step: int):
        r, block, row = self.member, step // BLOCK, step % BLOCK
        if r.variant == "none":
            return None, 1.0
        if self.kind == "vertex":
            kept = vertex_block(r.drop_rate, self.shape.depth, r.width, self.seed, r.seed, block)[row]
            return torch.from_numpy(kept), float(vertex_cuts(kept) == 0)
        if self.kind == "sample":
            sizes = (self.shape.depth, r.width, self.batch_size)
            kept = sample_block(r.drop_rate, *sizes, self.seed, r.seed, block)[row]
            return torch.from_numpy(kept), float(kept.any(axis=2).all(axis=0).mean())
        widths = tuple(self.shape.widths(r.width))
        masks = [m[row] for m in edge_block(r.drop_rate, widths, self.seed, r.seed, block)]
        return [torch.from_numpy(m) for m in masks], float(edge_cuts([m[None] for m in masks])[0] == 0)

    def forward(self, x: torch.Tensor, masks) -> torch.Tensor:
        activation, h = ACTIVATIONS[self.shape.activation], x
        for number, layer in enumerate(self.layers):
            weight = layer.weight
            if self.kind == "edge" and masks is not None:
                weight = weight * masks[number].T
            h = nn.functional.linear(h, weight, layer.bias)
            if number == self.shape.depth:
                return h
            h = activation(h)
            if self.kind != "edge" and masks is not None:
                h = h * masks[number]
                if self.member.variant in RESCALED:
                    h = h / (1 - self.member.drop_rate)
            h = self.normalised(h)
        raise AssertionError

    def normalised(self, h: torch.Tensor) -> torch.Tensor:
        if not self.shape.normalised:
            return h
        squares = h.square().mean(-1, keepdim=True)
        return torch.where(squares > 0, h / torch.where(squares > 0, squares, 1).sqrt(), 0)

    def train(self, steps: int) -> None:
        for step in range(steps):
            sizes = (len(self.problem.train_x), self.batch_size)
            rows = batch_block(self.seed, self.problem.name, self.member.seed, step // BLOCK, *sizes)[step % BLOCK]
            masks, crossed = self.masks_of(step)
            self.crossed.append(crossed)
            if self.member.variant.startswith("modified") and not crossed:
                continue
            loss = self.loss(self.forward(self.problem.train_x[rows], masks), self.problem.train_y[rows])
            self.crossed_losses.append(loss.item() if crossed else np.nan)
            self.optimiser.zero_grad()
            loss.backward()
            self.gradient_norms.append(
                float(torch.sqrt(sum(p.grad.double().square().sum() for p in self.layers.parameters())))
                if crossed
                else np.nan
            )
            for group in self.optimiser.param_groups:
                group["lr"] = self.member.learning_rate / (1 + step / self.decay)
            self.optimiser.step()

    def loss(self, output: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        if self.problem.classes:
            return nn.functional.cross_entropy(output, target)
        return 0.5 * (output - target).square().sum(1).mean()

    def tests(self, scaled: bool) -> tuple[float, float]:
        """Test loss and accuracy without masks; scaled: with what is masked in training times its mean."""
        h = self.problem.test_x
        kept = 1.0 if not scaled or self.member.variant in ("none", *RESCALED) else 1 - self.member.drop_rate
        for number, layer in enumerate(self.layers):
            h = nn.functional.linear(h, kept * layer.weight if self.kind == "edge" else layer.weight, layer.bias)
            if number < self.shape.depth:
                h = self.normalised(ACTIVATIONS[self.shape.activation](h) * (1.0 if self.kind == "edge" else kept))
        right = h.argmax(1) == self.problem.test_y if self.problem.classes else torch.tensor([np.nan])
        return self.loss(h, self.problem.test_y).item(), right.double().mean().item()

    def weight_distance(self) -> float:
        pairs = zip(self.layers, self.initial, strict=True)
        return float(torch.sqrt(sum((layer.weight.detach() - w0).double().square().sum() for layer, w0 in pairs)))
