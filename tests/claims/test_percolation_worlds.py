"""Percolation claims on tables made by their tasks: the true theory holds, and every wrong one fails its part."""

import pytest

from dropatlas.claims import Verdict, load_ledger
from dropatlas.claims.judging import judge
from dropatlas.config import stored_config
from dropatlas.percolation import (
    bond_crossing_bounds,
    crossing_with_bounds,
    cuts,
    deep_site_crossing,
    log_n_of_width,
    removal_probability,
    sampling,
    site_crossing_probability,
    site_extinction_probability,
    theory,
)
from dropatlas.percolation.settings import (
    HALF,
    CrossingGrid,
    MinimumCuts,
    OpenCuts,
    ParameterBudget,
    RequiredWidth,
    WindowCell,
)
from dropatlas.tasks.percolation import (
    crossing_probability,
    finite_thresholds,
    minimum_cuts,
    open_cuts,
    parameter_budget,
    required_width,
)

LEDGER = load_ledger()
SEED = 990_001
GRID = CrossingGrid(targets=[0.3, 0.7], widths=[2, 8], depths=[1, 20], samples=1000)
LAWS = stored_config("quick").percolation.scaling
CUTS = MinimumCuts(
    widths=[1, 2, 3],
    depths=[1, 3],
    drop_rates=[0.1, 0.01, 0.001],
    window_widths=[2, 4, 16, 32],
    window_drop_rates=[0.3],
    window_parameters=[1.0],
)
OPEN = OpenCuts(
    cells=[WindowCell(width=2, drop_rate=0.1, parameter=0.5), WindowCell(width=2, drop_rate=0.1, parameter=2.0)],
    samples=4000,
)
BUDGET = ParameterBudget(budgets=[1000, 10_000], drop_rates=[0.3, 0.7], widths=[1, 2, 3, 5, 8, 12])
WIDTHS = RequiredWidth(drop_rates=[0.3, 0.7], depths=[100, 1000, 2000], target=0.99)


MADE = {
    "crossing_probability": lambda: crossing_probability.tabulate(GRID, seed=SEED),
    "finite_thresholds": lambda: finite_thresholds.tabulate(LAWS),
    "minimum_cuts": lambda: minimum_cuts.tabulate(CUTS),
    "open_cuts": lambda: open_cuts.tabulate(OPEN, seed=SEED),
    "parameter_budget": lambda: parameter_budget.tabulate(BUDGET),
    "required_width": lambda: required_width.tabulate(WIDTHS),
}


@pytest.fixture(scope="module")
def true_tables():
    """All tables as they are, made small."""
    return {name: make() for name, make in MADE.items()}


@pytest.fixture
def judged(true_tables):
    """The judgement on a claim, with some of its tables made anew in the present world."""

    def judge_in_this_world(identifier, *remade):
        minimum_cuts._counts.cache_clear()
        tables = true_tables | {name: MADE[name]() for name in remade}
        minimum_cuts._counts.cache_clear()
        return judge(LEDGER[identifier], {f"percolation/{name}": table for name, table in tables.items()}, "quick")

    return judge_in_this_world


@pytest.fixture
def failing(judged):
    """Names of the parts of a claim that fail, with some of its tables made anew in the present world."""
    return lambda *asked: [part.name for part in judged(*asked).parts if part.state == "fails"]


@pytest.mark.parametrize("identifier", ["P1", "P2", "P3", "P4", "P14"])
def test_the_true_theory_holds(judged, identifier):
    found = judged(identifier)
    assert found.verdict in (Verdict.REPRODUCED, Verdict.SUPPORTED), found.reason


AGREES = "sampled masks agree with θ"
WRONG = {
    "a layer too many": lambda model, p, width, depth: crossing_with_bounds(model, p, width, depth + 1),
    "a vertex too many": lambda model, p, width, depth: crossing_with_bounds(model, p, width + 1, depth),
    "p off by a twentieth": lambda model, p, width, depth: crossing_with_bounds(model, min(1, p * 1.05), width, depth),
}


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("identifier", ["P1", "P2"])
def test_a_wrong_formula_is_rejected_by_the_masks(monkeypatch, failing, identifier, wrong):
    monkeypatch.setattr(crossing_probability, "crossing_with_bounds", WRONG[wrong])
    assert failing(identifier, "crossing_probability") == [AGREES]


@pytest.mark.parametrize("identifier", ["P1", "P2"])
def test_masks_that_drop_too_much_are_told(monkeypatch, failing, identifier):
    drawn = sampling.draw_bits
    monkeypatch.setattr(sampling, "draw_bits", lambda p, shape, rng: drawn(min(1, p * 1.05), shape, rng))
    assert failing(identifier, "crossing_probability") == [AGREES]


