"""Figure 3: five variants of dropout on the digits 4 and 7 of MNIST.

Paper: also on real data dropout behaves as the random metric; the forward mask, and the noise it brings, hardly matter
at large width. Prediction: the test risk (without masks) of dropout and RaM agree at every drop rate. It would be
refuted by a difference that is not small beside the risk itself. How each variant changes the test risk is measured.

Protocol: `dropatlas.phases.digit_pairs`. Risks and accuracies are measured without masks.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from dropatlas.data import load
from dropatlas.phases.digit_pairs import digit_problem, train
from dropatlas.phases.names import PARTS
from dropatlas.phases.settings import DigitPair
from dropatlas.tasks.phases.parts import run_parts
from dropatlas.tasks.runner import run_table_task

MODULE = "dropatlas.tasks.phases.digit_pair"

MEANINGS = {
    "data": "images the networks learn",
    "classes": "pair (4 against 7, logistic loss) or all (ten digits, cross-entropy)",
    "width": "neurons n",
    "drop_rate": "removal probability p; 0 for the variant none",
    "variant": "none, dropout, ram (mask on the gradient), pn_ram (second mask forward), forward (forward mask only)",
    "seed": "number of the seed: equal numbers share start, minibatches and nested masks",
    "step": "training steps done",
    "part": "training, validation or test images",
    "risk": "mean loss without masks",
    "accuracy": "share of correct digits without masks",
    "diverged": "whether the risk is not finite",
}


def tabulate(settings: DigitPair, seed: int, data: Path, checkpoints: Path | None = None) -> pd.DataFrame:
    """One row per network, measured step and part; finished seeds are kept in `checkpoints`."""
    digits = load(data)
    problem = digit_problem(digits, settings.classes, settings.held_out, seed)
    measured = settings.measured_steps()

    def work(number: int) -> pd.DataFrame:
        tables = []
        for drop_rate, variant in settings.variants():
            shape = (settings.width, settings.learning_rate, settings.batch_size, measured, settings.evaluated)
            found = train(problem, variant, 1 - drop_rate, *shape, seed, number)
            index = pd.MultiIndex.from_product([measured, PARTS], names=["step", "part"])
            rows = pd.DataFrame(found.reshape(len(index), 2), index, ["risk", "accuracy"]).reset_index()
            tables.append(rows.assign(drop_rate=drop_rate, variant=variant, seed=number))
        return pd.concat(tables, ignore_index=True)

    numbers = [(number,) for number in range(settings.seeds)]
    one_seed = settings.model_dump(exclude={"seeds"})  # more seeds go on from those that are finished
    rows = run_parts(numbers, work, "digit pair", checkpoints, MODULE, one_seed, seed, data)
    rows = rows.assign(data=digits.label, classes=settings.classes, width=settings.width)
    rows["diverged"] = ~np.isfinite(rows.risk)
    return rows[list(MEANINGS)]


if __name__ == "__main__":
    run_table_task(MODULE, DigitPair, MEANINGS, tabulate)
