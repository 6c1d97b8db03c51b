"""Judges M1, M2 and M16: fabricated evidence for every verdict and part, and the real computation in wrong worlds."""

import numpy as np
import pandas as pd
import pytest

from dropatlas.claims import Verdict, load_ledger
from dropatlas.claims.judging import judge
from dropatlas.claims.phases import students as judges
from dropatlas.phases import reference_code
from dropatlas.phases import teacher_student as coupled
from dropatlas.phases.dynamics import FullBatchReLU, draw_mask
from dropatlas.phases.names import COUPLED
from dropatlas.phases.reference_runs import READ, READ_OFF
from dropatlas.phases.settings import ReferenceStudents, StudentProtocol, TeacherStudent
from dropatlas.tasks.phases import reference_students, teacher_student

REPRODUCED, REFUTED, OPEN, PARTLY = Verdict.REPRODUCED, Verdict.NOT_REPRODUCED, Verdict.INCONCLUSIVE, Verdict.PARTLY
SUPPORTED, NOT_SUPPORTED = Verdict.SUPPORTED, Verdict.NOT_SUPPORTED
WIDTHS, SEEDS, ROOT = (200, 500, 1000, 2000, 5000), 10, 990003
LEDGER = load_ledger()


def judged(identifier, rows, reference=None):
    tables = {judges.TEACHER_STUDENT: rows, judges.REFERENCE_STUDENTS: read_off() if reference is None else reference}
    return judge(LEDGER[identifier], tables, "standard")


def states(found):
    """States of the parts by their first letters."""
    return "".join(part.state[0] for part in found.parts)


def noise(seed, count=SEEDS):
    """Values with mean 0 and standard deviation 1."""
    values = np.random.default_rng(seed).standard_normal(count)
    return (values - values.mean()) / values.std() if count > 1 else values


def distances(spread=0.05, seeds=SEEDS, widths=WIDTHS, **laws):
    """Squared distances at steps 100 and 1000 as functions of step and n; fit for M1 and M16 where not said."""
    usual = {
        # narrow networks part altogether by step 1000; what is left at n = 5000 is mostly c/n
        "ram": lambda step, n: 20 / n if step == 100 else 1 / (0.4 + n / 1000),
        "pn_ram": lambda step, n: 30 / n,
        "none": lambda step, n: 0.25 + 5 / n if step == 100 else 0.3 + 1 / (0.53 + n / 1000),
    }
    rows = []
    for step in (100, 1000):
        for variant, law in {**usual, "dropout": lambda step, n: 0.0, **laws}.items():
            for width in widths:
                values = np.sqrt(law(step, width)) * np.exp(spread * noise(width + step + len(variant), seeds))
                rows += [(width, number, variant, step, value) for number, value in enumerate(values)]
    frame = pd.DataFrame(rows, columns=["width", "seed", "variant", "step", "rms_distance"]).assign(diverged=False)
    return with_losses(frame)


def with_losses(frame, ram=0.0, none=0.0, effect=0.1, fall=-1.0, spread=0.05, loss=None):
    """Losses at the end in which dropout has 0.1 more than no dropout at n = 5000, and RaM this share of it."""
    rows, shares = frame.copy(), {"dropout": 1.0, "ram": ram, "none": none, "pn_ram": 1.2}
    for column, kind in enumerate(judges.LOSSES):
        wrong = loss in (None, kind)
        at = {"ram": ram if wrong else 1.0, "none": none if wrong else 0.0}
        share = rows.variant.map(shares | at) * (effect if wrong else 0.1)
        wiggle = spread * np.sin(rows.seed * (3 + column) + rows.variant.map(len) * 2)
        size = (rows.width / 5000.0) ** fall
        rows[kind] = 1.0 + size * (share + 0.1 * wiggle)
    return rows


def read_off(**changed):
    """The six distances, in the middle of what was printed, but for those changed."""
    rows = [
        (READ_OFF, width, 0, variant, 30, float(text) + changed.get(variant, 0.0))
        for variant, known in READ.items()
        for width, text in known.items()
    ]
    columns = ["runs", "width", "seed", "variant", "step", "rms_distance"]
    return pd.DataFrame(rows, columns=columns).assign(diverged=False)


def law(exponent, constant=0.0, size=20):
    return lambda step, n: constant + size / 200 * (n / 200) ** (2 * exponent)


@pytest.mark.parametrize(
    ("rows", "verdict", "parts"),
    [
        (distances(), REPRODUCED, "hhh"),
        (distances(ram=law(-0.3)), PARTLY, "fhh"),
        (distances(ram=law(-0.8)), PARTLY, "fhh"),  # steeper is no law either
        (distances(pn_ram=law(-1 / 3)), PARTLY, "hfh"),
        (distances(none=law(-0.5)), PARTLY, "hhf"),  # no dropout must not come nearer for ever
        (distances(ram=law(0.0), pn_ram=law(0.0), none=law(-0.5)), REFUTED, "fff"),
        (distances(ram=law(-0.42), spread=0.2), OPEN, "ohh"),
        (distances(seeds=4), OPEN, "ooo"),
        (distances(widths=(200, 5000)), OPEN, "ooo"),
        (distances().query("step == 1000"), OPEN, "ooo"),
    ],
)
def test_distances_after_the_published_step(rows, verdict, parts):
    found = judged("M1", rows)
    assert (found.verdict, states(found)) == (verdict, parts)


