"""When coupled runs part: the numbers of `collapse/blindness` that its verdict, figure and caption share."""

import pandas as pd

NETWORK = ["problem", "model", "masks", "activation", "biases", "depth", "width", "drop_rate"]
"""Columns that name a network of `collapse/blindness`."""


def network_name(rows: pd.DataFrame) -> str:
    """The network of rows that are all of one, such as "digits, dropout, tanh, biases, L = 8, W = 3, p = 0.7"."""
    row = rows.iloc[0]
    kind = "dropconnect" if row.model == "bond" else "dropout per sample" if row.masks == "sample" else "dropout"
    biases = "biases" if row.biases else "no biases"
    return f"{row.problem}, {kind}, {row.activation}, {biases}, L = {row.depth}, W = {row.width}, p = {row.drop_rate:g}"


def partings(rows: pd.DataFrame) -> pd.DataFrame:
    """When the pairs of every network part, seen against their first step with a path.

    Args:
        rows: Table `collapse/blindness`.

    Returns:
        One row per network, by name: `theta`, `biases`, `pairs`; `watched` (pairs with a step before their first one
        with a path) and `leaked` (those that differ before it); `crossed` (pairs with such a step) and `separated`
        (those that first differ right after it); `movement` (mean over pairs without any such step; NaN: none).
    """
    found = {}
    for _, pairs in rows.groupby(NETWORK, sort=False):
        crossed, differs = pairs.first_crossed > 0, pairs.first_different > 0
        found[network_name(pairs)] = (
            pairs.theta.iloc[0],
            bool(pairs.biases.iloc[0]),
            len(pairs),
            int((pairs.first_crossed != 1).sum()),
            int((differs & (~crossed | (pairs.first_different < pairs.first_crossed))).sum()),
            int(crossed.sum()),
            int((crossed & (pairs.first_different == pairs.first_crossed)).sum()),
            pairs.movement[~crossed].mean(),
        )
    columns = ["theta", "biases", "pairs", "watched", "leaked", "crossed", "separated", "movement"]
    return pd.DataFrame.from_dict(found, orient="index", columns=columns).astype({"biases": bool})


def differing(rows: pd.DataFrame) -> pd.DataFrame:
    """Pairs that differ by the two horizons of every network, beside the bound.

    Args:
        rows: Table `collapse/blindness`, or a part of it.

    Returns:
        One row per network and horizon: `network` (its name), `steps` T, `pairs`, `differing`, and `bound`
        1 - (1 - θ)^T.
    """
    found = []
    for _, pairs in rows.groupby(NETWORK, sort=False):
        for steps in pairs[["early", "late"]].iloc[0].tolist():
            differs = (pairs.first_different > 0) & (pairs.first_different <= steps)
            bound = 1 - (1 - pairs.theta.iloc[0]) ** steps
            found.append((network_name(pairs), steps, len(pairs), int(differs.sum()), bound))
    return pd.DataFrame(found, columns=["network", "steps", "pairs", "differing", "bound"])
