"""Judges M1, M2 and M5 on fabricated evidence: every verdict they can give."""

import numpy as np
import pandas as pd
import pytest

from dropatlas.claims import load_ledger
from dropatlas.claims import meanfield_variants as judges
from dropatlas.claims.judging import judge
from dropatlas.claims.verdicts import Verdict, of_parts
from dropatlas.meanfield.variant_effects import effects_on_test_risk, width_exponent
from dropatlas.stats import mean_interval

REPRODUCED, REFUTED, OPEN, PARTLY = Verdict.REPRODUCED, Verdict.NOT_REPRODUCED, Verdict.INCONCLUSIVE, Verdict.PARTLY
WIDTHS, REPEATS = (200, 1000, 5000), 10
LEDGER = load_ledger()


def judged(identifier, tables, scale="standard"):
    return judge(LEDGER[identifier], tables, scale)


def noise(seed, count=REPEATS):
    """Values with mean 0 and standard deviation 1."""
    values = np.random.default_rng(seed).standard_normal(count)
    return (values - values.mean()) / values.std() if count > 1 else values


def distances(early=-0.5, late=None, none=0.0, pn_ram=None, spread=0.02, level=0.4, repeats=REPEATS, widths=WIDTHS):
    rows = []
    for step, ram in ((30, early), (1000, early if late is None else late)):
        exponents = {"ram": ram, "pn_ram": ram if pn_ram is None else pn_ram, "none": none}
        for variant, exponent in exponents.items():
            start = level if variant == "none" else 0.1
            for width in widths:
                values = start * (width / 200) ** exponent * np.exp(spread * noise(width + step, repeats))
                rows += [(width, repeat, variant, step, value) for repeat, value in enumerate(values)]
        rows += [(width, repeat, "dropout", step, 0.0) for width in widths for repeat in range(repeats)]
    frame = pd.DataFrame(rows, columns=["width", "repeat", "variant", "step", "rms_distance"])
    return {judges.TEACHER_STUDENT: frame.assign(diverged=False)}


@pytest.mark.parametrize(
    ("evidence", "verdict"),
    [
        (distances(), REPRODUCED),
        (distances(early=-0.2, none=-0.3), REFUTED),
        (distances(early=-0.2, level=0.01), REFUTED),
        (distances(early=-0.2), PARTLY),  # no dropout stays away
        (distances(pn_ram=-0.1), PARTLY),
        (distances(none=-0.5), PARTLY),  # no dropout must not come closer with the width
        (distances(level=0.02), PARTLY),  # nor be as near as RaM
        (distances(late=-0.3), PARTLY),
        (distances(spread=1.0), OPEN),
        (distances(early=-0.42, spread=0.1), OPEN),
        (distances(repeats=1), OPEN),
        (distances(widths=(200, 5000)), OPEN),
    ],
)
def test_coupling_exponent(evidence, verdict):
    assert judged("M1", evidence).verdict == verdict


def test_the_effect_is_the_exponent_that_decides():
    found = judged("M1", distances(early=-0.47, late=-0.3))
    assert found.measure == "exponent in n of the RMS distance of RaM to dropout after 1000 steps"
    assert found.reason.startswith(f"{found.measure}: -0.3 [")
    assert "wanted -0.6 to -0.4" in found.reason
    assert "after 30 steps RaM -0.47 and PN+RaM -0.47 (holds)" in found.reason
    assert "at least 2 times as far" in found.reason
    assert found.n == REPEATS
    assert "after 30 steps" in judged("M1", distances()).measure
    assert "over that of RaM" in judged("M1", distances(level=0.02)).measure


def test_an_open_part_is_not_refuted_by_the_late_one_but_the_statement_is():
    evidence = distances(early=-0.42, late=-0.1, none=-0.3, spread=0.1)
    assert judged("M1", evidence).verdict == REFUTED


