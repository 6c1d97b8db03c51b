"""Teacher, data and coupled runs of Figure 2, against the general step and against published numbers."""

import numpy as np
import pytest
import torch

from dropatlas.phases.dynamics import Rule, draw_mask, multipliers, outputs, risk, rms_distance, step
from dropatlas.phases.names import COUPLED
from dropatlas.phases.settings import StudentProtocol, TeacherStudent, Trajectories
from dropatlas.phases.teacher_student import Problem, draw_masks, draw_problem, draw_student, train
from dropatlas.randomness import generator
from dropatlas.tasks.phases import teacher_student, trajectories

PROTOCOL = StudentProtocol(dimension=4, samples=30, held_out=20, teachers=5, learning_rate=0.5, drop_rate=0.3)
SETTINGS = TeacherStudent(protocol=PROTOCOL, widths=[8, 16, 24], first_seed=7, seeds=2, steps=5, measurements=9)


def test_scales_of_data_teacher_and_student():
    problems = [draw_problem(0, number, 20, 200, 10, 15) for number in range(300)]
    student = draw_student(0, 0, 20_000, 20).double()
    assert np.mean([problem.inputs.square().mean() for problem in problems]) == pytest.approx(1.0, rel=0.02)
    # over teachers, E f² = E relu(u)² with u ~ N(0, |w|²) and E |w|² = 1
    assert np.mean([problem.targets.square().mean() for problem in problems]) == pytest.approx(0.5, rel=0.1)
    assert student[:, 0].square().mean() == pytest.approx(1.0, rel=0.05)
    assert student[:, 1:].square().sum(1).mean() == pytest.approx(1.0, rel=0.02)


def test_repeats_have_other_teachers_and_widths_share_them():
    first, other = (draw_problem(0, number, 4, 30, 20, 5) for number in range(2))
    assert not torch.equal(first.inputs, other.inputs)
    assert not torch.equal(draw_student(0, 0, 8, 4), draw_student(0, 1, 8, 4))
    torch.testing.assert_close(first.targets, draw_problem(0, 0, 4, 30, 20, 5).targets, rtol=0, atol=0)


def test_targets_are_those_of_a_relu_network_without_bias():
    problem = draw_problem(0, 0, 4, 30, 20, 5, torch.float64)
    # positively homogeneous: a least-squares fit by many relu neurons through the origin leaves nothing
    features = torch.relu(problem.inputs @ draw_student(0, 0, 3000, 4, torch.float64)[:, 1:].T)
    fitted = features @ torch.linalg.lstsq(features, problem.targets[:, None]).solution
    torch.testing.assert_close(fitted[:, 0], problem.targets)


def test_a_history_is_the_general_step_repeated():
    problem = Problem(*(part.double() for part in draw_problem(1, 0, 4, 30, 20, 5)))
    student, steps = draw_student(1, 0, 12, 4, torch.float64), 6
    measured = [0, 2, 3, steps]  # what is not measured is trained all the same
    history = train(problem, student, 0.5, draw_masks(generator(1, "test"), 12, 0.7), measured, followed=2)
    rng, rule = generator(1, "test"), Rule(0.5)
    networks = dict.fromkeys(COUPLED, student)
    for step_number in range(steps + 1):
        mask, second = (draw_mask(rng, (12,), 0.7).double() for _ in range(2))
        dropout = networks["dropout"]
        for column, variant in enumerate(COUPLED):
            particles = networks[variant]
            moved = step(rule, particles, problem.inputs, problem.targets, multipliers(variant, mask, second))
            networks[variant] = moved.particles
            if step_number not in measured:
                continue
            row = measured.index(step_number)
            held_out = risk(rule, outputs(rule, particles, problem.held_out_inputs), problem.held_out_targets)
            assert history.training[row, column] == pytest.approx(float(moved.risk))
            assert history.held_out[row, column] == pytest.approx(float(held_out))
            assert history.distance[row, column] == pytest.approx(float(rms_distance(particles, dropout)))
            np.testing.assert_allclose(history.neurons[row, column], particles[:2, 1:3])


def test_a_diverging_run_is_marked():
    settings = SETTINGS.model_copy(update={"protocol": PROTOCOL.model_copy(update={"learning_rate": 1e30})})
    rows = teacher_student.tabulate(settings, 0)
    assert not rows[rows.step == 0].diverged.any()
    assert rows[rows.step == 5].diverged.all()
    assert not np.isfinite(rows[rows.diverged & (rows.variant == "none")].training_risk).any()


def test_the_table_has_a_row_per_run_and_step_and_repeats_bit_for_bit():
    rows = teacher_student.tabulate(SETTINGS, 3)
    assert list(rows.columns) == list(teacher_student.MEANINGS)
    assert len(rows) == 3 * 2 * 4 * 6
    assert sorted(rows.seed.unique()) == [7, 8]
    assert (rows[rows.variant == "dropout"].rms_distance == 0).all()
    assert (rows[rows.step == 0].groupby(["width", "seed"]).validation_risk.nunique() == 1).all()
    assert not rows.diverged.any()
    assert rows.equals(teacher_student.tabulate(SETTINGS, 3))


def test_a_killed_job_resumes_with_the_same_table(tmp_path, monkeypatch):
    whole = teacher_student.tabulate(SETTINGS, 3)
    real, calls = train, []

    def dies_late(*arguments, **options):
        calls.append(1)
        if len(calls) > 4:
            raise KeyboardInterrupt
        return real(*arguments, **options)

    monkeypatch.setattr(teacher_student, "train", dies_late)
    with pytest.raises(KeyboardInterrupt):
        teacher_student.tabulate(SETTINGS, 3, tmp_path)
    assert len(list(tmp_path.iterdir())) == 4
    calls.clear()
    assert teacher_student.tabulate(SETTINGS, 3, tmp_path).equals(whole)
    assert len(calls) == 2


def test_parts_do_not_depend_on_the_number_of_threads():
    alone = teacher_student.tabulate(SETTINGS, 3)
    torch.set_num_threads(2)
    try:
        assert teacher_student.tabulate(SETTINGS, 3).equals(alone)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(1)


def test_measured_are_the_published_steps_and_the_last_tenth():
    found = SETTINGS.model_copy(update={"steps": 1000, "measurements": 3}).measured_steps()
    assert found == [0, 1, 30, 32, 100, *range(900, 1001, 10)]
    assert SETTINGS.measured_steps() == [0, 1, 2, 3, 4, 5]


def test_trajectories_are_those_of_seed_zero():
    settings = Trajectories(protocol=PROTOCOL, width=16, neurons=3, steps=5)
    rows = trajectories.tabulate(settings, 3)
    assert list(rows.columns) == list(trajectories.MEANINGS)
    assert len(rows) == 6 * 4 * 3
    start = draw_student(3, 0, 16, 4)[:3, 1:3].numpy()
    for variant in COUPLED:
        at_start = rows[(rows.step == 0) & (rows.variant == variant)]
        np.testing.assert_array_equal(at_start[["first", "second"]], start)
    end = rows[rows.step == 5].pivot(index="neuron", columns="variant", values="first")
    assert (end.dropout != end.none).any()
    with pytest.raises(ValueError, match="neurons must be at most the width 16, got 17"):
        trajectories.tabulate(settings.model_copy(update={"neurons": 17}), 3)
