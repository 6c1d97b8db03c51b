"""Captions of the phase diagram report; arguments are the result tables that the figures show."""

import numpy as np
import pandas as pd

from dropatlas.captions.words import number
from dropatlas.phases.agreement import cell_outcomes, inside, last_distances
from dropatlas.phases.boundary_crossings import crossings
from dropatlas.phases.boundary_lines import LINES
from dropatlas.phases.bypass import CELL, costs_over_training, edge_steps, near_edge, setting_group, third_terms
from dropatlas.phases.convergence import grid_exponents, jackknifed_exponents, squared_means, trusted
from dropatlas.phases.coupling_settings import FUNCTIONS, LAW, SERIES
from dropatlas.phases.digit_effects import WINDOW
from dropatlas.phases.exponents import depth_slopes, distance_slopes, mean_exponent, penalty_slopes, seed_slopes
from dropatlas.phases.labels import QUANTITY_LABELS, REGIME_LABELS, VARIANT_LABELS
from dropatlas.phases.precision_errors import at_largest_width, typical_errors
from dropatlas.phases.rates import FIXED
from dropatlas.phases.reference_runs import FIGURE, FIGURE_REPEATS, FIGURE_STEP, READ, READ_OFF, READ_STEP
from dropatlas.phases.signatures import against_flow, code_signatures, diverged_runs, over_beta
from dropatlas.phases.student_effects import LOSSES, final_risks, gap_slopes, lasting_shares
from dropatlas.phases.widest import WIDEST
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
        f"over {tables[0].seed.nunique()} seeds. {told}, gradient flow apart; D tells five mechanisms "
        "apart, not their constants. Cells over budget, and those without a "
        "limit, are named."
    )


