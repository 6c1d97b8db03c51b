"""Exponents over the width, against power laws whose exponent is known."""

import numpy as np
import pandas as pd
import pytest

from dropatlas.phases.exponents import mean_exponent, seed_slopes


def law(exponent, seeds=10, widths=(100, 200, 400), spread=0.0):
    """Values of a power law, with a level of its own and noise for every seed."""
    rng = np.random.default_rng(0)
    rows = pd.MultiIndex.from_product([range(seeds), widths], names=["seed", "width"]).to_frame(index=False)
    noise = np.exp(spread * rng.standard_normal(len(rows)))
    return rows.assign(value=(1.0 + rows.seed) * rows.width**exponent * noise, diverged=False)


def test_the_exponent_is_that_of_the_law_whatever_the_level_of_a_seed():
    np.testing.assert_allclose(seed_slopes(law(-0.47), "value"), -0.47)
    found = mean_exponent(seed_slopes(law(-0.47, spread=0.1), "value"))
    assert found.contains(-0.47)
    assert found.high - found.low < 0.2


@pytest.mark.parametrize("change", [{"diverged": True}, {"value": np.nan}, {"value": 0.0}, {"value": np.inf}])
def test_a_seed_without_a_number_at_one_width_has_no_exponent(change):
    rows = law(-0.5)
    rows.loc[(rows.seed == 3) & (rows.width == 200), list(change)] = list(change.values())
    slopes = seed_slopes(rows, "value")
    assert list(slopes.index[slopes.isna()]) == [3]
    np.testing.assert_allclose(slopes.dropna(), -0.5)
    missing = seed_slopes(rows[(rows.seed != 3) | (rows.width != 200)], "value")
    pd.testing.assert_series_equal(missing, slopes)


def test_two_widths_give_no_exponent():
    assert seed_slopes(law(-0.5, widths=(100, 400)), "value").isna().all()


@pytest.mark.parametrize(("known", "of", "enough"), [(5, 5, True), (4, 4, False), (5, 10, True), (5, 11, False)])
def test_a_mean_exponent_needs_five_seeds_and_half_of_all(known, of, enough):
    slopes = np.where(np.arange(of) < known, -0.5 + 0.01 * np.arange(of), np.nan)
    assert (mean_exponent(slopes) is not None) == enough
