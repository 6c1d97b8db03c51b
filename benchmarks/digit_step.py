"""One step of Figure 3 on real digits (arXiv 2510.07554): compiled sparse steps against dense products.

    python benchmarks/digit_step.py IMAGES [--width 4000] [--steps 20] [--rounds 5]

IMAGES is a prepared set, such as results/standard/data/mnist.arrays. A step is that of one network of dropout at
p = 0.4 on 64 images, on one core. Both sides alternate in rounds and the best round counts, by the core's own time,
since other load only slows down. The last lines say what a dense step computes, and how fast this core multiplies
float32 matrices that fit its cache. On one core of an AMD EPYC (AVX-512) with other load, n = 4,000: about 3.7 ms
compiled against 11.7 ms dense, at about 100 billion float32 operations a second; a dense step is 0.67 billion.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch

from dropatlas.data import load
from dropatlas.phases.digit_pairs import (
    DenseNetworks,
    Draws,
    Run,
    SparseNetworks,
    digit_problem,
    draw_minibatches,
    draw_start,
)


def seconds(work) -> float:
    """Time of this thread that `work` takes."""
    start = time.thread_time()
    work()
    return time.thread_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("images", type=Path)
    parser.add_argument("--width", type=int, default=4000)
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    problem, width = digit_problem(load(arguments.images), "pair", 200, 0), arguments.width
    rng, start, runs = np.random.default_rng(0), draw_start(problem, width, 0, 0), [Run("dropout", 0.6)]
    chosen = draw_minibatches(rng, arguments.steps, len(problem.inputs["training"]), 64)
    draws = Draws(chosen, rng.random((arguments.steps, 2, width), dtype=np.float32))
    sides = {
        "compiled": SparseNetworks(problem, start, runs, 0.25),
        "dense": DenseNetworks(problem, start, runs, 0.25, torch.device("cpu")),
    }
    left, right = torch.randn(512, 600), torch.randn(600, 64)
    sides["compiled"].advance(draws)  # compiles, or loads what is compiled
    best, product = dict.fromkeys(sides, np.inf), np.inf
    for _ in range(arguments.rounds):
        for name, networks in sides.items():
            best[name] = min(best[name], seconds(lambda side=networks: side.advance(draws)) / arguments.steps)
        product = min(product, seconds(lambda: [torch.mm(left, right) for _ in range(100)]) / 100)
    pixels = problem.inputs["training"].shape[1]
    for name, value in best.items():
        print(f"{name}: {1e3 * value:.2f} ms per step")
    print(f"ratio {best['dense'] / best['compiled']:.1f}; a dense step is {4e-9 * 64 * pixels * width:.2f} GFLOP")
    print(f"products in cache: {2e-9 * left.numel() * right.shape[1] / product:.0f} GFLOP/s")


if __name__ == "__main__":
    main()
