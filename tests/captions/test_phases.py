"""Captions of the phase diagram report name the right numbers, on tables small enough to check by hand."""

import numpy as np
import pandas as pd
import pytest

from dropatlas.captions import phases as captions
from dropatlas.phases.names import PHASES
from dropatlas.phases.published_networks import published_places
from dropatlas.phases.reference_runs import READ

FAR = dict.fromkeys(PHASES, 0.5)


def diagram_rows() -> pd.DataFrame:
    """Two seeds of seven cells: D to every limit, without spread over the seeds."""
    cells = [
        ("GF", False, dict.fromkeys(PHASES, 0.1)),
        ("IV", False, FAR | {"IV": 0.1}),
        ("II", False, FAR | {"GF": 0.1}),  # another limit
        ("III", False, FAR | {"GF": 0.1, "III": 0.1}),  # as near as a limit that says less
        ("I", False, {}),  # over budget
        ("II", True, FAR | {"II": 0.1, "IV": 0.1}),  # near a boundary
        ("degenerate", False, {}),
    ]
    rows = [
        (0.1 * 2.0**-number, phase, boundary, seed, limit, distances.get(limit, np.nan))
        for number, (phase, boundary, distances) in enumerate(cells)
        for seed in (0, 1)
        for limit in PHASES
    ]
    frame = pd.DataFrame(rows, columns=["learning_rate", "phase", "boundary", "seed", "limit", "distance"])
    empty = np.where(frame.phase == "degenerate", "no limit", "over budget")
    values = {"width": 300, "keep_rate": 0.5, "alpha": 0.1, "beta": 0.1, "floor": 0.0, "dropout_floor": 0.0}
    return frame.assign(**values, movement=1.0, activation="tanh", status=np.where(frame.distance.isna(), empty, "ok"))


DIAGRAM = diagram_rows()
TREND = pd.DataFrame(
    [
        (sequence, width, seed, distance if width == 400 else 9.0, floor, 0.2)
        for sequence, distances, floor in (
            ("GF", (0.2, 0.24), 0.0),
            ("III", (0.3, 0.3), 0.4),
            ("IV", (np.nan, np.nan), 0.4),
        )
        for width in (100, 400)
        for seed, distance in enumerate(distances)
    ],
    columns=["sequence", "width", "seed", "distance", "floor", "dropout_floor"],
).assign(points=100, movement=1.0, status="ok", activation="tanh", limit=lambda rows: rows.sequence)
SCAN = pd.DataFrame(
    [
        ("GF to II", beta, seed, side, excess if side == "simple" else 0.0)
        for beta, excess in ((0.05, 0.0), (0.2, 0.1))
        for seed in (0, 1)
        for side in ("simple", "rich")
    ],
    columns=["line", "coordinate", "seed", "side", "distance"],
).assign(width=300, floor=0.0, dropout_floor=0.0, movement=1.0, status="ok")
SIGNATURES = pd.DataFrame(
    [
        (experiment, code, cell, beta, seed, distance, near, long)
        for experiment, code, cell, beta, distance, near, long in (
            ("codes", "right", "II", 0.5, 0.1, 1.0, 1.0),
            ("codes", "kept value 1", "II", 0.5, 0.6, 1.0, 1.0),
            ("codes", "rate without n", "II", 0.5, 0.11, 1.0, 1.0),
            ("small beta", "right", "", 0.02, np.nan, 1.1, 1.0),
            ("small beta", "right", "", 2.0, np.nan, 0.7, 0.5),
        )
        for seed in (0, 1)
    ],
    columns=["experiment", "code", "cell", "beta", "seed", "distance", "neighbour", "size"],
).assign(movement=1.0, floor=0.0, dropout_floor=0.0, status="ok", flow_neighbour=1.0, flow_size=1.0)
PENALTY = pd.DataFrame(
    [
        (family, kappa, width, seed, (1.0 + seed) * width**slope, status)
        for family, kappa, slope, status in (
            ("most penalty", 0.5, -0.5, "ok"),
            ("most penalty", 1.0, 0.0, "ok"),
            ("most penalty", 1.25, 0.0, "dropout diverged"),
            ("fixed keep rate", 0.5, -1.0, "ok"),
            ("fixed keep rate", 0.75, -1.25, "ok"),
        )
        for width in (100, 200, 400)
        for seed in range(5)
    ],
    columns=["family", "exponent", "width", "seed", "penalty_effect", "status"],
).assign(movement=1.0)


