"""Judges M1, M2 and M5 on fabricated evidence: every verdict they can give."""

import numpy as np
import pandas as pd
import pytest

from dropatlas.claims import meanfield_variants as judges
from dropatlas.claims.verdicts import Verdict
from dropatlas.meanfield.variant_effects import effects_on_test_risk, width_exponent

REPRODUCED, REFUTED, OPEN, PARTLY = Verdict.REPRODUCED, Verdict.NOT_REPRODUCED, Verdict.INCONCLUSIVE, Verdict.PARTLY
WIDTHS, REPEATS = (200, 1000, 5000), 10


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


M1 = {"early_step": 30, "margin": 0.1, "apart": 2.0}


@pytest.mark.parametrize(
    ("evidence", "verdict"),
    [
        (distances(), REPRODUCED),
        (distances(early=-0.2), REFUTED),
        (distances(pn_ram=-0.1), REFUTED),
        (distances(none=-0.5), REFUTED),  # no dropout must not come closer with the width
        (distances(level=0.02), REFUTED),  # nor be as near as RaM
        (distances(late=-0.3), PARTLY),
        (distances(spread=1.0), OPEN),
        (distances(early=-0.42, spread=0.1), OPEN),
        (distances(repeats=1), OPEN),
        (distances(widths=(200, 5000)), OPEN),
    ],
)
def test_coupling_exponent(evidence, verdict):
    assert judges.judge_coupling_exponent(evidence, M1).verdict == verdict


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
        (losses(ram=0.4), REFUTED),
        (losses(ram=-0.4), REFUTED),
        (losses(none=0.01), PARTLY),
        (losses(spread=0.5), OPEN),
        (losses(none=0.09, spread=0.14), OPEN),  # RaM coincides, whether none differs is open
        (losses(repeats=1), OPEN),
        (losses(diverged=True), OPEN),
    ],
)
def test_same_losses(evidence, verdict):
    assert judges.judge_same_losses(evidence, {"margin": 0.1, "alpha": 0.05}).verdict == verdict


def risks(differences=(0.0, 0.0), spread=0.01, repeats=REPEATS, pn_ram=0.3, broken=None):
    rows = [("none", 0.0, repeat, 0.03 * (1 + 0.2 * value)) for repeat, value in enumerate(noise(1, repeats))]
    none = np.array([row[-1] for row in rows])
    for drop_rate, difference in zip((0.1, 0.4), differences, strict=True):
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


M5 = {"margin": 0.1, "alpha": 0.05}


@pytest.mark.parametrize(
    ("evidence", "verdict"),
    [
        (risks(), REPRODUCED),
        (risks(broken="pn_ram"), REPRODUCED),  # not what the claim speaks of
        (risks((0.5, 0.5)), REFUTED),
        (risks((0.0, -0.5)), PARTLY),
        (risks(spread=0.5), OPEN),
        (risks(repeats=1), OPEN),
        (risks(broken="ram"), OPEN),
        (risks(broken="none"), OPEN),
    ],
)
def test_digit_pair(evidence, verdict):
    assert judges.judge_digit_pair(evidence, M5).verdict == verdict


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