@pytest.mark.parametrize("lost", ["ram", "pn_ram", "none"])
def test_a_missing_variant_leaves_the_exponent_open(lost):
    rows = distances()[judges.TEACHER_STUDENT]
    found = judged("M1", {judges.TEACHER_STUDENT: rows[rows.variant != lost]})
    assert found.verdict == OPEN
    assert found.reason.startswith(f"exponent in n of the RMS distance of {judges.LABELS[lost]} to dropout")
    assert "too few numbers" in found.reason


def test_repeats_that_diverged_at_the_largest_width_have_no_exponent():
    rows = distances()[judges.TEACHER_STUDENT]
    lost = (rows.width == 5000) & (rows.repeat < 6) & (rows.variant == "ram")
    found = judged("M1", {judges.TEACHER_STUDENT: rows.assign(diverged=lost)})
    assert (found.verdict, found.n) == (OPEN, 0)  # of ten repeats four are left
    few = judged("M1", {judges.TEACHER_STUDENT: rows.assign(diverged=lost & (rows.repeat < 2))})
    assert (few.verdict, few.n) == (REPRODUCED, REPEATS - 2)


def test_slopes_by_seed_are_those_of_the_figure():
    rows = distances(early=-0.43, spread=0.3)[judges.TEACHER_STUDENT]
    slopes = judges.seed_slopes(rows[(rows.variant == "ram") & (rows.step == 30)], "rms_distance", "repeat", 3)
    ours, figure = mean_interval(slopes), width_exponent(rows, "ram", 30)
    assert (ours.estimate, ours.low, ours.high) == pytest.approx((figure.estimate, figure.low, figure.high))


def test_the_exponent_is_recovered_and_its_interval_is_over_repeats():
    rows = distances(early=-0.47)[judges.TEACHER_STUDENT]
    found = width_exponent(rows, "ram", 30)
    assert found.contains(-0.47)
    assert found.high - found.low < 0.05


def test_diverged_repeats_are_left_out_of_the_exponent():
    rows = distances()[judges.TEACHER_STUDENT]
    bad = (rows.repeat == 0) & (rows.width == 5000)
    rows.loc[bad, ["rms_distance", "diverged"]] = [np.nan, True]
    assert width_exponent(rows, "ram", 30).contains(-0.5)


def losses(ram=0.0, none=0.5, spread=0.01, repeats=REPEATS, diverged=False):
    rows = []
    for step in (0, 500, 900, 1000):
        for variant, shift in (("dropout", 0.0), ("ram", ram), ("none", none), ("pn_ram", 3.0)):
            for width, off in ((200, 5.0), (5000, 0.0)):  # what small widths do is not asked
                wiggle = 0.0 if variant == "dropout" else spread * noise(len(variant), repeats)
                values = 0.01 * (1 + off * (variant == "ram") + shift * (step >= 900) + wiggle)
                values = np.broadcast_to(values, repeats)
                rows += [(width, repeat, variant, step, value) for repeat, value in enumerate(values)]
    frame = pd.DataFrame(rows, columns=["width", "repeat", "variant", "step", "validation_risk"])
    return {judges.TEACHER_STUDENT: frame.assign(diverged=diverged)}


@pytest.mark.parametrize(
    ("evidence", "verdict"),
    [
        (losses(), REPRODUCED),
        (losses(none=-0.3), REPRODUCED),
        (losses(ram=0.4, none=0.01), REFUTED),
        (losses(ram=-0.4, none=0.0), REFUTED),
        (losses(ram=0.4), PARTLY),  # no dropout differs
        (losses(ram=0.1, none=0.01), REFUTED),  # whether RaM coincides is open, no dropout coincides
        (losses(none=0.01), PARTLY),
        (losses(none=0.1, spread=0.05), OPEN),  # as far away as the margin
        (losses(spread=0.5), OPEN),
        (losses(none=0.09, spread=0.14), OPEN),  # RaM coincides, whether none differs is open
        (losses(repeats=1), OPEN),
        (losses(diverged=True), OPEN),
    ],
)
def test_same_losses(evidence, verdict):
    assert judged("M2", evidence).verdict == verdict


