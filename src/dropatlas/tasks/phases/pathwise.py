"""Coupled paths: do dropout neurons stay near their copies of the Poisson limit all along, as n grows?

Open question 2 of the paper. Coupling, prediction and what would refute it: `dropatlas.phases.pathwise`.
"""

import pandas as pd

from dropatlas.phases.coupling_settings import OWN_CLOCKS, Pathwise
from dropatlas.phases.pathwise import limit_output, path_distances
from dropatlas.phases.plane import problem_from, streams
from dropatlas.progress import LoggedProgress
from dropatlas.tasks.runner import run_table_task

MODULE = "dropatlas.tasks.phases.pathwise"

MEANINGS = {
    "family": "series (q = 2 n^-1/2), own clocks (the same, clocks of the limit independent), fixed keep rate, or grid",
    "width": "neurons n",
    "learning_rate": "master learning rate tau",
    "keep_rate": "keep rate q",
    "alpha": "tau/q: mean time between two updates of a neuron",
    "beta": "1/(nq): inverse number of neurons kept in a step",
    "seed": "number of the seed: its own teacher, data, start, masks and clocks",
    "mean_distance": "mean over neurons of the largest distance of dropout to the limit after any step; inf: diverged",
    "rms_distance": "root mean square over neurons of the same",
    "clock_distance": "the same of neurons with dropout's clock and the limit's output, to the limit",
    "noise_distance": "the same of dropout to neurons with dropout's clock and the limit's output",
    "limit_error": "the same of limits with two independent simulations of the output, over sqrt(2)",
}


def tabulate(settings: Pathwise, seed: int) -> pd.DataFrame:
    """One row per seed and network."""
    time, alpha = settings.problem.time, settings.alpha

    def part(number: int) -> pd.DataFrame:
        stream = streams(seed, number, "pathwise")
        problem = problem_from(settings.problem, stream("problem"))
        limits = [
            limit_output(problem, settings.limit_width, time, alpha, settings.points, stream("limit", copy))
            for copy in ("first", "second")
        ]
        rows = []
        for family, width, keep_rate in settings.networks():
            rates = {"learning_rate": alpha * keep_rate, "keep_rate": keep_rate}
            about = {"alpha": alpha, "beta": 1 / (width * keep_rate), "seed": number}
            own = streams(seed, number, "pathwise", family, width, repr(keep_rate))
            found = path_distances(
                problem, (limits[0], limits[1]), time, width, **rates, stream=own, own_clocks=family == OWN_CLOCKS
            )
            rows.append({"family": family, "width": width, **rates, **about, **found})
        return pd.DataFrame(rows)[list(MEANINGS)]

    seeds = LoggedProgress(range(settings.seeds), "coupled paths", unit="seed")
    return pd.concat([part(number) for number in seeds], ignore_index=True)


if __name__ == "__main__":
    run_table_task(MODULE, Pathwise, MEANINGS, tabulate)
