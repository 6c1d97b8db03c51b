"""Judges M3, M8, M13 and M18: the true theory stands on tables made by their tasks, and wrong worlds fail."""

import numpy as np
import pandas as pd
import pytest

from dropatlas.claims import load_ledger
from dropatlas.claims.judging import judge_of
from dropatlas.claims.phases import diagram as judges
from dropatlas.claims.verdicts import Verdict
from dropatlas.phases import boundary_lines, comparison
from dropatlas.phases.agreement import (
    DECIDING,
    THEORIES,
    agreement_by_seed,
    cell_outcomes,
    found_limit,
    rival_theories,
    sensitivity,
)
from dropatlas.phases.boundary_crossings import crossings
from dropatlas.phases.boundary_lines import LINES
from dropatlas.phases.classification import CONTAINS, PHASES
from dropatlas.phases.names import CODE_CELLS, CODES
from dropatlas.phases.particles import initial_particles, plane_problem, sample_masks, train
from dropatlas.phases.settings import BoundaryScan, Diagram, FailureSignatures, WidthTrend
from dropatlas.phases.wrong_codes import HARMLESS, WRONG_MASK, train_with
from dropatlas.stats import mean_interval
from dropatlas.tasks.phases import boundary_scan, diagram, failure_signatures, width_trend

LEDGER = load_ledger()
SEED = 990_003
TOLERANCE = LEDGER["M3"].criterion["tolerance"]
TANH = {"activation": "tanh", "bound": None, "samples": 30, "teachers": 5, "scale": 2.0, "time": 3.0}
RELU = TANH | {"activation": "relu", "bound": 3.0}
CELLS = {"II": (1e-4, 0.004), "III": (0.1, 0.13), "IV": (0.004, 0.004), "I": (1.2, 0.95), "GF": (0.004, 0.13)}


def judged(identifier, tables):
    return judge_of(LEDGER[identifier])(tables, LEDGER[identifier].criterion)


def states(found):
    """State of every part, by its name."""
    return {part.name: str(part.state) for part in found.parts}


def failing(identifier, tables):
    return {name for name, state in states(judged(identifier, tables)).items() if state == "fails"}


FLOW = "gradient flow is enough"


def phase_part(phase):
    return f"limit {judges._named(phase)}"


class OneCellEach(Diagram):
    """A cell of every phase."""

    def cells(self):
        return [("bounded", self.bounded.network(self.width, *rates)) for rates in dict.fromkeys(CELLS.values())]


class FewSequences(WidthTrend):
    """Phases IV and II alone."""

    def networks(self):
        return [found for found in super().networks() if found[1] in ("IV", "II")]


DIAGRAM = OneCellEach(
    bounded=TANH,
    relu=RELU,
    width=300,
    learning_rates=[1.0],
    keep_rates=[0.5],
    seeds=10,
    points=120,
    largest_updates=10**6,
    largest_reads=10**7,
)
TREND = FewSequences(bounded=TANH, relu=RELU, widths=[50, 200], seeds=10, points=200, largest_reads=10**7)
SCAN = BoundaryScan(problem=TANH, width=300, coordinates=[0.05, 0.4], keep_rates=[0.3, 0.9], seeds=10, points=50)
SIGNATURES = FailureSignatures(problem=TANH, width=300, betas=[0.02], seeds=10, points=60)


@pytest.fixture(scope="module")
def measured():
    return diagram.tabulate(DIAGRAM, seed=SEED)


@pytest.fixture(scope="module")
def signatures():
    return failure_signatures.tabulate(SIGNATURES, seed=SEED)


def no_dropout(problem, particles, variant, learning_rate, keep_rate, steps, rng):
    """Gradient descent whatever is asked for; where it would take too many steps, its flow is as good."""
    few = min(steps, 200)
    return train(problem, particles, "none", learning_rate * steps / few, keep_rate, few, rng)


def only_diagram(rows):
    """The evidence of M3 with no trend."""
    return {judges.DIAGRAM: rows, judges.WIDTH_TREND: trend()[:0]}


