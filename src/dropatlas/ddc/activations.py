"""Does 1/(1 - r) keep a layer's output the same in training and in evaluation?

The calibration divides by the share of edges that are kept, one number for the layer. Weight w_e is thus multiplied by
(1 - p_e)/(1 - r) on average: above 1 for edges with a large gradient, below 1 for those with a small one. Prediction,
written down before the runs: the mean is right only as far as gradients are unrelated to what an edge contributes;
edges with large inputs have large gradients, so the ratio is a little above 1 for DDC, 1 for equal rates, and about
1 - r without calibration. The variance over samples and masks is larger in training in every case.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from dropatlas.ddc.runs import Run, method_layers, regularised_model
from dropatlas.ddc.settings import STAGES, Activations
from dropatlas.layers import DropLayer
from dropatlas.training.evaluation import losses


@dataclass(frozen=True)
class OutputRatios:
    """A layer's output with masks against that without.

    Attributes:
        mean_ratio: Least-squares slope of the pre-activations' mean over masks on those without masks, over samples and
            units, biases left out. 1: the mean is kept.
        variance_ratio: Variance of pre-activations over samples and masks, summed over units, over that without masks.
        activation_ratio: Mean of relu(pre-activation + bias) over masks, samples and units over that without masks.
        drop_rate: Mean share of dropped edges.
    """

    mean_ratio: float
    variance_ratio: float
    activation_ratio: float
    drop_rate: float


@torch.no_grad()
def output_ratios(layer: nn.Module, inputs: Tensor, masks: int) -> OutputRatios:
    """Compare a linear drop layer's output in training and evaluation mode.

    Args:
        layer: Draws masks in training mode; its mode is as before afterwards.
        inputs: (samples, in_features).
        masks: Masks drawn, from torch's default generator.

    Raises:
        ValueError: the layer does not drop.
    """
    if not isinstance(layer, DropLayer) or not isinstance(layer, nn.Linear):
        raise ValueError(f"a {type(layer).__name__} does not drop; use a layer of dropatlas.layers")
    mode, bias = layer.training, 0.0 if layer.bias is None else layer.bias
    plain = layer.eval()(inputs) - bias
    layer.train()
    total, squares = torch.zeros_like(plain), torch.zeros_like(plain)
    positive = rate = 0.0
    for _ in range(masks):
        output = layer(inputs) - bias
        total += output
        squares += output.square()
        positive += torch.relu(output + bias).double().mean().item()
        rate += layer.realised_drop_rate.item()
    layer.train(mode)
    mean = total / masks
    spread = (squares / masks).mean(0) - mean.mean(0).square()
    return OutputRatios(
        mean_ratio=((mean * plain).sum() / plain.square().sum()).item(),
        variance_ratio=(spread.sum() / plain.var(0, correction=0).sum()).item(),
        activation_ratio=positive / masks / torch.relu(plain + bias).double().mean().item(),
        drop_rate=rate / masks,
    )


def layer_inputs(model: nn.Module, name: str, batch: Tensor) -> Tensor:
    """What reaches a layer of a model in evaluation mode."""
    caught = []
    hook = model.get_submodule(name).register_forward_pre_hook(lambda _, inputs: caught.append(inputs[0]))
    with torch.no_grad():
        model.eval()(batch)
    hook.remove()
    return caught[0]


def model_at_start(settings: Activations, run: Run) -> nn.Module:
    """A run's network with its initial weights after one gradient, which sets the drop rates."""
    model = regularised_model(settings.cell, settings.arms[run.arm], run.data, run.seed)
    rows = slice(0, settings.cell.recipe.batch_size)
    outputs = model(run.data.normalised(run.data.train.inputs[rows]))
    losses(outputs, run.data.train.targets[rows]).mean().backward()
    return model


def ratios_before_and_after(settings: Activations, run: Run) -> dict[str, OutputRatios | None]:
    """Output ratios of the first method layer of a run by stage: at the start, and at the end unless it diverged."""
    layer = method_layers(run.model, settings.arms[run.arm])[0]
    batch = run.data.normalised(run.data.train.inputs[: settings.samples])

    def measured(model: nn.Module) -> OutputRatios:
        with torch.random.fork_rng():
            torch.manual_seed(run.seed)
            return output_ratios(model.get_submodule(layer), layer_inputs(model, layer, batch), settings.masks)

    ends = (measured(model_at_start(settings, run)), measured(run.model) if run.result else None)
    return dict(zip(STAGES, ends, strict=True))
