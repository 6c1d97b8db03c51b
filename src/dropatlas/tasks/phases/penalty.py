"""Effects of dropout one by one over the width: where do penalty, propagation noise and random metric survive?

Paper (Section 4.4): the penalty persists only for τ = O(1/n); for larger τ it vanishes as n → ∞.

Family "most penalty": τ ∝ n^(-κ), and q as small as a limit allows (α <= 0.1, β <= 0.5), so that β, and with it the
penalty, is as large as it can be. At κ < 1 α is fixed and β = 1/(nq) is set by κ: what is tested is that the penalty is
linear in β and depends on n in no other way. Prediction: at every update of a neuron the penalty moves it by α times a
number of order β, so that its effect goes with β: the exponent in n is κ - 1 for κ < 1 and 0 for κ >= 1. Refuted by an
exponent nearer to that of another κ (a quarter away), such as 0 at κ < 1 (a penalty that persists), or by an effect at
κ >= 1 below 5 % of the movement at the largest width. Beside it: what the same noise does without a penalty
(`redrawn_effect`); a neuron that moves is in the other mask with probability q only, so that it is small at every κ.
Family "held": β = 0.5 whatever κ < 1, so that the penalty cannot vanish; then α = τ n β → ∞ and the network has no
limit: most neurons never move.
Family "fixed keep rate": q = 1/2; then β = 2/n → 0 for every κ.
Family "phase": the sequences of the table `width_trend`; which effect survives in which phase. Predicted: GF none, II
the penalty, III and I the random metric, IV all three.

Every seed has its own data, start and masks, so that intervals over seeds are over all of them.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from dropatlas.phases.comparison import OVER_BUDGET
from dropatlas.phases.effects import EFFECTS, effect_row, penalty_row
from dropatlas.phases.particles import initial_particles
from dropatlas.phases.plane import draw_problem, streams
from dropatlas.phases.rates import Network
from dropatlas.phases.settings import Penalty
from dropatlas.tasks.phases.parts import run_parts
from dropatlas.tasks.phases.plane import NETWORK_MEANINGS, named
from dropatlas.tasks.runner import run_table_task

MODULE = "dropatlas.tasks.phases.penalty"

MEANINGS = {
    "family": "most penalty (q as small as a limit allows), held (beta fixed), fixed keep rate (q = 1/2), or phase",
    "sequence": "family phase: the phase; otherwise empty",
    "exponent": "kappa of tau = c n^-kappa; missing for family phase",
    **NETWORK_MEANINGS,
    "seed": "number of the seed: its own data, initial particles and masks",
    "status": "ok; over budget (not run); dropout diverged (a variant did)",
    "moved": "share of neurons that dropout moved",
    "movement": "RMS distance of dropout to the initial particles",
    "penalty_effect": "RMS distance of dropout to decorrelated dropout (own forward part unmasked), the same masks",
    "redrawn_effect": "of dropout whose own forward part has a mask of its own to decorrelated; missing for phase",
    "noise_effect": "RMS distance of decorrelated dropout to ram (forward pass unmasked); family phase only",
    "metric_effect": "of ram to gradient descent (tau < 0.01: its flow, which differs by O(tau)); family phase only",
}


def tabulate(settings: Penalty, seed: int, checkpoints: Path | None = None) -> pd.DataFrame:
    """One row per network and seed; finished networks are kept in `checkpoints` and not run again."""
    problems = [draw_problem(settings.problem, seed, "penalty", number) for number in range(settings.seeds)]

    def part(
        family: str, sequence: str, exponent: float, width: int, learning_rate: float, keep_rate: float, steps: int
    ) -> pd.DataFrame:
        network = Network(width, learning_rate, keep_rate, steps)
        measure = effect_row if family == "phase" else penalty_row
        rows = []
        for number, problem in enumerate(problems):
            found: dict[str, object] = {"status": OVER_BUDGET}
            if not settings.over_budget(network):
                stream = streams(seed, number, "penalty", family, sequence, repr(exponent), width)
                found = measure(problem, initial_particles(stream("start"), width), network, stream)
            about = {"family": family, "sequence": sequence, "exponent": exponent, **named(problem, network)}
            rows.append({**about, "seed": number, **dict.fromkeys(EFFECTS, np.nan), **found})
        return pd.DataFrame(rows)[list(MEANINGS)]

    parts = [(*about, *network) for *about, network in settings.networks()]
    return run_parts(parts, part, "penalty", checkpoints, MODULE, settings, seed)


if __name__ == "__main__":
    run_table_task(MODULE, Penalty, MEANINGS, tabulate)
