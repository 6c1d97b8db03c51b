"""One step of the four variants of Figure 2 (arXiv 2510.07554): this package against plain PyTorch.

    python benchmarks/meanfield_step.py [--threads 2] [--seconds 12]

A step is: none, RaM, dropout and PN+RaM at d = 20, 500 training inputs, with masks, gradients and updates in float32.
The plain side is the usual two products and their transposes on (n, 500) tensors; it counts in the faster of two
arrangements: all threads in torch, or one replica for each thread. Ours gives each thread a replica of its own; the
time of a step is that of a round over the number of threads. `measured` is what the experiment does: it also computes
the outputs on 500 validation inputs without masks, the risks and the distances, which the plain side does not.

All sides and a large square product of torch, the measure of what the machine can do, alternate in short rounds and the
best round counts, since other load only slows down. With one thread times are processor times, which hardly depend on
other load. The last line extrapolates to the published figure: 5 widths,
10 repeats, 1000 steps.
"""

import argparse
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from dropatlas.phases.dynamics import FullBatchReLU, Rule, draw_mask, multipliers, risk, rms_distance

VARIANTS = ("none", "ram", "dropout", "pn_ram")
D, SAMPLES, KEEP_RATE, RATE = 20, 500, 0.7, 0.05
WIDTHS, REPEATS, STEPS = (200, 500, 1000, 2000, 5000), 10, 1000
SQUARE = 1024
"""Side of the large product."""


def plain_step(a, w, inputs, targets, forward, backward):
    """Gradient descent of one variant as one would write it."""
    before = w @ inputs.T
    active = torch.relu(before)
    residual = (a if forward is None else forward * a) @ active / len(a) - targets
    rate = RATE / len(inputs) * (1.0 if backward is None else backward)
    by_output = active @ residual
    by_input = a[:, None] * (((before > 0) * residual) @ inputs)
    return a - rate * by_output, w - (rate[:, None] if backward is not None else rate) * by_input


class Replica:
    """One repeat with its masks, validation losses and distances."""

    def __init__(self, width: int, seed: int) -> None:
        torch.manual_seed(seed)
        self.rng = np.random.default_rng(seed)
        self.inputs, self.targets = torch.randn(SAMPLES, D), torch.randn(SAMPLES)
        self.validation, self.labels = torch.randn(SAMPLES, D), torch.randn(SAMPLES)
        student = torch.randn(width, 1 + D) / torch.tensor([1.0] + D * [D**0.5])
        self.networks = student.repeat(len(VARIANTS), 1, 1)
        self.rule = Rule(RATE)
        self.fast = FullBatchReLU(self.rule, self.inputs, self.targets, self.validation, VARIANTS)

    def masks(self):
        return [draw_mask(self.rng, self.networks.shape[1:2], KEEP_RATE) for _ in range(2)]

    def plain(self) -> None:
        mask, second = self.masks()
        for row, variant in enumerate(VARIANTS):
            a, w = self.networks[row, :, 0], self.networks[row, :, 1:]
            plain_step(a, w, self.inputs, self.targets, *multipliers(variant, mask, second))

    def ours(self) -> None:
        self.fast.advance(self.networks, *self.masks(), held_out=False)

    def measured(self) -> None:
        rms_distance(self.networks, self.networks[2])
        seen = self.fast.advance(self.networks, *self.masks())
        risk(self.rule, seen.training, self.targets), risk(self.rule, seen.held_out, self.labels)


def seconds(work: Callable[[], object], threads: int) -> float:
    clock = time.process_time if threads == 1 else time.perf_counter
    start = clock()
    work()
    return clock() - start


def many(step: Callable[[], object], steps: int, threads: int = 1) -> None:
    torch.set_num_threads(threads)  # counts for the calling thread
    for _ in range(steps):
        step()


def compare(width: int, threads: int, duration: float) -> dict[str, float]:
    """Best seconds: of a four-variant step of each side, and of the large product."""
    steps = max(1, 2000 // width)
    replicas = [Replica(width, seed) for seed in range(threads)]
    square = torch.randn(SQUARE, SQUARE)
    best: dict[str, float] = {}

    def enter(name: str, taken: float) -> None:
        best[name] = min(taken, best.get(name, taken))

    with ThreadPoolExecutor(threads) as pool:
        end = time.perf_counter() + duration
        while time.perf_counter() < end:
            torch.set_num_threads(threads)
            enter("product", seconds(lambda: square @ square, threads))
            taken = seconds(lambda: many(replicas[0].plain, steps, threads), threads)
            enter("plain", taken / steps)
            for name in ("plain", "ours", "measured"):
                sides = [getattr(replica, name) for replica in replicas]
                taken = seconds(lambda sides=sides: list(pool.map(lambda side: many(side, steps), sides)), threads)
                enter(name, taken / (steps * threads))
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="cores used (default: all)")
    parser.add_argument("--seconds", type=float, default=12, help="how long a width is measured (default: 12)")
    arguments = parser.parse_args()
    print(f"milliseconds per step of four variants, {arguments.threads} threads, best of {arguments.seconds:g} s;")
    print(f"GFLOP/s of our products, and of the product of two float32 {SQUARE} x {SQUARE} matrices in torch")
    print(
        f"{'width':>6} {'plain':>7} {'ours':>7} {'ratio':>6} {'measured':>9} {'GFLOP/s':>8} {'torch':>6} {'share':>6}"
    )
    total = 0.0
    for width in WIDTHS:
        best = compare(width, arguments.threads, arguments.seconds)
        kept = KEEP_RATE * width
        neurons = (3 * width + kept) + (width + 3 * kept)  # forward, gradient: what is dropped is not computed
        rate, limit = 2 * SAMPLES * D * neurons / best["ours"] / 1e9, 2 * SQUARE**3 / best["product"] / 1e9
        plain, ours, measured = (1e3 * best[name] for name in ("plain", "ours", "measured"))
        print(
            f"{width:6} {plain:7.2f} {ours:7.2f} {plain / ours:6.1f} {measured:9.2f}"
            f" {rate:8.0f} {limit:6.0f} {rate / limit:6.0%}"
        )
        total += best["measured"] * REPEATS * STEPS
    print(f"published Figure 2 (10 repeats, 1000 steps, all widths): about {total / 60:.1f} minutes")


if __name__ == "__main__":
    main()