def test_the_site_formula_in_the_place_of_the_chain_fails(monkeypatch, failing):
    def site(model, p, width, depth):
        _, low, high = crossing_with_bounds(model, p, width, depth)
        return site_crossing_probability(p, width, depth + 1), low, high

    monkeypatch.setattr(crossing_probability, "crossing_with_bounds", site)
    assert failing("P2", "crossing_probability") == [AGREES]
    monkeypatch.setattr(
        minimum_cuts, "bond_extinction_probability", lambda p, w, d: site_extinction_probability(p, w, d + 1)
    )
    assert failing("P2", "crossing_probability", "minimum_cuts") == [AGREES, "the chain is the sum over all masks"]


def test_a_bound_that_is_none_fails(monkeypatch, failing):
    monkeypatch.setattr(
        theory, "bond_crossing_bounds", lambda p, width, depth: bond_crossing_bounds(p, width - 1, depth)
    )
    assert failing("P2", "crossing_probability") == ["θ lies between its bounds"]


def test_thresholds_of_another_width_law_fail_at_the_critical_exponent(monkeypatch, failing):
    monkeypatch.setattr(
        finite_thresholds,
        "removal_probability",
        lambda curve, target, width, log_n: removal_probability("site", target, 1.05 * width, log_n),
    )
    assert failing("P3", "finite_thresholds") == [
        "thresholds go to e^(−1/C) at τ = 1, without the floor",
        "thresholds go to e^(−1/C) at τ = 1, with the floor, at the worst n",
    ]


@pytest.mark.parametrize("identifier", ["P3", "P4"])
def test_thresholds_that_go_elsewhere_fail_every_part(monkeypatch, failing, identifier):
    monkeypatch.setattr(
        finite_thresholds, "removal_probability", lambda *network: 0.3 + 0.4 * removal_probability(*network)
    )
    assert len(failing(identifier, "finite_thresholds")) == 4


@pytest.mark.parametrize("identifier", ["P3", "P4"])
def test_a_crossing_curve_that_stays_a_ramp_fails_every_part(monkeypatch, failing, identifier):
    def blunt(curve, target, width, log_n):
        """As it is at θ = 1/2, but halfway to 1 at a small θ and to 0 at a large one."""
        p = removal_probability(curve, target, width, log_n)
        return p if target == HALF else 0.5 * p + 0.5 * (target < HALF)

    monkeypatch.setattr(finite_thresholds, "removal_probability", blunt)
    assert len(failing(identifier, "finite_thresholds")) == 4


@pytest.mark.parametrize("factor", [0.97, 1.03])
def test_another_constant_fails_at_the_critical_exponent_of_dropconnect(monkeypatch, failing, factor):
    limit = finite_thresholds.critical_probability
    monkeypatch.setattr(
        finite_thresholds, "critical_probability", lambda model, constant, *law: limit(model, factor * constant, *law)
    )
    assert failing("P4", "finite_thresholds") == [
        "thresholds go to e^(−1/C) at τ = 1/2, without the floor",
        "thresholds go to e^(−1/C) at τ = 1/2, with the floor, at the worst n",
    ]


def test_a_floor_that_halves_the_width_fails_with_the_floor_alone(monkeypatch, failing):
    monkeypatch.setattr(finite_thresholds, "log_n_of_width", lambda width, *law: log_n_of_width(2 * width, *law))
    assert failing("P3", "finite_thresholds") == ["thresholds go to e^(−1/C) at τ = 1, with the floor, at the worst n"]


def test_the_lower_bound_in_the_place_of_the_chain_fails(monkeypatch, failing):
    monkeypatch.setattr(
        finite_thresholds,
        "removal_probability",
        lambda curve, *network: removal_probability("bond_lower" if curve == "bond" else curve, *network),
    )
    assert len(failing("P4", "finite_thresholds")) == 4


COUNTED, RARE, IN_WINDOW, POISSON, BOND_POINT, SITE_POINT = (
    "there are (2^W − 1)L + 1 minimum cuts of W² edges",
    "1 − θ comes to their number times p^(W²)",
    "θ goes to e^(−x) in the critical window",
    "the number of open minimum cuts is Poisson",
    "dropconnect's θ goes to 0 at p_c",
    "dropout's θ at p_c keeps coming back to e^(−1) and to exp(−e^(1/C))",
)


