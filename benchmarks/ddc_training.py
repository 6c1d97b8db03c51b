"""Images per second in training, by the project's own loop (target: 3,500 MNIST images/s with SimpleCNN1 on 2 cores).

    python benchmarks/ddc_training.py [--threads 2] [--images 12800] [--repeats 3]

Random bytes of MNIST's shape; normalisation on the fly, DDC in the first fully connected layer, SGD, metrics: all that
a real epoch does but the validation pass. float32 and bfloat16 take turns; the fastest of the repeats counts. bfloat16
pays only on processors that compute in it (AVX-512 BF16 or AMX); elsewhere it is emulated and slow. The time of a bare
loop (no DDC, no metrics, inputs normalised beforehand) shows what the loop itself costs.
"""

import argparse
import os
import time

import torch
from torch.nn import functional

from dropatlas.layers import apply_method
from dropatlas.models import build_model
from dropatlas.training import Recipe, Split, TrainingData, train


def noise(images: int) -> TrainingData:
    """Random images that look like MNIST to the loop."""

    def split(count: int) -> Split:
        pixels = torch.randint(0, 256, (count, 1, 28, 28), dtype=torch.uint8)
        return Split(pixels, torch.randint(10, (count,)))

    statistics = (torch.tensor([0.5]), torch.tensor([0.29]))
    return TrainingData("MNIST-sized noise", "classification", 10, split(images), split(128), split(128), *statistics)


def network(method: str) -> torch.nn.Module:
    """SimpleCNN1 with a method in its first fully connected layer."""
    model = build_model("simple_cnn1_mnist", (1, 28, 28), 10, seed=0)
    return apply_method(model, model.method_layers, method)


def bare_rate(data: TrainingData) -> float:
    """Images per second of a loop with nothing but the steps."""
    model = network("none").to(memory_format=torch.channels_last)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)
    batches = [
        (data.normalised(inputs), targets)
        for inputs, targets in zip(data.train.inputs.split(128), data.train.targets.split(128), strict=True)
    ]
    started = time.perf_counter()
    for inputs, targets in batches:
        optimiser.zero_grad()
        functional.cross_entropy(model(inputs), targets).backward()
        optimiser.step()
    return len(data.train) / (time.perf_counter() - started)


def loop_rate(data: TrainingData, method: str, precision: str) -> float:
    """Images per second of one epoch of `train`."""
    recipe = Recipe(epochs=1, learning_rate=0.01, weight_decay=5e-4, precision=precision)
    result = train(network(method), data, recipe, seed=0, device="cpu")
    return result.train_samples / result.train_seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2, help="threads of torch (default: 2)")
    parser.add_argument("--images", type=int, default=12800, help="images per epoch (default: 12800)")
    parser.add_argument("--repeats", type=int, default=3, help="epochs of each kind (default: 3)")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    data = noise(arguments.images)
    kinds = {
        "bare loop, float32": lambda: bare_rate(data),
        "train, none, float32": lambda: loop_rate(data, "none", "float32"),
        "train, DDC, float32": lambda: loop_rate(data, "ddc", "float32"),
        "train, DDC, bfloat16": lambda: loop_rate(data, "ddc", "bfloat16"),
    }
    best = dict.fromkeys(kinds, 0.0)
    for _ in range(arguments.repeats):
        for kind, measure in kinds.items():
            best[kind] = max(best[kind], measure())
    print(
        f"SimpleCNN1, batch 128, {arguments.threads} threads on {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    )
    for kind, rate in best.items():
        print(f"{kind:22} {rate:7,.0f} images/s")


if __name__ == "__main__":
    main()
