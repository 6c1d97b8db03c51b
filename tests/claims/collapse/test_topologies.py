"""Judges of P12 and P20 on fabricated evidence, and on what the tasks make of wrong code: each part fails."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
import torch
from tests.claims.collapse.evidence import LEDGER, OPEN, PARTLY, REFUTED, REPRODUCED, judged, noise, states

from dropatlas.claims.collapse.topologies import MODIFIED, TOPOLOGIES, share_of_effect
from dropatlas.collapse import topologies as networks
from dropatlas.collapse.architectures import ARCHITECTURES, Layer, ModifiedTopologies, OtherTopologies, Stacked
from dropatlas.collapse.settings import Training
from dropatlas.collapse.topologies import StackedTopology
from dropatlas.data import digits5k, save
from dropatlas.tasks.collapse import modified_topologies as modified_task
from dropatlas.tasks.collapse import topologies as task

SEEDS = 20
THETA = {(1, 0.2): 0.012, (4, 0.1): 0.998, (4, 0.3): 0.85, (10, 0.86): 0.007, (48, 0.86): 0.986}


def topologies(few=0, compensated=SEEDS, plain=SEEDS, kept=0.8, counted=1.0, benefit=0.03, wide=0.9):
    """How many of 20 convolutions learn with few paths and, by gain, with many; kept benefit; counted over true θ."""
    rows = []
    for gain, (width, p) in product(("plain", "compensated"), ((1, 0.2), (4, 0.1), (4, 0.3))):
        learn = few if width == 1 else plain if gain == "plain" else compensated
        rows += [("convolution", "dropout", gain, width, p, i, i < learn, 0.5) for i in range(SEEDS)]
    spread = 0.002 * noise(SEEDS)
    for width, share in ((10, kept), (48, wide)):
        losses = {("none", 0.0): 0.15 - benefit, ("identity", 1.0): 0.15, ("dropout", 0.86): 0.15 - share * benefit}
        for (variant, p), loss in losses.items():
            rows += [
                ("residual", variant, "plain", width, p, i, True, loss + spread[(i + len(rows)) % 7])
                for i in range(SEEDS)
            ]
    names = ["topology", "variant", "gain", "width", "drop_rate", "seed", "learned", "scaled_loss_ratio"]
    frame = pd.DataFrame(rows, columns=names).assign(learning_rate=0.1, steps=1000, control_learns=True, diverged=False)
    frame["plain_theta"] = [THETA.get(cell, 1.0) for cell in zip(frame.width, frame.drop_rate, strict=True)]
    frame["theta_rate_sum"] = frame.plain_theta * 100
    frame["plain_crossed_steps"] = (1000 * counted * frame.plain_theta).round().clip(upper=1000).astype(int)
    return {TOPOLOGIES: frame}


@pytest.mark.parametrize(
    ("evidence", "verdict", "parts"),
    [
        (topologies(), REPRODUCED, "hhhhh"),
        (topologies(few=SEEDS), PARTLY, "hfhhh"),
        (topologies(compensated=0), PARTLY, "hhfhh"),
        (topologies(plain=0), PARTLY, "hhhfh"),
        (topologies(kept=0.1), PARTLY, "hhhhf"),
        (topologies(kept=-0.2), PARTLY, "hhhhf"),
        (topologies(counted=0.9), PARTLY, "fhhhh"),
        (topologies(SEEDS, 0, 0, 0.0, 0.9), REFUTED, "fffff"),
        (topologies(few=10), OPEN, "hohhh"),
        (topologies(plain=10), OPEN, "hhhoh"),
        (topologies(kept=0.5), OPEN, "hhhho"),
        (topologies(benefit=0.0), OPEN, "hhhho"),
        (topologies(kept=0.1, wide=0.1), OPEN, "hhhho"),  # p decides, not paths
        (topologies(wide=0.5), OPEN, "hhhho"),
    ],
)
def test_topologies(evidence, verdict, parts):
    found = judged("P12", evidence)
    assert (found.verdict, states(found)) == (verdict, parts)


def test_branches_without_a_clear_benefit_cannot_tell_and_say_so():
    for evidence, why in ((topologies(benefit=0.0), "no clear benefit"), (topologies(wide=0.1), "no wide network")):
        (*_, part) = judged("P12", evidence).parts
        assert f"cannot tell: W = 10, p = 0.86 ({why}" in part.sentence


def test_few_paths_are_asked_of_width_one_only():
    rows = topologies()[TOPOLOGIES]
    wider = rows[(rows.topology == "convolution") & (rows.width == 1)].assign(width=3, learned=True)
    assert states(judged("P12", {TOPOLOGIES: pd.concat([rows, wider])})) == "hhhhh"


@pytest.mark.parametrize(
    ("topology", "width", "parts"),
    [("convolution", 1, "hohhh"), ("convolution", 4, "hhooh"), ("residual", 10, "hhhho")],
)
def test_a_diverged_network_leaves_its_cell_open(topology, width, parts):
    rows = topologies()[TOPOLOGIES]
    rows.loc[(rows.topology == topology) & (rows.width == width) & (rows.seed == 3), "diverged"] = True
    assert states(judged("P12", {TOPOLOGIES: rows})) == parts


def test_convolutions_whose_control_does_not_learn_and_diverged_ones_decide_nothing():
    rows = topologies(plain=0)[TOPOLOGIES]
    silent = rows.assign(control_learns=rows.topology == "residual")
    gone = rows.assign(diverged=rows.topology == "convolution")
    assert [states(judged("P12", {TOPOLOGIES: frame})) for frame in (silent, gone)] == ["hoooh"] * 2


@pytest.mark.parametrize(("p", "parts"), [(0.2, "fohhh"), (0.3, "fhhhh")])
def test_few_and_many_paths_must_be_counted_too(p, parts):
    rows = topologies()[TOPOLOGIES]
    other = (rows.topology == "convolution") & (rows.drop_rate == p)
    rows.loc[other, "plain_crossed_steps"] = 1000 - rows.plain_crossed_steps[other] * (p == 0.3)
    assert states(judged("P12", {TOPOLOGIES: rows})) == parts


@pytest.mark.parametrize(
    ("variant", "topology"), [("identity", "residual"), ("none", "residual"), ("dropout", "residual")]
)
def test_the_kept_benefit_needs_every_kind_of_network(variant, topology):
    rows = topologies()[TOPOLOGIES]
    found = judged("P12", {TOPOLOGIES: rows[(rows.variant != variant) | (rows.topology != topology)]})
    assert states(found) == "hhhho"


def test_shares_at_one_half_are_refuted_in_few_trials():
    counts = np.random.default_rng(17).binomial(SEEDS, 0.5, (60, 3))
    errors = [judged("P12", topologies(*map(int, trial))).verdict != OPEN for trial in counts]
    assert np.mean(errors) <= 0.05


def test_a_kept_share_at_its_margin_is_decided_in_few_trials():
    rng = np.random.default_rng(3)
    wrong = 0
    for _ in range(800):
        whole = rng.normal(1, 0.6, SEEDS)
        check = share_of_effect("", 0.5 * whole + rng.normal(0, 0.3, SEEDS), whole, (0.5, np.inf))
        wrong += min(check.p_holds, check.p_fails) <= 0.025
    assert wrong / 800 <= 0.06  # 2.5 % on either side


ARMS = ("plain", "convolution", "residual stream")


def modified(better=-0.04, half=None, differ=0, counted=0.32, rates=(0.05, 0.2), arms=ARMS):
    """Test loss of modified minus plain dropout late and before, pairs without biases that differ, counted share."""
    rows, spread = [], 0.005 * noise(30)
    for architecture, rate, step in product(ARMS, rates, (1000, 2000)):
        effect = better if step == 2000 or half is None else half
        for variant, i in product(("none", "dropout", "modified"), range(30)):
            gain = (effect if architecture in arms else -0.04) + spread[i] if variant == "modified" else 0.0
            rows.append((architecture, True, rate, step, variant, i, 0.4 + gain))
    for architecture, step, variant, i in product(ARMS, (1000, 2000), ("dropout", "modified"), range(10)):
        unequal = variant == "modified" and architecture == "plain" and i < differ
        rows.append((architecture, False, rates[0], step, variant, i, 0.4 + 1e-12 * unequal))
    names = ["architecture", "biases", "learning_rate", "step", "variant", "seed", "test_loss_ratio"]
    frame = pd.DataFrame(rows, columns=names).assign(train_loss_ratio=0.3, relative_movement=0.2, diverged=False)
    frame["theta"], frame["control_learns"] = 0.316, frame.biases
    frame["crossed_steps"] = (frame.step * counted).round().astype(int)
    return {MODIFIED: frame}


@pytest.mark.parametrize(
    ("evidence", "verdict", "parts"),
    [
        (modified(), REPRODUCED, "hhhhhhhh"),
        (modified(0.0), PARTLY, "ffffffhh"),
        (modified(0.05), PARTLY, "ffffffhh"),
        (modified(-0.01), PARTLY, "ffffffhh"),  # better, by less than what matters
        (modified(0.0, arms=["convolution"]), PARTLY, "hhffhhhh"),
        (modified(0.0, half=-0.05), OPEN, "oooooohh"),  # a transient decides nothing
        (modified(-0.05, half=0.0), OPEN, "oooooohh"),
        (modified(differ=1), PARTLY, "hhhhhhfh"),
        (modified(counted=0.4), PARTLY, "hhhhhhhf"),
        (modified(0.0, differ=3, counted=0.4), REFUTED, "ffffffff"),
    ],
)
def test_modified(evidence, verdict, parts):
    found = judged("P20", evidence)
    assert (found.verdict, states(found)) == (verdict, parts)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"control_learns": False}, "networks without dropout do not learn"),
        ({"crossed_steps": 0}, "no step has a path"),
        ({"crossed_steps": 2000, "step": 2000}, "every step has a path"),
    ],
)
def test_a_cell_that_cannot_tell_says_why(change, why):
    rows = modified()[MODIFIED]
    here = (rows.architecture == "plain") & (rows.learning_rate == 0.2) & (rows.step == 2000)
    rows.loc[here, list(change)] = list(change.values())
    found = judged("P20", {MODIFIED: rows})
    assert states(found)[:6] == "hohhhh"
    assert f"cannot tell, {why}" in found.parts[1].sentence


def test_a_pair_without_biases_of_which_one_diverged_differs():
    rows = modified()[MODIFIED]
    rows.loc[~rows.biases & (rows.variant == "modified") & (rows.seed == 3), "diverged"] = True
    assert states(judged("P20", {MODIFIED: rows}))[6] == "f"


# ---------------------------------------------------------------- the tasks' own tables, of right and of wrong code


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    path = tmp_path_factory.mktemp("data") / "digits.arrays"
    save(digits5k(1), path)
    return path


def tabulated(digits, residual, **sizes):
    """P12 on small networks."""
    return judged("P12", {TOPOLOGIES: small_table(digits, residual, **sizes)})


def small_table(digits, residual, convolutions=((1, 0.03), (1, 0.55)), steps=200, rate=0.3, tests=300):
    training = Training(seeds=10, batch_size=16, learning_rate=rate, test_samples=tests)
    layers = [Layer(width=width, drop_rate=p) for width, p in convolutions]
    residuals = [Layer(width=residual[0], drop_rate=residual[1])]
    sizes = {"depth": 8, "steps": steps, "target": 0.8}
    settings = OtherTopologies(convolutions=layers, residuals=residuals, training=training, **sizes)
    return task.tabulate(settings, 990001, digits)


def without_masks(forward, architecture, factor):
    """A forward pass in which masks keep everything (factor 1) or nothing (0) of networks that drop anything."""

    def wrong(self, x, masks):
        if self.architecture == architecture:
            drops = torch.tensor([0 < member.drop_rate < 1 for member in self.members])
            masks = torch.where(drops[None, :, None, None], torch.full_like(masks, factor), masks)
        return forward(self, x, masks)

    return wrong


def test_convolutions_of_right_and_wrong_code(digits, monkeypatch):
    assert states(tabulated(digits, (2, 0.5)))[1:4] == "hhh"
    with monkeypatch.context() as wrong:
        wrong.setattr(StackedTopology, "_forward", without_masks(StackedTopology._forward, "convolution", 1.0))
        assert states(tabulated(digits, (2, 0.5)))[1:4] == "fhh"  # learns although every mask should cut it
    with monkeypatch.context() as wrong:
        wrong.setattr(networks, "gain_of", lambda gain, p: 0.05 if p else 1.0)
        assert states(tabulated(digits, (2, 0.5)))[1:4] == "hff"  # its signal vanishes although there are paths
    for cuts in (lambda kept: np.zeros(kept.shape[:-2], int), lambda kept: np.ones(kept.shape[:-2], int)):
        with monkeypatch.context() as wrong:
            wrong.setattr(networks, "vertex_cuts", cuts)
            assert states(tabulated(digits, (2, 0.5), steps=20))[0] == "f"


def test_branches_of_right_and_wrong_code(digits, monkeypatch):
    sizes = {"convolutions": [(1, 0.3)], "steps": 400, "rate": 0.2, "tests": 1000}
    tables = {}
    for factor in (1.0, 0.0):  # the undropped network, and the identity alone, in its place
        with monkeypatch.context() as wrong:
            wrong.setattr(StackedTopology, "_forward", without_masks(StackedTopology._forward, "residual", factor))
            tables[factor] = small_table(digits, (14, 0.945), **sizes)
    for narrow, wide, state in ((1.0, 1.0, "h"), (0.0, 1.0, "f"), (0.0, 0.0, "o")):
        control = tables[wide][tables[wide].topology == "residual"]
        control = control.assign(width=90, plain_theta=1.0, theta_rate_sum=80.0, plain_crossed_steps=control.steps)
        assert states(judged("P12", {TOPOLOGIES: pd.concat([tables[narrow], control])}))[4] == state


def test_modified_dropout_of_right_and_wrong_code(digits, monkeypatch):
    cells = [Stacked(architecture=name, width=2, drop_rate=0.5) for name in ARMS]
    sizes = {"depth": 2, "steps": 200, "target": 0.8, "seeds": 10, "bias_free": 10, "batch_size": 8, "samples": 100}
    settings = ModifiedTopologies(cells=cells, learning_rates=[0.4], **sizes)

    def found():  # as if the short run were at its plateau: the quarter before shows what the last half does
        late = modified_task.tabulate(settings, 990001, digits).query("step == 200")
        return states(judged("P20", {MODIFIED: pd.concat([late.assign(step=100), late])}))

    cuts = networks.vertex_cuts
    assert found()[3] == "h"
    assert found()[4] != "f"
    monkeypatch.setattr(networks, "vertex_cuts", lambda kept: 1 - (cuts(kept) > 0))  # skips the useful steps
    assert found() == "fffff"
    monkeypatch.setattr(networks, "vertex_cuts", lambda kept: np.zeros(kept.shape[:-2], int))
    assert found() == "ooohf"


def test_the_claims_rest_on_every_architecture():
    assert set(ARMS) == set(ARCHITECTURES) - {"residual"}
    assert LEDGER["P20"].evidence == [MODIFIED]
