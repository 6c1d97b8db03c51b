"""Filtered stochastic gradient descent on many members of a deep network at once.

One step of a member is w <- w - α f ⊙ g(f ⊙ w, ξ) (arXiv 2512.13853, Section III): the filter f, one mask for the
whole minibatch, removes vertices or edges in the forward pass and filters the gradient; nothing is rescaled. A
removed vertex filters all its edges, which is the same as setting its activation to zero.

Variants:
    none: no filter.
    dropout: vertices removed (site percolation).
    dropconnect: edges removed (bond percolation).
    modified: dropout, but a step whose mask has no path changes nothing (Section V.B.2 of the paper).
    modified_dropconnect: the same for dropconnect.
    rescaled: dropout with kept activations divided by q.
    sample: dropout with a mask for every sample.
    inverted: both, what libraries call dropout. Not the paper's form.

Descent is plain unless momentum or Adam is asked for (`Descent`). A "modified" step without a path does not change
their state either; every other step does.

How it is fast. Members are the leading dimension of every tensor, one batched product per layer and direction serves
all of them, the backward pass is written out (no graph over hundreds of layers), and the weight update is fused into
the product that makes the gradient. Where theory says that a step changes nothing (no path, no biases, σ(0) = 0:
Theorems V.5-V.8; or a modified variant) the step is not computed; tests compare with networks for which it is.
Members are ordered by how many steps they have to compute, so that those with steps left are always a prefix of the
tensors.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from dropatlas.collapse.fast_tanh import fast_tanh_
from dropatlas.collapse.masks import (
    BLOCK,
    draw_edge_masks,
    draw_sample_masks,
    draw_vertex_masks,
    edge_cuts,
    vertex_cuts,
)
from dropatlas.collapse.members import KINDS, PLAIN_DESCENT, RESCALED, Descent, Member, Shape
from dropatlas.collapse.networks import stack_parameters
from dropatlas.collapse.problems import Problem
from dropatlas.randomness import generator

ACTIVATE = {"tanh": fast_tanh_, "relu": torch.relu_, "sigmoid": torch.sigmoid_}
"""Activations, in place."""

MOMENTUM = 0.9
ADAM = (0.9, 0.999, 1e-8)
"""Decay of the mean gradient and of its mean square, and what is added to the root of the latter."""


@dataclass(frozen=True)
class Measurement:
    """State of all members at one step; arrays of shape (R,) in the order the members were given.

    Attributes:
        step: Steps done.
        weight_distance: ‖w_t - w_0‖ over all weights (biases not included).
        initial_norm: ‖w_0‖.
        bias_distance: ‖b_t - b_0‖ over all biases, 0 without biases.
        output_bias_distance: The part of the output layer's bias.
        scaled_loss: Test loss without masks, every masked quantity scaled by its mean q (how dropout is used to
            predict).
        full_loss: Test loss of the weights as they are, neither masked nor scaled.
        test_accuracy: Share of correct classes of whichever of both has the lower loss; NaN in regression.
        crossed_steps: Steps so far whose mask had a path (samples, in steps, for "inverted").
        path_loss: Mean minibatch loss, under masks, of the crossed steps since the last measurement; NaN if none.
        path_gradient: Mean of ‖f ⊙ g‖ over the crossed steps so far; NaN if none or not tracked.
        diverged: Whether loss or weights stopped being finite; such a member is not trained on, its numbers are NaN.
    """

    step: int
    weight_distance: np.ndarray
    initial_norm: np.ndarray
    bias_distance: np.ndarray
    output_bias_distance: np.ndarray
    scaled_loss: np.ndarray
    full_loss: np.ndarray
    test_accuracy: np.ndarray
    crossed_steps: np.ndarray
    path_loss: np.ndarray
    path_gradient: np.ndarray
    diverged: np.ndarray


@dataclass
class _Block:
    """Masks and data of one block of steps, all members in tensor order."""

    number: int
    crossed: np.ndarray  # (R, BLOCK): 1 where the step's mask has a path (a share of samples for "inverted")
    rows: Tensor  # (R, BLOCK, B): training samples of each step
    vertex: Tensor | None  # (R, BLOCK, L, 1 or B, W), bool
    edges: tuple[Tensor, Tensor, Tensor] | None  # (R, BLOCK, inputs, W), (R, BLOCK, L-1, W, W), (R, BLOCK, W, outputs)


class Ensemble:
    """Members of one network shape on one problem, trained side by side.

    Args:
        shape: What the networks share.
        members: The networks; all of one kind of mask (`KINDS`) and one scale of kept activations.
        problem: What they learn; its inputs decide floating type and device.
        batch_size: Samples per step, drawn with replacement.
        seed: Root seed of all streams.
        track_gradients: Measure ‖f ⊙ g‖ of every computed step (about a third slower).
        descent: How they follow their gradients.

    Raises:
        ValueError: kinds of masks mixed, or the shape does not fit the problem.
    """

    def __init__(
        self,
        shape: Shape,
        members: list[Member],
        problem: Problem,
        batch_size: int,
        seed: int,
        track_gradients: bool = False,
        descent: Descent = PLAIN_DESCENT,
    ) -> None:
        kinds = {KINDS[member.variant] for member in members}
        if len(kinds) != 1:
            raise ValueError(f"members must share one kind of mask, got {', '.join(sorted(kinds)) or 'no members'}")
        if (shape.inputs, shape.outputs) != (problem.train_x.shape[1], problem.outputs):
            raise ValueError(
                f"the problem has {problem.train_x.shape[1]} inputs and {problem.outputs} outputs, the shape "
                f"{shape.inputs} and {shape.outputs}"
            )
        (self.kind,) = kinds
        self.shape, self.problem, self.batch_size, self.seed = shape, problem, batch_size, seed
        self.track_gradients, dtype, device = track_gradients, problem.train_x.dtype, problem.train_x.device
        self.dtype, self.device = dtype, device
        self.descent = descent
        skips = [member.skips(shape) and (descent.may_skip or "modified" in member.variant) for member in members]
        activity = [member.theta(shape) if skip else 1.0 for member, skip in zip(members, skips, strict=True)]
        self._order = sorted(range(len(members)), key=lambda row: -activity[row])
        self.given = list(members)
        self.members = [members[row] for row in self._order]  # the order of the tensors
        if len({member.scale for member in members}) > 1:
            raise ValueError("members must share one scale of kept activations (see `grouped_by_kind`)")
        self._scale = members[0].scale
        count, width = len(members), max(member.width for member in members)
        self.width = width
        self.parameters = stack_parameters(
            shape,
            [member.width for member in self.members],
            [member.weight_gain for member in self.members],
            [member.seed for member in self.members],
            seed,
            dtype,
            device,
            edges_removed=self.kind == "edge",
        )
        self._initial = self.parameters.clone()
        self._skips = np.array([skips[row] for row in self._order])
        self._rates = torch.tensor([member.learning_rate for member in self.members], dtype=dtype, device=device)
        exists = np.zeros((count, width), dtype=bool)
        for row, member in enumerate(self.members):
            exists[row, : member.width] = True
        self._exists = exists
        self.step = 0
        self._alive = np.ones(count, dtype=bool)
        self._crossed = np.zeros(count)
        self._interval = {name: np.zeros(count) for name in ("steps", "loss", "gradient")}  # since the last measurement
        self._gradient_sum, self._gradient_steps = np.zeros(count), np.zeros(count)
        self._block: _Block | None = None
        self._moments: dict[str, dict[str, Tensor]] = {}
        for moment in {"sgd": (), "momentum": ("first",), "adam": ("first", "second")}[descent.optimiser]:
            zeros = {name: torch.zeros_like(value) for name, value in self.parameters.tensors().items()}
            self._moments[moment] = zeros
        self._updates = np.zeros(count)  # steps computed, which Adam corrects for
        self._hidden = torch.empty((shape.depth, count, batch_size, width), dtype=dtype, device=device)
        self._outgoing = (
            torch.empty_like(self._hidden) if shape.normalised else self._hidden
        )  # what the next layer sees
        self._widths = torch.tensor([member.width for member in self.members], dtype=dtype, device=device)[
            :, None, None
        ]
        self._signals = torch.empty((2, count, batch_size, width), dtype=dtype, device=device)
        self._factor = torch.empty((count, batch_size, width), dtype=dtype, device=device)
        self._product = torch.empty((count, width, width), dtype=dtype, device=device)
        self._needs_mask = self.kind != "edge" or (
            width > min(r.width for r in members) and shape.activation == "sigmoid"
        )

    # ---------------------------------------------------------------- training

    def advance(self, until: int) -> None:
        """Train every member up to step `until`."""
        while self.step < until:
            number = self.step // BLOCK
            if self._block is None or self._block.number != number:
                self._block = self._draw(number)
            stop = min(until, (number + 1) * BLOCK)
            self._run_steps(self._block, self.step - number * BLOCK, stop - number * BLOCK)
            self.step = stop

    def _draw(self, number: int) -> _Block:
        """Masks and data of one block, for all members."""
        shape, count, width = self.shape, len(self.members), self.width
        crossed, rows = np.ones((count, BLOCK)), np.empty((count, BLOCK, self.batch_size), dtype=np.int64)
        samples = len(self.problem.train_x)
        vertex, edges = np.empty(0), [np.empty(0)] * 3  # where nothing of the kind is masked
        if self._needs_mask:
            size = self.batch_size if self.kind == "sample" else 1
            vertex = np.zeros((count, BLOCK, shape.depth, size, width), dtype=bool)
            vertex[:] = self._exists[:, None, None, None, :]
        if self.kind == "edge":
            edges = [np.zeros((count, BLOCK, *size), dtype=bool) for size in self._edge_shapes()]
        for row, member in enumerate(self.members):
            stream = generator(self.seed, "collapse", "batches", self.problem.name, member.seed, number)
            rows[row] = stream.integers(samples, size=(BLOCK, self.batch_size))
            if member.variant == "none":
                continue
            arguments = (member.drop_rate, shape.depth, member.width)
            if self.kind == "vertex":
                kept = draw_vertex_masks(*arguments, self.seed, member.seed, number)
                vertex[row, :, :, 0, : member.width] = kept
                crossed[row] = vertex_cuts(kept) == 0
            elif self.kind == "sample":
                kept = draw_sample_masks(*arguments, self.batch_size, self.seed, member.seed, number)
                vertex[row, :, :, :, : member.width] = kept
                crossed[row] = np.any(kept, axis=3).all(axis=1).mean(axis=1)
            else:
                w, masks = (
                    member.width,
                    draw_edge_masks(member.drop_rate, shape.widths(member.width), self.seed, member.seed, number),
                )
                crossed[row] = edge_cuts(masks) == 0
                edges[0][row, :, :, :w], edges[2][row, :, :w] = masks[0], masks[-1]
                for layer, mask in enumerate(masks[1:-1]):
                    edges[1][row, :, layer, :w, :w] = mask
        first, hidden, last = (torch.from_numpy(mask).to(self.device) for mask in edges)
        return _Block(
            number,
            crossed,
            torch.from_numpy(rows).to(self.device),
            torch.from_numpy(vertex).to(self.device) if self._needs_mask else None,
            (first, hidden, last) if self.kind == "edge" else None,
        )

    def _edge_shapes(self) -> list[tuple[int, ...]]:
        w = self.width
        return [(self.shape.inputs, w), (self.shape.depth - 1, w, w), (w, self.shape.outputs)]

    def _run_steps(self, block: _Block, start: int, stop: int) -> None:
        crossed = block.crossed[:, start:stop]
        self._crossed += crossed.sum(axis=1) * self._alive
        computed = np.where(self._skips[:, None], crossed > 0, True) & self._alive[:, None]
        waiting = [start + np.flatnonzero(steps) for steps in computed]
        lengths = np.array([len(steps) for steps in waiting])
        longest = int(lengths.max())
        schedule = np.zeros((longest, len(waiting)), dtype=np.int64)
        for row, steps in enumerate(waiting):
            schedule[: len(steps), row] = steps
        for turn in range(longest):
            live = lengths > turn
            count = int(np.flatnonzero(live)[-1]) + 1
            self._one_step(block, schedule[turn, :count], live[:count])

    def _one_step(self, block: _Block, steps: np.ndarray, live: np.ndarray) -> None:
        """One step of the first n members, each at its own position in the block; idle ones get the rate 0."""
        count = len(steps)
        everyone, chosen = torch.arange(count), torch.from_numpy(steps)
        rows = block.rows[everyone, chosen]
        x, y = self.problem.train_x[rows], self.problem.train_y[rows]
        mask = None
        if block.vertex is not None:
            mask = block.vertex[everyone, chosen].transpose(0, 1).to(self.dtype)
            if self._scale != 1.0:
                mask *= self._scale
        first, hidden, last = (
            self.parameters.first[:count],
            self.parameters.hidden[:, :count],
            self.parameters.last[:count],
        )
        kept = None
        if block.edges is not None:
            kept = [part[everyone, chosen].to(self.dtype) for part in block.edges]
            kept[1] = kept[1].transpose(0, 1)
            first, hidden, last = first * kept[0], hidden * kept[1], last * kept[2]
        output = self._forward(x, first, hidden, last, mask, count)
        factors = torch.from_numpy(self.descent.factor(block.number * BLOCK + steps)).to(self._rates)
        rates = self._rates[:count] * factors * torch.from_numpy(live).to(self.device)
        signal = self.problem.output_gradient(output, y)
        is_plain = self.descent.optimiser == "sgd"
        if is_plain:
            signal.mul_(rates[:, None, None])
        else:
            signal.mul_(torch.from_numpy(live).to(self.device)[:, None, None])
            self._updates[:count] += live
        squared = self._backward(x, signal, first, hidden, last, mask, kept, rates, live)
        crossed = block.crossed[np.arange(count), steps] * live
        self._interval["steps"][:count] += crossed
        losses = self.problem.losses(output, y).mean(1).double().cpu().numpy()
        self._interval["loss"][:count] += np.where(crossed > 0, crossed * losses, 0.0)
        if squared is not None:
            sizes = squared.sqrt().double()
            if is_plain:
                sizes /= (self._rates[:count] * factors).double()
            norms = sizes.cpu().numpy()
            self._interval["gradient"][:count] += np.where(crossed > 0, norms, 0.0)

    def _forward(
        self, x: Tensor, first: Tensor, hidden: Tensor, last: Tensor, mask: Tensor | None, count: int
    ) -> Tensor:
        """Outputs (n, B, outputs); masked activations of every layer stay in self._hidden."""
        activate = ACTIVATE[self.shape.activation]
        bias = self.parameters.hidden_bias
        layer_input = x
        for layer in range(self.shape.depth):
            weight = first if layer == 0 else hidden[layer - 1]
            h = torch.bmm(layer_input, weight, out=self._hidden[layer, :count])
            if bias is not None:
                h += bias[layer, :count]
            activate(h)
            if mask is not None:
                h *= mask[layer]
            layer_input = self._normalise(layer, count) if self.shape.normalised else h
        output = torch.bmm(layer_input, last)
        last_bias = self.parameters.last_bias
        return output if last_bias is None else output.add_(last_bias[:count])

    def _backward(
        self,
        x: Tensor,
        signal: Tensor,
        first: Tensor,
        hidden: Tensor,
        last: Tensor,
        mask: Tensor | None,
        kept: list[Tensor] | None,
        rates: Tensor,
        live: np.ndarray,
    ) -> Tensor | None:
        """Descend with all parameters; squared norm of what is backpropagated (n,) if tracked.

        `signal` is the gradient with respect to the output, in plain descent times the rate; weights as the forward
        pass used them.
        """
        own, count = self.parameters, len(live)
        move = self._moving(rates, live) if self._moments else None
        squared = torch.zeros(count, dtype=self.dtype, device=self.device) if self.track_gradients else None

        def update(name: str, layer: int | None, layer_input: Tensor, signal: Tensor, edge_mask: Tensor | None) -> None:
            inputs = layer_input.transpose(1, 2)
            weight = _part(own.tensors()[name], layer, count)
            if edge_mask is None and squared is None and move is None:
                weight.baddbmm_(inputs, signal, alpha=-1)
                return
            square = weight.shape[1:] == self._product.shape[1:]
            gradient = torch.bmm(inputs, signal, out=self._product[:count] if square else None)
            if edge_mask is not None:
                gradient *= edge_mask
            if squared is not None:
                squared.add_(gradient.square().sum((1, 2)))
            weight -= gradient if move is None else move(name, layer, gradient)

        def update_bias(name: str, layer: int | None, signal: Tensor) -> None:
            gradient = signal.sum(1, keepdim=True)
            if squared is not None:
                squared.add_(gradient.square().sum((1, 2)))
            bias = _part(own.tensors()[name], layer, count)
            bias -= gradient if move is None else move(name, layer, gradient)

        if own.last_bias is not None:
            update_bias("last_bias", None, signal)
        h = self._outgoing[self.shape.depth - 1, :count]
        following = torch.bmm(signal, last.transpose(1, 2), out=self._signals[0, :count])
        update("last", None, h, signal, None if kept is None else kept[2])
        for layer in range(self.shape.depth - 1, -1, -1):
            if self.shape.normalised:
                self._through_normalisation(following, layer, count)
            self._through_activation(following, layer, mask, count)
            signal = following
            if own.hidden_bias is not None:
                update_bias("hidden_bias", layer, signal)
            if layer == 0:
                update("first", None, x, signal, None if kept is None else kept[0])
                break
            buffer = self._signals[(self.shape.depth - layer) % 2, :count]
            following = torch.bmm(signal, hidden[layer - 1].transpose(1, 2), out=buffer)
            below = self._outgoing[layer - 1, :count]
            update("hidden", layer - 1, below, signal, None if kept is None else kept[1][layer - 1])
        return squared

    def _moving(self, rates: Tensor, live: np.ndarray) -> Callable[[str, int | None, Tensor], Tensor]:
        """What momentum or Adam make of a gradient: the function that returns what is subtracted from a parameter.

        Members without a step keep their state and are not moved.
        """
        count, acting = len(live), torch.from_numpy(live).to(self._rates)[:, None, None]
        rates = rates[:, None, None]

        def decayed(moment: str, name: str, layer: int | None, rate: float, addend: Tensor) -> Tensor:
            state = _part(self._moments[moment][name], layer, count)
            return state.mul_(1 - (1 - rate) * acting).add_(addend)  # gradients of members without a step are zero

        if self.descent.optimiser == "momentum":
            return lambda name, layer, gradient: rates * decayed("first", name, layer, MOMENTUM, gradient)
        beta, gamma, least = ADAM
        updates = torch.from_numpy(np.maximum(self._updates[:count], 1)).to(self._rates)[:, None, None]
        size, root = rates / (1 - beta**updates), (1 - gamma**updates).sqrt()

        def adam(name: str, layer: int | None, gradient: Tensor) -> Tensor:
            mean = decayed("first", name, layer, beta, (1 - beta) * gradient)
            square = decayed("second", name, layer, gamma, (1 - gamma) * gradient.square())
            return size * mean / (square.sqrt() / root + least)

        return adam

    def _normalise(self, layer: int, count: int) -> Tensor:
        """Masked activations of a layer over their root mean square, by sample; a silent layer stays 0."""
        h = self._hidden[layer, :count]
        return torch.mul(h, self._inverse_size(h, count), out=self._outgoing[layer, :count])

    def _inverse_size(self, h: Tensor, count: int) -> Tensor:
        squares = h.square().sum(-1, keepdim=True)
        return torch.where(squares > 0, (squares / self._widths[:count]).rsqrt(), 0)

    def _through_normalisation(self, signal: Tensor, layer: int, count: int) -> None:
        """From the gradient with respect to normalised activations to that with respect to masked ones, in place."""
        normal = self._outgoing[layer, :count]
        along = (signal * normal).sum(-1, keepdim=True) / self._widths[:count]
        signal.addcmul_(normal, along, value=-1).mul_(self._inverse_size(self._hidden[layer, :count], count))

    def _through_activation(self, signal: Tensor, layer: int, mask: Tensor | None, count: int) -> None:
        """Multiply by the derivative of mask·σ(z), written in terms of the masked activation h (mask = 0 or scale)."""
        h, scale = self._hidden[layer, :count], self._scale
        factor = self._factor[:count]
        if self.shape.activation == "relu":
            signal *= torch.gt(h, 0, out=factor)
            if scale != 1.0:
                signal *= scale
            return
        if self.shape.activation == "tanh":
            base = torch.full((), scale, dtype=self.dtype, device=self.device) if mask is None else mask[layer]
        else:
            base = h
        signal *= torch.addcmul(base, h, h, value=-1 / scale, out=factor)

    # ---------------------------------------------------------------- measuring

    def predict(self, x: Tensor, scaled: bool) -> Tensor:
        """Outputs of all members without masks.

        Args:
            x: Inputs, shape (M, inputs).
            scaled: Whether every masked quantity is scaled by its mean q.

        Returns:
            Shape (R, M, outputs), in tensor order (`self.members`).
        """
        kept = torch.tensor(
            [1 - r.drop_rate if scaled and r.variant not in ("none", *RESCALED) else 1.0 for r in self.members],
            dtype=self.dtype,
            device=self.device,
        )[:, None, None]
        own, activate = self.parameters, ACTIVATE[self.shape.activation]
        exists = torch.from_numpy(self._exists).to(self.dtype).to(self.device)[:, None, :] * (
            kept if self.kind != "edge" else 1
        )
        h = x.expand(len(self.members), *x.shape)
        for layer in range(self.shape.depth):
            weight = own.first if layer == 0 else own.hidden[layer - 1]
            h = torch.bmm(h, weight) if self.kind != "edge" else torch.bmm(h, weight).mul_(kept)
            if own.hidden_bias is not None:
                h += own.hidden_bias[layer]
            h = activate(h).mul_(exists)
            if self.shape.normalised:
                h = h * self._inverse_size(h, len(self.members))
        output = torch.bmm(h, own.last) if self.kind != "edge" else torch.bmm(h, own.last).mul_(kept)
        return output if own.last_bias is None else output + own.last_bias

    def measure(self) -> Measurement:
        """Measure all members; begins a new interval for the interval means, and retires members that diverged."""
        own, start = self.parameters.tensors(), self._initial.tensors()

        def distances(names: tuple[str, ...], of: dict[str, Tensor]) -> np.ndarray:
            squared = torch.zeros(len(self.members), dtype=torch.float64)
            for name in names:
                if name in own:
                    value = of[name] - start[name] if of is own else of[name]
                    rows = value.double().square().cpu()
                    squared += rows.sum((0, 2, 3)) if rows.dim() == 4 else rows.sum((1, 2))
            return squared.sqrt().numpy()

        target = self.problem.test_y.expand(len(self.members), *self.problem.test_y.shape)
        losses, accuracies = [], []
        for scaled in (True, False):
            output = self.predict(self.problem.test_x, scaled)
            losses.append(self.problem.losses(output, target).mean(1).double().cpu().numpy())
            if self.problem.classes:
                accuracies.append((output.argmax(-1) == target).double().mean(1).cpu().numpy())
        accuracy = np.where(losses[0] <= losses[1], *accuracies) if accuracies else np.full(len(self.members), np.nan)
        weight_distance = distances(("first", "hidden", "last"), own)
        bias_distance = distances(("hidden_bias", "last_bias"), own)
        finite = np.isfinite(weight_distance) & np.isfinite(bias_distance) & np.isfinite(losses[0] + losses[1])
        finite &= np.isfinite(self._interval["loss"])
        self._retire(self._alive & ~finite)
        interval, steps = self._interval, self._interval["steps"]
        mean = {
            name: np.divide(interval[name], steps, where=steps > 0, out=np.full(len(steps), np.nan))
            for name in interval
        }
        if self.track_gradients:
            self._gradient_sum += interval["gradient"]
            self._gradient_steps += steps
        self._interval = {name: np.zeros(len(steps)) for name in interval}
        tracked = self._gradient_steps
        values = {
            "weight_distance": weight_distance,
            "initial_norm": distances(("first", "hidden", "last"), start),
            "bias_distance": bias_distance,
            "output_bias_distance": distances(("last_bias",), own),
            "scaled_loss": losses[0],
            "full_loss": losses[1],
            "test_accuracy": accuracy,
            "crossed_steps": self._crossed.copy(),
            "path_loss": mean["loss"],
            "path_gradient": np.divide(
                self._gradient_sum, tracked, where=tracked > 0, out=np.full(len(tracked), np.nan)
            ),
        }
        unaffected = ("initial_norm", "crossed_steps")
        values = {name: v if name in unaffected else np.where(self._alive, v, np.nan) for name, v in values.items()}
        back = np.argsort(self._order)
        return Measurement(self.step, **{name: v[back] for name, v in values.items()}, diverged=~self._alive[back])

    def _retire(self, lost: np.ndarray) -> None:
        """Stop training members that are no longer finite (their weights are zeroed: NaN is contagious in sums)."""
        for row in np.flatnonzero(lost):
            for name, tensor in self.parameters.tensors().items():
                for held in (tensor, *(moments[name] for moments in self._moments.values())):
                    (held[:, row] if name.startswith("hidden") else held[row]).zero_()
            self._alive[row] = False

    # ---------------------------------------------------------------- state

    def state(self) -> dict[str, Tensor]:
        """What a run resumed at this step needs, as named tensors (masks and data order are functions of the step)."""
        tensors = {f"parameters.{name}": value.clone() for name, value in self.parameters.tensors().items()}
        tensors |= {f"{m}.{name}": value.clone() for m, held in self._moments.items() for name, value in held.items()}
        arrays = {f"interval.{name}": value for name, value in self._interval.items()}
        arrays |= {name: getattr(self, f"_{name}") for name in _STATE}
        tensors |= {name: torch.from_numpy(value.copy()) for name, value in arrays.items()}
        return tensors | {"step": torch.tensor(self.step)}

    def restore(self, state: dict[str, Tensor]) -> None:
        """Continue from a `state` of an ensemble built with the same arguments."""
        for name, tensor in self.parameters.tensors().items():
            tensor.copy_(state[f"parameters.{name}"])
            for moment, held in self._moments.items():
                held[name].copy_(state[f"{moment}.{name}"])
        self._interval = {name: state[f"interval.{name}"].numpy().copy() for name in self._interval}
        for name in _STATE:
            setattr(self, f"_{name}", state[name].numpy().copy())
        self.step = int(state["step"])


def _part(tensor: Tensor, layer: int | None, count: int) -> Tensor:
    """The first members' part of a parameter, of one layer of the hidden ones."""
    return tensor[:count] if layer is None else tensor[layer, :count]


_STATE = ("alive", "crossed", "gradient_sum", "gradient_steps", "updates")
