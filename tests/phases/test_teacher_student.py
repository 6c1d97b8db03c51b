"""Teacher, data and coupled runs of Figure 2, against the general step and against published numbers."""

import numpy as np
import pytest
import torch

from dropatlas.phases.dynamics import Rule, draw_mask, multipliers, outputs, risk, rms_distance, step
from dropatlas.phases.names import COUPLED
from dropatlas.phases.settings import StudentProtocol, TeacherStudent, Trajectories
from dropatlas.phases.teacher_student import Problem, draw_problem, draw_student, train
from dropatlas.randomness import generator
from dropatlas.tasks.phases import teacher_student, trajectories

PROTOCOL = StudentProtocol(dimension=4, samples=30, held_out=20, teachers=5, learning_rate=0.5, drop_rate=0.3)
SETTINGS = TeacherStudent(protocol=PROTOCOL, widths=[8, 16, 24], seeds=2, steps=5)


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
    history = train(problem, student, steps, 0.5, 0.7, generator(1, "test"), followed=2)
    rng, rule = generator(1, "test"), Rule(0.5)
    networks = dict.fromkeys(COUPLED, student)
    for number in range(steps + 1):
        mask, second = (draw_mask(rng, (12,), 0.7).double() for _ in range(2))
        dropout = networks["dropout"]
        for column, variant in enumerate(COUPLED):
            particles = networks[variant]
            moved = step(rule, particles, problem.inputs, problem.targets, multipliers(variant, mask, second))
            held_out = risk(rule, outputs(rule, particles, problem.held_out_inputs), problem.held_out_targets)
            assert history.training[number, column] == pytest.approx(float(moved.risk))
            assert history.held_out[number, column] == pytest.approx(float(held_out))
            assert history.distance[number, column] == pytest.approx(float(rms_distance(particles, dropout)))
            np.testing.assert_allclose(history.neurons[number, column], particles[:2, 1:3])
            networks[variant] = moved.particles


def test_distances_after_30_steps_agree_with_the_reference_code():
    """One seed of the published code at n = 200: RaM 0.195, PN+RaM 0.253, none 0.43 from dropout."""
    published = {"ram": 0.195, "pn_ram": 0.253, "none": 0.43}
    distances = []
    for number in range(12):
        problem, student = draw_problem(1, number, 20, 500, 500, 15), draw_student(1, number, 200, 20)
        distances.append(train(problem, student, 30, 0.5, 0.7, generator(1, "masks", number)).distance[-1])
    logs = {name: np.log(np.array(distances)[:, COUPLED.index(name)]) for name in published}
    for name, value in published.items():  # the published seed is a seed like any other
        assert logs[name].min() - np.log(1.1) < np.log(value) < logs[name].max() + np.log(1.1), name
    assert abs(logs["ram"].mean() - np.log(published["ram"])) < np.log(1.5)
    for name in ("ram", "pn_ram"):  # the teacher's scale, which moves all distances of a seed alike, drops out
        ours = (logs[name] - logs["none"]).mean()
        assert abs(ours - np.log(published[name] / published["none"])) < np.log(1.25), name


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


def test_trajectories_are_those_of_repeat_zero():
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