def test_the_true_theory_stands_in_every_phase(measured):
    found = states(judged("M3", only_diagram(measured)))
    assert [found[name] for name in (*map(phase_part, DECIDING), FLOW)] == ["holds"] * 5
    assert agreement_by_seed(measured, TOLERANCE).mean() > 0.8


@pytest.mark.parametrize("theory", [name for name in THEORIES if name != "the paper"])
def test_a_rival_theory_fails_by_the_same_judge_on_the_same_cells(measured, theory):
    said = measured.assign(phase=measured.phase.map(THEORIES[theory]))
    assert "fails" in states(judged("M3", only_diagram(said))).values()
    assert agreement_by_seed(measured, TOLERANCE, THEORIES[theory]).mean() <= 0.5
    rivals = rival_theories(measured, TOLERANCE).set_index("theory")["all"]
    assert rivals[theory] < rivals["the paper"] - 0.3


def test_a_theory_of_one_phase_fails_in_the_part_of_that_phase(measured):
    everything = measured.assign(phase="IV")
    assert failing("M3", only_diagram(everything)) == {phase_part("IV")}
    others = everything[everything.learning_rate.isin([CELLS["II"][0], CELLS["III"][0]])]  # not only because of I
    assert failing("M3", only_diagram(others)) == {phase_part("IV")}


def test_no_dropout_in_the_place_of_dropout_fails_every_phase(monkeypatch):
    monkeypatch.setattr(comparison, "train", no_dropout)
    rows = diagram.tabulate(DIAGRAM, seed=SEED)
    # with q = 0.95 gradient descent in steps is nearly Bernoulli steps
    assert failing("M3", only_diagram(rows)) == {phase_part(phase) for phase in ("II", "III", "IV")}


def test_rare_masks_in_the_place_of_frequent_ones_fail_phase_one(monkeypatch):
    def rare(problem, particles, variant, learning_rate, keep_rate, steps, rng):
        return train(problem, particles, variant, learning_rate / 10, keep_rate / 10, 10 * steps, rng)

    monkeypatch.setattr(comparison, "train", rare)
    monkeypatch.setitem(CELLS, "IV", CELLS["I"])
    monkeypatch.setitem(CELLS, "II", CELLS["III"])
    assert phase_part("I") in failing("M3", only_diagram(diagram.tabulate(DIAGRAM, seed=SEED)))


def test_no_dropout_comes_to_no_limit_and_at_no_rate(monkeypatch):
    true = width_trend.tabulate(TREND, seed=SEED)
    monkeypatch.setattr(comparison, "train", no_dropout)
    wrong = width_trend.tabulate(TREND, seed=SEED)
    tanh, relu = true[true.activation == "tanh"], wrong[wrong.activation == "relu"]
    tables = only_diagram(diagram_rows()) | {judges.WIDTH_TREND: wrong}
    assert "the limit is reached" in failing("M3", tables)
    mixed = {judges.DIAGRAM: diagram_rows("relu"), judges.WIDTH_TREND: pd.concat([tanh, relu])}
    assert {"the limit is reached", "distances fall as with tanh"} <= failing("M8", mixed)
    assert "distances fall as with tanh" not in failing("M8", mixed | {judges.WIDTH_TREND: true})


def test_dropout_where_gradient_flow_is_said_to_do_fails():
    said = diagram_rows(cells=[(phase, None) for phase in PHASES]).assign(phase="GF")
    assert failing("M3", only_diagram(said)) == {FLOW}


def test_other_masks_in_the_place_of_frequent_ones_fail_gradient_flow(monkeypatch):
    def rare(problem, particles, variant, learning_rate, keep_rate, steps, rng):
        return train(problem, particles, variant, learning_rate, keep_rate / 30, steps, rng)

    monkeypatch.setattr(comparison, "train", rare)
    for phase in DECIDING:
        monkeypatch.setitem(CELLS, phase, CELLS["GF"])
    assert failing("M3", only_diagram(diagram.tabulate(DIAGRAM, seed=SEED))) == {FLOW}