def student_rows() -> pd.DataFrame:
    """Five seeds of three widths: RaM falls like n^(-1/2) after 100 steps, like n^(-1/4) at the end, after 1000."""
    rows = [
        (variant, width, seed, step)
        for variant in ("none", "dropout", "ram", "pn_ram")
        for width in (100, 200, 400)
        for seed in range(5)
        for step in (100, 900, 1000)
    ]
    frame = pd.DataFrame(rows, columns=["variant", "width", "seed", "step"])
    frame["rms_distance"] = (1.0 + frame.seed) * frame.width ** np.where(frame.step == 100, -0.5, -0.25)
    late = frame.step.map({100: 9.0, 900: 0.3, 1000: 0.5})
    frame["validation_risk"] = np.where(frame.width < 400, 7.0, np.where(frame.variant == "dropout", 2 * late, late))
    frame["training_risk"] = 0.25 * frame.validation_risk
    frame["diverged"] = (frame.variant == "pn_ram") & (frame.width == 400) & (frame.seed == 2)
    return frame


STUDENTS = student_rows()
REFERENCE = pd.concat(
    [
        pd.DataFrame(
            [
                ("read off", width, 0, name, 30, float(text))
                for name, known in READ.items()
                for width, text in known.items()
            ],
            columns=["runs", "width", "seed", "variant", "step", "rms_distance"],
        ),
        STUDENTS.assign(runs="figure"),
    ]
).assign(diverged=False)
WAYS = pd.DataFrame({"neuron": [0, 2], "width": [800, 800], "step": [0, 150]})
DIGITS = pd.DataFrame({"step": [0, 40] * 2, "seed": [0, 0, 1, 1]}).assign(data="made-up digits", width=200)
CURVATURE = pd.DataFrame(
    [
        (seed, depth, loss, width, step, risk, 1 / ratio, cost)
        for seed in range(2)
        for depth, loss, width, ratio, cost in (
            (1, "squared", 100, 20.0, 0.02),
            (1, "logistic", 50, 5.0, 0.04),
            (2, "squared", 800, 40.0, 0.06),
        )
        for step, risk in enumerate((1.0, 0.5, 0.1))
    ],
    columns=["seed", "depth", "loss", "width", "step", "risk", "bend", "cost"],
).assign(activation="tanh", keep_rate=0.5, gradient=1.0)
CURVATURE = CURVATURE.assign(curved=-CURVATURE.bend, gauss_newton=1.0, blocks=CURVATURE.cost - CURVATURE.bend)
EXPANSION = pd.DataFrame(
    [
        (seed, width, width == 7, -1.0, 50 / width, -1.0 + (1.001 if width == 7 else 1.2) * 50 / width)
        for seed in range(5)
        for width in (7, 40)
    ],
    columns=["seed", "width", "all_masks", "by_curvature", "by_itself", "measured"],
).assign(loss="squared", activation="tanh", step=0, keep_rate=0.5, gauss_newton=2.0)
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
        (metric, width, keep, seed, step, mean if (step, width) == (100, 500) else 9.0)
        for metric, keep, means in (
            ("none", 1.0, (1.0, 1.0)),
            ("ram", 0.5, (0.5, 0.75)),
            ("ram", 0.1, (1.0, 2.0)),
            ("common", 0.1, (0.1, 0.3)),
        )
        for width in (20, 500)
        for seed, mean in enumerate(means)
        for step in (0, 50, 100)
        if not (width == 20 and keep == 0.5)  # β = 0.1
    ],
    columns=["metric", "width", "keep_rate", "seed", "step", "mean_step"],
).assign(activation="tanh", rate=1.0, share=0.9, stable=True)
FAR = EDGE[EDGE.metric == "ram"].assign(share=0.25, mean_step=0.1)
EDGE = pd.concat([EDGE, FAR], ignore_index=True)
EDGE["neuron_step"] = EDGE.mean_step / EDGE.keep_rate
LIMITS = (2.0, (0.5, 2.0), 0.1)