def test_the_loss_that_decides_is_shown():
    found = judged("M2", losses(none=-0.05))
    assert found.measure.startswith("|validation risk of no dropout minus dropout|")
    assert found.effect == pytest.approx(0.05, abs=0.02)
    assert "wanted at least 0.1; at n = 5000 RaM coincides with dropout and no dropout coincides" in found.reason
    assert judged("M2", losses()).measure.startswith("validation risk of RaM minus dropout")


@pytest.mark.parametrize("lost", ["dropout", "ram", "none"])
def test_losses_of_a_missing_or_diverged_variant_decide_nothing(lost):
    rows = losses()[judges.TEACHER_STUDENT]
    is_lost = rows.variant == lost
    for evidence in (rows[~is_lost], rows.assign(diverged=is_lost & (rows.repeat == 0))):
        found = judged("M2", {judges.TEACHER_STUDENT: evidence})
        assert found.verdict == OPEN
        assert found.reason == f"at the largest width diverged or not run: {judges.LABELS[lost]}"
    rows = rows.assign(diverged=rows.variant == "pn_ram")  # not what the claim speaks of
    assert judged("M2", {judges.TEACHER_STUDENT: rows}).verdict == REPRODUCED


def risks(differences=(0.0, 0.0), spread=0.01, repeats=REPEATS, pn_ram=0.3, broken=None):
    rows = [("none", 0.0, repeat, 0.03 * (1 + 0.2 * value)) for repeat, value in enumerate(noise(1, repeats))]
    none = np.array([row[-1] for row in rows])
    for drop_rate, difference in zip((0.1, 0.4, 0.25)[: len(differences)], differences, strict=True):
        shifts = {"dropout": -0.1, "ram": -0.1 + difference, "pn_ram": pn_ram, "forward": 0.0}
        for variant, shift in shifts.items():
            wiggle = spread * noise(len(variant) + int(10 * drop_rate), repeats)
            values = none + 0.03 * (shift + wiggle)
            rows += [(variant, drop_rate, repeat, value) for repeat, value in enumerate(values)]
    frame = pd.DataFrame(rows, columns=["variant", "drop_rate", "repeat", "risk"]).assign(part="test", step=100)
    frame["risk"] = frame.risk.where(frame.variant != broken, np.inf)
    early = frame.assign(step=0, risk=0.7)
    rows = pd.concat([early, frame, frame.assign(part="training", risk=9.0)])
    return {judges.DIGIT_PAIR: rows.assign(diverged=~np.isfinite(rows.risk))}


@pytest.mark.parametrize(
    ("evidence", "verdict"),
    [
        (risks(), REPRODUCED),
        (risks(broken="pn_ram"), REPRODUCED),  # not what the claim speaks of
        (risks((0.5, 0.5)), REFUTED),
        (risks((0.0, -0.5)), PARTLY),
        (risks((0.1, -0.5)), REFUTED),  # open at one drop rate, refuted at the other
        (risks((0.0, 0.0, 0.1)), OPEN),
        (risks(spread=0.5), OPEN),
        (risks(repeats=1), OPEN),
        (risks(broken="ram"), OPEN),
        (risks(broken="none"), OPEN),
    ],
)
def test_digit_pair(evidence, verdict):
    assert judged("M5", evidence).verdict == verdict


def test_the_drop_rate_that_decides_is_shown_with_its_margin():
    found = judged("M5", risks((0.0, 0.0, 0.5)))
    assert found.measure == "test risk of RaM minus dropout over that of no dropout, p = 0.25"
    assert "wanted -0.1 to 0.1; they agree at p = 0.1, 0.4; they differ at p = 0.25;" in found.reason
    assert "dropout -10.0% at p = 0.1, -10.0% at p = 0.25, -10.0% at p = 0.4" in found.reason
    assert found.n == REPEATS


