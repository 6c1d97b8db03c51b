"""Steps at which runs are measured."""

import pytest

from dropatlas.collapse.steps import evenly_spaced_steps
from dropatlas.steps import log_spaced_steps


def test_log_spaced_steps():
    assert log_spaced_steps(1000, 4) == [1, 10, 100, 1000]
    assert log_spaced_steps(3, 50) == [1, 2, 3]
    with pytest.raises(ValueError, match="1 <= first <= last"):
        log_spaced_steps(3, 5, first=4)


def test_evenly_spaced_steps():
    assert evenly_spaced_steps(10, 4) == [2, 5, 7, 10]
    assert evenly_spaced_steps(2, 5) == [1, 2]