def precision_rows() -> pd.DataFrame:
    """Two seeds of two regimes, errors with geometric mean 2 (bfloat16), 2e-6 (float32) at the end, n = 128."""
    rows = [
        (regime, precision, width, step, seed, size * factor if (width, step) == (128, 8) else 7.0)
        for regime in ("critical", "gradient_flow")
        for precision, size in (("float64", 0.0), ("float32", 1e-6), ("float16", 1.0))
        for width in (32, 128)
        for step in (4, 8)
        for seed, factor in enumerate((1.0, 4.0))
    ]
    columns = ["regime", "precision", "width", "step", "seed", "relative_error"]
    plain = pd.DataFrame(rows, columns=columns).assign(order="plain")
    return pd.concat([plain, plain.assign(order="folded", relative_error=np.inf)])


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
    "found_limits": (0.05, DIAGRAM),
    "limit_leads": (DIAGRAM, 0.05),
    "width_trend": (TREND,),
    "boundary_scan": (SCAN, 0.05),
    "failure_signatures": (SIGNATURES, 0.05),
    "networks_in_use": (published_places(),),
    "effects": (PENALTY,),
    "penalty_survival": (PENALTY, 0.125, 0.05),
    "activations": (DIAGRAM, 0.05),
    "activations_found": (0.05, DIAGRAM),
    "student_losses": (STUDENTS,),
    "student_distances": (STUDENTS,),
    "student_loss_gaps": (STUDENTS,),
    "student_exponents": (STUDENTS,),
    "student_later_steps": (STUDENTS,),
    "student_reference": (REFERENCE,),
    "student_trajectories": (WAYS,),
    "digit_test_risk": (DIGITS,),
    "digit_shares": (DIGITS, 0.5),
    "curvature_terms": (CURVATURE,),
    "curvature_ratio": (CURVATURE, 10.0, 0.1),
    "third_term": (EXPANSION, 0.1, 0.25),
    "stable_rates": (RATES,),
    "edge_steps_by_cell": (EDGE, *LIMITS),
    "edge_sharpness": (EDGE,),
    "precision_errors": (PRECISION, 0.05, 0.125),
    "precision_growth": (PRECISION,),
    "depth_distances": (DEPTH,),
    "residual_distances": (RESIDUAL, 4),
}


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("phase_space", "at n = 300. Crosses: of 7 cells 1 are over budget and 1 have no limit"),
        ("found_limits", "tanh: 1 of 4 cells away from the boundaries agree (of 1 a number is missing)"),
        ("limit_leads", "over 2 seeds, in every cell"),
        ("limit_leads", "1 of 4 cells away from the boundaries agree"),
        ("boundary_scan", "Found: GF to II at β = 0.1."),
        ("failure_signatures", "Left: 1 of 2 mistakes are farther"),
        ("failure_signatures", "Largest over smallest β: length 0.50, nearest neighbour 0.64."),
        ("failure_signatures", "β = 2: 0.70 of the distance to the nearest neighbour, 0.50 of the length"),
        ("networks_in_use", "β of 11 published networks is below 0.1 in 11: they keep 140 neurons or more"),
        ("width_trend", "over 2 seeds. From the dotted line on only 100 particles"),
        ("width_trend", "D to the limit at n = 400: tanh GF 0.120, III 0.000."),
        ("effects", "over 5 seeds."),
        ("penalty_survival", "exponents: -0.50 [-0.50, -0.50] at κ = 0.5, 0.00 [0.00, 0.00] at κ = 1; at q"),
        ("penalty_survival", "at q = 1/2, whatever κ is, -1.25 to -1.00."),
        ("penalty_survival", "(dotted: predicted slope; band: ±0.125); its exponents, which decide;"),
        ("penalty_survival", "at the largest width, which decides too (at least 5 %), beside"),
        ("student_losses", "over 5 seeds; grey"),
        ("student_loss_gaps", "in the last tenth of 1000 steps, "),
        ("student_loss_gaps", "Means at n = 400: "),
        ("student_loss_gaps", "without masks: dropout 0.8, no dropout 0.4, PN + RaM –, random metric (RaM) 0.4; "),
        ("student_loss_gaps", "with masks: dropout 0.2, no dropout 0.1, PN + RaM –, random metric (RaM) 0.1."),
        ("student_distances", "over 5 seeds; dotted: step 100, "),
        ("student_exponents", "Measured: exponent of RaM -0.50 [-0.50, -0.50], share left"),
        ("student_exponents", "of no dropout 0.00 [0.00, 0.00]."),
        ("student_later_steps", "Up to step 1000, "),
        ("student_later_steps", "At the end: exponent of RaM -0.25 [-0.25, -0.25], "),
        ("student_reference", "6 of 6 of which come out"),
        ("student_reference", "(5 of 10 repeats), after 100 steps"),
        ("student_reference", "exponent of RaM -0.50 ["),
        ("activations", "ReLU neurons of constrained weights. D of the other limits"),
        ("activations_found", "1 of 4 cells"),
        ("student_trajectories", "Ways of 2 neurons at n = 800 over 150 steps;"),
        ("digit_test_risk", "(made-up digits, 40 steps, 2 seeds per width)"),
        ("digit_shares", "within 0.5 of 1 (green) counts as dropout's."),
        ("digit_shares", "Training ended before step 16,000: so far."),
        ("curvature_terms", "n = 100; median and 10 % to 90 % of 2 seeds."),
        (
            "curvature_ratio",
            "B over |C| (at least 10 required) and the extra cost of the masks at q = 0.5 over B (at most",
        ),
        ("curvature_ratio", "two layers, logistic loss 5.0 and 0.040; two layers, squared loss 20.0 and 0.020."),
        ("third_term", "over 5 seeds. Over all masks (n = 7) no network is off by more than 1.0e-03."),
        (
            "stable_rates",
            "over 2 seeds. At the smallest q the stable step of a kept neuron is 3.0 (relu) and 30.0 (tanh)",
        ),
        (
            "precision_errors",
            "float16, plain order: critical phase (IV) 2 at n = 128, towards phase II –, gradient flow 2 at n = 128.",
        ),
        ("precision_errors", "above the dashes (0.05), or one that grows faster than the dotted lines (n^0.125)."),
        ("edge_steps_by_cell", "Mean rates, medians: smallest of RaM 0.62, largest of the control 0.2."),
        ("edge_sharpness", "medians: q = 0.1: 1.5; q = 0.5: 0.62."),
        (
            "precision_growth",
            "Critical phase, at the end, geometric mean: float32 (plain) 2.0e-06, float16 (plain) 2.0e+00, ",
        ),
        ("depth_distances", "after 20 steps, geometric mean; right: "),
        ("depth_distances", "over 2 seeds; "),
        ("residual_distances", "over 5 seeds; "),
        ("residual_distances", "Exponent in L: with 1/L (L ≥ 4) -0.60 [-0.60, -0.60], without 0.40 [0.40, 0.40]."),
    ],
)
def test_a_caption_names_the_number(name, told):
    assert told in getattr(captions, name)(*ARGUMENTS[name])


