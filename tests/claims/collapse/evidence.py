"""What the tests of the judges of training collapse share."""

from dataclasses import replace

import numpy as np
from scipy import stats

from dropatlas.claims import Verdict, load_ledger
from dropatlas.claims.judging import judge

LEDGER = load_ledger()
REPRODUCED, REFUTED, OPEN, PARTLY = Verdict.REPRODUCED, Verdict.NOT_REPRODUCED, Verdict.INCONCLUSIVE, Verdict.PARTLY
WORDS = {Verdict.SUPPORTED: REPRODUCED, Verdict.NOT_SUPPORTED: REFUTED}
"""What holds is called by whose statement it is; here one word does."""


def judged(identifier, evidence):
    found = judge(LEDGER[identifier], evidence, "standard")
    found = replace(found, verdict=WORDS.get(found.verdict, found.verdict))
    if found.verdict != OPEN:
        assert np.isfinite([found.effect, found.low, found.high]).all()
        assert found.low <= found.effect <= found.high
        assert found.n > 0
        assert "nan" not in found.reason
    return found


def states(found):
    """States of the parts by their first letters."""
    return "".join(part.state[0] for part in found.parts)


def noise(count, seed=0):
    """Values with mean 0 and standard deviation 1."""
    values = np.random.default_rng(seed).standard_normal(count)
    return (values - values.mean()) / values.std()


def any_beyond(samples, limit, sign):
    """Share of trials in which an uncorrected 95 % interval of any cell lies beyond; samples (trials, cells, seeds)."""
    t = sign * (samples.mean(-1) - limit) / (samples.std(-1, ddof=1) / np.sqrt(samples.shape[-1]))
    return (stats.t.sf(t, samples.shape[-1] - 1) < 0.025).any(-1).mean()
