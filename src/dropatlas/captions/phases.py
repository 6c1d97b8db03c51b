"""Captions of the phase diagram report; arguments are the result tables that the figures show."""

import numpy as np
import pandas as pd

from dropatlas.captions.words import number
from dropatlas.phases.agreement import cell_outcomes, inside, last_distances
from dropatlas.phases.boundary_crossings import crossings
from dropatlas.phases.boundary_lines import LINES
from dropatlas.phases.exponents import distance_slopes, mean_exponent, penalty_slopes
from dropatlas.phases.labels import REGIME_LABELS, VARIANT_LABELS
from dropatlas.phases.mechanisms import at_largest_width, edge_steps, shares_reaching, typical_errors
from dropatlas.phases.reference_code import REFERENCE_STEP
from dropatlas.phases.signatures import against_flow, code_signatures
from dropatlas.phases.variant_effects import final_validation_risks
from dropatlas.phases.wrong_codes import HARMLESS


def _agreement(rows: pd.DataFrame, tolerance: float) -> str:
    """How many cells away from the boundaries agree, gradient flow apart."""
    cells = inside(cell_outcomes(rows, tolerance))
    told = f"{sum(agree is True for agree in cells.agrees)} of {len(cells)} cells away from the boundaries agree"
    missing = sum(agree is None for agree in cells.agrees)
    return told + (f" (of {missing} a number is missing)" if missing else "")


def phase_space(rows: pd.DataFrame) -> str:
    """Of table `phases/diagram`, one activation: the width, and how many cells were not run."""
    status = rows.groupby(["learning_rate", "keep_rate"]).status.agg(set)
    over = sum(found == {"over budget"} for found in status)
    none = sum(found == {"no limit"} for found in status)
    return (
        "The diagram over n, τ and q: slices at three widths (left), and the measured slice (right); colour of a dot: "
        f"the limit found at n = {rows.width.iloc[0]}. Crosses: of {len(status)} cells {over} are over budget and "
        f"{none} have no limit (α or β of 10 or more)."
    )


def found_limits(tolerance: float, *tables: pd.DataFrame) -> str:
    """Of tables in the form of `phases/diagram`, each of one activation: what agrees, and the seeds."""
    told = "; ".join(f"{rows.activation.iloc[0]}: {_agreement(rows, tolerance)}" for rows in tables)
    return (
        "Field colour: predicted phase. Text: limit found and D to the predicted one (in movements of a neuron), mean "
        f"over {tables[0].seed.nunique()} seeds. {told}, gradient flow apart. Cells over budget, and those without a "
        "limit, are named."
    )


def limit_leads(rows: pd.DataFrame, tolerance: float) -> str:
    """Of table `phases/diagram`, one activation: the tolerance, seeds and agreement."""
    return (
        "D of the other limits less D of the predicted one, mean and 95 % interval over "
        f"{rows.seed.nunique()} seeds, in every cell away from the boundaries. Dashed: the tolerance of {tolerance:g} "
        "movements; a limit that has the predicted one as limiting case (open square) may be nearer by less, every "
        "other limit must be farther by more. "
        f"{_agreement(rows, tolerance)}."
    )


def width_trend(rows: pd.DataFrame) -> str:
    """Of table `phases/width_trend`: D to the limit at the largest width, by kind of neurons and phase."""
    kinds = []
    for kind, part in rows.groupby("activation", sort=False):
        found = {name: values.mean() for name, values in last_distances(part).items() if values.notna().any()}
        kinds += [f"{kind} {', '.join(f'{name} {value:z.3f}' for name, value in found.items())}"] if found else []
    told = "; ".join(kinds)
    return (
        "W1 to the predicted limit along one sequence per phase, and at the largest width to its limiting cases, mean "
        f"and 95 % interval over {rows.seed.nunique()} seeds. From the dotted line on only {rows.points.max()} "
        f"particles are compared.{f' D to the limit at n = {rows.width.max()}: {told}.' if told else ''}"
    )


def boundary_scan(rows: pd.DataFrame, tolerance: float) -> str:
    """Of table `phases/boundary_scan`: where on every line the simpler limit stops to be enough."""
    places = {
        name: np.exp(np.log(values).mean())
        for name, values in crossings(rows, tolerance).items()
        if values.notna().any()
    }
    told = ", ".join(f"{name} at {LINES[name].coordinate} = {place:.2g}" for name, place in places.items())
    return (
        f"How much farther the simpler limit is than the richer one at n = {rows.width.iloc[0]}, mean and 95 % "
        f"interval over {rows.seed.nunique()} seeds. The boundary is where D differs by {tolerance:g} (band: its "
        f"interval); raw W1 favours limits without randomness.{f' Found: {told}.' if told else ''}"
    )


def failure_signatures(rows: pd.DataFrame, tolerance: float) -> str:
    """Of table `phases/failure_signatures`: mistakes that are seen, and neurons at the smallest and largest β."""
    found = {key: values for key, values in code_signatures(rows).items() if key not in HARMLESS}
    seen = sum(values.mean() > tolerance for values in found.values())
    watched = against_flow(rows).groupby("beta")[["neighbour", "size"]].mean()
    ends = [watched.index.min(), watched.index.max()] if len(watched) else []
    told = "; ".join(
        f"β = {beta:g}: {watched.neighbour[beta]:.2f} of the distance to the nearest neighbour, "
        f"{watched['size'][beta]:.2f} of the length"
        for beta in ends
    )
    return (
        f"Left: {seen} of {len(found)} mistakes are farther from the predicted limit than the right code by more than "
        f"{tolerance:g}, mean and 95 % interval over {rows.seed.nunique()} seeds; open squares: mistakes on which the "
        f"limit does not depend. Right: neurons against gradient flow{f' ({told})' if told else ''}."
    )


def networks_in_use(places: pd.DataFrame) -> str:
    """Of `published_places()`: how many keep so many neurons that no penalty is left."""
    return (
        f"β of {len(places)} published networks is below 0.1 in {(places['β'] < 0.1).sum()}: they keep "
        f"{places.nq.min():.0f} neurons or more, where the penalty would need fewer than 10. Lines: α between the "
        "rates of input and output weights in PyTorch's parametrisation, momentum included; only the paper's own "
        "networks have one α. Small dots: the measured cells, in the colour of the limit found. Dashed: the convention."
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


def activations(rows: pd.DataFrame, tolerance: float) -> str:
    """The same as `limit_leads`, of ReLU."""
    return f"ReLU neurons of constrained weights. {limit_leads(rows, tolerance)}"


def activations_found(tolerance: float, rows: pd.DataFrame) -> str:
    """The same as `found_limits`, of ReLU."""
    return f"ReLU neurons of constrained weights. {found_limits(tolerance, rows)}"


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
        f"RMS distance to the coupled dropout network after {rows.step.max()} steps; geometric mean and 95 % interval "
        f"over {rows.seed.nunique()} seeds."
    )


def depth_distances_independent(rows: pd.DataFrame) -> str:
    """Of table `phases/depth`: the risk without dropout at the end from independent weights, by width."""
    end = rows[(rows.initialisation == "independent") & (rows.variant == "none") & (rows.step == rows.step.max())]
    told = ", ".join(
        f"{number(risk, '.2f')} at n = {width}" for width, risk in end.groupby("width").risk_ratio.median().items()
    )
    return (
        "The same from independent centred weights; in theory the wider the network, the less it learns."
        f"{f' Risk without dropout at the end, over that of the best constant: {told}.' if told else ''}"
    )
