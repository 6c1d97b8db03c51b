"""One step of the four variants of Figure 2 (arXiv 2510.07554): this package against plain PyTorch.

    python benchmarks/phases_step.py [--threads 2] [--rounds 40]

A step is: none, RaM, dropout and PN+RaM at d = 20, 500 training inputs, with gradients and updates in float32. The
plain side is the usual two products and their transposes on (n, 500) tensors, with torch's threads. Ours gives each
thread a replica of its own, so its time per step is the time of a round over the number of threads; it also measures
500 validation inputs without masks and the distances, which the plain side does not. Both sides alternate in short
rounds and the best round counts, since other load only slows down. The last line extrapolates to the published
figure: 5 widths, 10 repeats, 1000 steps.
"""

import argparse
import os
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch

from dropatlas.phases.dynamics import FullBatchReLU, Rule, draw_mask, multipliers, risk, rms_distance

VARIANTS = ("none", "ram", "dropout", "pn_ram")
D, SAMPLES, KEEP_RATE, RATE = 20, 500, 0.7, 0.5
WIDTHS, REPEATS, STEPS = (200, 500, 1000, 2000, 5000), 10, 1000


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
        self.networks = torch.randn(width, 1 + D).repeat(len(VARIANTS), 1, 1)
        self.rule = Rule(RATE)
        self.fast = FullBatchReLU(self.rule, self.inputs, self.targets, self.validation, VARIANTS)

    def masks(self):
        return [draw_mask(self.rng, self.networks.shape[1:2], KEEP_RATE) for _ in range(2)]

    def plain(self, steps: int) -> None:
        for _ in range(steps):
            mask, second = self.masks()
            for row, variant in enumerate(VARIANTS):
                a, w = self.networks[row, :, 0], self.networks[row, :, 1:]
                plain_step(a, w, self.inputs, self.targets, *multipliers(variant, mask, second))

    def ours(self, steps: int) -> None:
        torch.set_num_threads(1)  # counts for the calling thread
        for _ in range(steps):
            rms_distance(self.networks, self.networks[2])
            seen = self.fast.advance(self.networks, *self.masks())
            risk(self.rule, seen.training, self.targets), risk(self.rule, seen.held_out, self.labels)


def compare(width: int, threads: int, rounds: int) -> tuple[float, float]:
    """Best milliseconds per four-variant step: plain, ours."""
    steps = max(1, 2000 // width)
    replicas = [Replica(width, seed) for seed in range(threads)]
    plain = ours = float("inf")
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(rounds):
            torch.set_num_threads(threads)
            start = time.perf_counter()
            replicas[0].plain(steps)
            plain = min(plain, (time.perf_counter() - start) / steps)
            start = time.perf_counter()
            list(pool.map(lambda replica: replica.ours(steps), replicas))
            ours = min(ours, (time.perf_counter() - start) / (steps * threads))
    return 1e3 * plain, 1e3 * ours


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="cores used (default: all)")
    parser.add_argument("--rounds", type=int, default=40, help="alternating rounds per width (default: 40)")
    arguments = parser.parse_args()
    print(f"milliseconds per step of four variants, {arguments.threads} threads, best of {arguments.rounds} rounds")
    print(f"{'width':>6} {'plain':>8} {'ours':>8} {'ratio':>6} {'ours, GFLOP/s of its products':>30}")
    total = 0.0
    for width in WIDTHS:
        plain, ours = compare(width, arguments.threads, arguments.rounds)
        kept = KEEP_RATE * width
        neurons = len(VARIANTS) * width + (3 * width + kept) + (width + 3 * kept)  # validation, training, gradient
        print(f"{width:6} {plain:8.2f} {ours:8.2f} {plain / ours:6.1f} {2 * SAMPLES * D * neurons / ours / 1e6:30.0f}")
        total += ours * 1e-3 * REPEATS * STEPS
    print(f"published Figure 2 (10 repeats, 1000 steps, all widths): about {total / 60:.1f} minutes")


if __name__ == "__main__":
    main()