@pytest.mark.parametrize(
    ("name", "arguments", "left_out"),
    [
        *((name, arguments, "nan") for name, arguments in ARGUMENTS.items()),
        ("found_limits", (0.05, DIAGRAM.assign(boundary=True)), "1 of"),
        ("activations", (DIAGRAM.assign(boundary=True), 0.05), "1 of"),
        ("width_trend", (TREND[TREND.sequence == "IV"],), "at n = 400"),
        ("penalty_survival", (PENALTY[PENALTY.seed < 4], 0.125, 0.05), "Measured exponents"),
        ("student_loss_gaps", (STUDENTS.assign(diverged=True),), "0.8"),
        ("student_exponents", (STUDENTS[STUDENTS.width < 400],), "Measured"),
        ("student_later_steps", (STUDENTS[STUDENTS.width < 400],), "At the end"),
        ("student_reference", (REFERENCE[REFERENCE.width < 400],), "exponent of RaM"),
        ("student_reference", (REFERENCE[REFERENCE.step > 30],), "6 of 6"),
        ("curvature_terms", (CURVATURE[CURVATURE.depth == 2],), "n = 800"),
        ("curvature_ratio", (CURVATURE[CURVATURE.depth == 2], 10.0, 0.1), "two layers"),
        ("curvature_ratio", (CURVATURE.assign(risk=np.nan), 10.0, 0.1), "20.0"),
        ("third_term", (EXPANSION[EXPANSION.width == 40], 0.1, 0.25), "Over all masks"),
        ("stable_rates", (RATES[RATES.metric == "none"],), "At the smallest q"),
        ("stable_rates", (RATES.assign(neuron_step=np.nan),), "3.0"),
        ("edge_steps_by_cell", (EDGE[EDGE.metric == "none"], *LIMITS), "Mean rates, medians"),
        ("edge_sharpness", (EDGE[EDGE.metric == "none"],), "medians"),
        ("precision_errors", (PRECISION[PRECISION.precision == "float32"], 0.05, 0.125), "critical phase (IV) 2"),
        ("precision_growth", (PRECISION[PRECISION.regime != "critical"],), "Critical phase"),
        ("residual_distances", (RESIDUAL[RESIDUAL.depth < 16], 4), "Exponent in L"),
        ("residual_distances", (RESIDUAL, 8), "with 1/L (L ≥ 8)"),
    ],
)
def test_a_caption_says_nothing_of_what_is_not_there(name, arguments, left_out):
    caption = getattr(captions, name)(*arguments)
    assert left_out not in caption
    assert "nan" not in caption
    assert caption.endswith(".")


