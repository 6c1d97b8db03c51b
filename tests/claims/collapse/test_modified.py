"""Judge of P10 on fabricated evidence, and on what the task makes of true and of wrong worlds."""

import numpy as np
import pandas as pd
import pytest
from tests.claims.collapse.evidence import PARTLY, judged, noise, states

from dropatlas.claims.collapse.modified import VARIANTS
from dropatlas.collapse import ensemble
from dropatlas.collapse.members import Member, Shape
from dropatlas.collapse.settings import Cell
from dropatlas.collapse.variants import Variants
from dropatlas.tasks.collapse import variants as task


def variants(biased_difference, spread=0.01, free_difference=0.0, learns=True):
    rows = []
    for biases in (False, True):
        for member, wiggle in enumerate(noise(12)):
            difference = biased_difference + spread * wiggle if biases else free_difference
            level = 1.0 + 0.01 * wiggle
            rows.append((biases, "none", member, 0.2))
            rows.append((biases, "dropout", member, level))
            rows.append((biases, "modified", member, level + difference))
    columns = ["biases", "variant", "seed", "loss_ratio"]
    frame = pd.DataFrame(rows, columns=columns).assign(problem="regression", depth=20, width=2, cell_drop_rate=0.5)
    return {VARIANTS: frame.assign(step=100, diverged=False, control_learns=learns)}


def two_cells(*differences, **others):
    cells = [
        variants(difference, **others)[VARIANTS].assign(width=width)
        for width, difference in enumerate(differences, start=2)
    ]
    return {VARIANTS: pd.concat(cells, ignore_index=True)}


# ---------------------------------------------------------------- P10: fabricated tables

STEPS = (100, 300, 400, 600, 800)


def pairs(*saved, spread=0.01, cost=0.4, drift=0.0, free=0.0, shares=1.0, cut=True, learns=True, weights=0.0):
    """Cells of dropout, one for each share of its cost that modified dropout saves, at the plateau from step 300 on."""
    rows = []
    for width, share in enumerate(saved, start=2):
        for seed, wiggle in enumerate(noise(20, width)):
            for step in STEPS:
                theta = 0.5 if cut else 1.0
                known = (width, seed, step, round(step * theta * shares), theta)
                level = 0.1 + cost + (drift if step <= 400 else 0.0)
                modified = level - cost * (share + spread * wiggle)
                for biases, variant, loss, moved in (
                    (True, "none", 0.1, 1.0),
                    (True, "dropout", level, 1.0),
                    (True, "modified", modified, 1.0),
                    (False, "none", 0.1, 1.0),
                    (False, "dropout", level, 1.0),
                    (False, "modified", level + free * (seed == 3), 1.0 + weights * (seed == 3)),
                ):
                    rows.append((*known, biases, variant, loss, moved))
    names = ["width", "seed", "step", "crossed_steps", "theta", "biases", "variant", "loss_ratio", "relative_movement"]
    frame = pd.DataFrame(rows, columns=names).assign(
        problem="regression", depth=4, cell_drop_rate=0.5, learning_rate=0.1
    )
    return {VARIANTS: frame.assign(diverged=False, control_learns=learns)}


@pytest.mark.parametrize(
    ("evidence", "expected"),
    [
        (pairs(0.2, 0.3), "hhh"),
        (pairs(0.04, 0.2), "hhf"),
        (pairs(0.0, 0.2, spread=0.001), "hff"),
        (pairs(-0.1), "hff"),
        (pairs(0.0, spread=0.0), "hff"),  # they are the same network
        (pairs(0.2, free=1e-7), "fhh"),
        (pairs(0.2, weights=1e-7), "fhh"),
        (pairs(-0.1, free=1e-7), "fff"),
        (pairs(0.2, shares=0.7), "fhh"),
        (pairs(0.2, cut=False), "ohh"),  # equal, but no step without a path was met
        (pairs(0.2, learns=False), "hoo"),
        (pairs(0.2, cost=0.04), "hoo"),
        (pairs(0.2, drift=0.1), "hoo"),
        (pairs(0.1, spread=1.0), "hoo"),
    ],
)
def test_modified_dropout(evidence, expected):
    assert states(judged("P10", evidence)) == expected


