"""Captions of the phase diagram report name the right numbers, on tables small enough to check by hand."""

import numpy as np
import pandas as pd
import pytest

from dropatlas.captions import phases as captions
from dropatlas.phases.names import PHASES

FAR = dict.fromkeys(PHASES, 0.5)


def diagram_rows() -> pd.DataFrame:
    """Two seeds of seven cells: distances to every limit, all without spread over the seeds."""
    cells = [
        ("GF", False, FAR | {"GF": 0.1}),
        ("IV", False, FAR | {"IV": 0.1}),
        ("II", False, FAR | {"GF": 0.1}),  # another limit is nearer by more than the floor
        ("III", False, FAR | {"GF": 0.1, "III": 0.1}),  # as near as a limit that says less
        ("I", False, {}),  # diverged
        ("II", True, FAR | {"II": 0.1}),  # near a boundary
        ("degenerate", False, FAR),
    ]
    rows = [
        (0.1 * 2.0**-number, phase, boundary, seed, limit, distances.get(limit, np.nan))
        for number, (phase, boundary, distances) in enumerate(cells)
        for seed in (0, 1)
        for limit in PHASES
    ]
    frame = pd.DataFrame(rows, columns=["learning_rate", "phase", "boundary", "seed", "limit", "distance"])
    lost = frame.distance.isna()
    return frame.assign(
        width=300,
        keep_rate=0.5,
        alpha=0.1,
        beta=0.1,
        status=np.where(lost, "dropout diverged", "ok"),
        floor=0.0,
        dropout_floor=np.where(lost, np.nan, 0.05),
    )


DIAGRAM = diagram_rows()
TREND = pd.DataFrame(
    [
        (sequence, width, seed, distance if width == 400 else 9.0, floor, 0.2)
        for sequence, distances, floor in (
            ("GF", (0.2, 0.24), 0.0),  # 10 % over dropout's floor
            ("III", (0.3, 0.3), 0.4),  # 25 % under its own
            ("IV", (np.nan, np.nan), 0.4),
        )
        for width in (100, 400)
        for seed, distance in enumerate(distances)
    ],
    columns=["sequence", "width", "seed", "distance", "floor", "dropout_floor"],
).assign(points=100)
PENALTY = pd.DataFrame(
    [
        ("most penalty", kappa, width, seed, (1.0 + seed) * width**slope, status)
        for kappa, slope, status in ((0.5, -0.5, "ok"), (1.0, 0.0, "ok"), (1.25, 0.0, "dropout diverged"))
        for width in (100, 200, 400)
        for seed in range(5)
    ],
    columns=["family", "exponent", "width", "seed", "penalty_effect", "status"],
).assign(movement=1.0)


def student_rows() -> pd.DataFrame:
    """Five seeds of three widths: RaM falls like n^(-1/2) after 30 steps, like n^(-1/4) at the end, after 100."""
    rows = [
        (variant, width, seed, step)
        for variant in ("none", "dropout", "ram", "pn_ram")
        for width in (100, 200, 400)
        for seed in range(5)
        for step in (30, 90, 100)
    ]
    frame = pd.DataFrame(rows, columns=["variant", "width", "seed", "step"])
    frame["rms_distance"] = (1.0 + frame.seed) * frame.width ** np.where(frame.step == 30, -0.5, -0.25)
    late = frame.step.map({30: 9.0, 90: 0.3, 100: 0.5})
    frame["validation_risk"] = np.where(frame.width < 400, 7.0, np.where(frame.variant == "dropout", 2 * late, late))
    frame["diverged"] = (frame.variant == "pn_ram") & (frame.width == 400) & (frame.seed == 2)
    return frame


