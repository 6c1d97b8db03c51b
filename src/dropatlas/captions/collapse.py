"""Captions of the training-collapse report; arguments are the result tables that the figures show."""

import pandas as pd

from dropatlas.captions.words import number
from dropatlas.collapse.effects import (
    CERTAIN,
    RARE,
    ended,
    final_means,
    learners,
    modified_minus_dropout,
    movement_shares,
    network_counts,
    with_bound,
)

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
    """Of table `collapse/learning_time`: depth and seeds."""
    return (
        "Steps until weights have moved, and until the loss target, over 1/θ, "
        f"L = {times.depth.iloc[0]}: median and 10 to 90 % range over {times.seed.nunique()} seeds; dashed: median "
        "time without dropout times 1/θ; triangles: most runs not there within the horizon (drawn at the horizon)."
    )


def loss_without_biases(variants: pd.DataFrame) -> str:
    """Of table `collapse/variants`: how many networks tell modified dropout from dropout."""
    differences = modified_minus_dropout(ended(variants, "regression", biases=False))
    return (
        f"Regression without biases: mean and 95 % interval over {variants.seed.nunique()} seeds. Modified dropout "
        "(dashed) lies on top of dropout (solid) if Theorem V.7 holds: the losses of "
        f"{(differences != 0).sum()} of {len(differences)} pairs of networks differ at the end."
    )


def loss_with_biases(variants: pd.DataFrame) -> str:
    """Of table `collapse/variants`: final losses of dropout and modified dropout by cell."""
    losses = final_means(ended(variants, "regression", biases=True), "loss_ratio")
    told = "; ".join(
        f"{number(row.get('dropout'), '.2f')} and {number(row.get('modified'), '.2f')} at L = {depth}, W = {width}, "
        f"p = {p:g}"
        for (depth, width, p), row in losses.iterrows()
    )
    return (
        "Regression with biases and an offset in the targets. The dashed line at 1 is the best constant: reached by "
        f"learning the offset alone.{f' At the end, dropout and modified dropout: {told}.' if told else ''}"
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


def loss_digits(variants: pd.DataFrame) -> str:
    """Of table `collapse/variants`: the data."""
    digits = variants[variants.problem == "digits"].data.iloc[0]
    return f"The same without biases on {digits} (cross-entropy over that of the best constant)."


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


def regularisation(rows: pd.DataFrame) -> str:
    """Of table `collapse/regularisation`: data, sizes, and what decides."""
    return (
        f"{rows.data.iloc[0]}, a training set of its own for every cell: train-test gap, test loss, and test loss at "
        f"each run's best step, over the drop rate. Mean and 95 % interval over {rows.seed.nunique()} networks; "
        "squares: without dropout. Gap (which must fall faster than the dashed lines) and test loss (which must fall "
        "below its square) decide where all θ are near 1 and the gap without dropout is above the dash-dotted line; "
        "the lowest row decides where paths are rare (shaded)."
    )


def parameter_budget(rows: pd.DataFrame, able: float) -> str:
    """Of table `collapse/parameter_budget`: how many shapes that learn without dropout and not with it have paths."""
    networks = rows[(rows.variant == "dropout") & (rows.control_share >= able)]
    shapes = networks.groupby(["budget", "width", "drop_rate", "gain"]).agg(
        share=("learned", "mean"), theta=("theta", "first")
    )
    lost = shapes[shapes.share < 0.5]
    told = (
        f" Of {len(lost)} filled points below one half {(lost.theta >= 0.5).sum()} have θ of at least 0.5."
        if len(lost)
        else ""
    )
    return (
        "Share of networks that learn, over shapes that cost equally many weights (within 5 %), 95 % intervals over "
        f"{rows.seed.nunique()} networks each; white: fewer than {able:.0%} learn without dropout: it decides nothing. "
        f"Below each shape: θ and the signal factor at the smallest and the largest drop rate.{told}"
    )
