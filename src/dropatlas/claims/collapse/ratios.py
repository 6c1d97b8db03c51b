"""Ratios of means against bands."""

from dataclasses import replace

import numpy as np

from dropatlas.claims.checks import no_number
from dropatlas.claims.parts import Band, Check
from dropatlas.collapse.ratios import LogRatio


def ratio_check(
    where: str, ratio: LogRatio, band: Band, *, fails_outside: Band | None = None, measure: str = ""
) -> Check:
    """A ratio of two means; one-sided t tests of its logarithm against the ends of the band.

    Args:
        where: Which networks it is of.
        ratio: The ratio; an unknown one leaves the check open.
        band: What must be shown; a lower end of 0 or an infinite upper end is no limit.
        fails_outside: The band outside of which it fails, where that is not `band`.
        measure: What the ratio is, where that is not the measure of its part.
    """
    if not np.isfinite(ratio.estimate):
        return replace(no_number(where, band), measure=measure)
    low, high = band
    inside = max(
        ratio.p_above(low) if low > 0 else 0.0,
        ratio.p_below(high) if np.isfinite(high) else 0.0,
    )
    low, high = fails_outside or band
    beyond = min(
        ratio.p_below(low) if low > 0 else 1.0,
        ratio.p_above(high) if np.isfinite(high) else 1.0,
    )
    return Check(where, ratio.interval(), band, ratio.n, inside, beyond, measure)