BOUNDARIES = "boundaries lie where the convention puts them"


def test_boundaries_fail_under_a_wrong_convention_and_where_there_are_none(monkeypatch):
    true = boundary_scan.tabulate(SCAN, seed=SEED)
    tables = {judges.BOUNDARY_SCAN: true}
    assert BOUNDARIES not in failing("M18", tables)
    with monkeypatch.context() as wrong:
        lines = {name: line._replace(threshold=1.5) for name, line in LINES.items() if line.coordinate != "q"}
        wrong.setattr(judges, "LINES", LINES | lines)
        assert BOUNDARIES in failing("M18", tables)
    simple = true.assign(distance=true.distance.mask(true.side == "simple", 0.0))  # the simpler limit is always enough
    assert BOUNDARIES in failing("M18", {judges.BOUNDARY_SCAN: simple})


RIGHT, SCALING, MASKS = "the right code is at its limit", "wrong scaling is seen", "wrong masks are seen"
SMALL = "neurons cluster or diverge at small β"


def of_m13(rows):
    return {judges.FAILURE_SIGNATURES: rows}


def test_wrong_codes_are_seen_and_small_beta_is_harmless(signatures):
    found = states(judged("M13", of_m13(signatures)))
    assert found == {RIGHT: "holds", SCALING: "holds", MASKS: "holds", SMALL: "fails"}
    assert (
        "not judged, since the limit does not depend on it: independent passes in phase III"
        in judged("M13", of_m13(signatures)).reason
    )


def test_codes_without_a_mistake_are_not_seen(monkeypatch):
    monkeypatch.setattr(failure_signatures, "train_with", lambda code, *rest: train_with("right", *rest))
    assert {SCALING, MASKS} <= failing("M13", of_m13(failure_signatures.tabulate(SIGNATURES, seed=SEED)))


def test_a_right_code_that_is_wrong_fails(signatures):
    swap = {"right": "kept value 1", "kept value 1": "right"}
    swapped = signatures.assign(code=[swap.get(code, code) for code in signatures.code])
    assert RIGHT in failing("M13", of_m13(swapped.query("experiment == 'codes'")))


def test_neurons_that_cluster_or_diverge_hold_by_either(signatures):
    near = signatures.assign(neighbour=0.5 * signatures.neighbour)
    assert states(judged("M13", of_m13(near)))[SMALL] == "holds"
    long = signatures.assign(size=1.5 * signatures["size"])
    assert states(judged("M13", of_m13(long)))[SMALL] == "holds"
    unsure = signatures.assign(size=signatures["size"] * (1.1 + 0.2 * (signatures.seed % 2 - 0.5)))
    assert states(judged("M13", of_m13(unsure)))[SMALL] == "open"


def test_an_output_over_the_root_of_n_follows_the_gradients_of_that_network():
    width, rate, problem, rng = 400, 1e-6, plane_problem(np.random.default_rng(1)), np.random.default_rng(2)
    start = initial_particles(rng, width)
    kept = sample_masks(np.random.default_rng(3), width, 0.5, 1)
    moved = train_with("output over √n", problem, start, rate, 0.5, 1, np.random.default_rng(3)) - start
    neurons, h = kept.neurons, 1e-6

    def loss(particles):  # n^(-1/2) Σ kept φ/q, halved mean square
        values = particles[neurons, :1] * np.tanh(particles[neurons, 1:] @ problem.inputs.T)
        return np.mean((values.sum(axis=0) / 0.5 / np.sqrt(width) - problem.targets) ** 2) / 2

    shift = np.zeros_like(start)
    shift[neurons[0], 1] = h
    slope = (loss(start + shift) - loss(start - shift)) / (2 * h)
    np.testing.assert_allclose(moved[neurons[0], 1], -width * rate * slope, rtol=1e-4)


