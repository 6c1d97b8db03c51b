"""What README.md shows of the check is what it prints."""

import contextlib
import io
import re
import shlex
import sys
import warnings

import pytest

from dropatlas import cli
from dropatlas.provenance import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?")


def test_the_example_prints_what_the_readme_shows():
    code, expected = re.search(r"```python\n(.*?)```\n\n```text\n(.*?)```", README, flags=re.S).groups()
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(code, {})
    text = printed.getvalue()
    assert NUMBER.sub("#", text) == NUMBER.sub("#", expected)
    numbers = [[float(number) for number in NUMBER.findall(each)] for each in (text, expected)]
    assert numbers[0] == pytest.approx(numbers[1], rel=0.02, abs=0.002)  # other processors round otherwise


def test_the_command_of_the_readme_runs(monkeypatch, capsys):
    (line,) = re.findall(r"^(dropatlas check .*?)\s+#", README, flags=re.M)
    monkeypatch.setattr(sys, "argv", shlex.split(line))
    cli.main()
    assert "of 1000 steps are expected to be cut whole" in capsys.readouterr().out
