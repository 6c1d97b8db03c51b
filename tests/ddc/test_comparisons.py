"""Tables of arms in the order and the words in which they are shown."""

import pandas as pd

from dropatlas.ddc.comparisons import accuracy_tables, described, in_order, in_reading_order


def test_arms_come_in_one_order_and_runs_of_an_arm_stay_in_theirs():
    rows = pd.DataFrame({"arm": ["standout", "none", "ddc", "none"], "seed": [0, 1, 0, 0]})
    found = in_order(rows)
    assert found.arm.tolist() == ["none", "none", "standout", "ddc"]
    assert found.seed.tolist() == [1, 0, 0, 0]


def test_a_table_of_runs_is_described_with_its_sizes():
    rows = pd.DataFrame({"data": "mnist", "train_samples": 54000, "epochs": 1, "seed": [0, 1]})
    assert described(rows) == "mnist, 54,000 training samples, 1 epoch, 2 seeds"
    assert "4 epochs" in described(rows.assign(epochs=4))


def test_the_main_result_comes_first_and_tables_of_numbers_last():
    tables = ["ddc/breast_cancer_mlp", "ddc/cifar10_vgg13", "ddc/mnist_simple_cnn1", "ddc/cifar10_alexnet"]
    assert in_reading_order(tables) == [
        "ddc/mnist_simple_cnn1",
        "ddc/cifar10_alexnet",
        "ddc/cifar10_vgg13",
        "ddc/breast_cancer_mlp",
    ]
    assert in_reading_order(["ddc/friedman_mlp", "ddc/cifar10_vgg13"])[0] == "ddc/cifar10_vgg13"


def test_tables_of_accuracies_stand_under_what_was_run_with_arms_in_words():
    rows = pd.DataFrame({"arm": ["none", "none", "ddc", "ddc"], "seed": [0, 1, 0, 1]}).assign(
        data="made-up digits", model="vgg13", train_samples=100, epochs=3, diverged=False, last=True, selected=True,
        validation_accuracy=0.5, test_accuracy=[0.5, 0.6, 0.7, 0.9], fitted_accuracy=0.9,
    )  # fmt: skip
    found = accuracy_tables({"small": rows, "net": rows.assign(model="new_net")}, {"small": {"ddc": 0.9094}})
    small, other = found.values()
    assert [heading.partition(",")[0] for heading in found] == [
        "small: VGG13 on made-up digits",
        "net: new_net on made-up digits",
    ]
    assert small.arm.tolist() == ["no regularisation", "DDC"]
    assert small.published.tolist() == ["", "90.94"]
    assert other.published.tolist() == ["", ""]
    assert small["DDC − arm"][0] == "25.00 [-38.53, 88.53]"
