"""Variants of dropout as they are drawn."""

from dropatlas.collapse.labels import COMPARED, VARIANT_LABELS
from dropatlas.collapse.members import KINDS
from dropatlas.collapse.tradeoffs import FORMS
from dropatlas.plots.collapse.shared import VARIANT_COLOURS


def test_every_variant_that_is_drawn_has_a_label_and_a_colour():
    assert set(VARIANT_LABELS) == set(VARIANT_COLOURS) <= set(KINDS)
    assert {*COMPARED, *FORMS, "none"} <= set(VARIANT_LABELS)
