"""Files to go on from: what was kept, or nothing."""

import pandas as pd
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dropatlas.checkpoints import keep_rows, keep_state, kept_rows, kept_state

STATE = {"weights": torch.arange(1000.0).reshape(10, 100), "step": torch.tensor(7), "name": "run", "history": [1, 2.5]}
ROWS = pd.DataFrame({"width": range(500), "risk": [0.1 * row for row in range(500)], "variant": 250 * ["none", "ram"]})


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """A state and rows, kept; their loaders."""
    folder = tmp_path_factory.mktemp("kept") / "checkpoints"
    keep_state(folder / "state", STATE)
    keep_rows(folder / "rows", ROWS)
    return {"state": (folder / "state", kept_state), "rows": (folder / "rows", kept_rows)}


def test_what_was_kept_comes_back(files):
    path, load = files["state"]
    found = load(path)
    assert torch.equal(found.pop("weights"), STATE["weights"])
    assert found == {name: value for name, value in STATE.items() if name != "weights"}
    path, load = files["rows"]
    pd.testing.assert_frame_equal(load(path), ROWS, check_exact=True)


def test_nothing_kept_is_nothing(tmp_path):
    assert kept_state(tmp_path / "state") is None
    assert kept_rows(tmp_path / "rows") is None


@pytest.mark.parametrize("kind", ["state", "rows"])
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_one_changed_bit_is_noticed(files, tmp_path, kind, place, bit):
    path, load = files[kind]
    content = bytearray(path.read_bytes())
    content[int(place * len(content))] ^= 1 << bit
    (tmp_path / kind).write_bytes(content)
    assert load(tmp_path / kind) is None


@pytest.mark.parametrize("kind", ["state", "rows"])
@pytest.mark.parametrize("length", [0, 1, 32, 1000, -1])
def test_a_file_cut_short_is_noticed_and_named(files, tmp_path, caplog, kind, length):
    path, load = files[kind]
    (tmp_path / kind).write_bytes(path.read_bytes()[:length])
    assert load(tmp_path / kind) is None
    assert f"cannot resume from {tmp_path / kind} (cut short or damaged): starting over" in caplog.text


def test_a_failed_save_leaves_what_was_kept_before(tmp_path):
    path = tmp_path / "state"
    keep_state(path, STATE)
    with pytest.raises(Exception, match="pickle"):
        keep_state(path, {"weights": lambda: None})
    assert int(kept_state(path)["step"]) == 7
    assert [file.name for file in tmp_path.iterdir()] == ["state"]
