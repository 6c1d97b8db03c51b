"""Weak error in the critical phase: how fast does the bias of dropout against limit IV vanish with the width?

Open question 1 of the paper. Prediction, estimates and what would refute it: `dropatlas.phases.weak_rate`.
"""

import pandas as pd

from dropatlas.phases.coupling_settings import FUNCTIONS, LAW, WeakRate
from dropatlas.phases.plane import problem_from, streams
from dropatlas.phases.weak_rate import dropout_runs, limit_averages, weak_errors
from dropatlas.progress import LoggedProgress
from dropatlas.tasks.runner import run_table_task

MODULE = "dropatlas.tasks.phases.weak_rate"
HALVES = ("first", "second")

MEANINGS = {
    "width": "neurons n",
    "learning_rate": "master learning rate tau",
    "keep_rate": "keep rate q",
    "alpha": "tau/q: mean time between two updates of a neuron",
    "beta": "1/(nq): inverse number of neurons kept in a step",
    "seed": "number of the seed: its own teacher, data, runs and limits",
    "runs": "dropout runs of each half",
    "particles": "particles of all simulations of the limit of each half",
    "quantity": "risk, square (mean |x|^2), cosine (mean cos a), bump (mean exp(-|x|^2/2)), or law (projections)",
    "bias": "mean over runs minus the value under limit IV; law: sliced W1 of the pooled runs to the limit",
    "limit_error": "half the difference of the two simulations of the limit (law: W1)",
    "squared_bias": "product of the biases of two independent halves; law: sliced integral of (F - G)^2, likewise",
    "limit_squared": "variance of one half's limit: half the squared difference of both",
    "control_squared": "as squared_bias, against limit III",
    "scatter": "standard deviation over runs; law: mean sliced W1 of single runs to the limit",
}


def tabulate(settings: WeakRate, seed: int) -> pd.DataFrame:
    """One row per seed, width and quantity."""
    time, alpha, beta = settings.problem.time, settings.alpha, settings.beta

    def part(number: int) -> pd.DataFrame:
        stream = streams(seed, number, "weak rate")
        problem = problem_from(settings.problem, stream("problem"))
        clocks = (time, alpha)
        limits = [
            limit_averages(problem, settings.limit_width, settings.copies, *clocks, beta, stream("IV", half))
            for half in HALVES
        ]
        control = limit_averages(problem, settings.limit_width, 1, *clocks, 0.0, stream("III"))
        law, rows = (limits[0].law + limits[1].law) / 2, []
        for width in settings.widths:
            learning_rate, keep_rate, steps = settings.rates(width)
            sizes = (width, settings.runs(width), learning_rate, keep_rate, steps)
            halves = [dropout_runs(problem, *sizes, law, stream("runs", width, half)) for half in HALVES]
            about = {
                "width": width,
                "learning_rate": learning_rate,
                "keep_rate": keep_rate,
                "alpha": alpha,
                "beta": beta,
            }
            about |= {"seed": number, "runs": sizes[1], "particles": settings.copies * settings.limit_width}
            found = weak_errors(halves, limits, control)
            rows.append(pd.DataFrame({**about, "quantity": [*FUNCTIONS, LAW], **found}))
        return pd.concat(rows, ignore_index=True)[list(MEANINGS)]

    seeds = LoggedProgress(range(settings.seeds), "weak errors", unit="seed")
    return pd.concat([part(number) for number in seeds], ignore_index=True)


if __name__ == "__main__":
    run_table_task(MODULE, WeakRate, MEANINGS, tabulate)
