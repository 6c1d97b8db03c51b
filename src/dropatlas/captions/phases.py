"""Captions of the phase diagram report; arguments are the result tables that the figures show."""

import numpy as np
import pandas as pd

from dropatlas.captions.words import number
from dropatlas.phases.agreement import HIT, MISS, NOTHING, TIE, cell_outcomes, excess_over_floor, inside
from dropatlas.phases.exponents import depth_slopes, distance_slopes, mean_exponent, penalty_slopes
from dropatlas.phases.labels import REGIME_LABELS, VARIANT_LABELS
from dropatlas.phases.mechanisms import at_largest_width, edge_steps, shares_reaching, typical_errors
from dropatlas.phases.reference_code import REFERENCE_STEP
from dropatlas.phases.variant_effects import final_validation_risks


def _outcomes(rows: pd.DataFrame) -> pd.Series:
    """How many cells away from the boundaries have which outcome."""
    return inside(cell_outcomes(rows)).outcome.value_counts().reindex([HIT, MISS, TIE, NOTHING], fill_value=0)


def phase_space(rows: pd.DataFrame) -> str:
    """Of table `phases/diagram`: the width, and how many cells have no nearest limit."""
    cells = cell_outcomes(rows)
    return (
        "The diagram in the paper's coordinates: slices at three widths (left), and the measured slice (right); colour "
        f"of a dot: the nearest limit at n = {rows.width.iloc[0]}. Crosses: {cells.nearest.isna().sum()} of "
        f"{len(cells)} cells were not run (over budget) or diverged."
    )


def nearest_limits(rows: pd.DataFrame) -> str:
    """Of table `phases/diagram`: the outcomes away from the boundaries."""
    counts = _outcomes(rows)
    return (
        "Field colour: predicted phase. Text: nearest limit and W1 to it, in brackets W1 to the predicted one where "
        f"that is another. Away from the boundaries: {counts[HIT]} hits, {counts[MISS]} misses, {counts[TIE]} ties, "
        f"{counts[NOTHING]} not compared; mean over {rows.seed.nunique()} seeds."
    )


def width_trend(rows: pd.DataFrame) -> str:
    """Of table `phases/width_trend`: distances at the largest width, and how far beyond the noise floor they are."""
    distances = at_largest_width(rows).groupby("sequence").distance.mean()
    told = ", ".join(
        f"{name} {distances[name]:.3f} ({excess.mean():+z.0%} over the floor)"
        for name, excess in excess_over_floor(rows).items()
        if excess.notna().any()
    )
    return (
        "W1 to the predicted limit along one sequence per phase, mean and 95 % interval over "
        f"{rows.seed.nunique()} seeds. From the dotted line on only {rows.points.max()} particles are compared, so "
        f"that the floors of the random limits fall no further.{f' At n = {rows.width.max()}: {told}.' if told else ''}"
    )


def effects(rows: pd.DataFrame) -> str:
    """Of table `phases/penalty`: seeds."""
    return (
        "Effect of each of the three parts of dropout along one sequence per phase, mean and 95 % interval over "
        f"{rows.seed.nunique()} seeds. Solid: survives in theory; dashed: vanishes."
    )


def penalty_survival(rows: pd.DataFrame) -> str:
    """Of table `phases/penalty`: the exponents of the penalty effect."""
    slopes = {kappa: mean_exponent(found) for kappa, found in penalty_slopes(rows).items()}
    told = ", ".join(f"{found:z.2f} at κ = {kappa:g}" for kappa, found in slopes.items() if found)
    return (
        "Left: penalty effect over the width (dotted: predicted slope). Middle: W1 of dropout to the penalised flow "
        "over that to the plain flow. Right: holding the penalty while τ falls more slowly than 1/n makes α grow: "
        f"neurons are left behind (dotted: Poisson clocks).{f' Measured exponents: {told}.' if told else ''}"
    )


def activations(relu: pd.DataFrame) -> str:
    """Of table `phases/diagram_relu`: the outcomes away from the boundaries."""
    counts = _outcomes(relu)
    return (
        "Colour: predicted phase; text: nearest limit and W1 to it; tanh (left), constrained ReLU (right: "
        f"{counts[HIT]} hits, {counts[MISS]} misses, {counts[TIE]} ties away from the boundaries)."
    )


