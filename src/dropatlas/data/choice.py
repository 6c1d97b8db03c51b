"""Settings of a run's data: which sets, how large the generated one, where to look."""

from typing import Literal

from pydantic import Field

from dropatlas.data.settings import DataSettings
from dropatlas.settings import Count, Grid, Section

SetName = Literal["digits5k", "shapes10", "mnist", "cifar10", "cifar100", "norb"]


class DataChoice(Section):
    """The data sets of a run."""

    sets: Grid[SetName] = Field(
        description="sets that `snakemake data` prepares: digits5k and shapes10 need no download; mnist, cifar10, "
        "cifar100 and norb are fetched"
    )
    shapes10_train: Count = Field(description="training images of shapes10")
    shapes10_test: Count = Field(description="test images of shapes10")
    sources: DataSettings = Field(description="where data come from; changes nothing that is already prepared")