@pytest.mark.parametrize(
    ("wrong", "failed"),
    [
        (lambda width, depth: 2**width * depth + 1, [COUNTED, RARE, POISSON]),
        (lambda width, depth: (2**width - 1) * depth, [COUNTED, RARE]),
        (lambda width, depth: (2**width - 1) * (depth + 1), [COUNTED, RARE]),
        (lambda width, depth: depth + 1, [COUNTED, RARE, POISSON]),
    ],
    ids=["full sets counted", "last cut left out", "a layer too many", "no sets"],
)
def test_a_wrong_number_of_minimum_cuts_fails(monkeypatch, failing, wrong, failed):
    monkeypatch.setattr(cuts, "number_of_minimum_cuts", wrong)
    monkeypatch.setattr(minimum_cuts, "number_of_minimum_cuts", wrong)
    assert failing("P14", "minimum_cuts", "open_cuts") == failed


def test_a_window_without_the_number_of_sets_fails(monkeypatch, failing):
    monkeypatch.setattr(minimum_cuts, "window_parameter", lambda p, w, d: cuts.window_parameter(p, w, d) / 2**w)
    monkeypatch.setattr(minimum_cuts, "depth_in_window", lambda p, w, x: cuts.depth_in_window(p, w, x) * 2**w)
    assert failing("P14", "minimum_cuts") == [IN_WINDOW]


def test_the_published_upper_bound_in_the_place_of_the_chain_fails(monkeypatch, failing):
    def upper(p, width, depth):
        return bond_crossing_bounds(p, width, depth)[1]

    monkeypatch.setattr(minimum_cuts, "bond_crossing_probability", upper)
    monkeypatch.setattr(finite_thresholds, "bond_crossing_probability", upper)
    assert failing("P14", "minimum_cuts", "finite_thresholds") == [IN_WINDOW, BOND_POINT]


def test_edges_that_fall_together_are_not_poisson(monkeypatch, failing):
    drawn = cuts.draw_bits

    def by_vertex(p, shape, rng):
        kept = drawn(p, shape, rng)
        kept[1:] = kept[0]  # all edges into a vertex share a bit
        return kept

    monkeypatch.setattr(cuts, "draw_bits", by_vertex)
    assert failing("P14", "open_cuts") == [POISSON]


def test_cuts_counted_twice_are_not_poisson(monkeypatch, failing):
    counted = cuts.open_minimum_cuts
    monkeypatch.setattr(cuts, "open_minimum_cuts", lambda removed: 2 * counted(removed))
    assert failing("P14", "open_cuts") == [POISSON]


def test_another_width_at_the_critical_point_fails(monkeypatch, failing):
    monkeypatch.setattr(
        finite_thresholds, "deep_site_crossing", lambda p, width, log_n: deep_site_crossing(p, width + 1, log_n)
    )
    assert failing("P14", "finite_thresholds") == [SITE_POINT]


RISES, EXPONENTIAL = (
    "at a fixed number of weights θ rises with the width",
    "deeper networks need exponentially more width",
)


def test_the_design_rule_holds_by_half(judged, failing):
    assert judged("P18").verdict == Verdict.PARTLY
    assert failing("P18") == [EXPONENTIAL]


def test_a_theta_that_falls_with_the_width_fails(monkeypatch, failing):
    falling = (
        lambda p, width, depth: site_crossing_probability(p, 2, width),
        lambda p, width, depth: site_extinction_probability(p, 2, width),
    )
    monkeypatch.setattr(parameter_budget, "MODELS", {"site": falling, "bond": falling})
    assert failing("P18", "parameter_budget") == [RISES, EXPONENTIAL]


@pytest.mark.parametrize(
    ("needed", "verdict"),
    [
        (lambda depth: round(1.01**depth), Verdict.SUPPORTED),
        (lambda depth: depth, Verdict.INCONCLUSIVE),
        (lambda depth: depth**3, Verdict.INCONCLUSIVE),
        (lambda depth: round(2 ** (depth**0.5)), Verdict.INCONCLUSIVE),
    ],
    ids=["exponential", "the depth itself", "a power", "stretched"],
)
def test_only_an_exponential_width_would_hold(monkeypatch, judged, needed, verdict):
    monkeypatch.setattr(required_width, "required_width", lambda model, p, depth, target: needed(depth))
    monkeypatch.setattr(required_width, "site_crossing_probability", lambda p, width, depth: 1.0)
    monkeypatch.setattr(required_width, "bond_crossing_probability", lambda p, width, depth: 1.0)
    assert judged("P18", "required_width").verdict == verdict


def test_what_is_below_the_float_range_cannot_tell(true_tables):
    tables = {f"percolation/{name}": table for name, table in true_tables.items()}
    tables["percolation/parameter_budget"] = true_tables["parameter_budget"].assign(theta=0.0, extinction=1.0)
    found = judge(LEDGER["P18"], tables, "quick")
    assert [part.state for part in found.parts] == ["open", "fails"]
    steps = len(tables["percolation/parameter_budget"]) - 8  # two models, drop rates and budgets
    assert f"{steps} of {steps} steps of the width lie below the float range" in found.reason
