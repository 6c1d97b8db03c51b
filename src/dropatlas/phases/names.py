"""What is compared, by name: variants of dropout, metrics, regimes, precisions, parts of the data.

Nothing here needs torch: settings and forecasts list the runs of an experiment with it.
"""

from typing import NamedTuple

PHASES = ("GF", "II", "III", "IV", "I")
"""Phases that have a limit (`dropatlas.phases.classification`)."""
CODES = (
    "right",
    "rate without n",
    "output over √n",
    "kept value 1",
    "one mask for all",
    "one mask for ten",
    "independent passes",
)
"""Right and wrong codes for dropout (`dropatlas.phases.wrong_codes`)."""
CODE_CELLS = {"II": (0.03, 0.5), "III": (1.0, 0.025), "IV": (0.5, 0.5)}
"""α and β of the networks in which codes are compared, by phase."""
WATCHED_ALPHA = 0.5
"""α of the networks that are watched for clusters and divergence."""
VARIANTS = ("none", "dropout", "ram", "pn_ram", "forward")
"""Variants of dropout (`dropatlas.phases.dynamics`)."""
COUPLED = ("none", "ram", "dropout", "pn_ram")
"""Variants of Figure 2, coupled by start and masks."""
DEEP_COUPLED = ("none", "ram", "dropout")
"""The same in networks with several hidden layers or residual branches."""
METRICS = ("none", "ram", "common")
"""Metrics of gradient descent (`dropatlas.phases.stability`)."""
REGIMES = ("critical", "penalised", "gradient_flow")
"""Which neurons move at a step, and how far (`dropatlas.phases.precision`)."""
MEASURED_PARTS = ("validation", "test")
"""Parts of the digits on which networks are measured."""


class Precision(NamedTuple):
    """Names of torch's types of the stored particles and of everything computed from them."""

    stored: str
    computed: str


PRECISIONS = {
    "float64": Precision("float64", "float64"),
    "float32": Precision("float32", "float32"),
    "float16": Precision("float16", "float16"),
    "bfloat16": Precision("bfloat16", "bfloat16"),
    "bfloat16, float32 weights": Precision("float32", "bfloat16"),
}
"""Precisions by name; the last keeps float32 master weights, as mixed-precision training does."""
