"""The caption of the scorecard counts verdicts."""

import pandas as pd

from dropatlas.captions import scorecard as captions


def test_claims_are_counted_by_verdict_most_frequent_first():
    rows = pd.DataFrame({"verdict": ["partly", "reproduced", "reproduced"], "scale": "quick"})
    assert captions.verdicts(rows).startswith("3 claims at scale quick: 2 reproduced, 1 partly. ")
