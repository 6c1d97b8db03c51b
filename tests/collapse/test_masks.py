"""Masks of training: reproducible by step, nested in p, reachability as the percolation library finds it."""

import numpy as np
import pytest

from dropatlas.collapse.masks import BLOCK, draw_edge_masks, draw_vertex_masks, edge_cuts, vertex_cuts
from dropatlas.percolation import bond_crossing_probability, reachable, site_crossing_probability
from dropatlas.stats import binomial_p_value


def test_vertex_cuts_agree_with_the_percolation_library():
    kept = draw_vertex_masks(0.5, 4, 2, 1, 0, 0)
    masks = [*kept.transpose(1, 0, 2), np.ones((BLOCK, 3), dtype=bool)]
    found = reachable("site", masks, [5, 2, 2, 2, 2, 3])
    np.testing.assert_array_equal(np.where(found.crossed, 0, found.cut_layer), vertex_cuts(kept))


def test_edge_cuts_agree_with_the_percolation_library():
    widths = [3, 2, 2, 1]
    masks = draw_edge_masks(0.5, widths, 1, 0, 0)
    found = reachable("bond", masks, widths)
    np.testing.assert_array_equal(np.where(found.crossed, 0, found.cut_layer), edge_cuts(masks))


def test_a_larger_removal_probability_removes_a_superset():
    few, many = (draw_vertex_masks(p, 5, 4, 1, 2, 3) for p in (0.2, 0.6))
    assert (few | ~many).all()
    assert few.sum() > many.sum()


@pytest.mark.parametrize("model", ["site", "bond"])
def test_crossings_follow_theta(model):
    crossed = 0
    for block in range(60):
        if model == "site":
            crossed += int((vertex_cuts(draw_vertex_masks(0.4, 6, 3, 5, 0, block)) == 0).sum())
        else:
            crossed += int((edge_cuts(draw_edge_masks(0.6, [2, 3, 3, 2], 5, 0, block)) == 0).sum())
    theta = site_crossing_probability(0.4, 3, 6)
    if model == "bond":
        theta = bond_crossing_probability(0.6, widths=[2, 3, 3, 2])
    assert binomial_p_value(crossed, 60 * BLOCK, theta) > 1e-3


def test_steps_and_replicas_have_masks_of_their_own():
    drawn = [draw_vertex_masks(0.5, 3, 8, 1, number, block) for number in (0, 1) for block in (0, 1)]
    assert len({mask.tobytes() for mask in drawn}) == 4
    np.testing.assert_array_equal(drawn[0], draw_vertex_masks(0.5, 3, 8, 1, 0, 0))
