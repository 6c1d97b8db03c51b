"""Members by name, and removal probabilities of a wanted crossing probability."""

import pytest

from dropatlas.collapse.drop_rates import drop_rate_for
from dropatlas.collapse.members import KINDS, Member, Shape, grouped_by_kind


def test_bad_values_name_the_key():
    with pytest.raises(ValueError, match="learning_rate must be > 0, got 0"):
        Member(3, 0.3, "dropout", 0.0, "plain", 0)
    with pytest.raises(ValueError, match="width must be at least 1, got 0"):
        Member(0, 0.3, "dropout", 0.1, "plain", 0)
    with pytest.raises(ValueError, match=r"drop_rate must be in \[0, 1\), got 1"):
        Member(3, 1.0, "dropout", 0.1, "plain", 0)
    with pytest.raises(ValueError, match="variant must be one of"):
        Member(3, 0.3, "dropuot", 0.1, "plain", 0)


def test_kinds_are_grouped():
    members = [Member(3, p, variant, 0.1, "plain", 0) for p in (0.1, 0.2) for variant in KINDS]
    groups = grouped_by_kind(members)
    assert sorted(len(group) for group in groups) == [1, 1, 1, 1, 2, 4, 6]


@pytest.mark.parametrize("variant", ["dropout", "dropconnect"])
@pytest.mark.parametrize("width", [1, 5])
def test_a_drop_rate_is_solved_for(variant, width):
    shape = Shape(16, 8, 1)
    rate = drop_rate_for(0.2, variant, width, shape)
    assert Member(width, rate, variant, 1.0, "plain", 0).theta(shape) == pytest.approx(0.2)
    assert drop_rate_for(1.0, variant, width, shape) == 0
    with pytest.raises(ValueError, match=r"theta must be in \(0, 1\], got 1.5"):
        drop_rate_for(1.5, variant, width, shape)


def test_a_path_of_width_one_needs_every_vertex():
    assert drop_rate_for(0.5, "dropout", 1, Shape(16, 8, 1)) == pytest.approx(1 - 0.5 ** (1 / 8))
