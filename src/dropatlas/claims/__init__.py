"""The claim ledger: which published statements replicate, judged by code from result tables alone."""

from dropatlas.claims.judging import judge
from dropatlas.claims.ledger import PAPERS, Claim, Docket, Ledger, LedgerError, load_ledger
from dropatlas.claims.verdicts import Judgement, Verdict

__all__ = ["PAPERS", "Claim", "Docket", "Judgement", "Ledger", "LedgerError", "Verdict", "judge", "load_ledger"]
