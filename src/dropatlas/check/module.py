"""The check of any `nn.Module`."""

import warnings
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from dropatlas.check.chain import NoChainError, read_chain
from dropatlas.check.crossing import Chain
from dropatlas.check.nested import tensors_in
from dropatlas.check.network import planned
from dropatlas.check.passes import Batch, Passes
from dropatlas.check.result import MaskCheck, PercolationWarning
from dropatlas.check.sampling import SURE, Measured, find_samples, measure
from dropatlas.check.state import left_as_it_was, plain_passes
from dropatlas.percolation.arguments import check_integer
from dropatlas.stats import binomial_p_value


def check_module(
    module: nn.Module,
    inputs: Any = None,
    *,
    steps: int | None = None,
    learning_rate: float | None = None,
    rate_sum: float | None = None,
    batch_size: int | None = None,
    batch_dimension: int | None = None,
    samples: int = 1000,
    seed: int = 0,
) -> MaskCheck:
    """Check what the masks of a module do to it in training mode: whether they cut its paths or drown its signal.

    The module is run, forward and backward, some `2 * samples` times on one sample each (in batches where every
    sample has its own mask). θ is exact where the module is a plain chain of layers, and sampled where it is not: the
    share of samples with exactly zero input gradient (`dropatlas.check.sampling` says what is told apart how).

    Passes run in float64 where the module allows it, else in float32, else as the module is: what underflows looks cut.
    All outputs count; to check one of several, give a module that returns it alone.

    Args:
        module: The network, in training mode, its weights as they are to be judged (signal and dead units depend on
            them, masks do not). Left as it was, also after an error: parameters, buffers, modes, gradients, random
            states.
        inputs: A batch as training gives it: what `module(inputs)`, `module(*inputs)` (a tuple or list) or
            `module(**inputs)` (a dictionary) takes. Of token ids the embeddings are what gradients are taken by.
        steps: Planned training steps, in [1, 10^18].
        learning_rate: Planned constant learning rate, above 0; needs `steps`.
        rate_sum: Instead: planned sum of learning rates.
        batch_size: Samples of a planned step; that of `inputs` if not given.
        batch_dimension: Dimension of the first input that counts the samples; found if not given.
        samples: Masks to draw, at least 10.
        seed: Of the masks.

    Returns:
        The check; `print` shows it.

    Raises:
        TypeError: module is no `nn.Module`.
        ValueError: the module is in evaluation mode, drops nothing, has lazy layers without size, or fails on the
            inputs; there are no inputs or samples; nothing can be differentiated; gradients are not finite or zero
            without masks; a number of the plan is out of range.

    Warns:
        PercolationWarning: each of the check's `warnings`.

    Source: arXiv 2512.13853, Theorems IV.1, V.3, V.7; sampling and all that is no site model: ours.
    """
    if not isinstance(module, nn.Module):
        raise TypeError(
            f"module must be a torch.nn.Module, got {type(module).__name__}; "
            "nn.Sequential(*layers) makes one from a list of layers"
        )
    plan = planned(batch_size, steps, learning_rate, rate_sum)
    samples, seed = check_integer(samples, "samples", 10), check_integer(seed, "seed", 0)
    module = getattr(module, "_orig_mod", module)  # of torch.compile
    _check_module_and_inputs(module, inputs)
    with left_as_it_was(module) as tensors, plain_passes():
        passes = Passes(module)
        try:
            for tensor in tensors:
                if tensor.is_leaf:
                    tensor.requires_grad_(False)  # what has a gradient then depends on the inputs
            notes = _run_once(passes, inputs, tensors)
            notes += passes.settle_statistics(Batch(inputs, None, 1), seed)
            batch, axes, found = find_samples(passes, inputs, batch_dimension, seed)
            measured = measure(passes, batch, axes, samples, seed)
            passes.set_modes()
            chain, reason = _exact_chain(module, batch, measured)
        except ValueError:
            raise
        except Exception as error:  # whatever forward or its backward pass raises later than in the first pass
            raise ValueError(f"{type(module).__name__} fails in a later pass ({_named(error)})") from error
    check = _check(chain, reason, measured, (*notes, *found, *measured.notes))
    check = replace(check, batch_size=plan.batch_size or measured.size, steps=plan.steps, rate_sum=plan.rate_sum)
    for text in check.warnings:
        warnings.warn(text, PercolationWarning, stacklevel=2)
    return check


