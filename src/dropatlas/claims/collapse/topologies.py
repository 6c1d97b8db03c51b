"""Judges of training collapse (arXiv 2512.13853, Section V), P12: residual and convolutional networks."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from dropatlas.claims.checks import (
    ANYWHERE,
    no_number,
    share_check,
)
from dropatlas.claims.parts import Check, Part, decide
from dropatlas.claims.verdicts import Judgement

TOPOLOGIES = "collapse/topologies"


def _learners(runs: pd.DataFrame, band: tuple[float, float], group: str) -> list[Check]:
    """That the share of networks that learn lies in the band, in every cell of a group; open without cells."""
    return [
        share_check(
            f"{topology}, W = {width}, p = {p:g}, θ·Σα = {cell.theta_rate_sum.iloc[0]:.2g}",
            int(cell.learned.sum()),
            len(cell),
            band,
        )
        for (topology, width, p), cell in runs.groupby(["topology", "width", "drop_rate"])
    ] or [no_number(group, ANYWHERE)]


def judge_p12(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """P12: the threshold holds for convolutional networks and is lifted by residual connections.

    Few paths: θΣα of the plain network is at most `stays_below`; many: at least `leaves_above`, as in P7. Two parts.
    The threshold applies to the convolution: less than the share `learns` of its networks learn with few paths, more
    with many. Residual connections lift it: more than `learns` of the widest residual networks learn where the plain
    network has few paths (a stream of one vertex can hardly tell ten digits, masked or not). Topologies whose control
    does not learn decide nothing.
    """
    rows = tables[TOPOLOGIES].query("control_learns and not diverged and variant == 'dropout' and gain == 'plain'")
    convolution, residual = rows.query("topology == 'convolution'"), rows.query("topology == 'residual'")
    few, many = (f"theta_rate_sum {end}" for end in ("<= @criterion['stays_below']", ">= @criterion['leaves_above']"))
    most, not_most = (criterion["learns"], np.inf), (-np.inf, criterion["learns"])
    threshold = [
        *_learners(convolution.query(few), not_most, "convolution, few paths"),
        *_learners(convolution.query(many), most, "convolution, many paths"),
    ]
    wide = residual[residual.width == residual.width.max()]
    lifted = _learners(wide.query(few), most, "residual networks where plain ones have few paths")
    share = "share of networks that learn"
    return decide(
        [
            Part("the threshold holds for convolutional networks", share, threshold, ".0%"),
            Part("residual connections lift it", share, lifted, ".0%"),
        ]
    )
