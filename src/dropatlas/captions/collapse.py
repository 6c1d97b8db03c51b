"""Captions of the training-collapse report; arguments are the result tables that the figures show."""

import pandas as pd

from dropatlas.captions.words import number
from dropatlas.collapse.effects import (
    CERTAIN,
    PAIR,
    RARE,
    ended,
    equal_pairs,
    learners,
    movement_shares,
    network_counts,
    with_bound,
)
from dropatlas.collapse.variants import MODIFIED

PUBLISHED_DEPTH = 100
GAINS = {"plain": "gain 1", "compensated": "gain 1/√q"}


def decoupling(rows: pd.DataFrame) -> str:
    """Of table `collapse/decoupling`: networks without a path whose output and gradients are blind."""
    counts = network_counts(rows)
    cut, crossed = counts.loc[False], counts.loc[True]
    claimed, others = cut.loc[True], cut.loc[False]
    return (
        f"{cut.networks.sum():,} networks whose masks leave no path (left): {cut.input_effect_zero.sum():,} give the "
        f"same output for every input. Of {claimed.networks:,} without biases and with zero activation at zero "
        f"(shaded) {claimed.weight_gradients_zero:,} have no weight gradient at all, of the {others.networks:,} "
        f"others {others.weight_gradients_zero:,}. Right: {crossed.networks.sum():,} networks with a path."
    )


def drift_bound(rows: pd.DataFrame) -> str:
    """Of table `collapse/drift_bound`: how few steps with a path the leftmost points rest on."""
    cells = with_bound(rows).groupby(["network", "model", "depth", "width", "drop_rate"])
    return (
        f"Movement over its bound, mean and 95 % interval over {rows.seed.nunique()} seeds; dashed: the bound. The "
        "leftmost points rest on few steps with a path (fewest: "
        f"{number(cells.crossed_steps.sum().min(), '.0f')} over all seeds)."
    )


def movement(rows: pd.DataFrame) -> str:
    """Of table `collapse/movement`: where networks end that practically every mask leaves a path."""
    shares = movement_shares(rows)
    crossed = shares[
        (shares.step == rows.step.max()) & (shares.gain == "plain") & shares.control_learns & (shares.theta > CERTAIN)
    ]
    told = ", ".join(
        f"{share:.1g} at L = {depth}" for depth, share in crossed.groupby("depth").share.mean().dropna().items()
    )
    return (
        "Movement of the weights relative to the same networks without dropout, along training (one line per depth "
        "and width, dots: end of training; dotted: undecidable; values below 1e-6 drawn there; small numbers: width "
        "where θ < 0.9), over θ times the sum of learning rates."
        f"{f' Mean at the end, at gain 1 where θ > {CERTAIN:g}: {told}.' if told else ''}"
    )


def width_and_depth(grid: pd.DataFrame) -> str:
    """Of table `collapse/width_depth`: how many networks learn at the published depth, by gain and without dropout."""
    deep = grid[grid.depth == PUBLISHED_DEPTH]
    crossed = learners(deep[(deep.variant == "dropout") & (deep.theta > CERTAIN)], ["gain"])
    control = deep[deep.variant == "none"].learned
    told = " and ".join(f"{row.learned} of {row.networks} at {GAINS[gain]}" for gain, row in crossed.iterrows())
    learn = (
        f" Networks that learn at L = {PUBLISHED_DEPTH} and θ > {CERTAIN:g}: {told}; without dropout "
        f"{control.sum()} of {len(control)}."
    )
    return (
        "Left: share of training steps with a path against θ, 95 % intervals. Middle: final loss against 1 - θ. "
        "Right: against the factor by which masks shrink a signal. Points: one cell each, mean and 95 % interval over "
        f"{grid.seed.nunique()} seeds.{learn if told else ''}"
    )


def learning_time(times: pd.DataFrame) -> str:
    """Of table `collapse/learning_time`: depth, seeds and how many runs do not arrive."""
    return (
        f"Mean steps until weights have moved, and until the loss target, times θ, over those without dropout: "
        f"L = {times.depth.iloc[0]}, 95 % intervals (Fieller) over {times.seed.nunique()} seeds. At gain 1 all points "
        "of wider networks must lie clearly above the line (P9); at either gain all clearly below the dashed one, if "
        f"1/θ is enough (P19). A run that does not arrive counts as its horizon ({times.censored.mean():.0%} of all): "
        "hollow points are lower bounds. Grey: the control, 1 by definition."
    )


