"""The claim ledger: which published statements replicate, judged by code from result tables alone.

What reads the ledger or verdicts needs no judge; they are in `dropatlas.claims.judging`.
"""

from dropatlas.claims.ledger import PAPERS, Claim, Docket, Ledger, LedgerError, load_ledger
from dropatlas.claims.verdicts import Judgement, Verdict

__all__ = ["PAPERS", "Claim", "Docket", "Judgement", "Ledger", "LedgerError", "Verdict", "load_ledger"]