STUDENTS = student_rows()
WAYS = pd.DataFrame({"neuron": [0, 2], "width": [800, 800], "step": [0, 150]})
DIGITS = pd.DataFrame(
    [
        (part, step, variant, rate, seed, accuracy if (part, step) == ("test", 40) else 0.5)
        for part in ("training", "test")
        for step in (0, 40)
        for variant, rate, accuracies in (
            ("none", 0.0, (0.95, 0.97)),
            ("dropout", 0.2, (0.9, 0.9)),
            ("dropout", 0.4, (0.8, 0.82)),
            ("ram", 0.4, (0.7, 0.7)),
        )
        for seed, accuracy in enumerate(accuracies)
    ],
    columns=["part", "step", "variant", "drop_rate", "seed", "accuracy"],
).assign(data="made-up digits", width=200)
CURVATURE = pd.DataFrame(
    [
        (0, 1, 100, "squared", 20.0, -1.0),
        (0, 1, 50, "squared", 4.0, 1.0),
        (0, 1, 50, "logistic", np.nan, -1.0),  # no number, and counted as none
        (1, 1, 50, "logistic", 10.0, -1.0),
        (1, 2, 800, "squared", 40.0, 1.0),  # deeper
    ],
    columns=["seed", "depth", "width", "loss", "ratio", "curved"],
).assign(diverged=False)
RATES = pd.DataFrame(
    [
        (kind, width, metric, keep, seed, step if width == 100 else 9.0)
        for kind, steps in (("relu", (3.0, 5.0)), ("tanh", (30.0, 50.0)))
        for width in (50, 100)
        for metric, keep in (("none", 1.0), ("ram", 0.5), ("ram", 0.1), ("common", 0.1))
        for seed, step in enumerate(steps if (metric, keep) == ("ram", 0.1) else (1.0, 1.0))
    ],
    columns=["activation", "width", "metric", "keep_rate", "seed", "neuron_step"],
).assign(initial_sharpness=1.5)
EDGE = pd.DataFrame(
    [
        (metric, width, keep, seed, step, mean if (step, width) == (100, 50) else 9.0)
        for metric, keep, means in (("none", 1.0, (1.0, 1.0)), ("ram", 0.5, (0.5, 0.75)), ("ram", 0.1, (1.0, 2.0)))
        for width in (20, 50)
        for seed, mean in enumerate(means)
        for step in (0, 50, 100)
    ],
    columns=["metric", "width", "keep_rate", "seed", "step", "mean_step"],
).assign(activation="tanh")
EDGE["neuron_step"] = EDGE.mean_step / EDGE.keep_rate


def precision_rows() -> pd.DataFrame:
    """Two seeds of two regimes, errors with geometric mean 2 (bfloat16), 2e-6 (float32) at the end, n = 128."""
    rows = [
        (regime, precision, width, step, seed, size * factor if (width, step) == (128, 8) else 7.0)
        for regime in ("critical", "gradient_flow")
        for precision, size in (("float64", 0.0), ("float32", 1e-6), ("bfloat16", 1.0))
        for width in (32, 128)
        for step in (4, 8)
        for seed, factor in enumerate((1.0, 4.0))
    ]
    return pd.DataFrame(rows, columns=["regime", "precision", "width", "step", "seed", "relative_error"])


