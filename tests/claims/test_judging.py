"""Rules that hold for every claim, whatever its judge: missing, broken and too little evidence; the words of groups."""

from typing import get_args

import pandas as pd
import pytest

from dropatlas.claims import PAPERS, Judgement, LedgerError, Verdict, judging, load_ledger
from dropatlas.claims.judging import judge, judge_of
from dropatlas.claims.ledger import Paper
from dropatlas.claims.verdicts import undecided
from dropatlas.reports.judges import judges

LEDGER = load_ledger()
CLAIM = LEDGER["P7"].model_copy(update={"group": "published", "min_scale": "standard"})


@pytest.fixture
def verdict_of(monkeypatch):
    """The verdict on a claim that needs scale standard, if its judge answers or raises this."""

    def ask(answer, scale="standard", group="published"):
        def answers(tables, criterion):
            if isinstance(answer, Exception):
                raise answer
            return answer

        monkeypatch.setattr(judging, "judge_of", lambda claim: answers)
        return judge(CLAIM.model_copy(update={"group": group}), dict.fromkeys(CLAIM.evidence), scale)

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


@pytest.mark.parametrize("group", ["suggested", "open", "ours"])
def test_only_what_is_published_can_be_reproduced(verdict_of, group):
    words = {
        Verdict.REPRODUCED: Verdict.SUPPORTED,
        Verdict.NOT_REPRODUCED: Verdict.NOT_SUPPORTED,
        Verdict.PARTLY: Verdict.PARTLY,
        Verdict.INCONCLUSIVE: Verdict.INCONCLUSIVE,
    }
    for verdict, word in words.items():
        assert verdict_of(found(verdict), group=group).verdict == word
        assert verdict_of(found(verdict), "quick", group).verdict == Verdict.INCONCLUSIVE
        assert verdict_of(found(verdict)).verdict == verdict


def test_an_undecided_judge_is_quoted_as_it_is(verdict_of):
    assert verdict_of(undecided("share", 3, "3 seeds are too few"), "quick").reason == "3 seeds are too few"


def test_a_judge_that_fails_costs_its_claim_alone(verdict_of):
    judged = verdict_of(KeyError("theta"))
    assert judged.verdict == Verdict.INCONCLUSIVE
    assert judged.reason == "the evidence cannot be judged (KeyError: 'theta')"


def test_evidence_that_is_missing_is_named():
    judged = judge(CLAIM, {}, "paper")
    assert (judged.verdict, judged.reason) == (Verdict.NOT_RUN, "no table collapse/movement")


@pytest.mark.parametrize("claim", list(LEDGER), ids=lambda claim: claim.id)
def test_the_judge_of_a_claim_is_found_by_its_id(claim):
    assert judge_of(claim).__name__ == f"judge_{claim.id.lower()}"


def test_every_paper_has_a_title():
    assert get_args(Paper) == tuple(PAPERS)


def test_a_claim_without_a_judge_is_an_error(monkeypatch):
    unknown = CLAIM.model_copy(update={"id": "P99"})
    with pytest.raises(LedgerError, match=r"claim P99: 0 functions judge_p99 in dropatlas\.claims, one is needed"):
        judge(unknown, {}, "quick")
    monkeypatch.setattr(judging, "MODULES", judging.MODULES * 2)
    with pytest.raises(LedgerError, match="claim P7: 2 functions judge_p7"):
        judge_of(CLAIM)


def test_the_page_shows_a_judge_with_all_it_calls():
    shown = judges(
        pd.DataFrame({"id": ["P8"], "judge": "judge_p8", "criterion": '{"high": 0.99}', "min_scale": "quick"})
    )
    assert "def judge_p8(" in shown
    assert "def agreement_with_sampling(" in shown  # called by it
    assert "def share_check(" in shown  # called by that one
    assert "def decide(" in shown
    assert "def judge_p9(" not in shown
    assert "high = 0.99" in shown
