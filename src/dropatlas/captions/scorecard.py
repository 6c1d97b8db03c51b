"""Caption of the scorecard's figure."""

import pandas as pd


def verdicts(scorecard: pd.DataFrame) -> str:
    """Of table `scorecard`: how many claims have which verdict."""
    counts = ", ".join(f"{count} {verdict}" for verdict, count in scorecard.verdict.value_counts().items())
    return (
        f"{len(scorecard)} claims at scale {scorecard.scale.iloc[0]}: {counts}. Points and bars: the deciding number "
        "of each claim with its 95 % interval, in its own unit (named on the right)."
    )
