"""Judges of P5 on fabricated evidence: true, false, half true, undecidable."""

import numpy as np
import pandas as pd
import pytest
from tests.claims.collapse.evidence import OPEN, PARTLY, REFUTED, REPRODUCED, judged, states

from dropatlas.claims.collapse.blindness import DECOUPLING


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
    assert "of those with a path 100% do; with biases or sigmoid 100% of" in found.reason


@pytest.mark.parametrize("absent", ["not has_path", "has_path", "assumption"])
def test_decoupling_needs_networks_of_every_kind(absent):
    rows = decoupling()[DECOUPLING]
    assert judged("P5", {DECOUPLING: rows.query(f"not ({absent})")}).verdict == OPEN
    none = rows.assign(**dict.fromkeys(["networks", "input_effect_zero", "weight_gradients_zero"], 0))
    kept = rows.where(~rows.eval(absent), none).astype(rows.dtypes)
    assert judged("P5", {DECOUPLING: kept}).verdict == OPEN


def test_a_count_that_is_no_number_does_not_refute_decoupling():
    rows = decoupling()[DECOUPLING].astype({"input_effect_zero": float})
    rows.loc[~rows.has_path, "input_effect_zero"] = np.nan
    assert judged("P5", {DECOUPLING: rows}).verdict == OPEN
