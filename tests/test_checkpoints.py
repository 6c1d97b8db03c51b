"""Files to go on from: what this run kept, or nothing."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dropatlas import checkpoints
from dropatlas.checkpoints import Checkpoint, identity
from dropatlas.recipes import Recipe

STATE = {"weights": torch.arange(1000.0).reshape(10, 100), "step": torch.tensor(7), "name": "run", "history": [1, 2.5]}
ROWS = pd.DataFrame({"width": range(500), "risk": [0.1 * row for row in range(500)], "variant": 250 * ["none", "ram"]})
KINDS = ["state", "rows"]
CODE, RECIPE, SEED, DATA = ["dropatlas.randomness"], Recipe(epochs=2, learning_rate=0.1), 1, torch.arange(5000)
RUN = (CODE, RECIPE, SEED, DATA)


def keep(path, kind, run=RUN):
    if kind == "state":
        Checkpoint(path, *run).keep(STATE)
    else:
        Checkpoint(path, *run).rows(lambda: ROWS)


def kept(path, kind, run=RUN):
    """What comes back; None if the run starts over."""
    if kind == "state":
        return Checkpoint(path, *run).kept()
    found = Checkpoint(path, *run).rows(lambda: pd.DataFrame({"made": ["anew"]}))
    return None if "made" in found else found


def assert_whole(found, kind):
    if kind == "rows":
        pd.testing.assert_frame_equal(found, ROWS, check_exact=True)
        return
    assert torch.equal(found.pop("weights"), STATE["weights"])
    assert found == {name: value for name, value in STATE.items() if name != "weights"}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A kept file of each kind."""
    folder = tmp_path_factory.mktemp("kept") / "checkpoints"
    for kind in KINDS:
        keep(folder / kind, kind)
    return folder


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_kept_comes_back(files, kind):
    assert_whole(kept(files / kind, kind), kind)


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_kept_is_nothing_and_without_a_file_nothing_is_kept_or_told_apart(tmp_path, kind, monkeypatch):
    assert kept(tmp_path / "none", kind) is None
    monkeypatch.setattr(checkpoints, "CHECKPOINT_SECONDS", 0.0)
    monkeypatch.setattr(checkpoints, "identity", pytest.fail)
    keep(None, kind)
    assert kept(None, kind) is None
    assert not Checkpoint(None, *RUN).due


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_one_changed_bit_is_noticed(files, tmp_path, kind, place, bit):
    content = bytearray((files / kind).read_bytes())
    content[int(place * len(content))] ^= 1 << bit
    (tmp_path / kind).write_bytes(content)
    assert kept(tmp_path / kind, kind) is None


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("length", [0, 1, 32, 64, 1000, -1])
def test_a_file_cut_short_is_noticed_and_named(files, tmp_path, caplog, kind, length):
    (tmp_path / kind).write_bytes((files / kind).read_bytes()[:length])
    assert kept(tmp_path / kind, kind) is None
    assert f"cannot resume from {tmp_path / kind} (cut short or damaged): starting over" in caplog.text


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "other",
    [
        (["dropatlas.progress"], RECIPE, SEED, DATA),
        (CODE, RECIPE.model_copy(update={"learning_rate": 0.1 + 1e-16}), SEED, DATA),
        (CODE, RECIPE, 2, DATA),
        (CODE, RECIPE, SEED, torch.where(DATA == 2500, 0, DATA)),  # deep in what `repr` leaves out
        (CODE, RECIPE, SEED, DATA, "a further part"),
    ],
    ids=["code", "settings", "seed", "data", "part"],
)
def test_a_file_of_another_run_is_not_picked_up_and_named(files, tmp_path, caplog, kind, other):
    path = tmp_path / kind
    path.write_bytes((files / kind).read_bytes())
    assert kept(path, kind, other) is None
    reason = "of a run with other settings, seed, data or code"
    assert f"cannot resume from {path} ({reason}): starting over" in caplog.text
    keep(path, kind, other)
    assert kept(path, kind) is None  # nor the other way round


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_of_changed_code_is_not_picked_up(tmp_path, monkeypatch, kind):
    code = tmp_path / "module.py"
    monkeypatch.setattr(checkpoints, "module_closure", lambda *modules: [code])
    monkeypatch.setattr(checkpoints, "_code", checkpoints._code.__wrapped__)  # as at the start of a process
    code.write_text("rate = 0.1\n")
    keep(tmp_path / kind, kind)
    assert_whole(kept(tmp_path / kind, kind), kind)
    code.write_text("rate = 0.2\n")
    assert kept(tmp_path / kind, kind) is None


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_of_another_torch_is_not_picked_up(files, tmp_path, monkeypatch, kind):
    (tmp_path / kind).write_bytes((files / kind).read_bytes())
    monkeypatch.setattr(torch, "__version__", "0.1")
    assert kept(tmp_path / kind, kind) is None