def test_coupled_paths_tell_the_exponents_over_seeds():
    rows = pd.DataFrame(
        [
            (family, width, q, 1 / (width * q), seed, width**-0.5, width**-0.25, q**0.5, 1.0, 0.0)
            for family, width, q in [("series", n, 2 / n**0.5) for n in (200, 800, 3200)]
            for seed in range(5)
        ],
        columns=["family", "width", "keep_rate", "beta", "seed", "mean_distance", "rms_distance", "clock_distance"]
        + ["noise_distance", "limit_error"],
    )
    told = captions.coupled_paths(rows, 0.25)
    assert "over 5 seeds" in told
    assert told.endswith("Exponents: -0.50 [-0.50, -0.50] in n (mean), -0.25 [-0.25, -0.25] in n (RMS).")


def test_weak_rate_tells_sizes_distances_and_known_exponents():
    rows = pd.DataFrame(
        [
            (quantity, width, seed, (100 / width) ** 2 if quantity != "risk" else -1.0, 0.0, 0.004, 0.001)
            for quantity in ("risk", "square", "cosine", "bump", "law")
            for width in (100, 200, 400)
            for seed in range(5)
        ],
        columns=["quantity", "width", "seed", "squared_bias", "limit_squared", "bias", "limit_error"],
    ).assign(runs=1_000_000, particles=100_000_000)
    told = captions.weak_rate(rows)
    assert "some 200,000,000 neurons per width and 200,000,000 of the limit" in told
    assert "4.0e-03 (two simulations of the limit: 2.0e-03)" in told
    assert "-1.00 [-1.00, -1.00] of mean |x|²" in told
    assert "of risk" not in told
