"""What masks do to any module, measured: no tracing, no knowledge of its layers.

In training mode the gradient of a sample's output by its input is exactly zero where the sample's mask has cut every
path. Drawing many masks gives the share of cut samples, 1 - θ, with a binomial interval. Two things must not be taken
for masks:

- *Activations.* A ReLU unit that is off passes no gradient either, nor does a tanh that is saturated. Paths are
  therefore counted with activations that have a slope everywhere; the share of zero gradients with the activations as
  they are is reported beside it. Known are those of torch by their names, and rectifiers written with `clamp`,
  `maximum`, `where(x > 0, x, 0)` or `x * (x > 0)`; another one is taken for a mask where it is off.
- *What is zero anyway.* A sample without any gradient when nothing is dropped says nothing about masks, and is
  left out.

Batch normalisation would mix the samples of a batch; it runs with its running statistics here.

The *signal* is how the output varies over the inputs. Its *agreement* under two masks is the covariance over inputs
of the outputs under two independent masks, over their variance. With linear units and random weights it is the
product of 1 - p over all masked layers, q^L, whether or not dropout rescales (only the size of the signal, q^(L/2)
without rescaling, depends on that); Schoenholz et al. (arXiv 1611.01232) show how it limits the depth of trainable
networks.
"""

import math
import time
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import torch
from scipy import stats
from torch import Tensor

from dropatlas.check.nested import tensors_in, with_tensors
from dropatlas.check.passes import Batch, Passes, by_sample
from dropatlas.check.result import LEAST_AGREEMENT
from dropatlas.layers.dropping import EdgeDropping
from dropatlas.stats import Interval, binomial_interval

Masks = Literal["sample", "step", "both"]

LARGEST_BATCH = 256  # samples of one pass, unless the inputs are more
LARGEST_INPUT = 2**20  # numbers in the inputs of one pass, likewise; a token counts as 256
LOOKS = 16  # passes that decide whether masks are drawn per sample
MOST_OUTPUTS = 4096  # numbers of one pass that the agreement is taken over, evenly spaced
MOST_SIGNALS = 2000  # masks of each sample that it is taken over
MOST_SECONDS = 10  # in which masks are drawn beyond those asked for until the agreement is decided
MOST_APART = 100  # backward passes that look at outputs one by one
LEAST_MASKS = 5  # fewest from which an agreement is estimated
SURE = 1e-6  # level at which a second kind of masks counts as found


@dataclass(frozen=True)
class Measured:
    """What masks do to a module, measured.

    Attributes:
        cut: Share of masks that leave a sample's output no path from its input, with its exact 95 % interval.
        zero_gradients: The same for samples whose input gradient is exactly zero, by masks or rectifiers; None if all
            samples have none without masks either.
        trials: Number of masks.
        masks: Drawn for every "sample", for every "step", or "both".
        size: Samples in the inputs.
        dead: Of these, those whose input gradient is zero without masks too.
        agreement: Agreement of the signal under two masks, with a 95 % jackknife interval; None if it is not defined.
        signal_factor: Size of the signal with masks over that without; None if it is not defined.
        notes: What was assumed.
    """

    cut: Interval
    zero_gradients: Interval | None
    trials: int
    masks: Masks
    size: int
    dead: int
    agreement: Interval | None
    signal_factor: float | None
    notes: tuple[str, ...]


