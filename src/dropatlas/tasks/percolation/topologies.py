"""Residual and convolutional networks under masks: sampled crossings beside what is known in closed form."""

import pandas as pd

from dropatlas.percolation import Sizes, count_events
from dropatlas.percolation.settings import Topologies
from dropatlas.progress import LoggedProgress
from dropatlas.stats import binomial_interval
from dropatlas.tasks.runner import run_table_task

MEANINGS = {
    "topology": "network and what is removed",
    "event": "path that is looked for",
    "p": "removal probability",
    "width": "vertices per layer W, or channels C",
    "depth": "residual blocks B, or hidden convolution layers L",
    "samples": "sampled masks",
    "crossings": "masks in which the event happened",
    "estimate": "crossings / samples",
    "interval_low": "lower end of the exact 95 % interval of the estimate",
    "interval_high": "upper end of the exact 95 % interval of the estimate",
    "known_low": "exact probability, or its lower bound",
    "known_high": "exact probability, or its upper bound",
    "plain_theta": "crossing probability of a plain network of this width and depth under the same removal",
}


def tabulate(settings: Topologies, seed: int) -> pd.DataFrame:
    """One row per topology, event, removal probability, width and depth."""
    sizes = Sizes(settings.branch_depth, settings.image_size, settings.kernel_size, settings.samples)
    rows = []
    progress = LoggedProgress(settings.cells(), "topologies")
    for topology, width, depth, p in progress:
        progress.set_postfix_str(f"{topology} p={p:g} W={width} L={depth}", refresh=False)
        for found in count_events(topology, p, width, depth, sizes, seed):
            interval = binomial_interval(found.crossings, settings.samples)
            rows.append(
                (topology, found.event, p, width, depth, settings.samples, found.crossings)
                + (interval.estimate, interval.low, interval.high, found.low, found.high, found.plain)
            )
    return pd.DataFrame(rows, columns=list(MEANINGS))


if __name__ == "__main__":
    run_table_task("dropatlas.tasks.percolation.topologies", Topologies, MEANINGS, tabulate)
