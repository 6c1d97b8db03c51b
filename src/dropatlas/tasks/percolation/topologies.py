"""Residual and convolutional networks under masks: sampled crossings beside what is known in closed form."""

from collections.abc import Iterator
from itertools import chain, product

import pandas as pd

from dropatlas.percolation import (
    bond_crossing_probability,
    kernel_dropconnect_bounds,
    residual_crossing_probability,
    sample_channel_dropout,
    sample_kernel_dropconnect,
    sample_residual,
    sample_residual_stream,
    site_crossing_probability,
)
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

PLAIN = {"site": site_crossing_probability, "bond": bond_crossing_probability}
EVENTS = {"any_path": "any path", "non_identity_path": "a path through a branch", "all_branches": "all branches open"}


def _residual(settings: Topologies, seed: int) -> Iterator[tuple]:
    """Topology, event, p, width, depth, crossings, known low and high, plain theta; as `_convolutional`."""
    for width, blocks, p in product(settings.residual_widths, settings.residual_blocks, settings.drop_rates):
        plain = {model: crossing(p, width, blocks) for model, crossing in PLAIN.items()}
        for model, removed in {"site": "dropout", "bond": "dropconnect"}.items():
            counts = sample_residual(model, p, width, settings.branch_depth, blocks, settings.samples, seed)
            exact = residual_crossing_probability(model, p, width, settings.branch_depth, blocks)
            for field, event in EVENTS.items():
                known = getattr(exact, field)
                topology = f"residual, {removed} in the branches"
                yield topology, event, p, width, blocks, getattr(counts, field), known, known, plain[model]
        crossings = sample_residual_stream(p, width, blocks, settings.samples, seed)
        topology = "residual, dropout on the stream"
        yield topology, "any path", p, width, blocks, crossings, plain["site"], plain["site"], plain["site"]


def _convolutional(settings: Topologies, seed: int) -> Iterator[tuple]:
    image, kernel = settings.image_size, settings.kernel_size
    for channels, depth, p in product(settings.channels, settings.convolution_depths, settings.drop_rates):
        site = site_crossing_probability(p, channels, depth)
        crossings = sample_channel_dropout(p, channels, depth, image, kernel, settings.samples, seed)
        yield "convolution, channels dropped", "any path", p, channels, depth, crossings, site, site, site
        bond = bond_crossing_probability(p, channels, depth)
        crossings = sample_kernel_dropconnect(p, channels, depth, image, kernel, settings.samples, seed)
        known = kernel_dropconnect_bounds(p, channels, depth, image, kernel)
        yield "convolution, kernel entries dropped", "any path", p, channels, depth, crossings, *known, bond


def tabulate(settings: Topologies, seed: int) -> pd.DataFrame:
    """One row per topology, event, removal probability, width and depth."""
    rates = len(settings.drop_rates)
    total = rates * (
        7 * len(settings.residual_widths) * len(settings.residual_blocks)
        + 2 * len(settings.channels) * len(settings.convolution_depths)
    )
    rows = []
    cells = chain(_residual(settings, seed), _convolutional(settings, seed))
    progress = LoggedProgress(cells, "topologies", total=total)
    for topology, event, p, width, depth, crossings, known_low, known_high, plain in progress:
        progress.set_postfix_str(f"{topology} p={p:g} W={width} L={depth}", refresh=False)
        interval = binomial_interval(crossings, settings.samples)
        rows.append(
            (topology, event, p, width, depth, settings.samples, crossings)
            + (interval.estimate, interval.low, interval.high, known_low, known_high, plain)
        )
    return pd.DataFrame(rows, columns=list(MEANINGS))


if __name__ == "__main__":
    run_table_task("dropatlas.tasks.percolation.topologies", Topologies, MEANINGS, tabulate)