def measure(passes: Passes, batch: Batch, axes: list[int | None], samples: int, seed: int) -> Measured:
    """Draw masks and count.

    Args:
        passes: Runs the module.
        batch: The inputs.
        axes: Dimension of samples of each output tensor (see `find_samples`).
        samples: Masks to draw.
        seed: Of the draws.

    Raises:
        ValueError: nothing is dropped; without masks no output depends on the inputs; gradients are not finite.
    """
    control, alive = _without_masks(passes, batch, seed, is_leaky=False)
    linked = _without_masks(passes, batch, seed, is_leaky=True)[1] if passes.saw_rectifier else alive
    if not linked.any():
        raise ValueError(
            f"the input gradient is zero without masks too, for all {batch.size} samples, so masks cannot be "
            "judged: check that no activation is saturated and no layer's weights start at 0 (train a few steps first)"
        )
    masks, varies, notes = _masks(passes, batch, axes, seed)
    rows, copies, count = batch.size, 1, samples
    if masks == "sample":  # several masks in one pass
        copies = _copies(passes, batch, seed, samples)
        batch = batch.rows(torch.arange(rows).repeat(copies))
        count = -(-samples // batch.size)
    cut: list[Tensor] = []
    zero: list[Tensor] = []
    signals: list[np.ndarray] = []
    for draw in range(count):
        masks_seed = _seed(seed, draw)
        drawn, has_gradient = passes.gradients(batch, masks_seed)
        has_path = has_gradient
        if passes.saw_rectifier and not has_gradient.all():
            has_path = has_gradient | passes.gradients(batch, masks_seed, is_leaky=True)[1]
        cut.append(~has_path.reshape(copies, rows))
        zero.append(~has_gradient.reshape(copies, rows))
        if len(signals) < MOST_SIGNALS:
            signals += _signals(drawn, axes, copies, rows)
    cuts, zeros = _trials(torch.cat(cut), linked, masks, samples), _trials(torch.cat(zero), alive, masks, samples)
    if not (varies or passes.saw_dropout or cuts.any()):
        raise ValueError(
            f"nothing is dropped: {len(cuts)} training-mode samples drew no masks; check the drop rates, that no "
            "dropout layer is in evaluation mode (module.train() sets them all), and that layers whose rates follow "
            "their gradients have had a first backward pass"
        )
    notes += _apart(passes, batch, linked, [_seed(seed, draw) for draw in range(count)])
    why_unknown = _why_no_signal(control, drawn, axes, rows)
    agreement, signal_factor = None, None
    if not why_unknown:
        without = _signals(control, axes, 1, rows)
        agreement, signal_factor = _agreement(signals, without)
        deadline = time.monotonic() + MOST_SECONDS
        while len(signals) < LEAST_MASKS or (
            agreement is not None
            and agreement.contains(LEAST_AGREEMENT)
            and len(signals) < MOST_SIGNALS
            and time.monotonic() < deadline
        ):
            for _ in range(-(-max(LEAST_MASKS, len(signals)) // copies)):  # twice as many, in outputs alone
                signals += _signals(passes.outputs(batch, _seed(seed, count)), axes, copies, rows)
                count += 1
                if len(signals) >= LEAST_MASKS and time.monotonic() > deadline:
                    break
            agreement, signal_factor = _agreement(signals, without)
        if agreement is None:
            why_unknown = "the outputs of different samples do not differ by more than rounding"
    if why_unknown:
        notes.append(f"the agreement is not known: {why_unknown}")
    if passes.drops_in_evaluation:
        notes.append("functional dropout acts in evaluation mode too: pass training=self.training")
    return Measured(
        cut=binomial_interval(int(cuts.sum()), len(cuts)),
        zero_gradients=binomial_interval(int(zeros.sum()), len(zeros)) if len(zeros) else None,
        trials=len(cuts),
        masks=masks,
        size=rows,
        dead=int((~alive).sum()),
        agreement=agreement,
        signal_factor=signal_factor,
        notes=tuple(notes),
    )


def _why_no_signal(control: list[Tensor], drawn: list[Tensor], axes: list[int | None], rows: int) -> str:
    """Reason for which outputs with and without masks cannot be compared between samples; empty if there is none."""

    def shapes(outputs: list[Tensor]) -> list[list[int]]:  # of one sample
        return [
            [size for dimension, size in enumerate(output.shape) if dimension != axis]
            for output, axis in zip(outputs, axes, strict=True)
            if axis is not None
        ]

    if rows < 2:
        return "it needs 2 samples or more that do not depend on each other"
    if all(axis is None for axis in axes):
        return "the outputs have no dimension of samples"
    if len(control) != len(drawn) or shapes(control) != shapes(drawn):
        return "training mode gives other outputs than evaluation mode"
    return ""


def _apart(passes: Passes, batch: Batch, linked: Tensor, seeds: list[int]) -> list[str]:
    """A note with the θ of each output alone, where under the same masks these are not all cut alike."""
    first = passes.gradients_apart(batch, seeds[0], is_leaky=passes.saw_rectifier)
    if len(first) == 1:
        return []
    more = seeds[1 : max(1, MOST_APART // len(first))]
    found = [first, *(passes.gradients_apart(batch, each, is_leaky=passes.saw_rectifier) for each in more)]
    if len({each.shape for each in found}) > 1:
        return []
    counts = linked.repeat(batch.size // len(linked))
    alive = torch.stack(found, 1)[:, :, counts].flatten(1)  # (output, mask and sample)
    alive = alive[alive.any(1)]  # others do not depend on the inputs
    if bool((alive == alive[:1]).all()):
        return []
    each = ", ".join(f"{share:.3g}" for share in alive.double().mean(1).tolist())
    return [
        f"theta counts a path to any output; to each alone, in their order, it is about {each}: to check one, give a "
        "module that returns it alone"
    ]


def _seed(seed: int, draw: int) -> int:
    """Seed of one draw; those of neighbouring seeds have nothing in common."""
    return int(np.random.SeedSequence([seed, draw]).generate_state(1)[0])


def _trials(events: Tensor, counts: Tensor, masks: Masks, samples: int) -> np.ndarray:
    """Independent observations of an event, from its table by mask and sample, shape (draws, B).

    Masks of every sample: all of `samples` that count. Else one sample for each draw, in turn, as those of a draw
    share a mask.
    """
    if masks == "sample":
        return events.flatten()[:samples][counts.repeat(len(events))[:samples]].numpy()
    (used,) = torch.nonzero(counts, as_tuple=True)
    if len(used) == 0:
        return np.zeros(0, dtype=bool)
    return events[torch.arange(len(events)), used[torch.arange(len(events)) % len(used)]].numpy()


def _without_masks(passes: Passes, batch: Batch, seed: int, is_leaky: bool) -> tuple[list[Tensor], Tensor]:
    """Outputs and samples with a gradient when nothing is dropped; in any of some passes if forward is random still."""
    outputs, alive = passes.gradients(batch, seed, drops=False, is_leaky=is_leaky)
    if _is_random(passes, batch, seed, drops=False):
        for look in range(1, LOOKS):
            alive = alive | passes.gradients(batch, _seed(seed, look), drops=False, is_leaky=is_leaky)[1]
    return outputs, alive


def _is_random(passes: Passes, batch: Batch, seed: int, drops: bool) -> bool:
    first, second = (passes.outputs(batch, each, drops) for each in (seed, seed + 1))
    return len(first) != len(second) or not all(_close(a, b) for a, b in zip(first, second, strict=True))


def _copies(passes: Passes, batch: Batch, seed: int, samples: int) -> int:
    """How often the inputs are repeated in one pass; once if the module takes no other number of samples."""
    numbers = sum(x.numel() * (1 if x.is_floating_point() else 256) for x in tensors_in(batch.inputs))
    copies = min(LARGEST_BATCH // batch.size, LARGEST_INPUT // numbers, -(-samples // batch.size))
    if copies > 1:
        try:
            passes.outputs(batch.rows(torch.arange(batch.size).repeat(copies)), seed)
        except Exception:  # whatever forward raises on a batch of another size
            return 1
    return max(1, copies)


def _masks(passes: Passes, batch: Batch, axes: list[int | None], seed: int) -> tuple[Masks, bool, list[str]]:
    """For what masks are drawn, whether outputs were seen to vary, and what was assumed.

    Equal samples get different outputs in one pass where masks are drawn for every sample. Where these outputs differ
    from pass to pass by more than their spread within one explains, all samples of a pass share other masks beside.
    """
    passes.set_modes()
    edges = [part for part in passes.module.modules() if isinstance(part, EdgeDropping)]
    is_shared = any(part.training and not part.per_sample for part in edges)
    if batch.dimension is None:
        return "step", _is_random(passes, batch, seed, drops=True), []
    found: Masks = "step" if is_shared else "sample"
    equal = batch.rows(torch.zeros(max(8, batch.size), dtype=torch.long))
    try:
        passes.outputs(equal, seed)
    except Exception:  # whatever forward raises on a batch of another size
        equal = batch.rows(torch.zeros(batch.size, dtype=torch.long))
    if equal.size == 1 or all(axis is None for axis in axes):
        varies = _is_random(passes, batch, seed, drops=True)
        return found, varies, [f"masks are taken to be drawn for every {found}: the outputs cannot tell"]
    drawn = [_rows(passes.outputs(equal, _seed(seed, look)), axes, equal.size) for look in range(LOOKS)]
    values = torch.stack(drawn).double()  # (pass, sample, output)
    spread = _tolerance(drawn[0]) * float(values.abs().max())
    if bool((values - values[:, :1] > spread).any() | (values[:, :1] - values > spread).any()):
        direction = torch.randn(values.shape[-1], generator=torch.Generator().manual_seed(seed), dtype=torch.double)
        projected = (values @ direction).numpy()
        between = equal.size * projected.mean(1).var(ddof=1) / projected.var(1, ddof=1).mean()
        p_value = stats.f.sf(between, LOOKS - 1, LOOKS * (equal.size - 1))
        return "both" if is_shared or p_value < SURE else "sample", True, []
    if bool(((values - values[:1]).abs() > spread).any()):
        return "step", True, []
    return found, False, []


def _rows(outputs: list[Tensor], axes: list[int | None], size: int, copies: int = 1) -> Tensor:
    """Outputs of each sample, at most `MOST_OUTPUTS` numbers of one copy, shape (size, outputs), on the CPU."""
    rows = [by_sample(out, axis, size) for out, axis in zip(outputs, axes, strict=True) if axis is not None]
    together = torch.cat([each.to(rows[0].dtype) for each in rows], 1)
    step = -(-together.shape[1] // max(1, MOST_OUTPUTS * copies // size))
    chosen = together[:, ::step].cpu()
    return torch.where(torch.isfinite(chosen), chosen, 0)  # logits that are masked by -inf


def _signals(outputs: list[Tensor], axes: list[int | None], copies: int, rows: int) -> list[np.ndarray]:
    """Outputs of every copy of the inputs, less their mean over the samples."""
    if rows < 2 or all(axis is None for axis in axes):
        return []
    values = _rows(outputs, axes, copies * rows, copies).double().reshape(copies, rows, -1)
    centred = (values - values.mean(1, keepdim=True)).reshape(copies, -1)
    rounding = 1e3 * _tolerance(values) ** 2 * float(values.abs().max())  # differences that are nothing else
    return list(torch.where(centred.abs() > rounding, centred, 0).numpy())


def _agreement(signals: list[np.ndarray], control: list[np.ndarray]) -> tuple[Interval | None, float | None]:
    """Agreement of the signal under two masks, and its size over that without masks.

    Args:
        signals: Centred outputs under D masks, shape (D, outputs of all samples).
        control: The same without masks, shape (1, ...).
    """
    if len(signals) < LEAST_MASKS or not control:
        return None, None
    drawn = np.stack(signals)
    squares = (drawn**2).sum(1)
    size, size_without = squares.mean(), float((control[0] ** 2).sum())
    if not (size > 0 and size_without > 0):
        return None, None
    count, total = len(drawn), drawn.sum(0)
    products = drawn @ total

    def share(square_of_total: np.ndarray, sum_of_squares: np.ndarray, number: int) -> np.ndarray:
        return (square_of_total - sum_of_squares) / (number - 1) / sum_of_squares

    estimate = float(share(total @ total, squares.sum(), count))
    left_out = share(total @ total - 2 * products + squares, squares.sum() - squares, count - 1)
    error = float(np.sqrt((count - 1) / count * ((left_out - left_out.mean()) ** 2).sum()))
    half = float(stats.t.ppf(0.975, count - 1)) * error
    return Interval(estimate, max(-1.0, estimate - half), min(1.0, estimate + half)), math.sqrt(size / size_without)


# Which dimension counts the samples.


def find_samples(
    passes: Passes, inputs: Any, dimension: int | None, seed: int
) -> tuple[Batch, list[int | None], list[str]]:
    """The inputs as a batch of samples that do not depend on each other without masks.

    Args:
        passes: Runs the module.
        inputs: What it takes; its first tensor has the samples.
        dimension: Dimension of samples; None: 0 if samples along it are independent, else 1 (sequence first), else the
            whole input is one sample.
        seed: Of noise that makes equal samples differ.

    Returns:
        The batch; the dimension of samples of each output tensor, None if it has none; notes.

    Raises:
        ValueError: there is no such dimension, or samples along it depend on each other.
    """
    shape = next(tensors_in(inputs)).shape
    if dimension is not None and not 0 <= dimension < len(shape):
        raise ValueError(
            f"batch_dimension must be a dimension of the first input, of shape {tuple(shape)}, counted from 0, got "
            f"{dimension}; leave it out to have it found"
        )
    axes: list[int | None] = []
    for each in range(min(2, len(shape))) if dimension is None else [dimension]:
        batch = Batch(inputs, each, shape[each])
        if _is_random(passes, batch, seed, drops=False):
            note = "forward draws random numbers in evaluation mode too, which cannot be told from masks"
            return batch, [_axis_of_size(out, batch.size) for out in passes.outputs(batch, seed, drops=False)], [note]
        axes = _independent_axes(passes, batch, seed)
        if axes and any(axis is not None for axis in axes):
            is_expected = dimension is not None or each == 0
            note = f"samples are counted along dimension {each} of the inputs: dimension 0 mixes them"
            return batch, _training_axes(passes, batch, axes, seed), [] if is_expected else [note]
        if passes.returns_numbers:
            return batch, axes, ["outputs are single numbers: the samples are taken to be independent without masks"]
    if dimension is not None:
        raise ValueError(
            f"samples along batch_dimension={dimension} depend on each other without masks too; leave it out to "
            "have the dimension found, or else the whole input counted as one sample"
        )
    note = (
        "forward mixes the samples of its input: the whole input counts as one sample, and masks by step (if a tensor "
        "of the inputs has the length of the batch by chance, give another number of samples)"
    )
    whole = Batch(inputs, None, 1)
    return whole, [None] * len(passes.outputs(whole, seed)), [note]


def _training_axes(passes: Passes, batch: Batch, axes: list[int | None], seed: int) -> list[int | None]:
    """The dimensions, also where forward gives other outputs in training mode (such as auxiliary ones)."""
    outputs, control = passes.outputs(batch, seed), passes.outputs(batch, seed, drops=False)
    is_alike = [output.shape for output in outputs] == [output.shape for output in control]
    return axes if is_alike else [_axis_of_size(output, batch.size) for output in outputs]


def _axis_of_size(output: Tensor, size: int) -> int | None:
    return next((axis for axis in range(output.dim()) if output.shape[axis] == size), None)


def _independent_axes(passes: Passes, batch: Batch, seed: int) -> list[int | None]:
    """Dimension of samples of each output: rolling the samples rolls it, changing one changes no other one's part."""
    indices, size = torch.arange(batch.size), batch.size
    generator = torch.Generator().manual_seed(seed)

    def roughened(tensor: Tensor) -> Tensor:  # equal samples become different ones
        noise = 1 + 0.1 * torch.rand(tensor.shape, generator=generator)
        return tensor * noise.to(tensor) if tensor.is_floating_point() else tensor

    batch = replace(batch, inputs=with_tensors(batch.inputs, roughened))
    before = passes.outputs(batch, seed, drops=False)
    if size == 1:
        try:
            twice = passes.outputs(batch.rows(torch.zeros(2, dtype=torch.long)), seed, drops=False)
        except Exception:  # whatever forward raises on a batch of another size
            twice = before
        return [
            next((axis for axis in range(a.dim()) if b.shape[axis] == 2 * a.shape[axis]), 0 if a.dim() else None)
            for a, b in zip(before, twice, strict=True)
        ]
    first, last = indices.clone(), indices.clone()
    first[0], last[-1] = 1, size - 2
    edited = (first, last)
    rolled, *changed = (passes.outputs(batch.rows(rows), seed, drops=False) for rows in (indices.roll(1), *edited))

    def is_axis(index: int, axis: int) -> bool:
        if before[index].shape[axis] % size:
            return False
        ours, moved, *others = (by_sample(outputs[index], axis, size) for outputs in (before, rolled, *changed))
        kept = [(other[rows == indices], ours[rows == indices]) for other, rows in zip(others, edited, strict=True)]
        return _close(moved, ours.roll(1, 0)) and all(_close(a, b) for a, b in kept)

    return [
        next((axis for axis in range(output.dim()) if is_axis(index, axis)), None)
        for index, output in enumerate(before)
    ]


def _close(a: Tensor, b: Tensor) -> bool:
    """Equal up to rounding, which may depend on the position in a batch."""
    if a.shape != b.shape:
        return False
    finite = b[torch.isfinite(b)].abs()
    scale = float(finite.max()) if finite.numel() else 0.0
    return bool(torch.allclose(a, b, rtol=_tolerance(a), atol=_tolerance(a) * scale, equal_nan=True))


def _tolerance(values: Tensor) -> float:
    return float(torch.finfo(values.dtype).eps ** 0.5)
