"""Throughput of stacked replicas against a loop over single networks, both in this run.

    python benchmarks/replica_ensemble.py

Prints network-steps per second at L = 100, W = 16, 64 replicas, dropout p = 0.2 with masks drawn in the loop, no step
skipped by theory (almost every mask has a path). The single networks are nn.Sequential + autograd + torch.optim.SGD
with one mask a step, by one thread and by two. The stacked side runs on one core, and on two as the pipeline uses
them: a process each, with half of the replicas.
"""

import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from threading import Barrier

import torch
from torch import nn

from dropatlas.collapse.ensemble import Ensemble, Replica
from dropatlas.collapse.networks import Shape
from dropatlas.collapse.problems import regression_problem

DEPTH, WIDTH, REPLICAS, BATCH, DROP_RATE, RATE = 100, 16, 64, 32, 0.2, 0.01


class MaskedTanh(nn.Module):
    """tanh, then one mask for the whole minibatch."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.tanh(x) * (torch.rand(x.shape[1]) >= DROP_RATE)


def single_network_rate(problem, steps: int, threads: int) -> float:
    """Network-steps per second of one plain network."""
    torch.set_num_threads(threads)
    layers, width = [], problem.train_x.shape[1]
    for _ in range(DEPTH):
        layer = nn.Linear(width, WIDTH, bias=False)
        nn.init.orthogonal_(layer.weight)
        layers += [layer, MaskedTanh()]
        width = WIDTH
    network = nn.Sequential(*layers, nn.Linear(width, problem.outputs, bias=False))
    optimiser = torch.optim.SGD(network.parameters(), lr=RATE)
    for step in range(steps + 5):
        if step == 5:
            start = time.perf_counter()
        rows = torch.randint(len(problem.train_x), (BATCH,))
        loss = 0.5 * (network(problem.train_x[rows]) - problem.train_y[rows]).square().sum(1).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return steps / (time.perf_counter() - start)


def stacked_rate(problem, steps: int, replicas: int, start: Barrier) -> float:
    """Network-steps per second of stacked replicas on one core."""
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    shape = Shape(problem.train_x.shape[1], DEPTH, problem.outputs)
    ensemble = Ensemble(
        shape,
        [Replica(WIDTH, DROP_RATE, "dropout", RATE, "plain", index) for index in range(replicas)],
        problem,
        BATCH,
        seed=1,
    )
    ensemble.advance(3)
    start.wait()
    begun = time.perf_counter()
    ensemble.advance(3 + steps)
    return replicas * steps / (time.perf_counter() - begun)


def main() -> None:
    torch.manual_seed(1)
    torch.set_flush_denormal(True)
    problem = regression_problem(1)
    context = get_context("spawn")
    loop, best = 0.0, {1: 0.0, 2: 0.0}
    for _ in range(3):  # alternating, best of three: other load on the machine only ever slows down
        singles = {threads: single_network_rate(problem, 120, threads) for threads in (1, 2)}
        stacked = {}
        for cores in (1, 2):
            start = context.Manager().Barrier(cores)
            with ProcessPoolExecutor(cores, mp_context=context) as pool:
                parts = [pool.submit(stacked_rate, problem, 120, REPLICAS // cores, start) for _ in range(cores)]
                stacked[cores] = sum(part.result() for part in parts)
        print("network-steps per second:", end=" ")
        print(", ".join(f"loop over networks ({t} threads) {rate:,.0f}" for t, rate in singles.items()), end="; ")
        print(", ".join(f"stacked ({c} cores) {rate:,.0f}" for c, rate in stacked.items()), flush=True)
        loop = max(loop, *singles.values())
        best = {cores: max(best[cores], rate) for cores, rate in stacked.items()}
    for cores, rate in best.items():
        print(f"best: loop {loop:,.0f}, stacked on {cores} cores {rate:,.0f}: {rate / loop:.1f} times")


if __name__ == "__main__":
    main()
