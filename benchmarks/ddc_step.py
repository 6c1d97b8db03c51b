"""Time of a training step of SimpleCNN1 with each method against the plain one (target for DDC: at most 1.10).

    python benchmarks/ddc_step.py [--threads 2] [--rounds 40]

Batch 128 of MNIST's shape, float32, channels-last, SGD with momentum and weight decay; the method is in the first
fully connected layer, as published. All networks take turns, one step each per round, so that other load on the
machine hits all alike; the ratio is that of the fastest steps, beside it that of the least processor time (which other
load hardly changes) and the median of the rounds' ratios.
"""

import argparse
import os
import statistics
import time

import torch
from torch.nn import functional

from dropatlas.layers import METHODS, apply_method
from dropatlas.models import build_model

BATCH = 128


def stepper(method: str, images: torch.Tensor, labels: torch.Tensor):
    """A function that does one training step."""
    model = build_model("simple_cnn1_mnist", (1, 28, 28), 10, seed=0).to(memory_format=torch.channels_last)
    apply_method(model, model.method_layers, method)
    optimiser = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)

    def step() -> None:
        optimiser.zero_grad()
        functional.cross_entropy(model(images), labels).backward()
        optimiser.step()

    return step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2, help="threads of torch (default: 2)")
    parser.add_argument("--rounds", type=int, default=40, help="steps of each network (default: 40)")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    images = torch.randn(BATCH, 1, 28, 28).contiguous(memory_format=torch.channels_last)
    labels = torch.randint(10, (BATCH,))
    steps = {method: stepper(method, images, labels) for method in METHODS}
    for step in steps.values():
        step()
    seconds: dict[str, list[float]] = {method: [] for method in METHODS}
    processor = dict.fromkeys(METHODS, float("inf"))
    for _ in range(arguments.rounds):
        for method, step in steps.items():
            started, before = time.perf_counter(), time.process_time()
            step()
            seconds[method].append(time.perf_counter() - started)
            processor[method] = min(processor[method], time.process_time() - before)
    load = os.getloadavg()[0]
    print(f"SimpleCNN1, batch {BATCH}, {arguments.threads} threads on {os.cpu_count()} cores, load {load:.1f}")
    heads = ("fastest ms", "against none", "processor ms", "against none", "median ratio")
    print(f"{'':18} " + " ".join(f"{head:>13}" for head in heads))
    for method, times in seconds.items():
        ratio = statistics.median(a / b for a, b in zip(times, seconds["none"], strict=True))
        fastest, used = min(times), processor[method]
        wall = f"{1e3 * fastest:13.2f} {fastest / min(seconds['none']):13.3f}"
        print(f"{method:18} {wall} {1e3 * used:13.2f} {used / processor['none']:13.3f} {ratio:13.3f}")


if __name__ == "__main__":
    main()
