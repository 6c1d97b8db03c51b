"""Crossing events of explicit bond masks: this package against one networkx graph per mask.

    python benchmarks/mask_sampling.py [--graphs 10]

Both sides run in this process on the same network. networkx gets few masks, and its time is scaled to all of them;
building the graph from the mask's kept edges is part of it.
"""

import argparse
import resource
import time

import networkx as nx
import numpy as np

from dropatlas.percolation import bond_crossing_probability, draw_masks, sample_crossings
from dropatlas.randomness import generator

P, WIDTH, DEPTH, MASKS = 0.4, 64, 100, 1000


def peak_memory():
    """Peak resident memory of this process in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def crossed_by_graph(masks):
    """Whether the graph of the kept edges, vertices (layer, index) numbered through, has a path from end to end."""
    graph = nx.DiGraph()
    source, sink = -1, -2
    for layer, mask in enumerate(masks):
        before, after = np.nonzero(mask[0])
        graph.add_edges_from(
            zip((before + layer * WIDTH).tolist(), (after + (layer + 1) * WIDTH).tolist(), strict=True)
        )
    graph.add_edges_from((source, i) for i in range(WIDTH))
    graph.add_edges_from(((DEPTH + 1) * WIDTH + i, sink) for i in range(WIDTH))
    return nx.has_path(graph, source, sink)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--graphs", type=int, default=10, help="masks that networkx gets (default: 10)")
    graphs = parser.parse_args().graphs
    start = time.perf_counter()
    crossings = sample_crossings("bond", P, WIDTH, DEPTH, samples=MASKS)
    seconds, memory = time.perf_counter() - start, peak_memory()
    rng = generator(0, "benchmark")
    start = time.perf_counter()
    by_graph = sum(crossed_by_graph(draw_masks("bond", P, [WIDTH] * (DEPTH + 2), 1, rng)) for _ in range(graphs))
    scaled = (time.perf_counter() - start) * MASKS / graphs
    print(f"bond masks, p = {P}, W = {WIDTH}, L = {DEPTH}; exact θ = {bond_crossing_probability(P, WIDTH, DEPTH):.6g}")
    print(f"{'':22} {'masks':>6} {'crossed':>8} {'seconds per 1000':>17} {'peak memory MB':>15}")
    print(f"{'sample_crossings':22} {MASKS:6} {crossings:8} {seconds * 1000 / MASKS:17.2f} {memory:15.0f}")
    print(f"{'networkx':22} {graphs:6} {by_graph:8} {scaled * 1000 / MASKS:17.2f} {peak_memory():15.0f}")
    print(f"ratio {scaled / seconds:.0f}")


if __name__ == "__main__":
    main()