def _check_module_and_inputs(module: nn.Module, inputs: Any) -> None:
    name = type(module).__name__
    if not module.training:
        raise ValueError(f"{name} is in evaluation mode, where dropout does nothing: call module.train() first")
    for path, parameter in (*module.named_parameters(), *module.named_buffers()):
        if isinstance(parameter, (nn.UninitializedParameter, nn.parameter.UninitializedBuffer)):
            raise ValueError(f"{path} has no size before its first batch: run the module on one, then check it")
    shapes = [tuple(tensor.shape) for tensor in tensors_in(inputs)]
    if not shapes:
        found = "None" if inputs is None else f"{type(inputs).__name__} without tensors"
        raise ValueError(
            f"inputs are missing (got {found}): give a batch as training does, such as "
            "check_module(module, torch.randn(32, 10))"
        )
    if any(0 in shape for shape in shapes):
        raise ValueError(f"inputs have an empty batch, shapes {shapes}: give at least one sample")
    if not shapes[0]:
        raise ValueError("the first of the inputs must have a dimension of samples, got a single number")


def _run_once(passes: Passes, inputs: Any, tensors: list[Tensor]) -> list[str]:
    """Run once as the module is, then in the finest type that works, in which it stays; notes on how it runs."""
    whole = Batch(inputs, None, 1)
    try:
        passes.outputs(whole, 0)
    except Exception as error:  # whatever forward raises
        raise ValueError(
            f"{type(passes.module).__name__} fails on these inputs ({_named(error)}); "
            "give a batch that module(inputs), module(*inputs) (tuple or list) or module(**inputs) (dictionary) "
            "takes, on its device"
        ) from error
    floating = [tensor for tensor in tensors if tensor.is_floating_point()]
    before, default = [tensor.data for tensor in floating], torch.get_default_dtype()
    notes = []
    if any(part.running_mean is not None for part in passes.batch_norms):
        notes.append("batch normalisation ran with its running statistics, as its own mix the samples of a batch")
    for dtype in (torch.float64, torch.float32):
        torch.set_default_dtype(dtype)
        passes.dtype = dtype
        for tensor, data in zip(floating, before, strict=True):
            tensor.data = data.to(dtype)
        try:
            passes.gradients(whole, 0)
        except Exception:  # a forward that insists on another type
            continue
        if dtype != torch.float64:
            notes.append("passes ran in float32, not float64: gradients below 1e-45 look cut")
        return notes
    torch.set_default_dtype(default)
    passes.dtype = None
    for tensor, data in zip(floating, before, strict=True):
        tensor.data = data
    passes.gradients(whole, 0)
    return [*notes, "passes ran in the module's own type, not float64: gradients that underflow look cut"]


def _named(error: Exception) -> str:
    """Kind and first line of an error."""
    return f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"


def _exact_chain(module: nn.Module, batch: Batch, measured: Measured) -> tuple[Chain | None, str]:
    """The module's chain, if its exact θ agrees with what was measured; else the reason why there is none."""
    if batch.dimension != 0:
        return None, "the samples are not the rows of the input"
    try:
        chain = read_chain(module, batch.inputs)
        _, cut = chain.crossing()
    except (NoChainError, ValueError) as error:  # no chain, or one that is too wide
        return None, str(error)
    if binomial_p_value(round(measured.cut.estimate * measured.trials), measured.trials, cut) < SURE:
        return None, f"the chain that was read would be cut with probability {cut:.3g}, which the samples contradict"
    return chain, ""


def _check(chain: Chain | None, reason: str, measured: Measured, notes: tuple[str, ...]) -> MaskCheck:
    agreement = measured.agreement
    found = MaskCheck(
        method=f"sampled: zero input gradients, n = {measured.trials}, because {reason}",
        masks=measured.masks,
        theta=1 - measured.cut.estimate,
        cut_probability=measured.cut.estimate,
        cut_interval=measured.cut,
        agreement=None if agreement is None else agreement.estimate,
        signal_factor=measured.signal_factor,
        is_measured=True,
        agreement_interval=agreement,
        zero_gradients=measured.zero_gradients,
        dead_samples=measured.dead,
        samples=measured.size,
        notes=notes,
    )
    if chain is None:
        return found
    theta, cut = chain.crossing()
    return replace(
        found,
        method="exact: chain of layers",
        theta=theta,
        cut_probability=cut,
        cut_interval=None,
        chain=chain,
        safe_width=chain.safe_width(),
    )
