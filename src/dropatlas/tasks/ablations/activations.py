"""Output of the masked layer in training against evaluation, before and after training, by calibration."""

from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from dropatlas.regularisation.ablation_settings import Activations
from dropatlas.regularisation.activations import OutputRatios, output_ratios
from dropatlas.regularisation.runs import Replica, method_layers, regularised_model, train_arms
from dropatlas.tasks.runner import run_table_task
from dropatlas.training import TrainingData
from dropatlas.training.evaluation import losses

MEANINGS = {
    "data": "data the network learns",
    "model": "network",
    "arm": "side of the comparison",
    "replica": "number of the seed: equal numbers share split, initial weights and data order",
    "stage": "start: initial weights, drop rates from one gradient; end: after training",
    "mean_ratio": "slope of the masked pre-activations' mean over masks on those without masks (biases left out)",
    "variance_ratio": "variance of pre-activations over samples and masks over that without masks",
    "activation_ratio": "mean of relu(pre-activation) over masks and samples over that without masks",
    "drop_rate": "mean share of dropped edges",
    "masks": "masks averaged over",
    "diverged": "whether training stopped because loss or gradient was not finite (no values at the end)",
}


def _layer_inputs(model: nn.Module, name: str, batch: Tensor) -> Tensor:
    """What reaches a layer in evaluation mode."""
    caught = []
    hook = model.get_submodule(name).register_forward_pre_hook(lambda _, inputs: caught.append(inputs[0]))
    with torch.no_grad():
        model.eval()(batch)
    hook.remove()
    return caught[0]


def _measure(settings: Activations, model: nn.Module, data: TrainingData, layer: str, seed: int) -> OutputRatios:
    batch = data.normalised(data.train.inputs[: settings.samples])
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return output_ratios(model.get_submodule(layer), _layer_inputs(model, layer, batch), settings.masks)


def _at_start(settings: Activations, run: Replica) -> nn.Module:
    """The network with its initial weights after one gradient, which sets the drop rates."""
    model = regularised_model(settings.cell, settings.arms[run.arm], run.data, run.seed)
    rows = slice(0, settings.cell.recipe.batch_size)
    outputs = model(run.data.normalised(run.data.train.inputs[rows]))
    losses(outputs, run.data.train.targets[rows]).mean().backward()
    return model


def tabulate(
    settings: Activations, seed: int, data: Path | None = None, checkpoints: Path | None = None
) -> pd.DataFrame:
    """One row per arm, seed and stage, of the method's first layer."""
    rows = []
    for run in train_arms(settings.cell, settings.arms, seed, data, checkpoints):
        layer = method_layers(run.model, settings.arms[run.arm])[0]
        missing = OutputRatios(np.nan, np.nan, np.nan, np.nan)
        found = {
            "start": _measure(settings, _at_start(settings, run), run.data, layer, run.seed),
            "end": _measure(settings, run.model, run.data, layer, run.seed) if run.result else missing,
        }
        about = {"data": run.data.label, "model": settings.cell.model, "arm": run.arm, "replica": run.number}
        rows += [
            {**about, "stage": stage, **asdict(ratios), "masks": settings.masks, "diverged": run.result is None}
            for stage, ratios in found.items()
        ]
    return pd.DataFrame(rows)[list(MEANINGS)]


if __name__ == "__main__":
    run_table_task("dropatlas.tasks.ablations.activations", Activations, MEANINGS, tabulate)
