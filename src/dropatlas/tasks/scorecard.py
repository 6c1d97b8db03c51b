"""The scorecard: verdicts on all claims of the ledger, from whatever evidence is there."""

from dropatlas.claims import Docket
from dropatlas.tasks.judge_claims import MEANINGS, tabulate
from dropatlas.tasks.runner import run_table_task

if __name__ == "__main__":
    run_table_task("dropatlas.tasks.scorecard", Docket, MEANINGS, tabulate)
