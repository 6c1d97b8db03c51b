"""Forecasts from recorded runs."""

from dataclasses import dataclass
from math import isnan
from pathlib import Path

import pandas as pd
import pytest

from dropatlas.config import stored_config
from dropatlas.upkeep import forecast as forecasts

COLUMNS = ["s", "cpu_time", "max_rss", "threads"]


@dataclass
class Runs:
    """A results folder with benchmarks as Snakemake writes them."""

    path: Path

    def add(self, scale, name, seconds, memory=700.0, threads=1, processor=None):
        file = self.path / scale / "benchmarks" / f"{name}.tsv"
        file.parent.mkdir(parents=True, exist_ok=True)
        row = [seconds, processor or seconds * threads, memory, threads]
        pd.DataFrame([row], columns=COLUMNS).to_csv(file, sep="\t", index=False)

    def forecast(self, scale):
        return {one.name: one for one in forecasts.forecast(scale, self.path)}


@pytest.fixture
def runs(tmp_path):
    return Runs(tmp_path)


def test_the_same_scale_takes_what_it_took(runs):
    runs.add("quick", "collapse/movement", seconds=36.0, memory=800.0, threads=2)
    found = runs.forecast("quick")["collapse/movement"]
    assert found.core_hours == pytest.approx(0.02)
    assert found.memory_gb == pytest.approx(0.8)
    assert found.basis == "quick"


def test_a_long_job_beside_others_counts_by_its_processor_time(runs):
    runs.add("standard", "phases/digit_pair", seconds=2754.0, processor=1227.0, threads=2)
    assert runs.forecast("standard")["phases/digit_pair"].core_hours == pytest.approx(1227 / 3600)


def test_time_beyond_the_start_grows_with_the_work(runs):
    # ten times the masks of quick: 1,000 and 10,000 for each cell of one grid
    runs.add("quick", "percolation/crossing_probability", seconds=forecasts.START_SECONDS + 9.0)
    found = runs.forecast("standard")["percolation/crossing_probability"]
    assert found.core_hours * 3600 == pytest.approx(forecasts.START_SECONDS + 90.0)


def test_forecasts_of_standard_from_quick_come_near_what_was_measured(runs):
    # processor seconds of both scales, measured on one machine
    recorded = pd.read_csv(Path(__file__).with_name("recorded_seconds.csv"), index_col="table")
    for name, seconds in recorded.quick.items():
        runs.add("quick", name, seconds)
    found = runs.forecast("standard")
    predicted = pd.Series({name: 3600 * found[name].core_hours for name in recorded.index})
    assert ((predicted / recorded.standard).between(1 / 4, 4)).all(), predicted
    assert predicted.sum() == pytest.approx(recorded.standard.sum(), rel=0.5)


def test_the_largest_recorded_run_counts(runs):
    runs.add("quick", "collapse/variants", seconds=10.0)
    runs.add("standard", "collapse/variants", seconds=1000.0)
    assert runs.forecast("paper")["collapse/variants"].basis == "standard"


def test_what_is_unknown_is_said_and_never_zero(runs):
    runs.add("quick", "collapse/movement", seconds=20.0)
    for step in ("percolation/notebook", "arxiv-2512.13853/page", "scorecard/table", "scorecard/csv"):
        runs.add("quick", step, seconds=20.0)
    found = runs.forecast("paper")
    assert isnan(found["collapse/variants"].core_hours)
    assert found["collapse/variants"].basis == "never timed"
    assert not {"percolation/notebook", "arxiv-2512.13853/page", "scorecard/table", "scorecard/csv"} & set(found)
    text = forecasts.summary("paper", list(found.values()), cores=2)
    assert "unknown" in next(line for line in text.splitlines() if line.startswith("collapse/variants"))
    assert f"not included, because unknown: {len(found) - 1} tables" in text


def test_an_arm_never_timed_is_estimated_from_another(runs):
    runs.add("quick", "ddc/cifar10_vgg13-all", seconds=forecasts.START_SECONDS + 10.0)
    found = runs.forecast("paper")["ddc/norb_vgg13-none"]
    before = forecasts.work_at("quick")["ddc/cifar10_vgg13-all"].operations
    after = forecasts.work_at("paper")[found.name].operations
    assert found.core_hours * 3600 == pytest.approx(forecasts.START_SECONDS + 10.0 * after / before)
    assert found.basis == "quick, ddc/cifar10_vgg13-all"
    assert found.on_gpu


def test_without_a_recorded_run_the_way_to_one_is_named(runs):
    text = forecasts.summary("paper", forecasts.forecast("paper", runs.path), cores=2)
    assert "No recorded run: `snakemake` at scale quick" in text


def test_a_run_is_at_least_as_long_as_its_longest_job(runs):
    runs.add("standard", "collapse/movement", seconds=7200.0)
    text = forecasts.summary("standard", forecasts.forecast("standard", runs.path), cores=64)
    assert "2.0 core hours; about 2.0 hours on 64 cores; longest job: collapse/movement" in text


def test_data_sets_count_as_downloads_and_as_prepared():
    # shapes10 alone would be 6,000 images of 3,072 bytes
    assert forecasts.data_megabytes(stored_config("quick")) == pytest.approx(6000 * 3072 / 1e6)
    mnist = 11_594_722 + 70_000 * 784
    cifar = 170_052_171 + 60_000 * 3072
    assert forecasts.data_megabytes(stored_config("standard")) == pytest.approx(
        (mnist + cifar + 25_000 * 3072) / 1e6, rel=0.001
    )