def test_the_reason_names_the_cell_and_why_others_cannot_tell():
    rows = pairs(-0.1, 0.2)[VARIANTS]
    rows.loc[(rows.width == 3) & rows.step.gt(400), "loss_ratio"] -= 0.2
    found = judged("P10", {VARIANTS: rows.assign(loss_ratio=rows.loss_ratio.clip(lower=0.05))})
    assert found.verdict == PARTLY
    assert found.effect == pytest.approx(-0.1)
    assert "(dropout, L = 4, W = 2, p = 0.5, α = 0.1)" in found.reason
    assert "1 of 2 cells cannot tell: not at its plateau (1)" in found.reason


def test_networks_that_are_missing_or_no_number_decide_nothing_with_biases_and_differ_without():
    rows = pairs(0.2)[VARIANTS]
    assert states(judged("P10", {VARIANTS: rows.query("biases")})) == "ohh"
    assert states(judged("P10", {VARIANTS: rows.query("not biases")})) == "hoo"
    assert states(judged("P10", {VARIANTS: rows.query("variant != 'modified'")})) == "ooo"
    lost = (rows.variant == "modified") & (rows.seed == 3)
    gone = rows.assign(loss_ratio=rows.loss_ratio.mask(lost), diverged=lost)
    assert states(judged("P10", {VARIANTS: gone})) == "foo"


def test_false_alarms_of_the_paired_judge_stay_at_its_level():
    rng, rows, found = np.random.default_rng(4), pairs(0.0)[VARIANTS], []
    changed = rows.biases & (rows.variant == "modified")
    for _ in range(60):
        harm = 0.4 * 0.05 * rng.standard_normal(20)
        moved = rows.loss_ratio.where(~changed, 0.5 + harm[rows.seed])
        found.append(states(judged("P10", {VARIANTS: rows.assign(loss_ratio=moved)}))[1])
    assert found.count("h") <= 4  # 0.8 % expected


# ---------------------------------------------------------------- P10: the task, in true and wrong worlds

SETTINGS = Variants(
    cells=[Cell(depth=2, width=2, drop_rate=0.5)],
    learning_rates=[0.3],
    seeds=12,
    batch_size=8,
    test_samples=50,
    steps=1200,
    free_steps=100,
    measurements=4,
    target=0.8,
    offset=1.0,
)


def measured():
    return {VARIANTS: task.tabulate(SETTINGS, 990001)}


def test_the_true_world_is_equal_without_biases():
    rows = measured()[VARIANTS]
    assert states(judged("P10", {VARIANTS: rows}))[0] == "h"
    assert (rows[rows.variant == "dropout"].crossed_steps < rows[rows.variant == "dropout"].step)[rows.step > 50].all()


@pytest.mark.parametrize("cuts", [lambda kept: np.zeros(kept.shape[:-2]), lambda kept: np.arange(len(kept)) % 2])
def test_nonsense_about_paths_turns_the_claim(cuts, monkeypatch):
    monkeypatch.setattr(ensemble, "vertex_cuts", cuts)
    assert states(judged("P10", measured()))[0] == "f"


def test_networks_that_learn_without_a_path_are_not_equal(monkeypatch):
    monkeypatch.setattr(task, "Shape", lambda *sizes, biases: Shape(*sizes, biases=True))
    assert states(judged("P10", measured()))[0] == "f"


def test_modified_dropout_that_skips_nothing_is_neither_better_nor_does_it_matter(monkeypatch):
    monkeypatch.setattr(Member, "skips", lambda member, shape: False)
    assert states(judged("P10", measured()))[1:] == "ff"


# ---------------------------------------------------------------- P11
