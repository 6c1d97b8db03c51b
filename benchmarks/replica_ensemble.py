"""Throughput of stacked replicas against a loop over single networks, both in this run.

    python benchmarks/replica_ensemble.py

Prints network-steps per second at L = 100, W = 16, 64 replicas, dropout p = 0.2 with masks drawn in the loop, no step
skipped by theory (almost every mask has a path). The single networks are nn.Sequential + autograd + torch.optim.SGD
with one mask a step. The stacked side uses two Python threads with half of the replicas each, which keeps both cores
busy without waiting for one another in every product.
"""

import time
from concurrent.futures import ThreadPoolExecutor

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


def stacked_rate(problem, steps: int, threads: int) -> float:
    """Network-steps per second of all replicas together."""
    torch.set_num_threads(1)
    shape = Shape(problem.train_x.shape[1], DEPTH, problem.outputs)
    replicas = [Replica(WIDTH, DROP_RATE, "dropout", RATE, "plain", index) for index in range(REPLICAS)]
    parts = [Ensemble(shape, replicas[part::threads], problem, BATCH, seed=1) for part in range(threads)]

    def run(part: Ensemble, until: int) -> None:
        torch.set_num_threads(1)  # OpenMP counts threads per calling thread
        part.advance(until)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(run, parts, [3] * threads))
        start = time.perf_counter()
        list(pool.map(run, parts, [3 + steps] * threads))
    return REPLICAS * steps / (time.perf_counter() - start)


def main() -> None:
    torch.manual_seed(1)
    torch.set_flush_denormal(True)
    problem = regression_problem(1)
    best_single, best_stacked = 0.0, 0.0
    for _ in range(3):  # alternating, best of three: other load on the machine only ever slows down
        singles = {threads: single_network_rate(problem, 60, threads) for threads in (1, 2)}
        stacked = {threads: stacked_rate(problem, 60, threads) for threads in (1, 2)}
        print("network-steps per second:", end=" ")
        print(", ".join(f"loop over networks ({t} threads) {rate:,.0f}" for t, rate in singles.items()), end="; ")
        print(", ".join(f"stacked ({t} threads) {rate:,.0f}" for t, rate in stacked.items()), flush=True)
        best_single = max(best_single, *singles.values())
        best_stacked = max(best_stacked, *stacked.values())
    print(f"best: loop {best_single:,.0f}, stacked {best_stacked:,.0f}: {best_stacked / best_single:.1f} times")


if __name__ == "__main__":
    main()