def test_the_reason_tells_the_trend_over_beta_and_what_diverges(signatures):
    wide = signatures[signatures.experiment == "small beta"]
    larger = wide.assign(beta=0.5, size=0.8 * wide["size"], neighbour=0.9 * wide.neighbour)
    lost = (signatures.code == "one mask for all") & (signatures.cell == "IV")
    gone = signatures.assign(status=signatures.status.mask(lost, "dropout diverged"))
    reason = judged("M13", of_m13(pd.concat([gone, larger]))).reason
    assert "pulls neurons in, over β = 0.02: length 0.80, nearest neighbour 0.90" in reason
    assert "one mask for all in phase IV (10 of 10 seeds)" in reason


def test_a_code_that_diverges_is_seen_and_one_without_a_number_is_not(signatures):
    lost = signatures.code == "rate without n"
    diverged = signatures.assign(
        status=signatures.status.mask(lost, "dropout diverged"), distance=signatures.distance.mask(lost)
    )
    assert states(judged("M13", of_m13(diverged)))[SCALING] == "holds"
    assert states(judged("M13", of_m13(diverged.assign(status="ok"))))[SCALING] == "open"
    assert judged("M13", of_m13(signatures[:0])).verdict == Verdict.INCONCLUSIVE


# fabricated tables


def noise(count, seed):
    values = np.random.default_rng(seed).standard_normal(count)
    return (values - values.mean()) / values.std()


def cell(phase, number=0, near=None, seeds=10, spread=0.005, far=0.3, boundary=False):
    """D of one cell: 0 for the limits in `near` (by the theory: its own, and those that contain it), else `far`."""
    near = [phase, *(limit for limit in PHASES if phase in CONTAINS[limit])] if near is None else near
    parts = []
    for limit in PHASES:
        value = (0.0 if limit in near else far) + spread * noise(seeds, 10 * number + PHASES.index(limit))
        parts.append(pd.DataFrame({"limit": limit, "seed": range(seeds), "distance": 0.2 + value}))
    rate = 0.01 * (number + 1)
    return pd.concat(parts).assign(
        width=1000, learning_rate=rate, keep_rate=0.5, alpha=1.0, beta=1.0, phase=phase, boundary=boundary,
        status="ok", floor=0.2, dropout_floor=0.2, movement=1.0, activation="tanh",
    )  # fmt: skip


def diagram_rows(activation="tanh", cells=None, **more):
    cells = [(phase, None) for phase in (*DECIDING, "GF")] if cells is None else cells
    rows = [cell(phase, number, near, **more) for number, (phase, near) in enumerate(cells)]
    return pd.concat(rows).assign(activation=activation)


def trend(own=0.0, case=0.3, spread=0.005, seeds=10, slopes=(-0.3, -0.3)):
    rows = []
    for kind, slope in zip(("tanh", "relu"), slopes, strict=True):
        for order, sequence in enumerate(DECIDING):
            for width in (100, 1000):
                limits = [sequence, *(CONTAINS[sequence] if width == 1000 else ())]
                for limit in limits:
                    floor = (width / 100) ** slope
                    value = (own if limit == sequence else case) + spread * noise(seeds, order)
                    part = pd.DataFrame({"distance": floor + value, "seed": range(seeds)})
                    rows.append(part.assign(sequence=sequence, limit=limit, width=width, activation=kind, floor=floor))
    return pd.concat(rows).assign(dropout_floor=lambda r: r.floor, movement=1.0, status="ok", points=lambda r: r.width)


def scan(shift=1.0, spread=0.003, seeds=10):
    """The excess of the simpler limit: the tolerance at the threshold times `shift`."""
    rows = []
    for number, (name, line) in enumerate(LINES.items()):
        for factor in (0.25, 0.5, 1.0, 1.5):
            value = TOLERANCE * factor / shift + spread * noise(seeds, number)
            for side, more in (("simple", value), ("rich", 0.0 * value)):
                part = pd.DataFrame({"distance": 0.2 + more, "seed": range(seeds)})
                rows.append(part.assign(line=name, coordinate=factor * line.threshold, side=side))
    return pd.concat(rows).assign(floor=0.2, dropout_floor=0.2, movement=1.0, status="ok")


