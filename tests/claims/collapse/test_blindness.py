"""Judges of P5 and P11 on fabricated evidence, and on tables made by wrong code: each part fails where it should."""

import numpy as np
import pandas as pd
import pytest
import torch
from tests.claims.collapse.evidence import OPEN, PARTLY, REFUTED, REPRODUCED, judged, states

from dropatlas.claims.collapse.blindness import BLINDNESS, DECOUPLING
from dropatlas.collapse import blindness as coupled
from dropatlas.collapse import decoupling as random_networks
from dropatlas.collapse import masks
from dropatlas.collapse.blindness import layer_sizes
from dropatlas.collapse.blindness_settings import Blindness, MaskedNetwork
from dropatlas.collapse.masks import vertex_cuts
from dropatlas.collapse.problems import regression_problem
from dropatlas.collapse.settings import Decoupling
from dropatlas.tasks.collapse import blindness as blindness_task
from dropatlas.tasks.collapse import decoupling as decoupling_task


def decoupling(networks=100, failures=0, gradients=0, blind=False):
    rows = [
        (assumption, path, networks, networks - failures if not path else (networks if blind else 0))
        + (networks - gradients if assumption and not path else 0,)
        for assumption in (True, False)
        for path in (True, False)
    ]
    columns = ["assumption", "has_path", "networks", "input_effect_zero", "weight_gradients_zero"]
    return {DECOUPLING: pd.DataFrame(rows, columns=columns)}


@pytest.mark.parametrize(
    ("evidence", "verdict"),
    [
        (decoupling(), REPRODUCED),
        (decoupling(failures=1), PARTLY),
        (decoupling(gradients=1), PARTLY),
        (decoupling(failures=1, gradients=1), REFUTED),
        (decoupling(networks=10, failures=1), REFUTED),
        (decoupling(networks=10), OPEN),
        (decoupling(blind=True), OPEN),
    ],
)
def test_decoupling(evidence, verdict):
    assert judged("P5", evidence).verdict == verdict


def test_a_gradient_without_a_path_refutes_that_part_of_decoupling():
    found = judged("P5", decoupling(gradients=3))
    assert found.verdict == PARTLY
    assert (found.effect, found.n) == (0.03, 100)
    assert found.reason.startswith(
        "fails: gradients are zero: share of bias-free networks without a path that have gradients is 0.03"
    )
    assert states(found) == "hf"
    assert "holds: outputs ignore the input" in found.reason
    assert "of those with a path 100% do in the kind that reacts least; with biases or sigmoid 100% of" in found.reason


@pytest.mark.parametrize("absent", ["not has_path", "has_path", "assumption"])
def test_decoupling_needs_networks_of_every_kind(absent):
    rows = decoupling()[DECOUPLING]
    assert judged("P5", {DECOUPLING: rows.query(f"not ({absent})")}).verdict == OPEN
    none = rows.assign(**dict.fromkeys(["networks", "input_effect_zero", "weight_gradients_zero"], 0))
    kept = rows.where(~rows.eval(absent), none).astype(rows.dtypes)
    assert judged("P5", {DECOUPLING: kept}).verdict == OPEN


@pytest.mark.parametrize(("assumption", "parts"), [(True, "oo"), (False, "oh")])
def test_one_kind_of_network_that_hardly_reacts_leaves_its_part_open(assumption, parts):
    rows = decoupling()[DECOUPLING]
    dull = rows.has_path & (rows.assumption == assumption)
    for zero, expected in ((75, parts), (65, "hh")):
        columns = ["input_effect_zero", "weight_gradients_zero"]
        changed = rows.assign(**{column: rows[column].mask(dull, zero) for column in columns})
        assert states(judged("P5", {DECOUPLING: changed})) == expected


def test_a_count_that_is_no_number_does_not_refute_decoupling():
    rows = decoupling()[DECOUPLING].astype({"input_effect_zero": float})
    rows.loc[~rows.has_path, "input_effect_zero"] = np.nan
    assert judged("P5", {DECOUPLING: rows}).verdict == OPEN


def decoupling_made():
    table = decoupling_task.tabulate(Decoupling(networks=200, largest_width=5, largest_depth=8), seed=5)
    return judged("P5", {DECOUPLING: table})


def test_random_networks_decouple():
    assert decoupling_made().verdict == REPRODUCED


def test_an_edge_that_the_mask_left_fails_both_parts(monkeypatch):
    """The network is trained under a mask with one edge more than the one that is judged to be cut."""
    real = random_networks.edge_cuts
    monkeypatch.setattr(random_networks, "edge_cuts", lambda bits: real([np.zeros_like(bits[0]), *bits[1:]]))
    assert states(decoupling_made()) == "ff"


def test_paths_found_by_nonsense_fail(monkeypatch):
    monkeypatch.setattr(random_networks, "edge_cuts", lambda bits: np.array([1 - bits[0][0, 0, 0]]))
    assert states(decoupling_made()) == "ff"


