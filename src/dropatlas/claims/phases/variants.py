"""Judge of M5 (digits, Figure 3) of arXiv 2510.07554; intervals over seeds."""

from collections.abc import Mapping

import pandas as pd

from dropatlas.claims.checks import mean_check
from dropatlas.claims.parts import LEVEL, Part, decide, one_part_open
from dropatlas.claims.verdicts import Judgement
from dropatlas.phases.variant_effects import effects_on_test_risk, ram_minus_dropout

DIGIT_PAIR = "phases/digit_pair"

LABELS = {"none": "no dropout", "dropout": "dropout", "ram": "RaM", "pn_ram": "PN+RaM", "forward": "forward mask only"}


def judge_m5(tables: Mapping[str, pd.DataFrame], criterion: Mapping[str, float]) -> Judgement:
    """M5: on digits the test risk of dropout and RaM agree at every drop rate, each of which is one part.

    Agree: the difference lies within `margin` times the test risk without dropout. Where a run of dropout or RaM
    diverged, the drop rate stays open. The clear effects of the variants themselves are told beside it.
    """
    differences = ram_minus_dropout(tables[DIGIT_PAIR])
    measure, margin = "test risk of RaM minus dropout over that of no dropout", criterion["margin"]
    if differences.empty:
        return one_part_open("dropout and RaM agree", measure, "they were not run")
    parts = [
        Part(
            f"p = {rate:g}",
            measure,
            [mean_check("", values, (-margin, margin))],
            ".1%",
            why_open="dropout, RaM or no dropout diverged, or has too few seeds",
        )
        for rate, values in differences.items()
    ]
    effects = effects_on_test_risk(tables[DIGIT_PAIR])
    clear = effects[effects.p_value <= 2 * LEVEL]
    told = clear.effect.map("{:+.1%}".format) + clear.drop_rate.map(" at p = {:g}".format)
    changes = "; ".join(f"{LABELS[name]} {', '.join(cell)}" for name, cell in told.groupby(clear.variant)) or "none"
    return decide(parts, f"clear changes of test risk against no dropout: {changes}")