def test_the_exponents_of_m1_are_decided_at_scale_quick():
    found = judge(LEDGER["M1"], {judges.TEACHER_STUDENT: distances().query("step == 100")}, "quick")
    assert found.verdict == REPRODUCED


def test_seeds_that_diverged_at_the_largest_width_have_no_number():
    rows = distances()
    lost = (rows.width == 5000) & rows.variant.isin(["ram", "none"])
    assert states(judged("M1", rows.assign(diverged=lost & (rows.seed < 6)))) == "oho"
    few = judged("M1", rows.assign(diverged=lost & (rows.seed < 2)))
    assert (few.verdict, [part.n for part in few.parts]) == (REPRODUCED, [8, 10, 8])


FRAME = distances()


@pytest.mark.parametrize(
    ("rows", "verdict", "parts"),
    [
        (with_losses(FRAME, ram=1.0), REPRODUCED, "hh"),
        (with_losses(FRAME, ram=1.0, effect=-0.1), REPRODUCED, "hh"),
        (with_losses(FRAME), REFUTED, "ff"),  # RaM's losses are those of no dropout
        (with_losses(FRAME, ram=2.5), REFUTED, "ff"),
        (with_losses(FRAME, loss="validation_risk"), PARTLY, "fh"),
        (with_losses(FRAME, loss="training_risk"), PARTLY, "hf"),
        (with_losses(FRAME, ram=1.4, spread=4.0, effect=0.3), OPEN, "oo"),
        (with_losses(FRAME, ram=1.0, effect=0.0), OPEN, "oo"),  # dropout does nothing: the losses cannot tell
        (with_losses(FRAME, ram=1.0, effect=0.0, loss="validation_risk"), OPEN, "oh"),
        (with_losses(FRAME, ram=1.0).assign(diverged=True), OPEN, "oo"),
        (with_losses(FRAME, ram=1.0).query("variant != 'ram'"), OPEN, "oo"),
        (with_losses(FRAME, ram=1.0).query("variant != 'none'"), OPEN, "oo"),
    ],
)
def test_losses_at_the_end(rows, verdict, parts):
    found = judged("M2", rows)
    assert (found.verdict, states(found)) == (verdict, parts)


def test_that_no_dropout_coincides_as_well_is_said():
    found = judged("M2", with_losses(FRAME, ram=1.0, effect=0.0))
    assert "no dropout coincides as well, this loss cannot tell" in found.reason
    told = judged("M2", with_losses(FRAME, spread=0.0))
    assert "validation risk against dropout's: RaM -9.1% [-9.1%, -9.1%], no dropout -9.1%" in told.reason
    assert "PN+RaM has 1.20 [1.20, 1.20] of dropout's effect" in told.reason
    lost = with_losses(FRAME, ram=1.0).assign(diverged=lambda rows: (rows.variant == "ram") & (rows.seed == 0))
    assert "dropout, RaM or no dropout diverged or was not run" in judged("M2", lost).reason


@pytest.mark.parametrize(
    ("rows", "reference", "verdict", "parts"),
    [
        (distances(), read_off(), SUPPORTED, "hhhhhh"),
        (distances(), read_off(pn_ram=0.001), PARTLY, "fhhhhh"),
        (distances(), read_off()[:0], OPEN, "ohhhhh"),
        (distances(ram=law(-0.5)), read_off(), PARTLY, "hffhhh"),
        (distances(ram=law(0.0)), read_off(), PARTLY, "hfffhh"),
        (distances(none=law(-0.5)), read_off(), PARTLY, "hhfhfh"),
        (with_losses(FRAME, fall=0.0), read_off(), PARTLY, "hhhhhf"),
        (with_losses(FRAME, ram=1.5), read_off(), OPEN, "hhhhho"),  # nothing that could close
        (distances().query("step == 100"), read_off(), OPEN, "o"),
        (distances(seeds=4), read_off(), OPEN, "hooooo"),
    ],
)
def test_what_happens_after_the_published_step(rows, reference, verdict, parts):
    found = judged("M16", rows, reference)
    assert (found.verdict, states(found)) == (verdict, parts)


def test_empty_tables_decide_nothing():
    for identifier in ("M1", "M2", "M16"):
        assert judged(identifier, distances()[:0], read_off()[:0]).verdict == OPEN


# The real computation, small