def student_losses(rows: pd.DataFrame) -> str:
    """Of table `phases/teacher_student`: the validation risks at the end; a dash where a run diverged."""
    risks = final_validation_risks(rows).mean(skipna=False)
    told = ", ".join(f"{VARIANT_LABELS[variant]} {number(risk, '.3g')}" for variant, risk in risks.items())
    return (
        "Training risk with the masks of the step and validation risk without masks, geometric mean and 95 % interval "
        f"over {rows.seed.nunique()} seeds. Mean validation risk in the last tenth, widest network: {told or '–'}."
    )


def student_distances(rows: pd.DataFrame) -> str:
    """Of table `phases/teacher_student`: seeds."""
    return (
        "RMS distance between coupled neurons and those of the dropout network, geometric mean and 95 % interval over "
        f"{rows.seed.nunique()} seeds; dotted: step {REFERENCE_STEP}, where the reference code was read."
    )


def student_exponents(rows: pd.DataFrame) -> str:
    """Of table `phases/teacher_student`: exponents of the random metric, early and at the end."""
    last = int(rows.step.max())
    slopes = {step: mean_exponent(distance_slopes(rows, "ram", step)) for step in (min(REFERENCE_STEP, last), last)}
    told = ", ".join(f"{found:z.2f} after {step} steps" for step, found in slopes.items() if found)
    return (
        "RMS distances of coupled neurons over the width: seeds (small dots), geometric mean with 95 % interval, "
        f"fitted power law with the interval of its exponent{f' (RaM: {told})' if told else ''}; dashed: the predicted "
        "exponent, shifted down; stars: the public reference code, one run each, whose teacher JAX draws from "
        "PRNGKey(0)."
    )


def student_trajectories(rows: pd.DataFrame) -> str:
    """Of table `phases/trajectories`: neurons, width, steps."""
    return (
        f"Ways of {rows.neuron.nunique()} neurons at n = {rows.width.iloc[0]} over {rows.step.max()} steps; circle: "
        "start, squares: ends."
    )


def _about_digits(rows: pd.DataFrame) -> str:
    return f"{rows.data.iloc[0]}, n = {rows.width.iloc[0]}, {rows.seed.nunique()} seeds"


def digit_test_risk(rows: pd.DataFrame) -> str:
    """Of table `phases/digit_pair`: data, width, seeds."""
    return (
        f"Test risk over steps, geometric mean and 95 % interval ({_about_digits(rows)}). Where PN+RaM leaves the "
        "frame it is unstable."
    )


def digit_effects(rows: pd.DataFrame) -> str:
    """Of table `phases/digit_pair`: accuracy without dropout, and with it at the largest drop rate."""
    end = rows[(rows.part == "test") & (rows.step == rows.step.max())]
    dropout = end[end.variant == "dropout"]
    most = dropout[dropout.drop_rate == rows.drop_rate.max()]
    return (
        "Left: change of the final test risk by each variant, paired with no dropout over seeds, 95 % intervals. "
        "Right: RaM minus dropout. Accuracy without dropout "
        f"{number(end[end.variant == 'none'].accuracy.mean(), '.2%')}, with dropout at the largest drop rate "
        f"{number(most.accuracy.mean(), '.2%')} ({_about_digits(rows)})."
    )


def curvature_terms(rows: pd.DataFrame) -> str:
    """Of table `phases/curvature`: width and seeds."""
    return (
        "Terms of the risk after one step, relative to G, gradient descent, "
        f"n = {number(rows[rows.depth == 1].width.max(), '.0f')}; median and 10 % to 90 % of {rows.seed.nunique()} "
        "seeds. Masks multiply C and S/n by their variance, never B."
    )


def curvature_ratio(rows: pd.DataFrame, factor: float) -> str:
    """Of table `phases/curvature`: typical ratios, and how often they reach a `factor`."""
    flat = rows[rows.depth == 1]
    ratio = flat.groupby("loss").ratio.median()
    return (
        f"B over |C| along training. Two layers: median {number(ratio.get('squared', np.nan), '.1f')} (squared) and "
        f"{number(ratio.get('logistic', np.nan), '.1f')} (logistic loss); at least {factor:g} in "
        f"{number(shares_reaching(rows, factor).known.mean(), '.0%')} of all measurements; C is negative (it lowers "
        f"the risk) in {number((flat.curved < 0).mean(), '.0%')}."
    )


