"""The one rule by which every statement is judged, and the numbers that it takes."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from scipy import stats

from dropatlas.claims import parts
from dropatlas.claims.checks import (
    ANYWHERE,
    NORM,
    all_known,
    bootstrap_check,
    exact_check,
    mean_check,
    never_check,
    no_number,
    ratio_check,
    share_check,
)
from dropatlas.claims.parts import LEVEL, Check, Part, decide, deciding_check, shown, wanted
from dropatlas.claims.verdicts import State, Verdict
from dropatlas.stats import Interval, mean_interval

REPRODUCED, REFUTED, OPEN, PARTLY = Verdict.REPRODUCED, Verdict.NOT_REPRODUCED, Verdict.INCONCLUSIVE, Verdict.PARTLY
HOLDS, WRONG, UNCLEAR = (0.001, 1.0), (1.0, 0.001), (0.5, 0.5)
ABOVE, BELOW = (1.0, np.inf), (-np.inf, 1.0)


def checked(p_values, estimate=0.0, n=5, where=""):
    return Check(where, Interval(estimate, estimate - 1, estimate + 1), (-2.0, 2.0), n, *p_values)


def statement(cells):
    """Parts of checks, the estimates of which count up from 0."""
    checks = [(name, checked(p_values, float(number))) for number, (name, p_values) in enumerate(cells)]
    names = dict.fromkeys(name for name, _ in checks)
    return [Part(name, f"effect on {name}", [check for own, check in checks if own == name]) for name in names]


def state(check, level=LEVEL):
    """What one check says on its own."""
    return State.FAILS if check.p_fails <= level else State.HOLDS if check.p_holds <= level else State.OPEN


# the rule


@pytest.mark.parametrize(
    ("cells", "verdict", "states", "deciding"),
    [
        ([("a", HOLDS)], REPRODUCED, "h", 0),
        ([("a", WRONG)], REFUTED, "f", 0),
        ([("a", UNCLEAR)], OPEN, "o", 0),
        ([("a", HOLDS), ("b", (0.01, 1.0))], REPRODUCED, "hh", 1),  # the one that holds least clearly
        ([("a", HOLDS), ("b", WRONG)], PARTLY, "hf", 1),
        ([("a", HOLDS), ("b", WRONG), ("c", UNCLEAR)], PARTLY, "hfo", 1),
        ([("a", WRONG), ("b", (1.0, 0.0001)), ("b", HOLDS)], REFUTED, "ff", 1),  # the clearest failure
        ([("a", UNCLEAR), ("b", WRONG)], REFUTED, "of", 1),
        ([("a", HOLDS), ("b", UNCLEAR)], OPEN, "ho", 1),
        ([("a", HOLDS), ("a", UNCLEAR), ("b", WRONG)], REFUTED, "of", 2),  # a part needs all of its checks
        ([("a", (1.0, 0.02)), ("b", UNCLEAR)], OPEN, "oo", 0),  # not clear enough for one of two checks
        ([("a", (1.0, 0.02)), ("a", UNCLEAR)], OPEN, "o", 0),  # nor within one part
        ([("a", (1.0, 0.012)), ("b", UNCLEAR)], REFUTED, "fo", 0),
        ([("a", (0.02, 1.0)), ("a", (0.02, 1.0))], REPRODUCED, "h", 1),  # within a part nothing is corrected
        ([("a", (0.02, 1.0)), ("b", (0.02, 1.0))], OPEN, "oo", 0),  # over parts it is
        ([("a", (0.02, 1.0)), ("b", (0.012, 1.0))], REPRODUCED, "hh", 0),
        ([("a", (0.02, 1.0)), ("b", UNCLEAR)], OPEN, "oo", 0),
        ([("a", (0.03, 1.0))], OPEN, "o", 0),
        ([("a", (1.0, 0.03))], OPEN, "o", 0),
        ([("a", (0.001, 0.001))], REFUTED, "f", 0),  # more than nothing, less than what matters
    ],
)
def test_verdict_states_and_deciding_number(cells, verdict, states, deciding):
    found = decide(statement(cells))
    assert found.verdict == verdict
    assert "".join(part.state[0] for part in found.parts) == states
    assert (found.effect, found.low, found.high, found.n) == (deciding, deciding - 1, deciding + 1, 5)
    assert found.measure == f"effect on {cells[deciding][0]}"


def test_the_p_value_is_that_of_what_the_verdict_says():
    assert decide(statement([("a", HOLDS), ("b", (0.01, 1.0))])).p_value == 0.01
    assert decide(statement([("a", WRONG), ("b", HOLDS)])).p_value == 0.002  # the smallest of two, corrected
    assert math.isnan(decide(statement([("a", HOLDS), ("b", UNCLEAR)])).p_value)


@pytest.mark.parametrize("p_values", [HOLDS, WRONG, (np.nan, np.nan)])
def test_what_is_no_number_stays_open(p_values):
    for broken in (replace(checked(p_values), value=parts.UNKNOWN), checked(p_values, n=0)):
        found = decide([Part("a", "effect", [broken])])
        assert (found.verdict, found.parts[0].state, found.n) == (OPEN, State.OPEN, broken.n)
        assert found.reason == "open: a: there are too few numbers"
        assert math.isnan(found.effect)
    assert decide([Part("a", "effect", [checked((np.nan, np.nan))])]).verdict == OPEN
    assert decide([Part("a", "effect", [], why_open="no cell"), *statement([("b", HOLDS)])]).verdict == OPEN


def test_a_part_with_one_number_missing_is_open_and_fails_on_another():
    missing = no_number("there", ABOVE)
    assert decide([Part("a", "effect", [checked(HOLDS), missing])]).verdict == OPEN
    assert decide([Part("a", "effect", [checked(WRONG), missing])]).verdict == REFUTED


def test_a_statement_needs_parts_of_different_names():
    for names in ([], ["a", "b", "a"]):
        with pytest.raises(ValueError, match=r"a statement has parts of different names, got \["):
            decide([Part(name, "effect", [checked(HOLDS)]) for name in names])


def test_the_reason_names_every_part_by_its_state():
    low = Check("cell 2", Interval(0.3, 0.2, 0.4), (0.5, np.inf), 10, 1.0, 0.0001, measure="share")
    found = decide(
        [
            Part("it moves", "distance", [checked(HOLDS, 1.0, where="cell 1")], notes={State.FAILS: "so it stays"}),
            Part("it learns", "loss", [checked(HOLDS), low], ".0%", {State.FAILS: "whatever it does"}),
            Part("it ends", "time", [no_number("cell 3", ABOVE)], why_open="no run"),
        ],
        "seen from afar",
    )
    assert found.reason == (
        "fails: it learns: share is 30% [20%, 40%], at least 50% required (cell 2, decides among 2), whatever it does; "
        "open: it ends: no run (cell 3); "
        "holds: it moves: distance is 1 [0, 2], -2 to 2 required (cell 1); seen from afar"
    )
    assert [part.name for part in found.parts] == ["it moves", "it learns", "it ends"]
    assert found.parts[1].threshold == (0.5, np.inf)
    assert (found.measure, found.effect, found.n) == ("share (cell 2)", 0.3, 10)


@pytest.mark.parametrize("p_values", [(0.02, 1.0), (1.0, 0.02)])
def test_a_number_clear_on_its_own_alone_is_told(p_values):
    alone, among = (decide(statement([("a", p_values), ("b", UNCLEAR)][:count])).reason for count in (1, 2))
    assert "not clear enough when all tests are counted" not in alone
    assert "a: effect on a is 0 [-1, 1], -2 to 2 required, not clear enough when all tests are counted" in among


def test_numbers_and_bands_for_a_reader():
    assert [wanted(band) for band in [(-np.inf, 0.5), (0.5, np.inf), (0.9, 1.1), (0.0, 0.0)]] == [
        "at most 0.5",
        "at least 0.5",
        "0.9 to 1.1",
        "exactly 0",
    ]
    assert wanted((0.25, np.inf), ".0%") == "at least 25%"
    assert [wanted(band) for band in [(0.0, np.inf), (-np.inf, 0.0)]] == ["more than 0", "less than 0"]
    assert shown(Interval(0.5, 0.25, 0.75)) == "0.5 [0.25, 0.75]"
    assert shown(Interval(0.5, 0.5, 0.5)) == "0.5"


VALUES = 1.0 + 0.1 * np.array([-2.0, -1.0, 0.0, 1.0, 2.0])  # mean 1, 95 % interval 0.80 to 1.20


def test_the_worst_check_decides_and_of_equals_the_one_that_reaches_farthest():
    far, near, unclear, holding = (mean_check("", VALUES, (limit, np.inf)) for limit in (1.6, 1.4, 0.9, 0.5))
    lost = no_number("", ABOVE)
    beyond, inside = ([exact_check("", value, BELOW) for value in values] for values in ((2.0, 9.0), (0.5, 0.9)))
    for checks, decides in [
        ([holding, near, far], far),
        ([holding, near], near),
        ([holding, unclear], unclear),
        ([holding, lost], lost),  # what is missing decides, not what holds
        ([lost, unclear], unclear),
        (beyond, beyond[1]),
        (inside, inside[1]),
    ]:
        assert deciding_check(checks) is deciding_check(checks[::-1]) is decides


# the checks


@pytest.mark.parametrize(
    ("band", "expected"),
    [
        ((0.7, np.inf), State.HOLDS),
        ((0.9, np.inf), State.OPEN),
        ((1.5, np.inf), State.FAILS),
        ((-np.inf, 1.3), State.HOLDS),
        ((-np.inf, 1.1), State.OPEN),
        ((-np.inf, 0.5), State.FAILS),
        ((0.7, 1.3), State.HOLDS),
        ((0.7, 1.1), State.OPEN),
        ((0.2, 0.5), State.FAILS),
        ((1.5, 1.8), State.FAILS),
    ],
)
def test_a_mean_against_its_band(band, expected):
    check = mean_check("here", VALUES, band)
    assert state(check) == expected
    assert (check.where, check.band, check.n) == ("here", band, 5)
    assert check.value == mean_interval(VALUES)


def test_a_mean_is_tested_one_sided():
    check = mean_check("", VALUES, ABOVE, fails_outside=(1.2, np.inf))
    assert check.p_holds == pytest.approx(stats.ttest_1samp(VALUES, 1.0, alternative="greater").pvalue)
    assert check.p_fails == pytest.approx(stats.ttest_1samp(VALUES, 1.2, alternative="less").pvalue)


def test_a_gain_that_is_there_but_too_small_to_matter_fails():
    for limit, expected in ((1.1, State.HOLDS), (1.5, State.FAILS)):
        check = mean_check("", VALUES, (0.5, np.inf), fails_outside=(limit, np.inf))
        assert check.p_holds <= LEVEL
        assert state(check) == expected


@given(
    st.lists(st.floats(-100, 100), min_size=5, max_size=12),
    st.floats(-100, 100),
    st.floats(0, 50),
    st.sampled_from("lhb"),
)
@example([1.0, 1.0, 1.0, 1.0, 1.0], 1.0, 0.0, "b")
def test_tests_of_a_mean_agree_with_its_interval(values, low, width, kind):
    assume(np.ptp(values) == 0 or np.std(values) > 1e-6)
    band = {"l": (low, np.inf), "h": (-np.inf, low), "b": (low, low + width)}[kind]
    check = mean_check("", values, band)
    found = check.value
    assume(all(abs(end - limit) > 1e-9 for end in (found.low, found.high) for limit in band) or np.ptp(values) == 0)
    assert (check.p_holds <= LEVEL) == (band[0] < found.low and found.high < band[1])
    assert (check.p_fails <= LEVEL) == (found.high < band[0] or band[1] < found.low)


@given(st.integers(0, 30), st.integers(1, 30), st.floats(0, 1), st.floats(0, 0.5))
def test_tests_of_a_share_agree_with_its_interval(successes, trials, low, width):
    assume(successes <= trials)
    band = (low, low + width)
    check = share_check("", successes, trials, band)
    found = check.value
    assume(all(abs(end - limit) > 1e-9 for end in (found.low, found.high) for limit in band if 0 < limit < 1))
    low, high = band[0] if band[0] > 0 else -np.inf, band[1] if band[1] < 1 else np.inf
    assert (check.p_holds <= LEVEL) == (low < found.low and found.high < high)
    assert (check.p_fails <= LEVEL) == (found.high < low or high < found.low)


@pytest.mark.parametrize("upwards", [True, False])
def test_tests_by_bootstrap_agree_with_their_interval(upwards):
    seen = set()
    for limit in np.linspace(0.0, 9.0, 90):
        band = (limit, np.inf) if upwards else (-np.inf, limit)
        check = bootstrap_check("", np.arange(10.0), np.mean, band, np.random.default_rng(0), resamples=399)
        found = check.value
        assert (check.p_holds <= LEVEL) == (found.low > limit if upwards else found.high < limit)
        assert (check.p_fails <= LEVEL) == (found.high < limit if upwards else found.low > limit)
        seen.add(state(check))
    assert len(seen) == 3


@pytest.mark.parametrize(
    "values", [[1.0] * 4, [1.0, 1.1, 1.2, 1.3], [1.0, np.nan, 1.1, np.inf, 1.2, 1.3], [np.nan] * 6 + [1.0] * 5, []]
)
def test_too_few_numbers_leave_a_mean_open(values):
    for limit in (0.0, 10.0):
        check = mean_check("here", values, (limit, np.inf))
        assert (state(check), check.n, check.known) == (State.OPEN, 0, False)


def test_missing_seeds_are_left_out_unless_all_are_needed():
    values = np.array([1.0, 1.1, 0.9, 1.0, 1.1, np.nan])
    assert mean_check("", values, (0.5, np.inf)).n == 5
    assert mean_check("", all_known(values), (0.5, np.inf)).n == 0
    np.testing.assert_array_equal(all_known(values[:5]), values[:5])


def test_a_mean_that_equals_its_limit_is_not_shown_to_lie_beyond():
    for band in ((0.0, np.inf), (-np.inf, 0.0)):
        assert state(mean_check("", np.zeros(5), band)) == State.OPEN


def test_a_band_around_a_geometric_mean():
    check = mean_check("", np.exp(VALUES), (2.0, 4.0), log=True)
    assert check.value.estimate == pytest.approx(np.e)
    assert state(check) == State.HOLDS
    assert state(mean_check("", np.exp(VALUES), (2.0, 3.0), log=True)) == State.OPEN
    assert state(mean_check("", np.exp(VALUES), (0.5, 2.0), log=True)) == State.FAILS
    assert state(mean_check("", np.exp(VALUES), (0.0, 4.0), log=True)) == State.HOLDS
    assert not mean_check("", [0.0, -1.0, 1.0, 1.0, 1.0, 1.0], (0.0, 4.0), log=True).known


def test_an_interval_ends_where_numbers_do():
    values = [0.0, 0.0, 0.0, 0.0, 1.0]
    plain, norm = mean_check("", values, BELOW), mean_check("", values, BELOW, support=NORM)
    assert plain.value.low < 0
    assert norm.value == Interval(plain.value.estimate, 0.0, plain.value.high)
    assert (norm.p_holds, norm.p_fails) == (plain.p_holds, plain.p_fails)
    assert mean_check("", values, BELOW, support=(0.0, 0.7)).value.high == 0.7


@pytest.mark.parametrize(
    ("successes", "band", "expected"),
    [
        (10, (0.5, 1.0), State.HOLDS),
        (8, (0.5, np.inf), State.OPEN),
        (0, (0.5, np.inf), State.FAILS),
        (0, (-np.inf, 0.5), State.HOLDS),
        (10, (0.0, 0.5), State.FAILS),
        (5, (0.0, 1.0), State.HOLDS),
        (0, (1.0, 1.0), State.FAILS),
        (10, (0.0, 0.0), State.FAILS),
    ],
)
def test_a_share_against_its_band(successes, band, expected):
    assert state(share_check("", successes, 10, band)) == expected
    assert state(share_check("", 0, 0, band)) == State.OPEN


def test_a_share_near_what_is_foretold_fails_where_that_is_rejected():
    near = share_check("", 5200, 10_000, (0.4, 0.6), fails_outside=(0.5, 0.5))
    assert near.p_holds <= LEVEL
    assert near.p_fails == pytest.approx(stats.binomtest(5200, 10_000, 0.5, "greater").pvalue)
    assert state(near) == State.FAILS
    assert state(share_check("", 5020, 10_000, (0.4, 0.6), fails_outside=(0.5, 0.5))) == State.HOLDS


@pytest.mark.parametrize(("value", "expected"), [(0.9, "holds"), (1.0, "holds"), (1.5, "fails"), (np.nan, "open")])
def test_a_computed_number_is_inside_or_outside(value, expected):
    assert state(exact_check("", value, BELOW)) == expected


def test_a_computed_number_is_open_between_what_holds_and_what_fails():
    for value, expected in ((0.9, State.HOLDS), (1.5, State.OPEN), (2.5, State.FAILS)):
        assert state(exact_check("", value, BELOW, fails_outside=(-np.inf, 2.0))) == expected
    assert state(exact_check("", 9.0, BELOW, fails_outside=ANYWHERE)) == State.OPEN


@pytest.mark.parametrize(
    ("events", "trials", "expected"),
    [(0, 50, State.HOLDS), (0, 49, State.OPEN), (1, 10, State.FAILS), (1, 10_000, State.FAILS), (0, 0, State.OPEN)],
)
def test_what_never_happens(events, trials, expected):
    check = never_check("", events, trials, 50)
    assert state(check) == expected
    assert (check.value.estimate == events / trials) if trials else not check.known


def rows_of(xs, ys):
    return np.column_stack([xs, ys])


def correlation(rows):
    return float(stats.kendalltau(*rows.T).statistic) if np.ptp(rows[:, 1]) else np.nan


@pytest.mark.parametrize(
    ("ys", "expected"),
    [(np.arange(10.0), "holds"), (-np.arange(10.0), "fails"), (np.tile([0.0, 1.0], 5), "open"), (np.ones(10), "open")],
)
def test_a_rank_correlation_by_bootstrap(ys, expected):
    check = bootstrap_check("", rows_of(np.arange(10.0), ys), correlation, (0.0, np.inf), np.random.default_rng(0))
    assert state(check) == expected
    assert check.n == (0 if np.ptp(ys) == 0 else 10)  # without variation there is no correlation, which is not 0


def test_a_bootstrap_needs_five_units_and_a_number_most_of_the_time():
    rng = np.random.default_rng(0)
    assert not bootstrap_check("", np.arange(4.0), np.mean, ABOVE, rng).known
    often = bootstrap_check("", np.arange(6.0), lambda values: np.nan if 5.0 in values else 1.0, ABOVE, rng)
    assert not often.known  # undefined for all of them
    seldom = bootstrap_check("", np.arange(6.0), lambda rows: np.nan if len(set(rows)) < 5 else 1.0, ABOVE, rng)
    assert not seldom.known  # defined, but for few of the resamples
    assert bootstrap_check("", np.arange(6.0), np.mean, ABOVE, rng).known


# how often the rule errs


def verdicts(p_values, which, cells):
    """Verdicts on statements whose parts have so many checks, with these p-values of holding (0) or failing (1)."""
    names = np.repeat([f"part {number}" for number in range(len(cells))], cells)
    pairs = [[(p, 1.0) if which == 0 else (1.0, p) for p in trial] for trial in p_values]
    return np.array([decide(statement(list(zip(names, trial, strict=True)))).verdict for trial in pairs])


@pytest.mark.parametrize("cells", [[1, 9, 9], [1, 1, 1], [20, 20], [4, 4, 4, 4]])
def test_numbers_at_the_threshold_seldom_fail_a_statement(cells, monkeypatch):
    """Five seeds, all checks at the threshold; without correction it happens far more often."""
    values = np.random.default_rng(0).standard_normal((500, sum(cells), 5))
    p_values = stats.ttest_1samp(values, 0.0, axis=-1, alternative="less").pvalue
    assert (verdicts(p_values, 1, cells) != OPEN).mean() <= 0.05
    monkeypatch.setattr(parts, "holm", np.asarray)
    assert (verdicts(p_values, 1, cells) != OPEN).mean() > 0.06


@pytest.mark.parametrize("count", [1, 3, 6])
def test_numbers_at_the_threshold_seldom_hold(count, monkeypatch):
    """Parts of one check each, at the threshold; whether any of them is said to hold."""
    values = np.random.default_rng(1).standard_normal((500, count, 10))
    p_values = stats.ttest_1samp(values, 0.0, axis=-1, alternative="greater").pvalue

    def any_holds():
        names = [f"part {number}" for number in range(count)]
        found = [decide(statement([(name, (p, 1.0)) for name, p in zip(names, row, strict=True)])) for row in p_values]
        return np.mean([any(part.state == State.HOLDS for part in one.parts) for one in found])

    assert any_holds() <= 0.05
    monkeypatch.setattr(parts, "holm", np.asarray)
    assert any_holds() > (0.05 if count > 1 else 0.0)


def test_a_true_point_is_rejected_in_one_of_twenty_statements():
    rng, errors = np.random.default_rng(2), []
    for _ in range(120):
        counts = rng.binomial(200, 0.3, 6)
        checks = [share_check("", int(k), 200, (0.0, 1.0), fails_outside=(0.3, 0.3)) for k in counts]
        errors.append(decide([Part("a", "share", checks)]).verdict == REFUTED)
    assert np.mean(errors) <= 0.05


def ratio_pairs(rng, n):
    """Paired values with means 6 and 3."""
    shared = rng.standard_normal(n)
    return 6 + shared + rng.standard_normal(n), 3 + 0.5 * shared + 0.3 * rng.standard_normal(n)


def waiting_times(rng, n):
    """Steps until as many of them have a path as a skewed number asks for, times θ, and that number: the ratio is 1."""
    needed = np.ceil(rng.lognormal(2.8, 0.8, n)).astype(int)
    return 0.1 * (needed + rng.negative_binomial(needed, 0.1)), needed


@pytest.mark.parametrize("n", [20, 30])
def test_the_interval_of_a_ratio_of_skewed_times_covers_it(n):
    rng = np.random.default_rng(n)
    covered = [ratio_check("", *waiting_times(rng, n), ABOVE).value.contains(1.0) for _ in range(1000)]
    assert stats.binomtest(sum(covered), len(covered), 0.93, "less").pvalue > 0.01


def test_the_tests_of_a_ratio_agree_with_its_interval_and_need_all_pairs():
    rng = np.random.default_rng(2)
    for _ in range(30):
        pairs, end = ratio_pairs(rng, 8), rng.uniform(1.5, 2.5)
        found = ratio_check("", *pairs, (end, np.inf))
        assert (found.p_holds <= LEVEL) == (found.value.low >= end)
        assert (found.p_fails <= LEVEL) == (found.value.high <= end)
    numerators, denominators = ratio_pairs(rng, 8)
    assert not ratio_check("", np.where(numerators == numerators[0], np.nan, numerators), denominators, ABOVE).known
    assert not ratio_check("", numerators, -denominators, ABOVE).known
    assert not ratio_check("", numerators[:4], denominators[:4], ABOVE).known


@pytest.mark.parametrize("n", [5, 10])
@pytest.mark.parametrize("kind", ["mean", "geometric mean", "ratio", "bootstrap", "share"])
def test_intervals_in_use_cover_what_they_should(kind, n):
    rng = np.random.default_rng(n)
    check, truth = {
        "mean": (lambda: mean_check("", 1.0 + rng.standard_normal(n), ABOVE), 1.0),
        "geometric mean": (lambda: mean_check("", 2.0 * np.exp(rng.standard_normal(n)), ABOVE, log=True), 2.0),
        "ratio": (lambda: ratio_check("", *ratio_pairs(rng, n), ABOVE), 2.0),
        "bootstrap": (lambda: bootstrap_check("", rng.standard_normal(n), lambda x: x.sum() / n, ABOVE, rng), 0.0),
        "share": (lambda: share_check("", int(rng.binomial(n, 0.4)), n, ABOVE), 0.4),
    }[kind]
    covered = [check().value.contains(truth) for _ in range(120 if kind == "bootstrap" else 500)]
    assert stats.binomtest(sum(covered), len(covered), 0.93, "less").pvalue > 0.01