SMALL = StudentProtocol(dimension=10, samples=80, held_out=20, teachers=6, learning_rate=0.5, drop_rate=0.3)
EARLY = TeacherStudent(
    protocol=SMALL, widths=[100, 200, 400, 800, 1600], first_seed=0, seeds=16, steps=8, measurements=1
)
LATE = EARLY.model_copy(update={"widths": [25, 100, 400, 1600], "seeds": 12, "steps": 80, "measurements": 10})
START = EARLY.model_copy(update={"widths": [100, 400, 1600], "steps": 12, "measurements": 12})
NARROW = EARLY.model_copy(update={"widths": [40], "steps": 60})


@pytest.fixture(scope="module")
def early():
    return teacher_student.tabulate(EARLY, ROOT)


def m1(rows):
    criterion = LEDGER["M1"].criterion | {"step": EARLY.steps}
    return states(judges.judge_m1({judges.TEACHER_STUDENT: rows}, criterion))


def m16(rows):
    criterion = LEDGER["M16"].criterion | {"step": 7}
    return states(judges.judge_m16({judges.TEACHER_STUDENT: rows, judges.REFERENCE_STUDENTS: read_off()}, criterion))


def replaced(rows, variant, by):
    """One variant in the place of another."""
    return pd.concat([rows[rows.variant != variant], rows[rows.variant == by].assign(variant=variant)])


class OtherMasks(FullBatchReLU):
    """Dropout with masks of its own: no longer coupled."""

    def advance(self, networks, mask, second=None, held_out=True):
        apart, dropout = networks.clone(), COUPLED.index("dropout")
        super().advance(apart, second, mask, held_out)
        seen = super().advance(networks, mask, second, held_out)
        networks[dropout] = apart[dropout]
        return seen


def test_the_real_networks_follow_the_published_law_and_controls_do_not(early):
    assert m1(early) == "hhh"
    assert m1(replaced(early, "ram", "none")) == "fhh"  # no dropout in the place of RaM
    assert m1(replaced(early, "pn_ram", "none")) == "hfh"
    assert m1(replaced(early, "none", "ram")) == "hhf"


def test_networks_with_masks_of_their_own_do_not_come_nearer(monkeypatch):
    monkeypatch.setattr(coupled, "FullBatchReLU", OtherMasks)
    assert m1(teacher_student.tabulate(EARLY, ROOT))[:2] == "ff"


def test_masks_that_are_not_rescaled_leave_the_limit(monkeypatch):
    monkeypatch.setattr(coupled, "draw_mask", lambda rng, shape, q: draw_mask(rng, shape, q) * q)
    assert m1(teacher_student.tabulate(EARLY, ROOT))[0] == "f"


def test_losses_tell_ram_from_dropout_only_where_dropout_does_something():
    rows = teacher_student.tabulate(NARROW, ROOT)

    def m2(rows):
        return states(judges.judge_m2({judges.TEACHER_STUDENT: rows}, LEDGER["M2"].criterion))

    assert m2(replaced(rows, "ram", "none")) == "ff"  # no dropout in the place of RaM
    assert m2(replaced(rows, "ram", "dropout")) == "hh"
    assert m2(replaced(rows, "dropout", "none")) == "oo"


def test_the_end_of_training_with_no_dropout_in_the_place_of_ram():
    rows = teacher_student.tabulate(LATE, ROOT)
    assert "f" not in m16(rows)
    parts = m16(replaced(rows, "ram", "none"))
    assert (parts[1], parts[3]) == ("f", "f")  # its exponent falls, and it does not come nearer


def test_networks_looked_at_too_early_have_not_parted_and_a_control_of_ram_goes_to_zero():
    rows = teacher_student.tabulate(START, ROOT)
    assert m16(rows)[2] == "f"
    assert m16(replaced(rows, "none", "ram"))[4] == "f"


def test_the_noise_of_one_mask_for_all_neurons_does_not_average_out(monkeypatch):
    monkeypatch.setattr(coupled, "draw_mask", lambda rng, shape, q: draw_mask(rng, (1,), q).repeat(shape))
    common = EARLY.model_copy(update={"widths": [50, 200, 800], "seeds": 8, "steps": 10})
    assert m16(teacher_student.tabulate(common, ROOT))[5] == "f"


def test_the_authors_runs_do_not_come_out_with_masks_exchanged(monkeypatch):
    masks = reference_code.reference_masks
    monkeypatch.setattr(
        reference_students, "reference_masks", lambda *keys: ((second, mask) for mask, second in masks(*keys))
    )
    protocol = SMALL.model_copy(update={"dimension": 20, "samples": 500, "held_out": 500, "teachers": 15})
    settings = ReferenceStudents(
        protocol=protocol, read_off_widths=[200], widths=[200], repeats=1, steps=30, measurements=1
    )
    found = judged("M16", distances(), reference_students.tabulate(settings))
    assert states(found)[0] == "f"
