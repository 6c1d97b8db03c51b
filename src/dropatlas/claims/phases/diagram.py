"""Judges of the claims on the phase diagram, M3, M8, M13 and M18 (arXiv 2510.07554); intervals over seeds."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from dropatlas.claims.checks import all_known, mean_check, one_of
from dropatlas.claims.parts import LEVEL, Check, Part, decide
from dropatlas.claims.verdicts import Judgement, State
from dropatlas.phases.agreement import (
    CELL,
    DECIDING,
    cell_distances,
    cell_outcomes,
    convergence_rates,
    flow_cells,
    inside,
    last_distances,
    leads,
    least_lead,
)
from dropatlas.phases.boundary_crossings import crossings
from dropatlas.phases.boundary_lines import LINES
from dropatlas.phases.classification import CONTAINS, PHASE_NAMES, PHASES
from dropatlas.phases.signatures import (
    against_flow,
    code_signatures,
    diverged_runs,
    over_beta,
    right_code_distances,
)
from dropatlas.phases.wrong_codes import HARMLESS, WRONG_MASK, WRONG_SCALING

DIAGRAM = "phases/diagram"
WIDTH_TREND = "phases/width_trend"
BOUNDARY_SCAN = "phases/boundary_scan"
FAILURE_SIGNATURES = "phases/failure_signatures"
LEAD = "D of another limit less D of the predicted one, in movements,"
MOST_NAMED = 3


def _named(phase: str) -> str:
    return f"{PHASE_NAMES[phase]} ({phase})"


def _known(values: pd.Series, least_seeds: float) -> np.ndarray:
    """The values, one per seed; none where one is missing or they are too few."""
    found = all_known(values)
    return found if len(found) >= least_seeds else np.array([])


def _phase_parts(rows: pd.DataFrame, criterion: Mapping[str, float]) -> list[Part]:
    """One part per phase: in each of its cells away from the boundaries its limit is needed, and enough."""
    tolerance, least = criterion["tolerance"], criterion["least_seeds"]
    checks: dict[str, list[Check]] = {phase: [] for phase in DECIDING}
    cells = inside(rows)
    for place, seeds in cell_distances(cells).groupby(level=[*CELL, "phase"], sort=False):
        rate, keep_rate, phase = place
        for limit, lead in leads(seeds, phase).items():
            where = f"{limit} at τ = {rate:g}, q = {keep_rate:g}"
            low = least_lead(str(limit), phase, tolerance)
            checks[phase].append(mean_check(where, _known(lead, least), (low, np.inf)))
    parts = [Part(f"limit {_named(phase)}", LEAD, found, ".3f") for phase, found in checks.items()]
    return [*parts, _flow_part(rows, criterion)]


def _flow_part(rows: pd.DataFrame, criterion: Mapping[str, float]) -> Part:
    """That where gradient flow is predicted no other limit is nearer; of the cells and limits that budgets allow."""
    low, checks = least_lead("II", "GF", criterion["tolerance"]), []
    for (rate, keep_rate), cell in flow_cells(rows).groupby(CELL, sort=False):
        found = leads(cell_distances(cell), "GF")
        checks += [
            mean_check(
                f"{limit} at τ = {rate:g}, q = {keep_rate:g}",
                _known(found[limit], criterion["least_seeds"]),
                (low, np.inf),
            )
            for limit in cell.limit.unique()
            if limit != "GF"
        ]
    return Part("gradient flow is enough", LEAD, checks, ".3f", why_open="no cell was run")


def _reached(rows: pd.DataFrame, criterion: Mapping[str, float]) -> Part:
    """That at the largest width dropout is described by its limit; open at best where a limiting case does as well."""
    tolerance, least = criterion["tolerance"], criterion["least_seeds"]
    own = last_distances(rows)
    cases = {case: last_distances(rows, case) for case in PHASES}
    checks = []
    for phase in DECIDING:
        controls = [mean_check("", _known(cases[case][phase], least), (tolerance, np.inf)) for case in CONTAINS[phase]]
        blind = any(control.p_holds > LEVEL for control in controls)
        check = mean_check(_named(phase), _known(own[phase], least), (-np.inf, tolerance))
        checks.append(replace(check, p_holds=1.0) if blind else check)
    measure = "D of the predicted limit at the largest width, in movements,"
    notes = {State.OPEN: "or a limiting case is as near, so that noise hides what is to be seen"}
    return Part("the limit is reached", measure, checks, ".3f", notes)


def _counted(rows: pd.DataFrame, tolerance: float) -> str:
    """How many cells agree, which do not, and which were not run."""
    outcomes = cell_outcomes(rows, tolerance)
    cells = inside(outcomes)
    wrong = cells[[agree is False for agree in cells.agrees]]
    told = [
        f"{cell.found or 'a tie'} instead of {cell.phase} at τ = {cell.learning_rate:g}, q = {cell.keep_rate:g}"
        for cell in wrong[:MOST_NAMED].itertuples()
    ]
    told += [f"{len(wrong) - MOST_NAMED} more"] if len(wrong) > MOST_NAMED else []
    open_cells = [f"τ = {c.learning_rate:g}, q = {c.keep_rate:g}" for c in cells.itertuples() if c.agrees is None]
    flow = outcomes[(outcomes.phase == "GF") & ~outcomes.boundary.astype(bool)]
    return (
        f"by their means {sum(agree is True for agree in cells.agrees)} of {len(cells)} cells agree"
        + (f" (not: {'; '.join(told)})" if told else "")
        + (f"; not compared: {'; '.join(open_cells)}" if open_cells else "")
        + f"; of {len(flow)} cells of gradient flow {sum(agree is True for agree in flow.agrees)} agree, "
        f"{sum(agree is False for agree in flow.agrees)} do not, "
        f"{sum(agree is None for agree in flow.agrees)} were not run in full"
    )


def judge_m3(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """M3: the phases of bounded neurons.

    A part per phase II, III, IV and I over all its cells away from the boundaries (`phases.agreement`); that in those
    of gradient flow no other limit is nearer; and that at the largest width D to the limit is at most the tolerance,
    where that of its limiting cases is more.
    """
    rows, trend = (tables[name].query("activation == 'tanh'") for name in (DIAGRAM, WIDTH_TREND))
    return decide([*_phase_parts(rows, criterion), _reached(trend, criterion)], _counted(rows, criterion["tolerance"]))


def judge_m8(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """M8: the phases of ReLU neurons with constrained weights, as in M3, and distances that fall as with tanh.

    The last part: the exponents in n of W₁ to the predicted limit differ by at most `rate` between the two kinds.
    """
    rows, trend = (tables[name].query("activation == 'relu'") for name in (DIAGRAM, WIDTH_TREND))
    relu, bounded = convergence_rates(trend), convergence_rates(tables[WIDTH_TREND].query("activation == 'tanh'"))
    band, least = (-criterion["rate"], criterion["rate"]), criterion["least_seeds"]
    checks = [mean_check(_named(phase), _known(relu[phase] - bounded[phase], least), band) for phase in DECIDING]
    alike = Part("distances fall as with tanh", "exponent in n of W₁ to the limit, less that of tanh,", checks, ".2f")
    parts = [*_phase_parts(rows, criterion), _reached(trend, criterion), alike]
    return decide(parts, _counted(rows, criterion["tolerance"]))


def judge_m13(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """M13: the distance to the predicted limit shows wrong codes, and neurons cluster or diverge at small β.

    The right code is within `tolerance` of its limit; each mistake that the phase's limit depends on makes it farther
    by more; at the smallest β neurons are nearer to one another, or longer, than those of gradient flow (β = 0) by
    `change`. Either is enough, so that this part fails only if both do.
    """
    rows, least = tables[FAILURE_SIGNATURES], criterion["least_seeds"]
    tolerance, change = criterion["tolerance"], criterion["change"]
    right = [
        mean_check(_named(phase), _known(values, least), (-np.inf, tolerance))
        for phase, values in right_code_distances(rows).items()
    ]
    signatures = code_signatures(rows)

    def seen(codes: tuple[str, ...]) -> list[Check]:
        return [
            mean_check(f"{code}, phase {phase}", _known(values, least), (tolerance, np.inf))
            for (code, phase), values in signatures.items()
            if code in codes and (code, phase) not in HARMLESS
        ]

    watched = against_flow(rows)
    least_beta = watched[watched.beta == watched.beta.min()]
    where = f"β = {watched.beta.min():g}" if len(watched) else "no β"
    ways = (
        ("distance to the nearest neighbour", "neighbour", (-np.inf, 1 - change)),
        ("root mean square length", "size", (1 + change, np.inf)),
    )
    either = [
        replace(
            mean_check(where, _known(least_beta[column], least), band, log=True, support=(0.0, np.inf)),
            measure=f"{name} over that under gradient flow",
        )
        for name, column, band in ways
    ]
    farther = "W₁ to the limit beyond that of the right code, in movements,"
    parts = [
        Part("the right code is at its limit", "D of the right code, in movements,", right, ".3f"),
        Part("wrong scaling is seen", farther, seen(WRONG_SCALING), ".2f"),
        Part("wrong masks are seen", farther, seen(WRONG_MASK), ".2f"),
        Part("neurons cluster or diverge at small β", "over gradient flow", [one_of(either)], ".2f"),
    ]
    return decide(
        parts, "; ".join(filter(None, (_told_of(either), _trend(rows), _diverging(rows), _harmless(signatures))))
    )


def _told_of(checks: Sequence[Check]) -> str:
    return ", ".join(f"{check.measure} {check.value:.2f}" for check in checks if check.known)


def _trend(rows: pd.DataFrame) -> str:
    """How neurons change over β, from the smallest to the largest."""
    ratios = np.exp(np.log(over_beta(rows)).mean())
    if not np.isfinite(ratios).all():
        return ""
    betas = rows.beta[rows.experiment == "small beta"]
    return (
        f"at β = {betas.max():g}, where the penalty pulls neurons in, over β = {betas.min():g}: length "
        f"{ratios['size']:.2f}, nearest neighbour {ratios.neighbour:.2f}"
    )


def _diverging(rows: pd.DataFrame) -> str:
    """Which codes diverge: another sign of a mistake."""
    told = [
        f"{code} in phase {cell} ({lost} of {of} seeds)" for (code, cell), (lost, of) in diverged_runs(rows).items()
    ]
    return f"diverging shows a mistake, too: {', '.join(told)}" if told else ""


def _harmless(signatures: Mapping[tuple[str, str], pd.Series]) -> str:
    """What mistakes look like that the phase should not show."""
    told = [
        f"{code} in phase {phase} {signatures[code, phase].mean():+.3f}"
        for code, phase in sorted(HARMLESS)
        if (code, phase) in signatures
    ]
    return f"not judged, since the limit does not depend on it: {', '.join(told)}" if told else ""


def judge_m18(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """M18: boundaries lie where the convention puts them.

    On every line through a boundary the simpler limit stops to be enough within a `factor` of the convention's
    threshold (q = 1/2: q or 1 - q).
    """
    places = crossings(tables[BOUNDARY_SCAN], criterion["tolerance"])
    lines = []
    for name, line in LINES.items():
        seen = _known(places.get(name, pd.Series(dtype=float)), criterion["least_seeds"])
        low, high = line.threshold / criterion["factor"], line.threshold * criterion["factor"]
        if line.coordinate == "q":
            high = 1 - (1 - line.threshold) / criterion["factor"]
        where = f"{name}, {line.coordinate} against {line.threshold:g}"
        lines.append(mean_check(where, seen, (low, high), log=True, support=(0.0, np.inf)))
    boundaries = Part("boundaries lie where the convention puts them", "coordinate of the boundary", lines, ".2g")
    return decide([boundaries])