def test_a_drop_rate_without_numbers_stays_open():
    rows = risks((0.0, 0.5, 0.0))[judges.DIGIT_PAIR]
    lost = (rows.variant == "ram") & (rows.drop_rate == 0.1) & (rows.repeat == 3)
    changed = rows.assign(diverged=lost, risk=rows.risk.where(~lost, np.inf))
    found = judged("M5", {judges.DIGIT_PAIR: changed})
    assert found.verdict == PARTLY
    assert "open at p = 0.1; they differ at p = 0.4" in found.reason
    assert judged("M5", {judges.DIGIT_PAIR: rows[rows.variant != "ram"]}).verdict == OPEN
    assert judged("M5", {judges.DIGIT_PAIR: rows[rows.variant != "none"]}).verdict == OPEN


def test_effects_are_paired_and_corrected():
    effects = effects_on_test_risk(risks()[judges.DIGIT_PAIR]).set_index(["variant", "drop_rate"])
    assert effects.loc[("dropout", 0.4), "effect"] == pytest.approx(-0.003, abs=1e-6)
    assert effects.loc[("dropout", 0.4), "p_value"] < 1e-6  # the spread of none, ten times the noise, is paired away
    assert effects.loc[("forward", 0.1), "p_value"] == 1.0
    assert (effects.seeds == REPEATS).all()


def test_diverged_runs_are_counted_not_averaged():
    effects = effects_on_test_risk(risks(broken="pn_ram")[judges.DIGIT_PAIR])
    broken = effects[effects.variant == "pn_ram"]
    assert (broken.diverged == REPEATS).all()
    assert (broken.p_value == 1.0).all()


@pytest.mark.parametrize(
    ("identifier", "evidence"), [("M1", distances()), ("M2", losses()), ("M5", risks())], ids=["M1", "M2", "M5"]
)
def test_empty_tables_decide_nothing(identifier, evidence):
    found = judged(identifier, {name: rows[:0] for name, rows in evidence.items()})
    assert found.verdict == OPEN
    assert "cannot be judged" not in found.reason
    assert judged(identifier, evidence, "quick").reason.startswith("needs scale standard to decide; so far: ")


def at_the_margin(rng, count=8):
    """Differences of one trial: the true one is the margin of M5 at every drop rate."""
    return rng.normal(0.1, 0.05, (count, REPEATS))


def test_a_family_at_the_margin_is_rarely_refuted():
    """Checks of one statement err together in about 5 %; each for itself, they would far more often."""
    rng, trials = np.random.default_rng(3), 200
    refuted = single = 0
    for _ in range(trials):
        differences = at_the_margin(rng)
        checks = [judges.mean_check("difference", values, -0.1, 0.1) for values in differences]
        refuted += of_parts(judges.sides_of(checks, 0.05)) in (PARTLY, REFUTED)
        single += any(check.interval.low > 0.1 for check in checks)
    assert refuted / trials <= 0.08 < single / trials


def test_verdicts_rest_on_the_family_and_not_on_single_intervals():
    """Of the trials above one where a single interval lies beyond the margin, and the family decides nothing."""
    rng = np.random.default_rng(3)
    while True:
        differences = at_the_margin(rng, 3)
        checks = [judges.mean_check("difference", values, -0.1, 0.1) for values in differences]
        if any(check.interval.low > 0.1 for check in checks) and -1 not in judges.sides_of(checks, 0.05):
            break
    rows = risks((0.0, 0.0, 0.0), spread=0.0)[judges.DIGIT_PAIR]
    final = (rows.part == "test") & (rows.step == 100)
    none = rows[final & (rows.variant == "none")].risk.mean()
    for drop_rate, values in zip((0.1, 0.4, 0.25), differences, strict=True):
        dropout = rows[final & (rows.variant == "dropout") & (rows.drop_rate == drop_rate)].risk.to_numpy()
        rows.loc[final & (rows.variant == "ram") & (rows.drop_rate == drop_rate), "risk"] = dropout + none * values
    found = judged("M5", {judges.DIGIT_PAIR: rows})
    assert found.verdict == OPEN
    assert found.low > 0.1
