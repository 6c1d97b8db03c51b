"""Judges M1 and M2 on fabricated evidence: every verdict they can give."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from dropatlas.claims import load_ledger
from dropatlas.claims.judging import judge, judge_of
from dropatlas.claims.phases import variants as judges
from dropatlas.claims.verdicts import Verdict
from dropatlas.phases.exponents import distance_slopes, mean_exponent
from dropatlas.phases.variant_effects import final_validation_risks
from dropatlas.plots.phases import variants as plots

REPRODUCED, REFUTED, OPEN, PARTLY = Verdict.REPRODUCED, Verdict.NOT_REPRODUCED, Verdict.INCONCLUSIVE, Verdict.PARTLY
WIDTHS, REPEATS = (200, 1000, 5000), 10
LEDGER = load_ledger()


def judged(identifier, tables):
    return judge_of(LEDGER[identifier])(tables, LEDGER[identifier].criterion)


def states(found):
    """State of every part, by its name."""
    return {part.name: str(part.state) for part in found.parts}


def noise(seed, count=REPEATS):
    """Values with mean 0 and standard deviation 1."""
    values = np.random.default_rng(seed).standard_normal(count)
    return (values - values.mean()) / values.std() if count > 1 else values


def distances(early=-0.5, late=None, none=0.0, pn_ram=None, spread=0.02, level=0.4, seeds=REPEATS, widths=WIDTHS):
    rows = []
    for step, ram in ((30, early), (1000, early if late is None else late)):
        exponents = {"ram": ram, "pn_ram": ram if pn_ram is None else pn_ram, "none": none}
        for variant, exponent in exponents.items():
            start = level if variant == "none" else 0.1
            for width in widths:
                values = start * (width / 200) ** exponent * np.exp(spread * noise(width + step, seeds))
                rows += [(width, number, variant, step, value) for number, value in enumerate(values)]
        rows += [(width, number, "dropout", step, 0.0) for width in widths for number in range(seeds)]
    frame = pd.DataFrame(rows, columns=["width", "seed", "variant", "step", "rms_distance"])
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
        (distances(seeds=1), OPEN),
        (distances(widths=(200, 5000)), OPEN),
    ],
)
def test_coupling_exponent(evidence, verdict):
    assert judged("M1", evidence).verdict == verdict


@pytest.mark.parametrize(
    ("evidence", "fails"),
    [
        (distances(early=-0.2, late=-0.5), ["RaM comes nearer with n, after 30 steps"]),
        (distances(late=-0.3), ["RaM comes nearer with n, after 1000 steps"]),
        (distances(early=-0.8, late=-0.5), ["RaM comes nearer with n, after 30 steps"]),  # steeper is no law either
        (distances(level=0.02), [f"no dropout stays away, after {step} steps" for step in (30, 1000)]),
        (distances(none=0.4), [f"no dropout stays away, after {step} steps" for step in (30, 1000)]),
    ],
)
def test_each_part_of_the_coupling_fails_alone(evidence, fails):
    assert [name for name, state in states(judged("M1", evidence)).items() if state == "fails"] == fails


def test_the_effect_is_the_exponent_that_decides():
    found = judged("M1", distances(early=-0.47, late=-0.3))
    assert found.measure == "exponent in n of the RMS distance to dropout (RaM)"
    start = "fails: RaM comes nearer with n, after 1000 steps: exponent in n of the RMS distance to dropout is -0.3 ["
    assert found.reason.startswith(start)
    assert "-0.6 to -0.4 required" in found.reason
    assert states(found)["RaM comes nearer with n, after 30 steps"] == "holds"
    assert found.n == REPEATS
    far = judged("M1", distances(level=0.02))
    assert far.measure == "RMS distance of no dropout over that of RaM at the largest width"
    assert "at least 2 required" in far.reason


def test_an_open_part_does_not_fail_with_the_late_one_but_the_statement_does():
    evidence = distances(early=-0.42, late=-0.1, none=-0.3, spread=0.1)
    assert judged("M1", evidence).verdict == REFUTED
    assert states(judged("M1", evidence))["RaM comes nearer with n, after 30 steps"] == "open"


@pytest.mark.parametrize("lost", ["ram", "pn_ram", "none"])
def test_a_missing_variant_leaves_the_exponent_open(lost):
    rows = distances()[judges.TEACHER_STUDENT]
    found = judged("M1", {judges.TEACHER_STUDENT: rows[rows.variant != lost]})
    assert found.verdict == OPEN
    assert f"there are too few numbers ({judges.LABELS[lost]}, one of 2)" in found.reason


def test_seeds_that_diverged_at_the_largest_width_have_no_exponent():
    rows = distances()[judges.TEACHER_STUDENT]
    lost = (rows.width == 5000) & (rows.seed < 6) & (rows.variant == "ram")
    found = judged("M1", {judges.TEACHER_STUDENT: rows.assign(diverged=lost)})
    assert (found.verdict, found.n) == (OPEN, 0)  # of ten seeds four are left
    few = judged("M1", {judges.TEACHER_STUDENT: rows.assign(diverged=lost & (rows.seed < 2))})
    assert (few.verdict, min(part.n for part in few.parts)) == (REPRODUCED, REPEATS - 2)


@pytest.mark.parametrize(("diverged", "left"), [(0, 10), (3, 7), (5, 5), (6, 0)])
def test_judge_figure_and_caption_agree_where_seeds_diverge(diverged, left):
    """Diverged seeds lie far off at a width where they did not diverge: whoever kept them would see another slope."""
    rows = distances(early=-0.43, spread=0.1)[judges.TEACHER_STUDENT]
    rows = pd.concat([rows[rows.variant != "pn_ram"], rows[rows.variant == "ram"].assign(variant="pn_ram")])
    bad = (rows.seed < diverged) & rows.variant.isin(["ram", "pn_ram"])
    rows["rms_distance"] *= np.where(bad & (rows.width == 200), 100, 1)
    rows["diverged"] = bad & (rows.width == 5000)
    part = judged("M1", {judges.TEACHER_STUDENT: rows}).parts[0]
    caption = mean_exponent(distance_slopes(rows, "ram", 30))
    labels = plots.distances_over_width(rows).axes[0].get_legend_handles_labels()[1]
    shown = next(label for label in labels if label.startswith("random metric"))
    plt.close("all")
    assert part.n == left
    if left:
        assert caption.contains(-0.43)
        assert (part.estimate, part.low, part.high) == (caption.estimate, caption.low, caption.high)
        assert f"{caption.estimate:.2f}" in shown
    else:
        assert caption is None
        assert "no exponent" in shown


def losses(ram=0.0, none=0.5, spread=0.01, seeds=REPEATS, diverged=False):
    rows = []
    for step in (0, 500, 900, 1000):
        for variant, shift in (("dropout", 0.0), ("ram", ram), ("none", none), ("pn_ram", 3.0)):
            for width, off in ((200, 5.0), (5000, 0.0)):  # what small widths do is not asked
                wiggle = 0.0 if variant == "dropout" else spread * noise(len(variant), seeds)
                values = 0.01 * (1 + off * (variant == "ram") + shift * (step >= 900) + wiggle)
                values = np.broadcast_to(values, seeds)
                rows += [(width, number, variant, step, value) for number, value in enumerate(values)]
    frame = pd.DataFrame(rows, columns=["width", "seed", "variant", "step", "validation_risk"])
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
        (losses(seeds=1), OPEN),
        (losses(diverged=True), OPEN),
    ],
)
def test_same_losses(evidence, verdict):
    assert judged("M2", evidence).verdict == verdict


@pytest.mark.parametrize(
    ("evidence", "fails"), [(losses(ram=0.4), "RaM coincides"), (losses(none=0.01), "no dropout differs")]
)
def test_each_part_of_the_losses_fails_alone(evidence, fails):
    assert [name for name, state in states(judged("M2", evidence)).items() if state == "fails"] == [fails]


def test_the_loss_that_decides_is_shown():
    found = judged("M2", losses(none=-0.05))
    assert found.measure.startswith("validation risk of |no dropout minus dropout|")
    assert found.effect == pytest.approx(0.05, abs=0.02)
    assert "at least 10.0% required; holds: RaM coincides" in found.reason
    assert judged("M2", losses()).measure.startswith("validation risk of RaM minus dropout")


def test_risks_are_those_of_the_last_tenth_at_the_largest_width():
    risks = final_validation_risks(losses(ram=0.4, none=0.5)[judges.TEACHER_STUDENT])
    assert risks.shape == (REPEATS, 4)
    assert risks.mean().to_dict() == pytest.approx({"dropout": 0.01, "ram": 0.014, "none": 0.015, "pn_ram": 0.04})


@pytest.mark.parametrize("lost", ["dropout", "ram", "none"])
def test_losses_of_a_missing_or_diverged_variant_decide_nothing(lost):
    rows = losses()[judges.TEACHER_STUDENT]
    is_lost = rows.variant == lost
    for evidence in (rows[~is_lost], rows.assign(diverged=is_lost & (rows.seed == 0))):
        found = judged("M2", {judges.TEACHER_STUDENT: evidence})
        assert found.verdict == OPEN
        assert f"diverged or not run: {judges.LABELS[lost]}" in found.reason
    rows = rows.assign(diverged=rows.variant == "pn_ram")  # not what the claim speaks of
    assert judged("M2", {judges.TEACHER_STUDENT: rows}).verdict == REPRODUCED


@pytest.mark.parametrize(("identifier", "evidence"), [("M1", distances()), ("M2", losses())], ids=["M1", "M2"])
def test_empty_tables_decide_nothing(identifier, evidence):
    assert judged(identifier, {name: rows[:0] for name, rows in evidence.items()}).verdict == OPEN
    assert judge(LEDGER[identifier], evidence, "standard").verdict == REPRODUCED