def depth_law(rows: pd.DataFrame) -> str:
    """Of table `collapse/depth_law`: seeds, range of θ, and the rate."""
    return (
        "Left: steps (sum of learning rates) until weights have moved, relative to the network without dropout of the "
        f"same depth and seed; geometric mean and 95 % interval over {rows.seed.nunique()} seeds; θ falls from "
        f"{rows.theta.max():.2g} to {rows.theta.min():.2g}, by the rate {rows.layer_rate.iloc[0]:.2g} per layer in all "
        "networks. Right: growth per layer of the logarithm over that rate, of every kind of network with enough "
        "depths at which it arrives. At gain 1 all must lie clearly right of the line, and those of a gain clearly inside the "
        "grey band if 1/θ is all that grows (constant rate); grey points: the control."
    )


def loss_without_biases(variants: pd.DataFrame) -> str:
    """Of table `collapse/variants`: how many networks tell modified dropout from dropout."""
    pairs = pd.concat([equal_pairs(variants, plain) for plain in MODIFIED])
    met = pairs[pairs.cut]
    return (
        f"Regression without biases, every step of dropout and dropconnect computed: mean and 95 % interval over "
        f"{variants.seed.nunique()} seeds. The modified variants (dashed) lie on top if Theorem V.7 holds: of "
        f"{len(met)} pairs of networks that met a step without a path {met.differs.sum()} differ in loss "
        "or movement at the end."
    )


def loss_with_biases(variants: pd.DataFrame) -> str:
    """Of table `collapse/variants`: what the dashed line is."""
    return (
        f"Regression with biases and an offset in the targets, mean and 95 % interval over {variants.seed.nunique()} "
        "seeds. The dashed line at 1 is the best constant: reached by learning the offset alone."
    )


def modified_dropout(variants: pd.DataFrame) -> str:
    """Of table `collapse/variants`: cells and seeds."""
    cells = len(variants[variants.variant.isin(MODIFIED)][["variant", *PAIR]].drop_duplicates())
    return (
        f"With biases, {cells} cells of {variants.seed.nunique()} paired seeds. Left: mean loss ratio of modified "
        "minus plain along training. Right: the share of dropout's cost (its loss above that without dropout) that "
        "skipping steps without a path saves, means over the last half of the run, 95 % intervals (Fieller). To be "
        "better all full points must lie clearly right of the line at 0, and to matter right of the dashed one. Hollow: the "
        "network does not learn without dropout, dropout costs too little, or the loss is not at its plateau."
    )


def weights_and_biases(variants: pd.DataFrame) -> str:
    """Of table `collapse/variants`: how far the output bias moves where paths are rare."""
    final = ended(variants, "regression", biases=True)
    moved = final[final.theta < RARE].groupby("variant").output_bias_movement.mean()
    told = (
        f"Where θ < {RARE:g} the output bias of dropout moves by {number(moved.get('dropout'), '.2f')}, that of "
        f"modified dropout by {number(moved.get('modified'), '.2f')}."
    )
    return (
        "How far weights and biases have moved at the end (regression with biases), mean and 95 % interval over "
        f"seeds. {f'No cell has θ < {RARE:g}.' if moved.empty else told}"
    )


def topologies(rows: pd.DataFrame) -> str:
    """Of table `collapse/topologies`: how many convolutional networks learn, by width and θ·Σα."""
    convolutions = rows[
        (rows.topology == "convolution") & (rows.variant == "dropout") & (rows.gain == "plain") & ~rows.diverged
    ]
    learn = "; ".join(
        f"{row.learned} of {row.networks} at W = {width}, θ·Σα = {rate_sum:.2g}"
        for (width, _, rate_sum), row in learners(convolutions, ["width", "drop_rate", "theta_rate_sum"]).iterrows()
    )
    return (
        f"{rows.data.iloc[0]}, L = {rows.depth.iloc[0]}: final loss and movement over the removal probability, a row "
        f"per width, mean and 95 % interval over {rows.seed.nunique()} seeds; small numbers: θ times the sum of "
        "learning rates of the plain and the convolutional network."
        f"{f' Convolutional networks that learn at gain 1: {learn}.' if learn else ''}"
    )