def limit_leads(rows: pd.DataFrame, tolerance: float) -> str:
    """Of table `phases/diagram`, one activation: the tolerance, seeds and agreement."""
    return (
        "D of the other limits less D of the predicted one, mean and 95 % interval over "
        f"{rows.seed.nunique()} seeds, in every cell away from the boundaries. Dashed: the tolerance of {tolerance:g} "
        "movements; a limit that has the predicted one as limiting case (open square) may be nearer by less, every "
        "other limit must be farther by more. Of gradient flow: what was within budget. "
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
    ratios = np.exp(np.log(over_beta(rows)).mean())
    over = (
        f" Largest over smallest β: length {ratios['size']:.2f}, nearest neighbour {ratios.neighbour:.2f}."
        if np.isfinite(ratios).all()
        else ""
    )
    lost = ", ".join(
        f"{code} in phase {cell} ({count} of {of} seeds)" for (code, cell), (count, of) in diverged_runs(rows).items()
    )
    return (
        f"Left: {seen} of {len(found)} mistakes are farther from the predicted limit than the right code by more than "
        f"{tolerance:g}, mean and 95 % interval over {rows.seed.nunique()} seeds; open squares: mistakes on which the "
        f"limit does not depend.{f' Diverging, which counts as 1: {lost}.' if lost else ''} Right: neurons against "
        f"gradient flow, the limit of small α and β{f' ({told})' if told else ''}.{over}"
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


def penalty_survival(rows: pd.DataFrame, margin: float, least: float) -> str:
    """Of table `phases/penalty`: the exponents of the penalty effect, and that at a fixed keep rate."""
    slopes = {kappa: mean_exponent(found) for kappa, found in penalty_slopes(rows).items()}
    told = ", ".join(f"{found:z.2f} at κ = {kappa:g}" for kappa, found in slopes.items() if found)
    fixed = [found.estimate for slope in penalty_slopes(rows, FIXED).values() if (found := mean_exponent(slope))]
    halved = f"; at q = 1/2, whatever κ is, {min(fixed):z.2f} to {max(fixed):z.2f}" if fixed else ""
    measured = f" Measured exponents: {told}{halved}." if told else ""
    return (
        f"From the left: penalty effect over the width (dotted: predicted slope; band: ±{margin:g}); its exponents, "
        "which decide; from κ = 1 on, its size at the largest width, which decides too (at least "
        f"{100 * least:g} %), beside that of the same noise without a penalty (hollow); holding the penalty while τ "
        "falls more slowly than 1/n makes α grow and leaves neurons behind "
        f"(dotted: Poisson clocks). Means and 95 % intervals over {rows.seed.nunique()} seeds.{measured}"
    )


def activations(rows: pd.DataFrame, tolerance: float) -> str:
    """The same as `limit_leads`, of ReLU."""
    return f"ReLU neurons of constrained weights. {limit_leads(rows, tolerance)}"


def activations_found(tolerance: float, rows: pd.DataFrame) -> str:
    """The same as `found_limits`, of ReLU."""
    return f"ReLU neurons of constrained weights. {found_limits(tolerance, rows)}"


def student_losses(rows: pd.DataFrame) -> str:
    """Of table `phases/teacher_student`: seeds."""
    return (
        "Training risk with the masks of the step and validation risk without masks, geometric mean and 95 % interval "
        f"over {rows.seed.nunique()} seeds; grey: the last tenth of training, which is judged."
    )


def student_loss_gaps(rows: pd.DataFrame) -> str:
    """Of table `phases/teacher_student`: the losses at the end (a dash where a run diverged), exponents of the gaps."""
    told, fitted = [], []
    for loss, name in LOSSES.items():
        risks = final_risks(rows[rows.width == rows.width.max()], loss).mean(skipna=False)
        each = ", ".join(f"{VARIANT_LABELS[variant]} {number(risk, '.3g')}" for variant, risk in risks.items())
        told.append(f"{name}: {each or '–'}")
        for variant, label in (("ram", "RaM"), ("none", "no dropout")):
            if slope := mean_exponent(gap_slopes(rows, loss, variant)):
                fitted.append(f"{label} {slope:z.2f} ({name.partition(',')[0]})")
    exponents = ", ".join(fitted)
    return (
        f"How far RaM's loss and that of no dropout are from dropout's in the last tenth of {rows.step.max()} steps, "
        f"seeds (dots) and geometric means over {rows.seed.nunique()} seeds; dotted: slowest fall that counts as "
        "closing. Right: exponents, one fit per seed, with 95 % intervals. Where that of no dropout is not clearly "
        f"above the line, the loss cannot tell RaM from no dropout. Means at n = {rows.width.max()}: "
        f"{'; '.join(told)}.{f' Exponents: {exponents}.' if exponents else ''}"
    )


def student_distances(rows: pd.DataFrame) -> str:
    """Of table `phases/teacher_student`: seeds."""
    return (
        "RMS distance between coupled neurons and those of the dropout network, geometric mean and 95 % interval over "
        f"{rows.seed.nunique()} seeds; dotted: step {FIGURE_STEP}, at which the paper draws them over the width."
    )


def student_exponents(rows: pd.DataFrame) -> str:
    """Of table `phases/teacher_student`: exponents and what is left as n → ∞ after the published step."""
    numbers = {
        "exponent of RaM": mean_exponent(distance_slopes(rows, "ram", FIGURE_STEP)),
        "exponent of PN+RaM": mean_exponent(distance_slopes(rows, "pn_ram", FIGURE_STEP)),
        "share left of RaM": mean_exponent(lasting_shares(rows, "ram", FIGURE_STEP, WIDEST)),
        "of PN+RaM": mean_exponent(lasting_shares(rows, "pn_ram", FIGURE_STEP, WIDEST)),
        "of no dropout": mean_exponent(lasting_shares(rows, "none", FIGURE_STEP)),
    }
    told = ", ".join(f"{name} {found:z.2f}" for name, found in numbers.items() if found)
    return (
        f"After {FIGURE_STEP} steps: RMS distances of coupled neurons over the width with fitted power laws, seeds "
        f"(dots) and geometric means with 95 % intervals over {rows.seed.nunique()} seeds (left); exponents, one fit "
        "per seed, and the band for RaM and PN+RaM (middle); share of the squared distance that a fit of D² + c/n "
        "leaves as n → ∞, for RaM and PN+RaM over the three largest widths, with the threshold below which theirs and "
        f"above which that of no dropout must lie (right){f'. Measured: {told}' if told else ''}."
    )


def student_later_steps(rows: pd.DataFrame) -> str:
    """Of table `phases/teacher_student`: what has become of exponents and shares at the end."""
    last = int(rows.step.max())
    numbers = {
        "exponent of RaM": mean_exponent(distance_slopes(rows, "ram", last)),
        "share left of RaM": mean_exponent(lasting_shares(rows, "ram", last, WIDEST)),
        "of no dropout": mean_exponent(lasting_shares(rows, "none", last, WIDEST)),
    }
    told = ", ".join(f"{name} {found:z.2f}" for name, found in numbers.items() if found)
    return (
        f"Up to step {last}, with 95 % intervals over {rows.seed.nunique()} seeds; vertical: step {FIGURE_STEP}. "
        "Exponents of the distance over all widths, dotted: what RaM's must exceed at the end. Share of the squared "
        "distance left as n → ∞ over the three largest widths, dotted: threshold. Distance to no dropout over that to "
        f"RaM at the smallest width, grey: alike{f'. At the end: {told}' if told else ''}."
    )


def student_reference(rows: pd.DataFrame) -> str:
    """Of table `phases/reference_students`: how many of the known numbers come out, and the exponents of the figure."""
    at = rows[(rows.runs == READ_OFF) & (rows.step == READ_STEP)].set_index(["variant", "width"]).rms_distance
    known = [(at.get((name, width)), text) for name, of in READ.items() for width, text in of.items()]
    same = sum(value is not None and f"{value:.{len(text) - 2}f}" == text for value, text in known)
    runs = rows[rows.runs == FIGURE]
    slope = mean_exponent(distance_slopes(runs, "ram", FIGURE_STEP))
    return (
        "Runs of the reference code made again from its own random numbers, a check of our code by which no statement "
        "is judged. Stars: distances that a run of the authors' code, not by the authors, printed after "
        f"{READ_STEP} steps, {same} of {len(known)} of which come out to their last digit; keys and the layout of the "
        "generator were found by trying orders against these numbers. Right: the runs of the published figure (JAX "
        "0.4.35, of the older layout, whose numbers are published as a picture alone and cannot be compared digit by "
        f"digit), all of one teacher ({runs.seed.nunique()} of {FIGURE_REPEATS} repeats), after "
        f"{FIGURE_STEP} steps, with 95 % intervals over repeats{f'; exponent of RaM {slope:z.2f}' if slope else ''}."
    )


def student_trajectories(rows: pd.DataFrame) -> str:
    """Of table `phases/trajectories`: neurons, width, steps."""
    return (
        f"Ways of {rows.neuron.nunique()} neurons at n = {rows.width.iloc[0]} over {rows.step.max()} steps; circle: "
        "start, squares: ends."
    )


def _about_digits(rows: pd.DataFrame) -> str:
    seeds = rows.groupby("width").seed.nunique()
    many = f"{seeds.min()}" if seeds.nunique() < 2 else f"{seeds.min()} to {seeds.max()}"
    data, last = (rows.data.iloc[0], rows.step.max()) if len(rows) else ("no data", 0)
    return f"{data}, {last:,} steps, {number(seeds.min(), '.0f') if seeds.empty else many} seeds per width"


def digit_test_risk(rows: pd.DataFrame) -> str:
    """Of table `phases/digit_pair`: data, steps, seeds."""
    return (
        f"Test risk over steps, mean and 95 % interval over seeds ({_about_digits(rows)}). Grey: the steps of the "
        "published figure, in which the claims are judged. Where PN+RaM leaves the frame it is unstable."
    )


def digit_shares(rows: pd.DataFrame, margin: float) -> str:
    """Of table `phases/digit_pair`: data, steps, seeds, and the margin of the share."""
    early = f" Training ended before step {WINDOW[1]:,}: so far." if len(rows) and rows.step.max() < WINDOW[1] else ""
    return (
        "Left: what dropout gains in test risk, relative to no dropout. Right: the share of it that RaM has; 0 is no "
        f"dropout, 1 is dropout, and a share within {margin:g} of 1 (green) counts as dropout's. Three readings of the "
        "published window of steps; 95 % intervals over seeds (Fieller). Hollow: dropout gains nothing clear there, so "
        f"that the cell cannot tell ({_about_digits(rows)}).{early}"
    )


def curvature_terms(rows: pd.DataFrame) -> str:
    """Of table `phases/curvature`: width and seeds."""
    return (
        "Terms of the risk after one step, relative to G, in training by the random metric, "
        f"n = {number(rows[rows.depth == 1].width.max(), '.0f')}; median and 10 % to 90 % of {rows.seed.nunique()} "
        "seeds. Masks multiply C and S/n by their variance, never B."
    )


def curvature_ratio(rows: pd.DataFrame, factor: float, cost: float) -> str:
    """Of table `phases/curvature`: typical ratios by group of settings, and what must be shown of them."""
    networks = costs_over_training(rows)
    groups = [setting_group(*key) for key in zip(networks.depth, networks.loss, strict=True)]
    told = "; ".join(
        f"{group} {number(medians.ratio, '.1f')} and {number(medians.cost, '.3f')}"
        for group, medians in networks.groupby(groups)[["ratio", "cost"]].median().iterrows()
    )
    return (
        f"B over |C| (at least {factor:g} required) and the extra cost of the masks at q = "
        f"{number(rows.keep_rate.max(), 'g')} over B (at most {cost:g}), in the mean over the decrease of the risk; "
        f"small dots are networks, large ones geometric means with 95 % intervals over {rows.seed.nunique()} seeds."
        f"{f' Medians: {told}.' if told else ''}"
    )


def third_term(rows: pd.DataFrame, margin: float, exponent_margin: float) -> str:
    """Of table `phases/expansion`: the worst network over all masks, and what must be shown."""
    every = third_terms(rows[rows.all_masks])
    off = number((every.share - 1).abs().max(), ".1e")
    exact = f" Over all masks (n = {every.width.max()}) no network is off by more than {off}."
    return (
        "The cost of masks that Var(m) C leaves unexplained, over the third term Var(m) S/n (left; 1 if it is right, 0 "
        f"if there were none; shaded: within {margin:g} of 1), over Var(m) B (middle; dotted: 1/n), and "
        f"its exponent in n (right; shaded: within {exponent_margin:g} of -1); means over keep rates but for the left, "
        f"95 % intervals over {rows.seed.nunique()} seeds.{'' if every.empty else exact}"
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


def edge_steps_by_cell(rows: pd.DataFrame, neuron_step: float, band: tuple[float, float], most_beta: float) -> str:
    """Of table `phases/edge_sharpness`: smallest mean rate of RaM, largest of the control, and the limits."""
    steps = edge_steps(rows[near_edge(rows)])
    typical = steps[steps.beta < most_beta].groupby(["metric", *CELL]).mean_step.median().groupby("metric")
    told = [
        f"{name} {number(end, '.2g')}"
        for name, end in (
            ("smallest of RaM", typical.min().get("ram", np.nan)),
            ("largest of the control", typical.max().get("common", np.nan)),
        )
        if not np.isnan(end)
    ]
    medians = f" Mean rates, medians: {', '.join(told)}." if told else ""
    return (
        f"Steps in units of 2/λ at {rows.share.max():.0%} of each network's largest stable rate, second half of "
        f"training; geometric mean and 95 % interval over {rows.seed.nunique()} seeds. Grey: mean rates at "
        f"{rows.share.min():.0%} of it; a cell in which these are not clearly below {band[0]:g} cannot tell. "
        f"Required at β < {most_beta:g}: mean rates of RaM from "
        f"{band[0]:g} to {band[1]:g}, steps of kept neurons of at least {neuron_step:g}, mean rates of the control "
        f"below {band[0]:g}.{medians}"
    )


def edge_sharpness(rows: pd.DataFrame) -> str:
    """Of table `phases/edge_sharpness`: mean rates of the random metric in the second half of training."""
    steps = at_largest_width(edge_steps(rows[near_edge(rows) & (rows.metric == "ram")]))
    medians = steps.groupby("keep_rate").mean_step.median()
    told = "; ".join(f"q = {q:g}: {number(mean, '.2g')}" for q, mean in medians.items())
    return (
        f"Mean rate in units of 2/λ along training at {rows.share.max():.0%} of each network's largest stable rate; "
        "median and quartiles "
        "of seeds. Line: the bound of gradient descent on a quadratic risk."
        f"{f' Random metric, second half of training, medians: {told}.' if told else ''}"
    )


def precision_errors(rows: pd.DataFrame, tolerance: float, growth: float) -> str:
    """Of table `phases/precision`: the errors of float16 in the plain order at the largest width of every regime."""
    errors, widths = typical_errors(rows), rows.groupby("regime").width.max()
    told = ", ".join(
        f"{label} {number(errors.get((regime, 'float16', 'plain'), np.nan), '.2g')}"
        + (f" at n = {widths[regime]}" if regime in widths else "")
        for regime, label in REGIME_LABELS.items()
    )
    return (
        "Final distance to float64 over the movement (geometric mean, 95 % interval over "
        f"{rows.seed.nunique()} seeds), and updates lost to rounding. Solid: n cancelled by hand; hollow: the plain "
        "order of operations. A network that has diverged counts with 1. A problem is an error above the dashes "
        f"({tolerance:g}), or one that grows faster than the dotted lines (n^{growth:g}). float16, plain order: {told}."
    )


def precision_growth(rows: pd.DataFrame) -> str:
    """Of table `phases/precision`: the errors in the critical phase at the end, by precision."""
    critical = typical_errors(rows[rows.regime == "critical"]).droplevel("regime")
    told = ", ".join(f"{name} ({order}) {number(error, '.1e')}" for (name, order), error in critical.items())
    return (
        "Distance to float64 over the movement, along training; median and 10 % to 90 % of seeds. Solid: n cancelled "
        "by hand; hollow: the plain order of operations; a line ends where a network diverges."
        f"{f' Critical phase, at the end, geometric mean: {told}.' if told else ''}"
    )


def depth_distances(rows: pd.DataFrame) -> str:
    """Of table `phases/depth`: steps and seeds."""
    return (
        f"RMS distance to the coupled dropout network after {rows.step.max()} steps, geometric mean; right: exponents "
        "in n, and the share of the squared distance that lasts as n → ∞ (RaM: over the three largest widths), fitted "
        f"per seed. 95 % intervals over {rows.seed.nunique()} seeds; green: what is required."
    )


def residual_distances(rows: pd.DataFrame, deep: float) -> str:
    """Of table `phases/residual`: seeds, and the exponents in the depth, with 1/L from L = `deep` on."""
    judged = rows[(rows.branch_exponent != 1) | (rows.depth >= deep)]
    slopes = {s: mean_exponent(depth_slopes(part)) for s, part in judged.groupby("branch_exponent")}
    names = {1.0: f"with 1/L (L ≥ {deep:g})", 0.0: "without"}
    told = ", ".join(f"{name} {slopes[s]:z.2f}" for s, name in names.items() if slopes.get(s))
    return (
        "Residual networks of L branches of n neurons. RMS distances to the coupled dropout network, geometric mean; "
        f"exponents and shares are fitted per seed. 95 % intervals over {rows.seed.nunique()} seeds; green: what is "
        f"required.{f' Exponent in L: {told}.' if told else ''}"
    )


def coupled_paths(rows: pd.DataFrame, own_error: float) -> str:
    """Of table `phases/pathwise`: seeds, and the exponents along the series and over the grid."""
    told = trusted(rows, own_error)
    grid, series = grid_exponents(told), told[told.family == SERIES]
    found = {
        "n (mean)": seed_slopes(series, "mean_distance"),
        "n (RMS)": seed_slopes(series, "rms_distance"),
        "q": grid.q_exponent,
        "β": grid.beta_exponent,
    }
    known = {name: exponent for name, slopes in found.items() if (exponent := mean_exponent(slopes))}
    named = ", ".join(f"{exponent:z.2f} in {name}" for name, exponent in known.items())
    return (
        "Largest distance over the times after all steps between a dropout neuron and its copy of the Poisson limit. "
        "Left: along q = 2 n^(-1/2), with both controls; black: the slowest fall that counts. Middle: RMS distance "
        "over (q, β), and (A q^a)² + (B β^b)² with median parameters. Right: exponents, fitted for each seed; the "
        "shaded bands "
        f"decide M11. Mean and 95 % interval over {rows.seed.nunique()} seeds."
        f"{f' Exponents: {named}.' if named else ''}"
    )


def weak_rate(rows: pd.DataFrame) -> str:
    """Of table `phases/weak_rate`: seeds, neurons, the sliced W₁ at the largest width, and exponents of the bias."""
    found = {
        QUANTITY_LABELS[name]: mean_exponent(jackknifed_exponents(squared_means(rows, name, "squared_bias")))
        for name in (*FUNCTIONS, LAW)
    }
    told = ", ".join(f"{exponent:z.2f} of {name}" for name, exponent in found.items() if exponent)
    law = rows[(rows.quantity == LAW) & (rows.width == rows.width.max())]
    return (
        f"Left: bias of test functions and of the law, root of the mean square over {rows.seed.nunique()} seeds, each "
        f"with some {2 * (rows.runs * rows.width).min():,} neurons per width and {2 * rows.particles.iloc[0]:,} of the "
        "limit. Open: left out, as noise would hide the planned bias. Middle: standard deviation of single runs (law: "
        "sliced W1 to the limit). Right: exponents with 95 % intervals over seeds; the shaded bands decide M12, the "
        "line is where a bias counts as vanishing. Sliced W1 of the pooled runs at the largest n: "
        f"{number(law.bias.mean(), '.1e')} (two simulations of the limit: {number(2 * law.limit_error.mean(), '.1e')})."
        f"{f' Exponents of the bias: {told}.' if told else ''}"
    )
