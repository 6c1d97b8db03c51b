"""Captions of the training-collapse report; arguments are the result tables that the figures show."""

import pandas as pd

from dropatlas.collapse.effects import CERTAIN, PAIR, equal_pairs, learners, network_counts, there_at_start
from dropatlas.collapse.partings import partings
from dropatlas.collapse.topology_effects import convolution_cells, paired_differences
from dropatlas.collapse.trainability import FEW, LOST, MANY, WIDE
from dropatlas.collapse.variants import MODIFIED

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
    moved = seen[seen.biases].movement.min()
    told = (
        f" Meanwhile parameters of networks with biases moved by {moved:.2g} of their initial norm, in the network "
        "that moves least."
    )
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
        "x ≤ 0.02 lie inside the dashed box; hollow: the same networks without dropout did not leave "
        "either, or x/θ ≤ 0.02, so that not missing paths make x small. Right: "
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
        f"over {norms.seed.nunique()} seeds with 95 % interval; dotted: 0.9, below which the means over the first "
        "steps (hollow) count as smaller, from ten layers on; those over all steps are shown only. Below: "
        "movement over its bound (dashed), which momentum must keep; θ times the steps to learn over those without "
        "dropout, at least 0.5 required of momentum (dotted); for Adam √θ times them, within the dotted lines required "
        f"at W = 1. L = {optimisers.depth.iloc[0]}, {optimisers.seed.nunique()} seeds. Cells with θ of at most 0.2 "
        "decide. Hollow: some networks did not learn within the run, so that the time is at least this. Dash-dotted: "
        "1/θ times as many steps."
    )


def trainability_map(rows: pd.DataFrame) -> str:
    """Of table `collapse/trainability`: what is drawn, how many networks, and how many learn where paths never lack."""
    runs = rows[(rows.grid == "map") & (rows.step == rows.step.max()) & rows.control_learns & ~rows.diverged]
    sure = learners(runs[(runs.arm == "dropout") & (runs.theta > CERTAIN)], ["width"])
    told = "; ".join(f"{row.learned} of {row.networks} at W = {width}" for width, row in sure.iterrows())
    return (
        f"Share of networks that learn within T = {rows.step.max():,} steps, {runs.seed.nunique()} seeds a cell, over "
        "removal probability and depth. Top: one mask a step, nothing rescaled, by width. Bottom: the widest, with "
        f"what is changed. Dashed: θ·T = {FEW:g} steps with a path expected, which the paper asks for. Solid: T·q^L = "
        f"{FEW:g}, the share of paths that survive, added up over the steps, whatever the width. Grey: not run, or "
        "undecidable, as most do not learn without dropout either."
        f"{f' Networks that learn where θ > {CERTAIN:g}: {told}.' if told else ''}"
    )


def what_stops_training(rows: pd.DataFrame) -> str:
    """Of table `collapse/trainability`: what each panel shows, and the published cells, which none of them has."""
    final = rows[(rows.step == rows.groupby("grid").step.transform("max")) & ~rows.diverged]
    published = final[(final.grid == "published") & final.control_learns & (final.theta >= CERTAIN)]
    dropped = published[published.arm == "dropout"]
    told = (
        f" Published size (L = {dropped.depth.iloc[0]}, {dropped.step.iloc[0]} steps, not drawn): "
        f"{dropped.learned.sum()} of {len(dropped)} networks with θ >= {CERTAIN:g} learn."
        if len(dropped)
        else ""
    )
    return (
        f"Share of networks that learn, a dot per cell, {rows[rows.grid == 'map'].seed.nunique()} seeds; fewer steps "
        f"than 0.001 drawn there. Left: W = 1, where only paths can be missing, over the measured steps with a path; "
        f"dotted: {FEW:g} and {MANY:g}, the limits of P13. Middle: W >= {WIDE} and θ >= {CERTAIN:g}, where paths never "
        f"lack, over T·q^L; dotted: {LOST:g} and {MANY:g}. Right: how many pairs of a network that learns and one that "
        "does not each number puts in order (mean and 95 % interval over seeds; dashed: chance). P13 compares the two "
        f"first at W >= {WIDE}, and the last with both at all widths.{told}"
    )


