"""The check of a network given by its widths."""

from collections.abc import Sequence
from dataclasses import dataclass

from dropatlas.check.crossing import Chain
from dropatlas.check.result import MaskCheck
from dropatlas.percolation.arguments import (
    check_choice,
    check_integer,
    check_positive,
    check_probability,
    layer_widths,
)


@dataclass(frozen=True)
class Plan:
    """How long a network is to be trained."""

    batch_size: int | None
    steps: int | None
    rate_sum: float | None


def planned(
    batch_size: int | None, steps: int | None, learning_rate: float | None, rate_sum: float | None = None
) -> Plan:
    """A plan whose numbers make sense.

    Raises:
        ValueError: a number out of range, a learning rate without steps, or with a sum of learning rates.
    """
    batch_size = None if batch_size is None else check_integer(batch_size, "batch_size", 1)
    steps = None if steps is None else check_integer(steps, "steps", 1)
    if rate_sum is not None:
        if learning_rate is not None:
            raise ValueError(
                f"give learning_rate (constant) or rate_sum (of a schedule), got {learning_rate} and {rate_sum}"
            )
        rate_sum = check_positive(rate_sum, "rate_sum")
    if learning_rate is not None:
        if steps is None:
            raise ValueError(f"learning_rate needs steps: give both or steps alone, got {learning_rate=} without steps")
        rate_sum = steps * check_positive(learning_rate, "learning_rate")
    return Plan(batch_size, steps, rate_sum)


def check_network(
    widths: Sequence[int],
    drop_rate: float,
    model: str = "site",
    *,
    masks: str | None = None,
    batch_size: int | None = None,
    steps: int | None = None,
    learning_rate: float | None = None,
    rate_sum: float | None = None,
) -> MaskCheck:
    """Check a fully connected network against the percolation theory.

    Args:
        widths: [W_0, ..., W_{L+1}], input and output included, at least 2.
        drop_rate: Removal probability p in [0, 1].
        model: "site" (dropout after every hidden layer) or "bond" (dropconnect on every layer).
        masks: Drawn for every "sample" (the default of site, as `nn.Dropout` does) or for every "step" (the default of
            bond, as `DropConnectLinear` does).
        batch_size: Samples of a step.
        steps: Planned training steps, in [1, 10^18].
        learning_rate: Planned constant learning rate, above 0; needs `steps`.
        rate_sum: Instead: planned sum of learning rates.

    Returns:
        The check; its `warnings` say what is wrong, `print` shows it.

    Raises:
        ValueError: an argument out of range, or, in the bond model, layers too wide for the exact chain: the product of
            the widths of neighbouring hidden layers, the last pair excepted, is limited to 25 million (5,000 x 5,000).
            The message names the value and the way out.

    Source: arXiv 2512.13853, Theorems IV.1 and V.3; bond model: our exact chain; signal: `dropatlas.check.sampling`.
    """
    check_choice(model, "model", ("site", "bond"))
    masks = check_choice(masks or ("sample" if model == "site" else "step"), "masks", ("sample", "step"))
    p, layers = check_probability(drop_rate, "drop_rate"), layer_widths(None, None, widths)
    depth = len(layers) - 2
    vertices, edges = (p, 0.0) if model == "site" else (0.0, p)
    chain = Chain(tuple(layers), (0.0, *[vertices] * depth, 0.0), (edges,) * (depth + 1))
    plan = planned(batch_size, steps, learning_rate, rate_sum)
    theta, cut = chain.crossing()
    return MaskCheck(
        method="exact: chain of layers",
        masks=masks,
        theta=theta,
        cut_probability=cut,
        agreement=chain.keep_product,
        signal_factor=chain.keep_product**0.5,
        chain=chain,
        safe_width=chain.safe_width(),
        batch_size=plan.batch_size,
        steps=plan.steps,
        rate_sum=plan.rate_sum,
    )
