"""Time of a training step with each method against the plain one (target for DDC: at most 1.10).

    python benchmarks/ddc_step.py [--model simple_cnn1_mnist] [--threads 2] [--rounds 40]

Batch 128 of random images in the network's shape, float32, channels-last, SGD with momentum and weight decay; the
method is in the published layers (SimpleCNN1: the first fully connected one). All networks take turns, one step each
per round, so that other load on the machine hits all alike; the ratio is that of the fastest steps, beside it that of
the least processor time (which other load hardly changes) and the median of the rounds' ratios.
"""

import argparse
import os

import torch

from dropatlas.ddc.step_time import step_times

BATCH = 128


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="simple_cnn1_mnist", help="network (default: simple_cnn1_mnist)")
    parser.add_argument("--threads", type=int, default=2, help="threads of torch (default: 2)")
    parser.add_argument("--rounds", type=int, default=40, help="steps of each network (default: 40)")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    times = step_times(arguments.model, BATCH, arguments.rounds)
    fastest = times.groupby("method", sort=False)[["wall_ms", "processor_ms"]].min()
    against = fastest / fastest.loc["none"]
    wall = times.pivot(index="round", columns="method", values="wall_ms")
    median = wall.div(wall["none"], axis=0).median()
    load = os.getloadavg()[0]
    print(f"{arguments.model}, batch {BATCH}, {arguments.threads} threads on {os.cpu_count()} cores, load {load:.1f}")
    heads = ("fastest ms", "against none", "processor ms", "against none", "median ratio")
    print(f"{'':18} " + " ".join(f"{head:>13}" for head in heads))
    for method in fastest.index:
        wall_ms, processor_ms = fastest.loc[method]
        wall_ratio, processor_ratio = against.loc[method]
        print(
            f"{method:18} {wall_ms:13.2f} {wall_ratio:13.3f} {processor_ms:13.2f} {processor_ratio:13.3f} "
            f"{median[method]:13.3f}"
        )


if __name__ == "__main__":
    main()
