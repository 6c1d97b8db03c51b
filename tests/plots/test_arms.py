"""Arms of comparisons as they are drawn."""

from dropatlas.ddc.labels import ABLATION_LABELS, ARM_LABELS, FEEDBACK_LABELS, REGRESSION_LABELS
from dropatlas.plots.arms import ARM_COLOURS
from dropatlas.plots.ddc.ablations import CURVES, METHOD_COLOURS, VARIANT_COLOURS


def test_every_arm_has_a_label_and_a_colour():
    assert list(ARM_LABELS) == list(ARM_COLOURS)
    assert set(REGRESSION_LABELS) == set(METHOD_COLOURS)
    assert list(FEEDBACK_LABELS) == list(VARIANT_COLOURS)
    assert set(CURVES) <= set(ABLATION_LABELS)