def test_an_activation_that_is_not_zero_at_zero_fails_the_part_on_gradients(monkeypatch):
    monkeypatch.setitem(random_networks.ACTIVATIONS, "tanh", lambda h: torch.tanh(h + 1))
    assert states(decoupling_made()) == "hf"


@pytest.mark.parametrize("kinds", [("tanh", "relu", "sigmoid"), ("relu",)])
def test_networks_that_see_no_input_at_all_decide_nothing(monkeypatch, kinds):
    for kind in kinds:
        monkeypatch.setitem(random_networks.ACTIVATIONS, kind, lambda h: 0 * h)
    assert states(decoupling_made()) == "oo"


def fabricated(pairs=800, leaks=0, late=0, shift=0.0, networks=3, spared=0, moved=0.3):
    """Networks of θ = 0.1, with horizons 3 and 9: counts as in theory, but for what is told of the last network.

    Args:
        pairs: Pairs per network.
        leaks: Pairs that differ a step before their first one with a path.
        late: Share of the pairs with such a step that differ only after the next one.
        shift: Added to the share that differs by both horizons.
        networks: How many.
        spared: Networks without any step with a path.
        moved: Mean movement in the last network.
    """
    tables = []
    for number in range(networks):
        changed = shift if number == networks - 1 else 0.0
        first = np.zeros(pairs, dtype=int)
        if number >= spared:
            ends = [round(pairs * (1 - 0.9**3 + changed)), round(pairs * (1 - 0.9**9 + changed))]
            first[: ends[0]], first[ends[0] : ends[1]] = 2, 6
        different = first.copy()
        if number == networks - 1:
            crossed = np.flatnonzero(first == 6)
            different[crossed[len(crossed) - round(late * (first > 0).sum()) :]] += bool(late)
            different[crossed[:leaks]] -= 1
        cell = {"problem": "regression", "model": "site", "masks": "step", "activation": "tanh", "biases": number > 0}
        cell |= {"depth": number, "width": 2, "drop_rate": 0.5, "theta": 0.1, "early": 3, "late": 9}
        movement = (moved if number == networks - 1 else 0.3) * np.tile([0.5, 1.5], pairs // 2)
        tables.append(
            pd.DataFrame({"first_crossed": first, "first_different": different, "movement": movement}).assign(**cell)
        )
    return {BLINDNESS: pd.concat(tables, ignore_index=True)}


@pytest.mark.parametrize(
    ("evidence", "verdict", "parts"),
    [
        (fabricated(), REPRODUCED, "hhh"),
        (fabricated(leaks=1), PARTLY, "fhh"),
        (fabricated(late=0.2), OPEN, "ohh"),
        (fabricated(leaks=1, late=0.2), PARTLY, "fhh"),
        (fabricated(shift=0.1), PARTLY, "hfh"),
        (fabricated(shift=-0.1), OPEN, "hoh"),
        (fabricated(pairs=400, shift=0.05), OPEN, "hoh"),
        (fabricated(moved=0.02), PARTLY, "hhf"),
        (fabricated(moved=0.05), OPEN, "hho"),
        (fabricated(leaks=1, late=0.2, shift=0.1, moved=0.02), REFUTED, "fff"),
        (fabricated(pairs=100), OPEN, "ooh"),
        (fabricated(pairs=100, leaks=1), PARTLY, "foh"),
        (fabricated(spared=3), OPEN, "ooh"),
        (fabricated(networks=2), REPRODUCED, "hhh"),
        (fabricated(networks=1), OPEN, "hho"),  # without biases
    ],
)
def test_blindness(evidence, verdict, parts):
    found = judged("P11", evidence)
    assert (states(found), found.verdict) == (parts, verdict)


def test_blindness_without_rows_is_open():
    assert states(judged("P11", {BLINDNESS: fabricated()[BLINDNESS].iloc[:0]})) == "ooo"


def test_the_verdict_on_blindness_tells_which_number_is_weak():
    assert "none of 2,400 pairs in all differs earlier" in judged("P11", fabricated()).reason
    weak = judged("P11", fabricated(late=0.2)).reason
    assert "path: share of pairs that part right at their first step with a path is 0.8 [" in weak


NETWORKS = [
    {"model": "site", "masks": "step", "biases": True, "depth": 6, "width": 2, "drop_rate": 0.6},
    {"model": "bond", "masks": "step", "biases": True, "depth": 6, "width": 2, "drop_rate": 0.6},
    {"model": "site", "masks": "sample", "biases": False, "depth": 5, "width": 2, "drop_rate": 0.7},
]


@pytest.fixture
def made(monkeypatch):
    """Evidence of P11 from the task itself, at small size; the digits are read by no network of it."""
    monkeypatch.setattr(blindness_task, "load", lambda path: None)
    monkeypatch.setattr(blindness_task, "digits_problem", lambda *_, **__: None)
    networks = [MaskedNetwork(problem="regression", activation="tanh", **changes) for changes in NETWORKS]
    sizes = {"learning_rates": [0.01, 0.1], "pairs": 100, "batch_size": 3, "early": 0.25, "late": 0.6, "spread": 0.5}
    settings = Blindness(networks=networks, **sizes)
    return lambda: judged("P11", {BLINDNESS: blindness_task.tabulate(settings, seed=5, data=None)})


def test_coupled_runs_are_blind(made):
    found = made()
    assert (states(found), found.verdict) == ("hhh", REPRODUCED)


def wrong_outputs(change):
    """The outputs of `coupled`, with inputs or masks changed on the way."""
    real = coupled.outputs

    def outputs(network, parameters, x, kept):
        return change(real, network, parameters, x, kept)

    return outputs


def skip(real, network, parameters, x, kept):
    """A skip connection around all layers."""
    return real(network, parameters, x, kept) + 1e-3 * x.mean(-1, keepdim=True)


def standout(real, network, parameters, x, kept):
    """Masks that read the inputs: the first layer is kept whole where the first input is large."""
    seen = (x[:, :, :1] > 1).to(x.dtype)
    first = kept[0] if network.model == "bond" else kept[0].expand(-1, x.shape[1], -1)
    seen = seen[:, :1] if network.model == "bond" else seen
    return real(network, parameters, x, [torch.maximum(first, seen), *kept[1:]])


def batch_statistics(real, network, parameters, x, kept):
    """Outputs scaled by the spread of the inputs of the batch."""
    return real(network, parameters, x, kept) * x.std(dim=(1, 2), keepdim=True)


def half_cut(real, network, parameters, x, kept):
    """Masked vertices and edges let a hundredth through."""
    return real(network, parameters, x, [layer.clamp(min=1e-2) for layer in kept])


@pytest.mark.parametrize("change", [skip, standout, batch_statistics, half_cut])
def test_a_way_around_the_mask_fails(made, monkeypatch, change):
    monkeypatch.setattr(coupled, "outputs", wrong_outputs(change))
    found = made()
    assert states(found)[:2] == "ff"


def test_a_leak_in_one_pair_alone_fails_the_first_part(made, monkeypatch):
    def leaky(real, network, parameters, x, kept):
        found = real(network, parameters, x, kept)
        found[:1] = found[:1] + x[:1].mean(-1, keepdim=True)
        return found

    monkeypatch.setattr(coupled, "outputs", wrong_outputs(leaky))
    found = made()
    assert (states(found), found.verdict) == ("fhh", PARTLY)


@pytest.mark.parametrize(
    ("nonsense", "parts"),
    [
        (lambda kept: np.zeros(kept.shape[:-2], dtype=int), "oho"),  # says that every mask leaves a path
        (lambda kept: np.ones(kept.shape[:-2], dtype=int), "fhh"),  # says that none does
        (lambda kept: 1 - kept[..., 0, 0], "fho"),
        (lambda kept: np.roll(vertex_cuts(kept), 1, axis=0), "fhh"),  # those of another step
    ],
)
def test_cuts_found_by_nonsense_do_not_hold(made, monkeypatch, nonsense, parts):
    """They fail, but for those that find a path everywhere: nothing is claimed of such steps, and nothing compared."""
    monkeypatch.setattr(masks, "vertex_cuts", nonsense)
    assert states(made()) == parts


def test_runs_on_the_same_inputs_decide_nothing_about_inputs(made, monkeypatch):
    """All inputs are one, so that other inputs are the same ones: nothing is compared."""

    def alike(*args, **options):
        problem = regression_problem(*args, **options)
        problem.train_x[:] = problem.train_x[0]
        return problem

    monkeypatch.setattr(blindness_task, "regression_problem", alike)
    found = made()
    assert (states(found), found.verdict) == ("ooh", OPEN)


@pytest.mark.parametrize(("factor", "parts"), [(0.7, "hfh"), (1.4, "hoh")])
def test_a_theta_too_small_fails_the_bound_and_one_too_large_leaves_it_open(made, monkeypatch, factor, parts):
    real = MaskedNetwork.crossing_probability
    monkeypatch.setattr(MaskedNetwork, "crossing_probability", lambda *a: factor * real(*a))
    assert states(made()) == parts


def test_networks_without_the_biases_they_are_said_to_have_do_not_move(made, monkeypatch):
    def unbiased(real, network, parameters, x, kept):
        sizes = layer_sizes(network)
        parts = [part * (number % 2 == 0) for number, part in enumerate(parameters.split(sizes, dim=-1))]
        return real(network, torch.cat(parts, dim=-1), x, kept)

    monkeypatch.setattr(coupled, "outputs", wrong_outputs(unbiased))
    found = made()
    assert (states(found), found.verdict) == ("hhf", PARTLY)


def test_runs_that_diverge_alike_do_not_differ():
    """Not a number twice is no difference; once it is one."""
    start = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
    first, second = (coupled.Run(start, [("SGD", 0.1)]) for _ in range(2))
    for run in (first, second):
        run.step(run.parameters[:, 0] * torch.tensor([torch.nan, torch.inf, 1.0]))
    assert first.differs(second).tolist() == [False, False, False]
    second.step(second.parameters[:, 1] * torch.tensor([0.0, torch.nan, 0.0]))
    assert first.differs(second).tolist() == [False, True, False]
