"""M7: every verdict on fabricated tables; on tables made by their tasks every part fails where the masks are wrong."""

from itertools import product

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch

from dropatlas.claims import load_ledger
from dropatlas.claims.judging import judge_of
from dropatlas.claims.phases import stability as judges
from dropatlas.claims.verdicts import Verdict
from dropatlas.phases import stability
from dropatlas.phases.bypass import edge_steps, stable_shares
from dropatlas.phases.settings import StableRates
from dropatlas.plots.phases.stability import edge_steps_by_cell
from dropatlas.tasks.phases import edge_sharpness, stable_rates

REPRODUCED, REFUTED, OPEN, PARTLY = Verdict.REPRODUCED, Verdict.NOT_REPRODUCED, Verdict.INCONCLUSIVE, Verdict.PARTLY
CLAIM = load_ledger()["M7"]
SEED = 990_001
SEEDS = 10
MEAN, CONTROL = "the mean rate decides, neurons step beyond 2/λ", "not with one mask for all neurons"


def judged(tables):
    return judge_of(CLAIM)(tables, CLAIM.criterion)


def states(found):
    """State of every part, by its name."""
    return {part.name: str(part.state) for part in found.parts}


def evidence(steps=(8, 9), means=(0.9, 0.8), control=0.1, beyond=0.2, far=(0.2, 0.2), seeds=SEEDS, spread=0.05):
    """Two cells with β = 0.01 and one with β = 0.2: steps at the edge, mean rates far from it, in units of 2/lambda."""
    rng, rates, edge = np.random.default_rng(3), [], []
    cells = [(*cell, 1000) for cell in zip("ab", steps, means, far, strict=True)] + [
        ("a", 10 * beyond, beyond, 0.2, 50)
    ]
    for (kind, step, mean, low, width), seed in product(cells, range(seeds)):
        key = {"activation": kind, "width": width, "seed": seed}
        rates.append(key | {"metric": "none", "keep_rate": 1.0, "rate": 2.0})
        rates += [key | {"metric": metric, "keep_rate": 0.1, "rate": 1.5} for metric in ("ram", "common")]
        runs = (("ram", 0.9, (step, mean)), ("ram", 0.25, (10 * low, low)), ("common", 0.9, (10 * control, control)))
        for metric, share, sizes in runs:
            run = key | {"metric": metric, "keep_rate": 0.1, "share": share, "rate": share * 1.5, "stable": True}
            late = np.multiply(sizes, np.exp(spread * rng.standard_normal()))
            for number in (0, 5, 10):
                at_edge = dict(zip(("neuron_step", "mean_step"), late if number == 10 else (1e6, 1e6), strict=True))
                edge.append(run | {"step": number} | at_edge)
    return {judges.STABLE_RATES: pd.DataFrame(rates), judges.EDGE: pd.DataFrame(edge)}


@pytest.mark.parametrize(
    ("tables", "verdict"),
    [
        (evidence(), REPRODUCED),
        (evidence(beyond=0.01), REPRODUCED),  # outside the regime nothing is claimed
        (evidence((0.5, 0.6), (0.05, 0.06), control=0.9), REFUTED),
        (evidence((0.5, 0.6)), PARTLY),
        (evidence(means=(0.1, 0.1)), PARTLY),
        (evidence(means=(0.9, 5.0)), PARTLY),  # nor does a mean rate far beyond its bound decide
        (evidence(control=0.9), PARTLY),
        (evidence(means=(0.9, 5.0), far=(0.2, 0.9)), REPRODUCED),  # the second cell cannot tell
        (evidence(far=(0.5, 0.9)), OPEN),
        (evidence((8, 2)), OPEN),
        (evidence(seeds=4), OPEN),
        (evidence((np.nan, 9)), OPEN),
    ],
)
def test_stable_rates(tables, verdict):
    assert judged(tables).verdict == verdict


def test_each_part_of_stability_fails_alone():
    holds = dict.fromkeys((MEAN, CONTROL), "holds")
    assert states(judged(evidence((8, 0.5)))) == holds | {MEAN: "fails"}
    assert states(judged(evidence(means=(0.9, 0.1)))) == holds | {MEAN: "fails"}
    assert states(judged(evidence(means=(0.9, 5.0)))) == holds | {MEAN: "fails"}
    assert states(judged(evidence(control=0.9))) == holds | {CONTROL: "fails"}


def test_the_cell_that_decides_is_shown_with_its_bound_and_the_cells_outside_the_regime_apart():
    tables = {name: rows.replace({"a": "relu", "b": "tanh"}) for name, rows in evidence(means=(0.3, 0.9)).items()}
    found = judged(tables)
    assert found.measure == "mean rate in units of 2/λ at the edge of stability (ReLU, n = 1000, q = 0.1)"
    assert "0.5 to 2 required (ReLU, n = 1000, q = 0.1, decides among 4); holds: not with" in found.reason
    assert "outside the regime, β ≥ 0.1, mean rate ReLU, n = 50, q = 0.1 0.2" in found.reason
    assert "largest stable mean rate over that without masks (90 % of networks): RaM 0.75 to 0.75" in found.reason
    assert found.n == SEEDS
    chosen = "activation == 'relu' and width == 1000 and metric == 'ram' and share == 0.9"
    steps = edge_steps(tables[judges.EDGE]).query(chosen)
    assert np.exp(np.log(steps.mean_step).mean()) == pytest.approx(found.effect)


