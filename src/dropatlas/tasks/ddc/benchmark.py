"""All arms of one benchmark in one table."""

import pandas as pd

from dropatlas.ddc.columns import RUN_MEANINGS
from dropatlas.ddc.settings import Gathering
from dropatlas.tasks.runner import run_table_task


def tabulate(settings: Gathering, tables: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """The rows of all arms."""
    return pd.concat([tables[name] for name in settings.tables], ignore_index=True)


if __name__ == "__main__":
    run_table_task("dropatlas.tasks.ddc.benchmark", Gathering, RUN_MEANINGS, tabulate)
