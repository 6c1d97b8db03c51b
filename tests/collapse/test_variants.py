"""Who is trained in the comparison of modified dropout, and the means by which a run is said to have settled."""

import pandas as pd

from dropatlas.collapse.members import KINDS
from dropatlas.collapse.settings import Cell
from dropatlas.collapse.variants import Variants, settled_losses

SETTINGS = Variants(
    cells=[Cell(depth=4, width=2, drop_rate=p) for p in (0.3, 0.5)] + [Cell(depth=8, width=3, drop_rate=0.4)],
    learning_rates=[0.1, 0.3],
    seeds=10,
    batch_size=8,
    test_samples=50,
    steps=640,
    free_steps=64,
    measurements=5,
    target=0.8,
    offset=1.0,
)


def test_a_control_is_trained_once_per_size_and_rate_and_kinds_of_masks_apart():
    ensembles = SETTINGS.ensembles()
    assert len(ensembles) == 2 * 2 * 2  # biases, depths, models
    for _, depth, members in ensembles:
        assert len({KINDS[member.variant] for member in members}) == 1
        controls = [member for member in members if member.variant == "none"]
        assert len(controls) in (0, 20)
        masked = 2 * 2 * 10 * (2 if depth == 4 else 1)  # variants, rates, seeds, cells
        assert len(members) - len(controls) == masked


def test_the_last_half_and_the_quarter_before_are_measured_evenly():
    steps = SETTINGS.measured_steps(biases=True)
    assert steps[-1] == 640
    assert {step for step in steps if step > 320} >= {340, 500, 620, 640}
    assert len([step for step in steps if 160 < step <= 320]) >= 8


def test_settled_losses_are_means_over_their_windows():
    steps = [10, 20, 30, 40, 50, 60, 70, 80]
    rows = pd.DataFrame({"step": steps, "loss_ratio": [9, 9, 3, 5, 1, 1, 1, 3.0], "biases": True, "seed": 0})
    found = settled_losses(rows.assign(diverged=False), ["seed"])
    assert found.before[0] == 4
    assert found.late[0] == 1.5
    assert settled_losses(rows.assign(diverged=True), ["seed"]).late.isna().all()
