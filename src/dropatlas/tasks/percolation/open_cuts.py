"""Open minimum cuts of sampled networks in the critical window, counted one by one, beside the Poisson law."""

import pandas as pd
from scipy import stats

from dropatlas.percolation import (
    depth_in_window,
    minimum_cut_extinction,
    open_cut_variance,
    poisson_distance_bound,
    sample_open_minimum_cuts,
    window_parameter,
)
from dropatlas.percolation.settings import MOST_OPEN_CUTS, OpenCuts
from dropatlas.progress import LoggedProgress
from dropatlas.stats import binomial_interval
from dropatlas.tasks.runner import run_table_task

MEANINGS = {
    "width": "vertices per layer W",
    "p": "removal probability of an edge",
    "depth": "hidden layers L",
    "x": "L 2^W p^(W^2)",
    "mean": "exact mean number of open minimum cuts, ((2^W - 1) L + 1) p^(W^2)",
    "variance": "its exact variance",
    "bound": "bound of the total variation distance to the Poisson law (Chen and Stein)",
    "sampled_mean": "mean number of open minimum cuts of the sampled networks",
    "sampled_variance": "its variance over the sampled networks",
    "open_cuts": "number of open minimum cuts of a network; the last row of a cell counts this many or more",
    "more": "whether the row is of this many or more",
    "networks": "sampled networks with so many",
    "samples": "sampled networks",
    "share": "networks / samples",
    "interval_low": "lower end of the exact 95 % interval of the share",
    "interval_high": "upper end of the exact 95 % interval of the share",
    "poisson": "probability of so many under the Poisson law of the exact mean",
}


def tabulate(settings: OpenCuts, seed: int) -> pd.DataFrame:
    """One row per cell and number of open minimum cuts."""
    rows = []
    progress = LoggedProgress(settings.cells, "open minimum cuts")
    for cell in progress:
        p, width = cell.drop_rate, cell.width
        progress.set_postfix_str(f"p={p:g} W={width} x={cell.parameter:g}", refresh=False)
        depth = depth_in_window(p, width, cell.parameter)
        x, mean = window_parameter(p, width, depth), minimum_cut_extinction(p, width, depth)
        counts = sample_open_minimum_cuts(p, width, depth, settings.samples, seed)
        network = (width, p, depth, x, mean, open_cut_variance(p, width, depth))
        sampled = (poisson_distance_bound(p, width, depth), counts.mean(), counts.var())
        for number in range(MOST_OPEN_CUTS + 1):
            more = number == MOST_OPEN_CUTS
            seen = int((counts >= number if more else counts == number).sum())
            interval = binomial_interval(seen, settings.samples)
            expected = stats.poisson.sf(number - 1, mean) if more else stats.poisson.pmf(number, mean)
            rows.append(
                (*network, *sampled, number, more, seen, settings.samples)
                + (interval.estimate, interval.low, interval.high, float(expected))
            )
    return pd.DataFrame(rows, columns=list(MEANINGS))


if __name__ == "__main__":
    run_table_task("dropatlas.tasks.percolation.open_cuts", OpenCuts, MEANINGS, tabulate)
