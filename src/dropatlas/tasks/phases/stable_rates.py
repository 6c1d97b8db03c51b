"""The largest stable mean rate of a random metric, and how long the steps of single neurons are there.

Paper: RaM lets single neurons take steps beyond what the sharpness permits (2/lambda), as long as the mean rate is
within the bound. Prediction: the largest stable mean rate tau*(q) stays near tau*(1) of gradient descent while single
neurons step tau*/q, far beyond 2/lambda. It would be refuted by a tau*(q) that falls like q, so that single-neuron
steps stay near 2/lambda. In the control one mask serves all neurons of a network: there nothing averages.

Stability is defined in `dropatlas.phases.stability`.
"""

from pathlib import Path

import pandas as pd

from dropatlas.phases.edge_of_stability import stable_edge
from dropatlas.phases.settings import StableRates
from dropatlas.tasks.phases.parts import run_parts
from dropatlas.tasks.runner import run_table_task

MODULE = "dropatlas.tasks.phases.stable_rates"

MEANINGS = {
    "activation": "sigma",
    "width": "neurons n",
    "metric": "none, ram (a mask per neuron), common (one mask for all neurons: a random learning rate)",
    "keep_rate": "q; 1 for none",
    "seed": "number of the seed: its own teacher, data, start and masks; shared by all metrics",
    "rate": "largest mean (master) rate found stable; 0 if even the smallest tried was not",
    "unstable_rate": "smallest rate found unstable; inf if even the largest tried was stable",
    "neuron_step": "rate/q: step of a neuron that is kept",
    "initial_sharpness": "largest eigenvalue of the Hessian at the start, in the mean-field metric",
    "steps": "training steps of a trial",
}


def tabulate(settings: StableRates, seed: int, checkpoints: Path | None = None) -> pd.DataFrame:
    """One row per network and metric; finished cells are kept in `checkpoints`."""

    def work(width: int, kind: str, metric: str, keep_rate: float) -> pd.DataFrame:
        edge = stable_edge(settings, seed, width, kind, metric, keep_rate)
        found = {"seed": range(settings.seeds), "rate": edge.stable, "unstable_rate": edge.unstable}
        rows = pd.DataFrame({**found, "initial_sharpness": edge.sharpness})
        named = rows.assign(width=width, activation=kind, metric=metric, keep_rate=keep_rate, steps=settings.steps)
        return named.assign(neuron_step=named.rate / keep_rate)

    rows = run_parts(settings.cells(), work, "stable rates", checkpoints, MODULE, settings, seed)
    return rows[list(MEANINGS)]


if __name__ == "__main__":
    run_table_task(MODULE, StableRates, MEANINGS, tabulate)