def test_a_failed_save_leaves_what_was_kept_before(tmp_path):
    keep(tmp_path / "state", "state")
    with pytest.raises(Exception, match="pickle"):
        Checkpoint(tmp_path / "state", *RUN).keep({"weights": lambda: None})
    assert_whole(kept(tmp_path / "state", "state"), "state")
    with pytest.raises(ZeroDivisionError):
        Checkpoint(tmp_path / "rows", *RUN).rows(lambda: 1 / 0)
    assert [file.name for file in tmp_path.iterdir()] == ["state"]


def test_a_file_is_due_when_the_last_one_is_long_ago(tmp_path, monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(checkpoints.time, "monotonic", lambda: clock[0])
    checkpoint = Checkpoint(tmp_path / "state", *RUN)
    for _ in range(2):
        assert not checkpoint.due
        clock[0] += checkpoints.CHECKPOINT_SECONDS
        assert checkpoint.due
        checkpoint.keep(STATE)


@dataclass(frozen=True)
class Described:
    rate: float
    data: torch.Tensor


def test_equal_content_is_one_identity_and_any_difference_is_another(tmp_path):
    for name, text in (("one", "a"), ("again", "a"), ("other", "b")):
        (tmp_path / name).write_text(text)
    zeros, ones = torch.zeros(4), torch.ones(3)
    equal = [
        (zeros, torch.zeros(8)[::2]),
        (Described(0.1, ones), Described(0.1, torch.ones(3))),
        (RECIPE, Recipe(epochs=2, learning_rate=0.1)),
        (tmp_path / "one", tmp_path / "again"),
    ]
    different = [1, 1.0, True, None, "1", [1], (1,), [1, [2, 3]], [1, 2, 3], [[1, 2], 3], {"a": 1, "b": 2}]
    different += [{"a": 2, "b": 1}, zeros.reshape(2, 2), zeros.to(torch.bfloat16), zeros.int(), zeros[0], zeros[:0]]
    different += [Described(0.1, zeros), Described(0.2, ones), Recipe(epochs=3, learning_rate=0.1), tmp_path / "other"]
    for one, again in equal:
        assert identity(CODE, one) == identity(CODE, again)
    assert len({identity(CODE, value) for value in (*different, *(one for one, _ in equal))}) == len(different + equal)


@pytest.mark.parametrize("value", [np.arange(3), ROWS, {1, 2}, object(), Described(0.1, np.ones(3)), [np.int64(1)]])
def test_a_value_whose_content_is_unknown_is_refused(value):
    with pytest.raises(TypeError, match="cannot tell runs apart by a"):
        identity(CODE, value)


def test_an_unknown_module_is_an_error():
    with pytest.raises(ValueError, match=r"no module 'dropatlas\.nothing'"):
        identity(["dropatlas.nothing"])


def test_the_identity_is_the_same_in_another_process():
    script = "from tests.test_checkpoints import *; print(identity(*RUN, {'a': DATA}).hex())"
    root = Path(__file__).parents[1]
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, cwd=root)
    assert told.stdout.strip() == identity(*RUN, {"a": DATA}).hex()
