"""What is read off the table of teacher and student: laws with known answers, and the coverage of an interval."""

import numpy as np
import pandas as pd
import pytest

from dropatlas.phases.student_effects import (
    distance_ratios,
    final_risks,
    gap_slopes,
    lasting_shares,
    loss_gaps,
    slope_changes,
)
from dropatlas.stats import mean_interval

WIDTHS = np.array([200, 500, 1000, 2000, 5000])


def distances(squares, step=100, variant="ram", seeds=1):
    """Rows of squared distances given by width, shape (5,) or (seeds, 5)."""
    rows = np.broadcast_to(squares, (seeds, len(WIDTHS)))
    index = pd.MultiIndex.from_product([range(seeds), WIDTHS], names=["seed", "width"])
    frame = pd.DataFrame({"rms_distance": np.sqrt(rows).ravel()}, index).reset_index()
    return frame.assign(variant=variant, step=step, diverged=False)


@pytest.mark.parametrize("share", [0.0, 0.25, 0.9, 1.0])
def test_the_share_of_a_law_with_a_constant_is_found(share):
    rows = distances(0.3 * (share + (1 - share) * 5000 / WIDTHS))
    for widest in (None, 3):
        assert lasting_shares(rows, "ram", 100, widest).tolist() == [pytest.approx(share, abs=0.003)]


def test_a_steeper_law_has_a_negative_share_and_missing_widths_have_none():
    rows = distances(WIDTHS**-1.3)
    assert lasting_shares(rows, "ram", 100)[0] < -0.1
    assert lasting_shares(rows[rows.width > 1000], "ram", 100).isna().all()
    assert lasting_shares(rows.assign(diverged=rows.width == 200), "ram", 100).isna().all()


@pytest.mark.parametrize("share", [0.25, 0.75])
def test_the_interval_of_the_mean_share_covers_at_ten_seeds(share):
    """Noise of a tenth per network, as in the pilots; the three largest widths."""
    rng, trials, covered = np.random.default_rng(1), 400, 0
    squares = 0.3 * (share + (1 - share) * 5000 / WIDTHS)
    noisy = squares * np.exp(0.2 * rng.standard_normal((10 * trials, len(WIDTHS))))
    shares = lasting_shares(distances(noisy, seeds=10 * trials), "ram", 100, 3).to_numpy()
    centre = shares.mean()
    assert centre == pytest.approx(share, abs=0.1)  # noise moves a share a little, within what the threshold leaves
    for ten in shares.reshape(trials, 10):
        covered += mean_interval(ten).contains(centre)
    assert covered / trials >= 0.93


def test_exponents_change_and_ratios_by_seed():
    early, late = distances(1.0 / WIDTHS, 100), distances(WIDTHS**-0.6, 1000)
    assert slope_changes(pd.concat([early, late]), "ram", 100, 1000).tolist() == [pytest.approx(0.2)]
    both = pd.concat([early, distances(4.0 / WIDTHS, 100, "none")])
    assert distance_ratios(both, 200, 100).tolist() == [pytest.approx(2.0)]
    assert distance_ratios(both.assign(diverged=True), 200, 100).isna().all()


def losses(steps=(0, 890, 900, 1000)):
    rows = [
        (width, seed, variant, step, (1 if step >= 900 else 50) * (1.0 + share * 100 / width))
        for width in (100, 200, 400)
        for seed in range(2)
        for variant, share in (("none", 0.0), ("ram", 0.5), ("dropout", 1.0), ("pn_ram", 2.0))
        for step in steps
    ]
    columns = ["width", "seed", "variant", "step", "training_risk"]
    return pd.DataFrame(rows, columns=columns).assign(diverged=False)


def test_losses_are_means_of_the_last_tenth_and_gaps_are_to_dropout():
    rows = losses()
    assert final_risks(rows, "training_risk").loc[(400, 0)].to_dict() == pytest.approx(
        {"none": 1.0, "ram": 1.125, "dropout": 1.25, "pn_ram": 1.5}
    )
    for variant, gap in (("none", 0.25), ("ram", 0.125), ("pn_ram", 0.25)):
        gaps = loss_gaps(rows, "training_risk", variant)
        assert gaps.gap[gaps.width == 400].tolist() == pytest.approx([gap] * 2)
        assert gap_slopes(rows, "training_risk", variant).tolist() == [pytest.approx(-1.0)] * 2


def test_a_run_that_diverged_has_no_loss():
    rows = losses()
    rows["diverged"] = (rows.seed == 1) & (rows.width == 400) & (rows.variant == "ram") & (rows.step == 1000)
    assert gap_slopes(rows, "training_risk", "ram").isna().tolist() == [False, True]
    assert gap_slopes(rows, "training_risk", "none").notna().all()
    assert gap_slopes(rows[rows.variant != "none"], "training_risk", "none").isna().all()