PRECISION = precision_rows()
DEPTH = pd.DataFrame(
    [
        (variant, width, step, seed)
        for variant in ("none", "ram")
        for width in (50, 100)
        for step in (1, 20)
        for seed in (0, 1)
    ],
    columns=["variant", "width", "step", "seed"],
)
RESIDUAL = pd.DataFrame(
    [
        (exponent, depth, width, seed, variant, depth ** (0.4 - exponent) if variant == "ram" else 1.0)
        for exponent in (0.0, 1.0)
        for depth in (4, 8, 16)
        for width in (25, 50)
        for seed in range(5)
        for variant in ("none", "ram")
    ],
    columns=["branch_exponent", "depth", "width", "seed", "variant", "distance"],
).assign(diverged=False)
ARGUMENTS = {
    "phase_space": (DIAGRAM,),
    "nearest_limits": (DIAGRAM,),
    "width_trend": (TREND,),
    "effects": (PENALTY,),
    "penalty_survival": (PENALTY,),
    "activations": (DIAGRAM,),
    "student_losses": (STUDENTS,),
    "student_distances": (STUDENTS,),
    "student_exponents": (STUDENTS,),
    "student_trajectories": (WAYS,),
    "digit_test_risk": (DIGITS,),
    "digit_effects": (DIGITS,),
    "curvature_terms": (CURVATURE,),
    "curvature_ratio": (CURVATURE, 10.0),
    "stable_rates": (RATES,),
    "edge_sharpness": (EDGE,),
    "precision_errors": (PRECISION,),
    "precision_growth": (PRECISION,),
    "depth_distances": (DEPTH,),
    "residual_distances": (RESIDUAL,),
}


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("phase_space", "at n = 300. Crosses: 1 of 7 cells"),
        ("nearest_limits", "boundaries: 2 hits, 1 misses, 1 ties, 1 not compared; mean over 2 seeds."),
        ("width_trend", "over 2 seeds. From the dotted line on only 100 particles"),
        ("width_trend", "At n = 400: GF 0.220 (+10% over the floor), III 0.300 (-25% over the floor)."),
        ("effects", "over 5 seeds."),
        ("penalty_survival", "exponents: -0.50 [-0.50, -0.50] at κ = 0.5, 0.00 [0.00, 0.00] at κ = 1."),
        ("activations", "(right: 2 hits, 1 misses, 1 ties away"),
        ("student_losses", "over 5 seeds. "),
        ("student_losses", "dropout 0.8, no dropout 0.4, PN + RaM –, random metric (RaM) 0.4."),
        ("student_distances", "over 5 seeds; dotted: step 30, "),
        (
            "student_exponents",
            "(RaM: -0.50 [-0.50, -0.50] after 30 steps, -0.25 [-0.25, -0.25] after 100 steps); dashed",
        ),
        ("student_exponents", "PRNGKey(0)"),
        ("student_trajectories", "Ways of 2 neurons at n = 800 over 150 steps;"),
        ("digit_test_risk", "(made-up digits, n = 200, 2 seeds)"),
        ("digit_effects", "Accuracy without dropout 96.00%, with dropout at the largest drop rate 81.00% (made-up"),
        ("curvature_terms", "n = 100; median and 10 % to 90 % of 2 seeds."),
        ("curvature_ratio", "median 12.0 (squared) and 10.0 (logistic loss); at least 10 in 75% of all measurements;"),
        ("curvature_ratio", "C is negative (it lowers the risk) in 75%."),
        (
            "stable_rates",
            "over 2 seeds. At the smallest q the stable step of a kept neuron is 3.0 (relu) and 30.0 (tanh)",
        ),
        ("edge_sharpness", "q = 0.1: mean rate 1.5, kept neurons 15; q = 0.5: mean rate 0.62, kept neurons 1.2."),
        ("precision_errors", "bfloat16 at n = 128: critical phase (IV) 2, towards phase II –, gradient flow 2."),
        ("precision_growth", "Critical phase, at the end, geometric mean: float32 2.0e-06, bfloat16 2.0e+00."),
        ("depth_distances", "after 20 steps, geometric mean; right: "),
        ("depth_distances", "over 2 seeds; "),
        ("residual_distances", "over 5 seeds; "),
        ("residual_distances", "Exponent in L: with 1/L -0.60 [-0.60, -0.60], without 0.40 [0.40, 0.40]."),
    ],
)
def test_a_caption_names_the_number(name, told):
    assert told in getattr(captions, name)(*ARGUMENTS[name])


@pytest.mark.parametrize(
    ("name", "arguments", "left_out"),
    [
        *((name, arguments, "nan") for name, arguments in ARGUMENTS.items()),
        ("nearest_limits", (DIAGRAM.assign(boundary=True),), "2 hits"),
        ("activations", (DIAGRAM.assign(boundary=True),), "2 hits"),
        ("width_trend", (TREND[TREND.sequence == "IV"],), "At n = 400"),
        ("penalty_survival", (PENALTY[PENALTY.seed < 4],), "Measured exponents"),
        ("student_losses", (STUDENTS.assign(diverged=True),), "0.8"),
        ("student_exponents", (STUDENTS[STUDENTS.width < 400],), "(RaM"),
        ("student_exponents", (STUDENTS[STUDENTS.step == 30],), "after 100 steps"),
        ("digit_effects", (DIGITS[DIGITS.variant == "ram"],), "96.00%"),
        ("curvature_terms", (CURVATURE[CURVATURE.depth == 2],), "n = 800"),
        ("curvature_ratio", (CURVATURE[CURVATURE.depth == 2], 10.0), "12.0"),
        ("curvature_ratio", (CURVATURE.assign(diverged=True), 10.0), "75% of all"),
        ("stable_rates", (RATES[RATES.metric == "none"],), "At the smallest q"),
        ("stable_rates", (RATES.assign(neuron_step=np.nan),), "3.0"),
        ("edge_sharpness", (EDGE[EDGE.metric == "none"],), "medians"),
        ("precision_errors", (PRECISION[PRECISION.precision == "float32"],), "critical phase (IV) 2"),
        ("precision_growth", (PRECISION[PRECISION.regime != "critical"],), "Critical phase"),
        ("residual_distances", (RESIDUAL[RESIDUAL.depth < 16],), "Exponent in L"),
    ],
)
def test_a_caption_says_nothing_of_what_is_not_there(name, arguments, left_out):
    caption = getattr(captions, name)(*arguments)
    assert left_out not in caption
    assert "nan" not in caption
    assert caption.endswith(".")