def stable_rates(rows: pd.DataFrame) -> str:
    """Of table `phases/stable_rates`: the stable step of a kept neuron at the smallest keep rate, by activation."""
    wide = at_largest_width(rows)
    masked = wide[(wide.metric == "ram") & (wide.keep_rate == wide.keep_rate.min())]
    told = " and ".join(
        f"{number(cell.neuron_step.median() * cell.initial_sharpness.median() / 2, '.1f')} ({kind})"
        for kind, cell in masked.groupby("activation")
    )
    step = f" At the smallest q the stable step of a kept neuron is {told} in units of 2/λ at the start."
    return (
        "Largest stable mean rate relative to that without masks; geometric mean and 95 % interval over "
        f"{rows.seed.nunique()} seeds.{step if told else ''}"
    )


def edge_sharpness(rows: pd.DataFrame) -> str:
    """Of table `phases/edge_sharpness`: steps of the random metric in the second half of training."""
    medians = at_largest_width(edge_steps(rows)).groupby("keep_rate")[["mean_step", "neuron_step"]].median()
    told = "; ".join(
        f"q = {q:g}: mean rate {number(steps.mean_step, '.2g')}, kept neurons {number(steps.neuron_step, '.2g')}"
        for q, steps in medians.iterrows()
    )
    return (
        "Steps in units of 2/λ at 90 % of each network's largest stable rate: mean rate above, kept neurons below; "
        "median and quartiles of seeds. Dashed: the bound of gradient descent on a quadratic risk."
        f"{f' Random metric, second half of training, medians: {told}.' if told else ''}"
    )


def precision_errors(rows: pd.DataFrame) -> str:
    """Of table `phases/precision`: the errors of bfloat16 at the largest width, by regime."""
    errors = typical_errors(rows)
    told = ", ".join(
        f"{label} {number(errors.get((regime, 'bfloat16'), np.nan), '.2g')}" for regime, label in REGIME_LABELS.items()
    )
    return (
        "Final distance to float64 over the movement (geometric mean, 95 % interval), and updates lost to rounding. "
        f"bfloat16 at n = {rows.width.max()}: {told}."
    )


def precision_growth(rows: pd.DataFrame) -> str:
    """Of table `phases/precision`: the errors in the critical phase at the end, by precision."""
    critical = typical_errors(rows[rows.regime == "critical"]).droplevel("regime")
    told = ", ".join(f"{name} {number(error, '.1e')}" for name, error in critical.items())
    return (
        "Distance to float64 over the movement, along training; median and 10 % to 90 % of seeds."
        f"{f' Critical phase, at the end, geometric mean: {told}.' if told else ''}"
    )


def depth_distances(rows: pd.DataFrame) -> str:
    """Of table `phases/depth`: steps and seeds."""
    return (
        f"RMS distance to the coupled dropout network after {rows.step.max()} steps, geometric mean; right: exponents "
        "in n, and the share of the squared distance of no dropout that lasts as n → ∞, fitted per seed. 95 % "
        f"intervals over {rows.seed.nunique()} seeds; green: what is required."
    )


def residual_distances(rows: pd.DataFrame) -> str:
    """Of table `phases/residual`: seeds, and the exponents in the depth."""
    slopes = {s: mean_exponent(depth_slopes(part)) for s, part in rows.groupby("branch_exponent")}
    names = {1.0: "with 1/L", 0.0: "without"}
    told = ", ".join(f"{name} {slopes[s]:z.2f}" for s, name in names.items() if slopes.get(s))
    return (
        "Residual networks of L branches of n neurons. RMS distances to the coupled dropout network, geometric mean; "
        f"exponents and shares are fitted per seed. 95 % intervals over {rows.seed.nunique()} seeds; green: what is "
        f"required.{f' Exponent in L: {told}.' if told else ''}"
    )