def learning_time(times: pd.DataFrame) -> str:
    """Of table `collapse/learning_time`: depth, seeds, how many runs do not arrive and how many are left out."""
    there = there_at_start(times)
    left_out = f" Left out: the {there.mean():.0%} whose control meets the loss target before training."
    times = times[~there]
    return (
        f"Mean steps until weights have moved, and until the loss target, times θ, over those without dropout: "
        f"L = {times.depth.iloc[0]}, 95 % intervals (Fieller) over {times.seed.nunique()} seeds. At gain 1 all points "
        "of wider networks must lie clearly above the line (P9); at either gain all clearly below the dashed one, if "
        f"1/θ is enough (P22). A run that does not arrive counts as its horizon ({times.censored.mean():.0%} of all): "
        "hollow points are lower bounds. Movement is in units of ‖w_0‖ without dropout. Grey: the control, 1 by "
        f"definition.{left_out if there.any() else ''}"
    )


def depth_law(rows: pd.DataFrame) -> str:
    """Of table `collapse/depth_law`: seeds, range of θ, and the rate."""
    return (
        "Left: steps (sum of learning rates) until weights have moved, relative to the network without dropout of the "
        f"same depth and seed; geometric mean and 95 % interval over {rows.seed.nunique()} seeds; θ falls from "
        f"{rows.theta.max():.2g} to {rows.theta.min():.2g}, by the rate {rows.layer_rate.iloc[0]:.2g} per layer in all "
        "networks. Right: growth per layer of the logarithm over that rate, of every kind of network with enough "
        "depths at which it arrives. At gain 1 all must lie clearly right of the line, and those of a gain clearly "
        "inside the grey band if 1/θ is all that grows (constant rate); grey points: the control. Sums of rates are "
        "what is measured, at falling rates, too. Movement is in units of ‖w_0‖ without dropout."
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
        "better all full points must lie clearly right of the line at 0, and to matter right of the dashed one. "
        "Hollow: the network does not learn without dropout, dropout costs too little, or the loss is not at its "
        "plateau."
    )


def topologies(rows: pd.DataFrame) -> str:
    """Of table `collapse/topologies`: how many convolutions learn, by gain, width and θ·Σα."""
    learn = "; ".join(
        f"{cell.learned.sum()} of {len(cell)} at {GAINS[gain]}, W = {width}, θ·Σα = {cell.theta_rate_sum.iloc[0]:.2g}"
        for (gain, width, _), cell in convolution_cells(rows)
    )
    return (
        f"{rows.data.iloc[0]}, L = {rows.depth.iloc[0]}, {rows.seed.nunique()} seeds. Left: share of convolutions that "
        "learn over θ times the sum of learning rates (diverged: not learned), exact binomial 95 % intervals; open: "
        "their control does not learn. Right: share of the benefit of residual branches over the identity alone that "
        "dropout keeps, Fieller's 95 % intervals; a narrow network decides if a wide one keeps it at the same p. "
        "Dashed: thresholds; few and many paths (shaded) are those of the plain network of equal depth "
        f"and width.{f' Convolutions that learn: {learn}.' if learn else ''}"
    )


def regularisation(rows: pd.DataFrame) -> str:
    """Of table `collapse/regularisation`: data, sizes, and what decides."""
    return (
        f"{rows.data.iloc[0]}, a training set of its own for every cell: train-test gap, test loss, and test loss at "
        f"each run's best step, over the drop rate. Mean and 95 % interval over {rows.seed.nunique()} networks; "
        "squares: without dropout. Gap (which must fall faster than the dashed lines) and test loss (which must fall "
        "below its square) decide where all θ are near 1 and the gap without dropout is above the dash-dotted line; "
        "the lowest row decides where paths are rare (shaded), by what dropout costs there beyond the wide network of "
        "equal depth, drop rate and labels."
    )


def trained_shapes(rows: pd.DataFrame, able: float) -> str:
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


def modified_topologies(rows: pd.DataFrame) -> str:
    """Of table `collapse/modified_topologies`: size, and how many pairs without biases are equal."""
    free = paired_differences(rows[~rows.biases], "test_loss_ratio")
    final = free[free.index.get_level_values("step") == rows.step.max()]
    biased = rows[rows.biases]
    return (
        f"{rows.data.iloc[0]}, L = {rows.depth.iloc[0]}, networks with biases, {biased.seed.nunique()} seeds. Top: "
        "loss without masks, mean over the last half of the steps, training (open) and test, mean and 95 % interval. "
        "Bottom: modified minus plain dropout, paired over seeds, over the last half (decides, at a plateau) and the "
        "quarter before; below the dashed line a benefit matters. "
        f"Without biases the test losses of {(final != 0).sum()} of {len(final)} pairs differ."
    )
