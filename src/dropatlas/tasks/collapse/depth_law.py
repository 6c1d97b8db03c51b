"""Steps to learn against depth at constant width: does training need exponentially more steps as depth increases?

Paper: training needs Σα >> 1/θ, and networks "require exponentially more training time as depth increases"; it measures
neither. At constant width and p, θ decays by a fixed rate per layer, -log(1 - p^W) under dropout and that of the chain
of reachable vertices under dropconnect. p is chosen so that all widths and both models share one rate.

Prediction: the logarithm of the steps relative to the network without dropout of the same depth rises with L by at
least that rate (exponential). At falling rates α_t = α t_0 / (t_0 + t) the *sum* of rates does. Refuted: a clearly
smaller rise. Open: whether it is also no larger, at the initial gain 1 and at 1/sqrt(q), which makes up for the signal
that masks with a path remove. Movement is in units of ‖w_0‖ without dropout, at both gains.

That sum is about α t_0 log(1 + T / t_0): once it exceeds α t_0, T is exponential in it, so that T grows doubly
exponentially with depth. That is arithmetic and not measured: runs may arrive here while the sum is below α t_0.

Steps without a path are not computed: without biases they change nothing (Theorem V.7). Every network is trained a
second time over its first steps with all of them computed; the two must agree bit for bit. Runs that do not get there
within the horizon count as the horizon: a lower bound of the numerator. Controls that do not, at most a tenth
of those of a depth that counts, make the ratio larger.
"""

from pathlib import Path

import numpy as np
import pandas as pd

from dropatlas.collapse.depth_law import DepthLaw
from dropatlas.collapse.drop_rates import decay_rate, drop_rate_decaying
from dropatlas.collapse.learning_time import RUN, steps_to_goals
from dropatlas.collapse.members import MASKED, Descent, Member, Shape
from dropatlas.collapse.outcomes import aligned
from dropatlas.collapse.problems import regression_problem
from dropatlas.collapse.runs import run_ensemble
from dropatlas.progress import LoggedProgress
from dropatlas.tasks.collapse.common import RUN_MEANINGS, integers, small_products
from dropatlas.tasks.runner import run_table_task

MEANINGS = {
    "schedule": "learning rate: constant (alpha) or falling (alpha t_0 / (t_0 + t))",
    "model": "site (dropout) or bond (dropconnect)",
    **{name: meaning for name, meaning in RUN_MEANINGS.items() if name != "variant"},
    "layer_rate": "decay rate of theta per layer at this width and removal probability",
    "gain": "plain (initial hidden matrices as without dropout) or compensated (larger by 1/sqrt(1 - p))",
    "goal": "loss (loss ratio at most the target) or movement (norm of w_t - w_0 at least "
    "its target times the norm of w_0 without dropout)",
    "steps": "first measured step that reaches the goal; the horizon if censored",
    "rate_sum": "sum of the learning rates of these steps, over the first learning rate",
    "censored": "whether the goal was not reached within the horizon",
    "horizon": "steps trained",
    "control_rate_sum": "rate_sum of the network without dropout of the same depth, width and seed",
    "control_censored": "whether that network did not reach the goal within its horizon",
    "crossed_steps": "steps whose mask had a path",
    "differs": "whether computing the steps without a path, too, changed movement or loss in any bit (first steps)",
    "diverged": "whether loss or weights stopped being finite",
}

COMPARED = ["relative_movement", "loss_ratio", "crossed_steps"]


@small_products()
def tabulate(settings: DepthLaw, seed: int, checkpoints: Path | None = None) -> pd.DataFrame:
    """One row per schedule, depth, model, width, gain, seed and goal."""
    training = settings.training
    problem = regression_problem(seed, test_samples=training.test_samples)

    def times(schedule: str, depth: int, model: str) -> pd.DataFrame:
        shape, variant = Shape(problem.train_x.shape[1], depth, problem.outputs), MASKED.get(model, "none")
        rates = {w: drop_rate_decaying(settings.rate, model, w) if model in MASKED else 0.0 for w in settings.widths}
        members = [
            Member(width, rates[width], variant, training.learning_rate, gain, number)
            for width, gain, number in settings.networks(variant)
        ]
        steps = settings.measured_steps(schedule, min(member.theta(shape) for member in members))
        descent = settings.descent(schedule)
        ensemble = (shape, members, problem, training.batch_size, seed)
        frame = run_ensemble(*ensemble, steps, checkpoints, descent=descent)
        found = steps_to_goals(frame, settings.target, settings.movement)
        found["rate_sum"] = descent.rate_sum(found.steps.to_numpy().astype(int))
        if model not in MASKED:
            return found
        first = [step for step in steps if step <= settings.checked_steps]
        whole = run_ensemble(*ensemble, first, checkpoints, descent=Descent(decay=descent.decay, every_step=True))
        found["differs"] = aligned(_differing(frame[frame.step <= first[-1]], whole), found, RUN)
        found["layer_rate"] = [decay_rate(model, p, w) for p, w in zip(found.drop_rate, found.width, strict=True)]
        return found.assign(schedule=schedule, model=model, horizon=steps[-1])

    parts, controls = [], {}
    progress = LoggedProgress(settings.conditions(), "depth law")
    for schedule, depth, model in progress:
        progress.set_postfix_str(f"{schedule} {model} L={depth}", refresh=False)
        if (schedule, depth) not in controls:
            control = times(schedule, depth, "none")
            controls[schedule, depth] = control.set_index(["width", "seed", "goal"])
        masked, control = times(schedule, depth, model), controls[schedule, depth]
        for name in ("rate_sum", "censored"):
            masked[f"control_{name}"] = aligned(control[name], masked, ["width", "seed", "goal"])
        parts.append(masked)
    runs = pd.concat(parts, ignore_index=True)
    return integers(runs[list(MEANINGS)], "steps", "horizon", "crossed_steps")


def _differing(skipped: pd.DataFrame, whole: pd.DataFrame) -> pd.Series:
    """Whether the same networks differ in any compared number at any step, by run."""
    left, right = skipped[COMPARED].to_numpy(), whole[COMPARED].to_numpy()
    unequal = ~((left == right) | (np.isnan(left) & np.isnan(right))).all(axis=1)
    return whole.assign(unequal=unequal).groupby(RUN).unequal.any()


if __name__ == "__main__":
    run_table_task("dropatlas.tasks.collapse.depth_law", DepthLaw, MEANINGS, tabulate)
