"""Checks of the arguments the percolation functions share."""

import operator
from collections.abc import Sequence
from itertools import pairwise
from numbers import Real

LARGEST_COUNT = 10**18
LARGEST_FLOAT = 1e300


def check_probability(p: float, name: str = "p") -> float:
    """Return `p` as a float in [0, 1].

    Raises:
        ValueError: p is not a real number in [0, 1] (NaN and booleans are not).
    """
    if not _is_real(p) or not 0 <= p <= 1:
        raise ValueError(f"{name} must be in [0, 1], got {p!r}")
    return float(p)


def check_inner_probability(p: float, name: str) -> float:
    """Return `p` as a float in the open interval (0, 1).

    Raises:
        ValueError: p is not a real number in (0, 1).
    """
    if not _is_real(p) or not 0 < p < 1:
        raise ValueError(f"{name} must be in (0, 1), got {p!r}")
    return float(p)


def check_positive(value: float, name: str) -> float:
    """Return `value` as a finite float above 0.

    Raises:
        ValueError: value is not a finite real number above 0.
    """
    if not _is_real(value) or not 0 < value <= LARGEST_FLOAT:
        raise ValueError(f"{name} must be a finite number > 0, got {value!r}")
    return float(value)


def check_integer(value: int, name: str, minimum: int) -> int:
    """Return `value` as a Python int (of any size) not below `minimum`.

    Raises:
        ValueError: value is not of an integer type (booleans are not) or is below minimum.
    """
    try:
        integer = None if _is_bool(value) else operator.index(value)
    except TypeError:
        integer = None
    if integer is None or integer < minimum:
        raise ValueError(f"{name} must be an integer >= {minimum}, got {value!r}")
    if name != "depth" and integer > LARGEST_COUNT:  # depths enter as logarithms, everything else as a float
        raise ValueError(f"{name} must be at most {LARGEST_COUNT:g}, got an integer of {len(str(integer))} digits")
    return integer


def check_choice(value: str, name: str, choices: Sequence[str]) -> str:
    """Return `value` if it is one of `choices`.

    Raises:
        ValueError: value is none of them.
    """
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, got {value!r}")
    return value


def layer_widths(width: int | None, depth: int | None, widths: Sequence[int] | None) -> list[int]:
    """Widths [W_0, ..., W_{L+1}] of all layers, from `widths` or from a rectangular network's width and depth.

    Raises:
        ValueError: see `layer_runs`.
    """
    runs = layer_runs(width, depth, widths)
    return [runs[0][0], *(w_out for _, w_out, count in runs for _ in range(count))]


def layer_runs(width: int | None, depth: int | None, widths: Sequence[int] | None) -> list[tuple[int, int, int]]:
    """Edge layers of a network, equal neighbours counted together.

    Args:
        width: Vertices per layer W of a rectangular network, at least 1.
        depth: Its hidden layers L, at least 0, an int of any size.
        widths: Instead of both: the widths of all layers, input and output included, at least 2 of them.

    Returns:
        Triples (width before, width after, number of consecutive edge layers of this shape); a rectangular network is
        one triple, whatever its depth.

    Raises:
        ValueError: not exactly one of the two descriptions given, or a value out of range.
    """
    if widths is None and width is not None and depth is not None:
        width = check_integer(width, "width", 1)
        return [(width, width, check_integer(depth, "depth", 0) + 1)]
    if widths is None or width is not None or depth is not None:
        raise ValueError(f"give either width and depth or widths, got {width=}, {depth=}, {widths=}")
    layers = [check_integer(w, f"widths[{index}]", 1) for index, w in enumerate(widths)]
    if len(layers) < 2:
        raise ValueError(f"widths must name at least 2 layers (input and output), got {len(layers)}")
    runs: list[tuple[int, int, int]] = []
    for pair in pairwise(layers):
        count = runs.pop()[2] if runs and runs[-1][:2] == pair else 0
        runs.append((*pair, count + 1))
    return runs


def _is_bool(value: object) -> bool:
    return type(value).__name__ in ("bool", "bool_")  # numpy's boolean is no subclass of Python's


def _is_real(value: object) -> bool:
    return isinstance(value, Real) and not _is_bool(value)
