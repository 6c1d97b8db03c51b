"""Result tables for readers without Parquet."""

import pandas as pd


def csv_text(frame: pd.DataFrame) -> str:
    """Comma-separated values with a header line; numbers to ten digits (the Parquet file has them all)."""
    return frame.to_csv(index=False, float_format="%.10g", lineterminator="\n")
