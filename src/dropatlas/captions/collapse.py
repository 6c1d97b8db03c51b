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
    network_counts,
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
    """Of table `collapse/drift_bound`: seeds, the fewest expected steps with a path, living networks."""
    protected = rows[rows.assumption]
    expected = (protected.theta * protected.step).min()
    relu = protected[protected.network == "relu"]
    alive = (
        f" Of {len(relu):,} ReLU networks {relu.alive.sum():,} have a gradient before training, without a mask; the "
        "others are left out."
    )
    return (
        "Mean movement of half of the seeds over the bound from the gradients of the other half, "
        f"{rows.seed.nunique()} "
        "seeds; 95 % intervals, in which both halves count. Dashed: the bound, which decides at the left"
        f"{'' if protected.empty else f'; there a network should meet at least {expected:.0f} steps with a path'}."
        f"{alive if len(relu) else ''}"
    )


def movement(rows: pd.DataFrame) -> str:
    """Of table `collapse/movement`: seeds, and how many cells decide that weights stay."""
    grid, near = rows[rows.series == "grid"], rows[rows.series == "threshold"]
    return (
        f"Movement of {grid[~grid.estimates].seed.nunique()} networks per cell, mean and 95 % interval, "
        "over its bound x "
        f"from the gradients of {grid[grid.estimates].seed.nunique()} others, at a quarter and at the end of each run; "
        "cells with at least 20 expected steps that have a path. Line: movement = x. Weights stay if all "
        "filled points at "
        "x ≤ 0.02 lie inside the dashed box; hollow: the same networks without dropout did not leave either. Right: "
        f"movement over its bound around the width where paths run out, {near.seed.nunique()} networks per "
        "width, after "
        f"{near.step.max()} steps; dashed: the bound, which decides where θ is at least 0.2 and 20 steps "
        "with a path are "
        "expected."
    )


def leaving(rows: pd.DataFrame) -> str:
    """Of table `collapse/movement`: what decides, and which networks the map shows."""
    grid = rows[rows.series == "grid"]
    return (
        "Movement over the number of steps with a path, θT, in units of the steps after which the same "
        "networks without "
        "dropout have left (moved by 0.02): mean and 95 % interval of "
        f"{grid[~grid.estimates].seed.nunique()} networks per "
        "cell. Weights leave if all filled points at 5 and more lie above the dashed line. Right: final "
        "movement, at the largest rate, over "
        f"depth and width W = ⌈C log L⌉; dashed: the width log L / log(1/p), below which paths run out. Values below "
        "1e-9 (left) and 1e-6 (right) are drawn there."
    )


def gradients(norms: pd.DataFrame, optimisers: pd.DataFrame) -> str:
    """Of tables `collapse/gradients` and `collapse/optimisers`: seeds, and what decides."""
    return (
        f"Above: gradient norms relative to the same networks without dropout, W = {norms.width.iloc[0]}, "
        "ratio of means "
        f"over {norms.seed.nunique()} seeds with 95 % interval; dotted: 0.9, below which they count as "
        "smaller (from ten "
        "layers on). Below: movement over its bound, which momentum must keep (dashed) and Adam exceed "
        "twofold (dotted), "
        f"and θ times the steps to learn over those without dropout, at least 0.5 required (dotted); "
        f"L = {optimisers.depth.iloc[0]}, {optimisers.seed.nunique()} seeds. Cells with θ of at most 0.2 "
        "decide. Hollow: "
        "some networks did not learn within the run, so that the time is at least this. Dash-dotted: what "
        "we expect of Adam."
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
