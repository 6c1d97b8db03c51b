"""The reference code's runs, made again: keys, data, and the six distances that are known of them."""

import numpy as np
import pytest
import torch

from dropatlas.phases.reference_code import JAX, reference_masks, reference_problem, reference_student, run_key
from dropatlas.phases.reference_runs import FIGURE, FIGURE_STEP, READ, READ_OFF, READ_STEP
from dropatlas.phases.settings import ReferenceStudents, StudentProtocol
from dropatlas.phases.threefry import prng_key
from dropatlas.tasks.phases import reference_students

PROTOCOL = StudentProtocol(dimension=20, samples=500, held_out=500, teachers=15, learning_rate=0.5, drop_rate=0.3)
SETTINGS = ReferenceStudents(
    protocol=PROTOCOL, read_off_widths=[200, 1000], widths=[200], repeats=2, steps=READ_STEP, measurements=1
)


@pytest.fixture(scope="module")
def rows():
    return reference_students.tabulate(SETTINGS)


def test_the_six_known_distances_come_out_to_their_last_digit(rows):
    at = rows[(rows.runs == READ_OFF) & (rows.step == READ_STEP)].set_index(["variant", "width"]).rms_distance
    found = {
        name: {width: f"{at[name, width]:.{len(text) - 2}f}" for width, text in known.items()}
        for name, known in READ.items()
    }
    assert found == READ


def test_the_table_has_a_row_per_run_and_measured_step(rows):
    assert list(rows.columns) == list(reference_students.MEANINGS)
    assert len(rows) == (2 + 2) * 4 * len(SETTINGS.measured_steps())
    assert not rows.diverged.any()
    assert SETTINGS.model_copy(update={"steps": 200}).measured_steps() == [0, 1, READ_STEP, FIGURE_STEP, 200]


def test_repeats_of_the_figure_share_teacher_and_data_and_nothing_else(rows):
    start = rows[(rows.runs == FIGURE) & (rows.step == 0) & (rows.variant == "none")]
    assert start.validation_risk.nunique() == 2
    jax = JAX[FIGURE]
    first, rest = reference_problem(jax, 20, 500, 500, 15)
    again, _ = reference_problem(jax, 20, 500, 500, 15)
    assert all(torch.equal(*pair) for pair in zip(first, again, strict=True))
    keys = {tuple(run_key(FIGURE, rest, width, repeat)) for width in (200, 5000) for repeat in range(10)}
    assert len(keys) == 20


def test_data_teacher_student_and_masks_have_the_published_scales():
    jax = JAX[READ_OFF]
    problem, rest = reference_problem(jax, 20, 500, 400, 15)
    assert [tuple(part.shape) for part in problem] == [(500, 20), (500,), (400, 20), (400,)]
    assert problem.inputs.square().mean() == pytest.approx(1.0, rel=0.05)
    student, chain = reference_student(jax, rest, 4000, 20)
    assert student[:, 0].square().mean() == pytest.approx(1.0, rel=0.1)
    assert student[:, 1:].square().sum(1).mean() == pytest.approx(1.0, rel=0.05)
    pairs = reference_masks(jax, chain, 4000, 0.7)
    (mask, second), (later, _) = next(pairs), next(pairs)
    assert set(mask.tolist()) == {0.0, np.float32(1) / np.float32(0.7)}
    assert mask.mean() == pytest.approx(1.0, rel=0.05)
    for other in (second, later):
        assert np.corrcoef(mask, other)[0, 1] == pytest.approx(0.0, abs=0.06)


def test_a_run_that_the_figure_does_not_have_is_refused():
    with pytest.raises(ValueError, match="10 repeats of n"):
        run_key(FIGURE, prng_key(0), 300, 0)
    with pytest.raises(ValueError, match="not 10 of 200"):
        run_key(FIGURE, prng_key(0), 200, 10)
