"""Steps after which runs are measured."""

from dropatlas.phases.steps import evenly_spaced_steps
from dropatlas.steps import log_spaced_steps


def test_steps_hold_both_ends():
    assert log_spaced_steps(1000, 4) == [1, 10, 100, 1000]
    assert log_spaced_steps(4, 1) == [1, 4]
    assert evenly_spaced_steps(6, 3) == [0, 2, 4, 6]
    assert evenly_spaced_steps(2, 5) == [0, 1, 2]
