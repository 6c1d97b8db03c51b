"""The claim ledger: which published statements replicate, judged by code from result tables alone.

What reads the ledger or verdicts needs no judge; they are in `dropatlas.claims.judging`.
"""

from dropatlas.claims.ledger import PAPERS, Claim, Docket, Ledger, LedgerError, Statement, load_ledger
from dropatlas.claims.verdicts import Finding, Judgement, State, Verdict

__all__ = [
    "PAPERS",
    "Claim",
    "Docket",
    "Finding",
    "Judgement",
    "Ledger",
    "LedgerError",
    "State",
    "Statement",
    "Verdict",
    "load_ledger",
]
