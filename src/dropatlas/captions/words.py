"""Numbers in words, the same in all captions."""

import pandas as pd


def number(value: float, form: str) -> str:
    """A number in the format `form`, such as ".2f"; a dash where there is none."""
    return "–" if pd.isna(value) else f"{value:{form}}"
