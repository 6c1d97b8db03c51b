"""Arms of comparisons as they are shown."""

import pandas as pd

from dropatlas.plots.arms import ARM_COLOURS, described, in_order
from dropatlas.regularisation.labels import ARM_LABELS


def test_every_arm_has_a_label_and_a_colour():
    assert list(ARM_LABELS) == list(ARM_COLOURS)


def test_arms_come_in_one_order_and_runs_of_an_arm_stay_in_theirs():
    rows = pd.DataFrame({"arm": ["standout", "none", "ddc", "none"], "replica": [0, 1, 0, 0]})
    found = in_order(rows)
    assert found.arm.tolist() == ["none", "none", "standout", "ddc"]
    assert found.replica.tolist() == [1, 0, 0, 0]


def test_a_table_of_runs_is_described_with_its_sizes():
    rows = pd.DataFrame({"data": "mnist", "train_samples": 54000, "epochs": 1, "replica": [0, 1]})
    assert described(rows) == "mnist, 54,000 training samples, 1 epoch, 2 seeds"
    assert "4 epochs" in described(rows.assign(epochs=4))