def evidence(cells=None, trends=None, activation="tanh", **more):
    cells = None if cells is None else [*cells, ("GF", None)]
    return {
        judges.DIAGRAM: diagram_rows(activation, cells, **more),
        judges.WIDTH_TREND: trend() if trends is None else trends,
    }


WRONG = [("II", ["III"]), ("III", ["IV"]), ("IV", ["II", "IV"]), ("I", ["III", "I"])]
TIES = [(phase, PHASES) for phase in DECIDING]


@pytest.mark.parametrize(
    ("tables", "verdict"),
    [
        (evidence(), Verdict.REPRODUCED),
        (evidence([*WRONG, ("GF", ["IV"])], trend(own=0.2)), Verdict.NOT_REPRODUCED),
        (evidence([*TIES, ("GF", ["IV"])], trend(own=0.2)), Verdict.NOT_REPRODUCED),  # ties count
        (evidence(TIES), Verdict.PARTLY),
        (evidence(spread=0.5), Verdict.INCONCLUSIVE),
        (evidence(seeds=5), Verdict.INCONCLUSIVE),
        (evidence([(phase, None) for phase in ("II", "III", "IV")]), Verdict.INCONCLUSIVE),  # I was not run
        (evidence(trends=trend(own=0.2)), Verdict.PARTLY),
        (evidence(trends=trend(case=0.0)), Verdict.INCONCLUSIVE),  # the control is as near
        (evidence(trends=trend()[:0]), Verdict.INCONCLUSIVE),
        (evidence(boundary=True), Verdict.INCONCLUSIVE),
    ],
)
def test_phases_of_bounded_neurons(tables, verdict):
    assert judged("M3", tables).verdict == verdict


@pytest.mark.parametrize("phase", DECIDING)
def test_one_cell_that_disagrees_fails_its_phase_alone(phase):
    cells = [*((name, None) for name in DECIDING), (phase, PHASES)]  # gradient flow is the last
    found = judged("M3", evidence(cells))
    assert {name for name, state in states(found).items() if state == "fails"} == {phase_part(phase)}
    assert f"a tie instead of {phase} at τ = 0.05, q = 0.5" in found.reason or "instead of" in found.reason


@pytest.mark.parametrize(
    ("tables", "fails"),
    [
        (evidence(activation="relu"), set()),
        (evidence(WRONG, activation="relu"), {phase_part(phase) for phase in DECIDING}),
        (evidence(trends=trend(own=0.2), activation="relu"), {"the limit is reached"}),
        (evidence(trends=trend(slopes=(-0.3, 0.0)), activation="relu"), {"distances fall as with tanh"}),
    ],
)
def test_phases_of_relu(tables, fails):
    found = judged("M8", tables)
    assert {name for name, state in states(found).items() if state == "fails"} == fails
    assert (found.verdict == Verdict.REPRODUCED) == (not fails)


def test_a_cell_over_budget_is_named_and_leaves_its_phase_open():
    rows = diagram_rows()
    lost = (rows.phase == "IV") & (rows.limit == "IV")
    gone = rows.assign(status=np.where(lost, "over budget", "ok"), distance=rows.distance.mask(lost))
    found = judged("M3", evidence() | {judges.DIAGRAM: gone})
    assert states(found)[phase_part("IV")] == "open"
    assert "not compared: τ = 0.03, q = 0.5" in found.reason
    outcome = cell_outcomes(gone, TOLERANCE).set_index("phase")
    assert outcome.agrees["IV"] is None
    assert outcome.status["IV"] == "ok"


def test_a_limit_nearer_than_gradient_flow_fails_where_that_should_be_enough():
    rows = pd.concat([diagram_rows(), cell("GF", 9, ["IV"])])
    found = judged("M3", evidence() | {judges.DIAGRAM: rows})
    assert {name for name, state in states(found).items() if state == "fails"} == {FLOW}
    assert "of 2 cells of gradient flow 1 agree, 1 do not, 0 were not run in full" in found.reason