def test_a_network_without_a_known_edge_leaves_its_cell_open():
    tables = evidence()
    rows = tables[judges.EDGE]
    lost = (rows.seed == 3) & (rows.activation == "b") & (rows.metric == "ram")
    rows.loc[lost & (rows.share > 0.5), ["rate", "mean_step", "neuron_step"]] = np.nan
    assert states(judged(tables)) == {MEAN: "open", CONTROL: "holds"}
    rows.loc[lost, ["rate", "mean_step", "neuron_step"]] = np.nan
    assert (
        "cannot tell, as the mean rate is not clearly smaller far from the edge: b, n = 1000" in judged(tables).reason
    )


def test_runs_that_end_unstable_are_left_out_and_counted():
    tables = evidence(means=(0.9, 0.8))
    rows = tables[judges.EDGE]
    wild = rows.seed.isin([2, 5]) & (rows.activation == "b") & (rows.share == 0.9) & (rows.metric == "ram")
    rows.loc[wild, ["mean_step", "neuron_step"]] *= 1e3
    rows.loc[wild, "stable"] = False
    found = judged(tables)
    assert states(found) == dict.fromkeys((MEAN, CONTROL), "holds")
    assert "runs left out as unstable: 2 of RaM" in found.reason
    rows.loc[(rows.activation == "b") & (rows.seed < 6) & (rows.share == 0.9), "stable"] = False
    assert states(judged(tables))[MEAN] == "open"  # fewer than half are left


def test_stable_shares_are_of_the_same_network_without_masks():
    rows = evidence()[judges.STABLE_RATES]
    rows.loc[rows.seed == 3, "rate"] *= 10
    assert (stable_shares(rows).share == 0.75).all()
    assert set(stable_shares(rows).metric) == {"ram", "common"}


def test_no_random_metric_decides_nothing():
    tables = evidence()
    rows = tables[judges.EDGE]
    for lost in (rows[:0], rows[rows.metric != "ram"], rows[rows.metric == "none"]):
        found = judged(tables | {judges.EDGE: lost})
        assert found.verdict == OPEN
        assert "β < 0.1" in found.reason


def test_the_figure_draws_the_limits_that_decide():
    figure = edge_steps_by_cell(evidence()[judges.EDGE], 2.0, (0.5, 2.0), 0.1)
    mean, _, neuron, _ = figure.axes
    assert [line.get_ydata()[0] for line in neuron.lines if line.get_linestyle() == "--"] == [2.0]
    assert [patch.get_y() for patch in mean.patches if patch.get_height() == 1.5] == [0.5]
    plt.close("all")


# On tables made by the tasks: one cell with β = 0.08.

SETTINGS = StableRates(
    data={"dimension": 20, "samples": 48, "teachers": 15},
    activations=["relu"],
    widths=[50],
    keep_rates=[0.25],
    lowest=0.25,
    highest=32.0,
    rounds=3,
    steps=240,
    learned=0.05,
    edge_fraction=0.9,
    measurements=4,
    batch_size=4,
    draws=1,
    seeds=10,
)


def measured(settings=SETTINGS):
    rates = stable_rates.tabulate(settings, SEED)
    return {
        judges.STABLE_RATES: rates,
        judges.EDGE: edge_sharpness.tabulate(settings, SEED, {judges.STABLE_RATES: rates}),
    }


def with_masks_of(monkeypatch, **names):
    """Metrics get the masks of another one."""
    true = stability.metric_mask

    def swapped(rng, metric, *rest):
        return true(rng, names.get(metric, metric), *rest)

    monkeypatch.setattr(stability, "metric_mask", swapped)


def test_neurons_step_beyond_the_sharpness_and_the_control_does_not_bring_the_mean_rate_there():
    found = judged(measured())
    assert states(found) == dict.fromkeys((MEAN, CONTROL), "holds"), found.reason


def test_one_mask_for_all_neurons_fails_as_a_random_metric(monkeypatch):
    with_masks_of(monkeypatch, ram="common")
    assert states(judged(measured()))[MEAN] == "fails"


def test_masks_of_single_neurons_fail_as_a_control(monkeypatch):
    with_masks_of(monkeypatch, common="ram")
    assert states(judged(measured())) == {MEAN: "holds", CONTROL: "fails"}


def test_tanh_cannot_tell_since_its_sharpness_follows_the_rate():
    found = judged(measured(SETTINGS.model_copy(update={"activations": ["tanh"]})))
    assert states(found) == dict.fromkeys((MEAN, CONTROL), "open")
    assert "cannot tell, as the mean rate is not clearly smaller far from the edge: tanh" in found.reason


def test_multipliers_are_seen_not_presumed(monkeypatch):
    monkeypatch.setattr(stability, "metric_mask", lambda rng, metric, s, n, q: torch.full((s, n), 3.0))
    rows = measured(SETTINGS.model_copy(update={"steps": 10}))[judges.EDGE]
    assert rows.kept.dropna().to_numpy() == pytest.approx(3.0)
