"""Data targets on real runs: embedded sets, an offline directory, and what a missing set says."""

import gzip
import re
import struct
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from dropatlas.data import load
from dropatlas.randomness import generator
from dropatlas.tables import read_table
from tests.workflow.conftest import finished

pytestmark = pytest.mark.workflow


def test_the_sets_of_the_quick_scale_need_no_download(project, tmp_path):
    nowhere = f'data={{"sources": {{"offline_directory": "{tmp_path / "nothing"}"}}}}'
    done = finished(project.snakemake("data", "--config", nowhere))
    assert done == Counter({"tabulate_data_datasets": 1})  # the run has made both sets
    described = read_table(project.path / "results/quick/tables/data/datasets.parquet")
    assert described.set_index(["name", "split"]).images.to_dict() == {
        ("digits5k", "train"): 4000,
        ("digits5k", "test"): 1000,
        ("shapes10", "train"): 5000,
        ("shapes10", "test"): 1000,
    }
    assert described.smallest_class.tolist() == described.largest_class.tolist() == [400, 100, 500, 100]
    assert not described.official.any()


def test_a_missing_set_is_named_with_the_ways_out_and_the_rest_still_runs(checkout, tmp_path):
    targets = [f"results/standard/data/{name}.arrays" for name in ("cifar10", "digits5k")]
    nowhere = f'data={{"sources": {{"offline_directory": "{tmp_path}"}}}}'
    output = checkout.snakemake(*targets, "--config", "scale=standard", nowhere, expect=1)
    assert "error: CIFAR-10 is not available." in output
    assert str(tmp_path) in output
    assert "DROPATLAS_OFFLINE_DIRECTORY" in output
    assert finished(output) == Counter(["prepare_embedded"])
    assert [path.name for path in (checkout.path / "results/standard/data").iterdir()] == ["digits5k.arrays"]


def test_images_of_an_offline_directory_become_a_labelled_set(checkout, tmp_path):
    rng = generator(1, "offline images")
    for split, count in (("train", 3), ("test", 2)):
        for label in range(10):
            folder = tmp_path / "mnist" / split / str(label)
            folder.mkdir(parents=True)
            for index in range(count):
                pixels = rng.integers(0, 256, (28, 28), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / f"{index}.png")
    target = "results/standard/data/mnist.arrays"
    offline = f'data={{"sources": {{"offline_directory": "{tmp_path}"}}}}'
    checkout.snakemake(target, "--config", "scale=standard", offline)
    data = load(checkout.path / target)
    assert data.label == "MNIST (PNG, 30 + 20 images)"
    assert not data.official
    assert np.bincount(data.train_labels).tolist() == [3] * 10
    # Where data come from does not decide what reruns.
    assert checkout.plan(target, "--config", "scale=standard") == Counter()
    (checkout.path / target).unlink()


def test_a_file_that_only_bears_an_official_name_is_refused(checkout, tmp_path):
    content = gzip.compress(struct.pack(">IIII", 0x803, 1, 28, 28) + bytes(784))
    for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        (tmp_path / f"{name}-ubyte.gz").write_bytes(content)
    target = "results/standard/data/mnist.arrays"
    offline = f'data={{"sources": {{"offline_directory": "{tmp_path}"}}}}'
    output = checkout.snakemake(target, "--config", "scale=standard", offline, expect=1)
    assert re.search(r"train-images-idx3-ubyte\.gz.*9,?912,?422", output), output
    assert not (checkout.path / target).exists()