def test_cells_of_gradient_flow_over_budget_are_told_and_those_that_diverge_leave_it_open():
    flow = cell("GF", 9)
    for status, limits, state in (
        ("over budget", ["IV"], "holds"),
        ("over budget", PHASES, "holds"),
        ("dropout diverged", PHASES, "open"),
    ):
        lost = flow.limit.isin(limits)
        gone = flow.assign(status=flow.status.mask(lost, status), distance=flow.distance.mask(lost))
        found = judged("M3", evidence() | {judges.DIAGRAM: pd.concat([diagram_rows(), gone])})
        assert states(found)[FLOW] == state
        assert "of 2 cells of gradient flow 1 agree, 0 do not, 1 were not run in full" in found.reason
    assert states(judged("M3", evidence() | {judges.DIAGRAM: diagram_rows(cells=[("II", None)])}))[FLOW] == "open"


@pytest.mark.parametrize(
    ("rows", "verdict"),
    [
        (scan(), Verdict.REPRODUCED),
        (scan(0.2), Verdict.NOT_REPRODUCED),
        (scan()[:0], Verdict.INCONCLUSIVE),
        (scan(seeds=5), Verdict.INCONCLUSIVE),
    ],
)
def test_boundaries_of_our_convention(rows, verdict):
    assert judged("M18", {judges.BOUNDARY_SCAN: rows}).verdict == verdict


def test_a_limit_that_diverged_where_dropout_did_not_is_farther():
    rows = diagram_rows()
    lost = (rows.phase == "IV") & (rows.limit == "II")
    gone = rows.assign(status=np.where(lost, "limit diverged", "ok"), distance=rows.distance.mask(lost))
    assert judged("M3", evidence() | {judges.DIAGRAM: gone}).verdict == Verdict.REPRODUCED


@pytest.mark.parametrize(
    ("near", "found"),
    [
        (["III", "IV", "I"], "III"),
        (["IV"], "IV"),
        (PHASES, "GF"),
        (["II", "III"], None),
        (["II", "III", "IV"], None),
    ],
)
def test_at_most_one_limit_is_found(near, found):
    assert found_limit(pd.Series({limit: 0.0 if limit in near else 0.3 for limit in PHASES}), TOLERANCE) == found


def test_the_sensitivity_names_every_convention():
    told = sensitivity(pd.concat([cell("IV", 0), cell("III", 1)]), TOLERANCE)
    assert told.convention.iloc[0] == "as planned"
    assert len(told) == 8


def test_the_interval_of_a_boundary_covers_its_mean_over_seeds():
    rng, places, line = np.random.default_rng(5), np.array([0.0125, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8]), "III to IV"
    curve, spread = np.array([0.0, 0.0, 0.005, 0.02, 0.066, 0.14, 0.3]), 0.02

    def places_found(seeds):
        values = curve + spread * rng.standard_normal((seeds, len(places)))
        rows = (
            pd.DataFrame(values, columns=places)
            .rename_axis("seed")
            .melt(ignore_index=False, var_name="coordinate", value_name="distance")
        )
        both = [rows.reset_index().assign(side="simple"), rows.reset_index().assign(side="rich", distance=0.0)]
        table = pd.concat(both).assign(line=line, floor=0.0, dropout_floor=0.0, movement=1.0, status="ok")
        return np.log(crossings(table, TOLERANCE)[line].to_numpy())

    truth = places_found(4_000).mean()
    covered = np.mean([mean_interval(places_found(10)).contains(truth) for _ in range(150)])
    assert covered >= 0.93


def test_mistakes_and_phases_are_known_by_name():
    assert {code for code, _ in HARMLESS} <= set(WRONG_MASK) <= set(CODES)
    assert {phase for _, phase in HARMLESS} <= set(CODE_CELLS)
    assert set(boundary_lines.LINES) == {"GF to II", "GF to III", "II to IV", "III to IV", "III to I"}
