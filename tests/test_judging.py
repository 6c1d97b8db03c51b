"""Rules that hold for every claim, whatever its judge: missing, broken and too little evidence; statements of parts."""

import math

import pytest

from dropatlas.claims import Judgement, Verdict, judging, load_ledger
from dropatlas.claims.judging import judge
from dropatlas.claims.verdicts import of_parts, undecided
from dropatlas.reports.judges import judges
from dropatlas.tasks.judge_claims import tabulate


@pytest.fixture
def verdict_of(monkeypatch):
    """The verdict on P7, which needs scale standard, if its judge answers or raises this."""
    claim = load_ledger()["P7"]

    def ask(answer, scale="standard"):
        def answers(tables, criterion):
            if isinstance(answer, Exception):
                raise answer
            return answer

        monkeypatch.setitem(judging.JUDGES, claim.test, answers)
        return judge(claim, dict.fromkeys(claim.evidence), scale)

    return ask


def found(verdict, effect=0.5):
    return Judgement(verdict, "share", effect, 0.25, 0.75, 10, "0.5 is below 0.9")


@pytest.mark.parametrize("verdict", [Verdict.REPRODUCED, Verdict.PARTLY, Verdict.NOT_REPRODUCED])
def test_a_judge_decides_from_the_scale_of_its_claim_on(verdict_of, verdict):
    assert verdict_of(found(verdict)) == verdict_of(found(verdict), "paper") == found(verdict)
    below = verdict_of(found(verdict), "quick")
    assert below.verdict == Verdict.INCONCLUSIVE
    assert below.reason == "needs scale standard to decide; so far: 0.5 is below 0.9"
    assert below.effect == 0.5


@pytest.mark.parametrize("effect", [math.nan, math.inf])
def test_no_verdict_rests_on_what_is_no_number(verdict_of, effect):
    judged = verdict_of(found(Verdict.REPRODUCED, effect))
    assert judged.verdict == Verdict.INCONCLUSIVE
    assert judged.reason.startswith("the evidence holds values that are no numbers (0.5 is")


def test_an_undecided_judge_is_quoted_as_it_is(verdict_of):
    assert verdict_of(undecided("share", 3, "3 seeds are too few"), "quick").reason == "3 seeds are too few"


def test_a_judge_that_fails_costs_its_claim_alone(verdict_of):
    judged = verdict_of(KeyError("theta"))
    assert judged.verdict == Verdict.INCONCLUSIVE
    assert judged.reason == "the evidence cannot be judged (KeyError: 'theta')"


@pytest.mark.parametrize(
    ("sides", "verdict"),
    [
        ([1, 1], Verdict.REPRODUCED),
        ([1, -1], Verdict.PARTLY),
        ([1, -1, 0], Verdict.PARTLY),
        ([-1, -1], Verdict.NOT_REPRODUCED),
        ([-1, 0], Verdict.NOT_REPRODUCED),
        ([1, 0], Verdict.INCONCLUSIVE),
        ([0], Verdict.INCONCLUSIVE),
        ([], Verdict.INCONCLUSIVE),
    ],
)
def test_one_refuted_part_refutes_a_statement_of_parts(sides, verdict):
    assert of_parts(sides) == verdict


def test_the_page_shows_a_judge_with_all_it_calls():
    rows = tabulate(load_ledger().full_docket("quick"), {})
    shown = judges(rows[rows.id == "D1"])
    assert "def judge_mnist(" in shown
    assert "def _best_arm(" in shown  # called by it
    assert "def _against_others(" in shown  # called by that one
    assert "def judge_step_time(" not in shown
