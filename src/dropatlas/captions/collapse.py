"""Captions of the training-collapse report; arguments are the result tables that the figures show."""

import pandas as pd
from dropatlas.captions.words import number
from dropatlas.collapse.effects import CERTAIN, RARE, ended, final_means, learners, modified_minus_dropout, movement_shares, network_counts, with_bound
from dropatlas.collapse.partings import partings
from dropatlas.collapse.topology_effects import convolution_cells, paired_differences


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


def blindness(rows: pd.DataFrame, margin: float) -> str:
    """Of table `collapse/blindness`: pairs that differ early, pairs that separate in time, and movement meanwhile."""
    seen = partings(rows)
    moved = seen[seen.biases].movement.mean()
    told = f" Meanwhile parameters of networks with biases moved by {moved:.2g} of their initial norm."
    return (
        f"{seen.pairs.sum():,} pairs of runs with the same start, masks and labels but other inputs: {len(seen)} "
        f"networks, {rows.optimiser.nunique()} optimisers, {rows.learning_rate.nunique()} learning rates. Left: share "
        "of pairs that are still equal; black: no step with a path yet. Right: share that differs by step T (square: "
        f"the first T, dot: the second) minus the bound, 95 % intervals, ±{margin:g} required. Of "
        f"{seen.watched.sum():,} pairs {seen.leaked.sum():,} differ before their first step with a path; of the "
        f"{seen.crossed.sum():,} that have one {seen.separated.sum():,} separate right there."
        f"{told if pd.notna(moved) else ''}"
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
    """Of table `collapse/topologies`: how many convolutions learn, by gain, width and θ·Σα."""
    learn = "; ".join(
        f"{cell.learned.sum()} of {len(cell)} at {GAINS[gain]}, W = {width}, θ·Σα = {cell.theta_rate_sum.iloc[0]:.2g}"
        for (gain, width, _), cell in convolution_cells(rows)
    )
    return (
        f"{rows.data.iloc[0]}, L = {rows.depth.iloc[0]}, {rows.seed.nunique()} seeds. Left: share of convolutions that "
        "learn over θ times the sum of learning rates, exact binomial 95 % intervals; open: their control does not "
        "learn. Right: share of the benefit of residual branches over the identity alone that dropout keeps, Fieller's "
        "95 % intervals. Dashed: thresholds; few and many paths (shaded) are those of the plain network of equal depth "
        f"and width.{f' Convolutions that learn: {learn}.' if learn else ''}"
    )


def modified_topologies(rows: pd.DataFrame) -> str:
    """Of table `collapse/modified_topologies`: size, and how many pairs without biases are equal."""
    free = paired_differences(rows[~rows.biases], "test_loss_ratio")
    final = free[free.index.get_level_values("step") == rows.step.max()]
    biased = rows[rows.biases]
    return (
        f"{rows.data.iloc[0]}, L = {rows.depth.iloc[0]}, networks with biases, {biased.seed.nunique()} seeds. Top: "
        "loss without masks at the last step, training (open) and test, mean and 95 % interval. Bottom: modified minus "
        "plain dropout, paired over seeds, after half of the steps and all; below the dashed line a benefit matters. "
        f"Without biases the test losses of {(final != 0).sum()} of {len(final)} pairs differ."
    )
