"""Figure 3: variants of dropout on the digits 4 and 7 of MNIST, over the width.

Paper: also on real data dropout behaves as the random metric; the forward mask, and the noise it brings, hardly matter
at large width. Prediction: of what dropout does to the test risk (without masks), RaM does nearly all at n = 4000, and
what is missing falls with n. It would be refuted by a share of dropout's effect nearer to that of no dropout, 0,
than to dropout's, 1, and by a share that does not grow with n.

Protocol: `dropatlas.phases.digit_pairs`. Risks and accuracies are measured without masks.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from dropatlas.data import load
from dropatlas.phases.digit_pairs import Run, digit_problem, train
from dropatlas.phases.names import MEASURED_PARTS
from dropatlas.phases.settings import DigitPair
from dropatlas.tasks.phases.parts import run_parts
from dropatlas.tasks.runner import run_table_task

MODULE = "dropatlas.tasks.phases.digit_pair"

MEANINGS = {
    "data": "images the networks learn",
    "classes": "pair (4 against 7, logistic loss) or all (ten digits, cross-entropy)",
    "width": "neurons n",
    "drop_rate": "removal probability p; 0 for the variant none",
    "variant": "none, dropout, ram (mask on the gradient), pn_ram (dropout's mask forward, a second one on the "
    "gradient), forward (forward mask only)",
    "seed": "number of the seed: equal numbers share minibatches, and at one width start and nested masks",
    "step": "training steps done",
    "part": "validation or test images",
    "risk": "mean loss without masks",
    "accuracy": "share of correct digits without masks",
    "diverged": "whether the risk is not finite",
}


def tabulate(settings: DigitPair, seed: int, data: Path, checkpoints: Path | None = None) -> pd.DataFrame:
    """One row per network, measured step and part; finished seeds are kept in `checkpoints`."""
    digits = load(data)
    problem = digit_problem(digits, settings.classes, settings.held_out, seed)
    measured = settings.measured_steps()
    cells = {cell.width: cell for cell in settings.cells}

    def work(width: int, number: int) -> pd.DataFrame:
        kinds = cells[width].runs()
        runs = [Run(variant, 1 - drop_rate) for drop_rate, variant in kinds]
        found = train(
            problem, runs, width, settings.learning_rate, settings.batch_size, measured, seed=seed, number=number
        )
        index = pd.MultiIndex.from_product([measured, MEASURED_PARTS], names=["step", "part"])
        tables = [
            pd.DataFrame(run.reshape(len(index), 2), index, ["risk", "accuracy"])
            .reset_index()
            .assign(width=width, drop_rate=drop_rate, variant=variant, seed=number)
            for run, (drop_rate, variant) in zip(found, kinds, strict=True)
        ]
        return pd.concat(tables, ignore_index=True)

    one_seed = settings.model_dump(exclude={"cells": {"__all__": {"seeds"}}})  # more seeds go on from the finished ones
    rows = run_parts(settings.parts(), work, "digit pair", checkpoints, MODULE, one_seed, seed, data)
    rows = rows.assign(data=digits.label, classes=settings.classes)
    rows["diverged"] = ~np.isfinite(rows.risk)
    return rows[list(MEANINGS)]


if __name__ == "__main__":
    run_table_task(MODULE, DigitPair, MEANINGS, tabulate)
