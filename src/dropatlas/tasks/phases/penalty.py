"""Effects of dropout one by one over the width: where do penalty, propagation noise and random metric survive?

Paper (Section 4.4): the penalty persists only for τ = O(1/n); for larger τ it vanishes as n → ∞.

Family "most penalty": τ ∝ n^(-κ), and q as small as a limit allows (α <= 0.1, β <= 0.5), so that β, and with it the
penalty, is as large as it can be. Prediction: for κ < 1 the penalty effect falls like β ∝ n^(κ - 1), for κ >= 1 it
stays. A penalty that stays at κ < 1, or vanishes at κ >= 1, would refute the statement.
Family "held": β = 0.5 whatever κ < 1, so that the penalty cannot vanish; then α = τ n β → ∞ and the network has no
limit: most neurons never move.
Family "fixed keep rate": q = 1/2; then β = 2/n → 0 for every κ.
Family "phase": the sequences of the table `width_trend`; which effect survives in which phase. Predicted: GF none, II
the penalty, III and I the random metric, IV all three.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from dropatlas.phases.comparison import EFFECT_VALUES, OVER_BUDGET, effect_row
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
    "seed": "number of the seed: its own initial particles and masks",
    "status": "ok; over budget (not run); dropout diverged (a variant did)",
    "moved": "share of neurons that were updated at least once",
    "penalty_effect": "RMS distance of dropout to decorrelated dropout (own forward part unmasked), the same masks",
    "noise_effect": "RMS distance of decorrelated dropout to ram (forward pass unmasked), the same masks",
    "metric_effect": "RMS distance of ram to gradient descent (for tau < 0.01 to its flow, which differs by O(tau))",
    "movement": "RMS distance of dropout to the initial particles",
    "dropout_risk": "risk of dropout, without masks",
    "pn_ram_risk": "risk with independent masks in the two passes",
    "none_risk": "risk of gradient descent",
    "dropout_penalty": "mean of |phi|^2/2 over neurons and inputs under dropout",
    "pn_ram_penalty": "the same with independent masks in the two passes",
    "flow_distance": "W1 of dropout to the gradient flow",
    "penalised_distance": "W1 of dropout to the penalised gradient flow",
}


def tabulate(settings: Penalty, seed: int, checkpoints: Path | None = None) -> pd.DataFrame:
    """One row per network and seed; finished networks are kept in `checkpoints` and not run again."""
    problem = draw_problem(settings.problem, seed)

    def part(
        family: str, sequence: str, exponent: float, width: int, learning_rate: float, keep_rate: float, steps: int
    ) -> pd.DataFrame:
        network = Network(width, learning_rate, keep_rate, steps)
        about = {"family": family, "sequence": sequence, "exponent": exponent, **named(problem, network)}
        rows = []
        for number in range(settings.seeds):
            stream = streams(seed, number, "penalty", family, sequence, repr(exponent), width)
            if settings.over_budget(network):
                found = {"status": OVER_BUDGET, **dict.fromkeys(EFFECT_VALUES, np.nan)}
            else:
                particles = initial_particles(stream("start"), width)
                setting = (problem, particles, steps, learning_rate, keep_rate, stream)
                found = effect_row(*setting, min(width, settings.points))
            rows.append({**about, "seed": number, **found})
        return pd.DataFrame(rows)[list(MEANINGS)]

    parts = [(*about, *network) for *about, network in settings.networks()]
    return run_parts(parts, part, "penalty", checkpoints, MODULE, settings, seed)


if __name__ == "__main__":
    run_table_task(MODULE, Penalty, MEANINGS, tabulate)
