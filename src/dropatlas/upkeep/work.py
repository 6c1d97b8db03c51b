"""How much work each table is, as a function of the settings: what recorded times are scaled by.

Within one table operations are proportional to time; across tables their units differ. They are counted from the inner
loops, to the accuracy a plan needs. A new table takes one function here.
"""

from collections.abc import Callable, Iterable
from functools import cache
from itertools import product
from math import ceil, log
from typing import NamedTuple

import torch
from torch.utils.flop_counter import FlopCounterMode

from dropatlas.collapse.ensemble import KINDS
from dropatlas.config import CONFIG, Config
from dropatlas.data import load_catalog
from dropatlas.meanfield.comparison import DESCENT_FROM
from dropatlas.meanfield.limits import FLOW_STEPS, LIMITS, critical_cost
from dropatlas.meanfield.particles import step_count
from dropatlas.meanfield.precision import PRECISIONS, REGIMES
from dropatlas.meanfield.settings import Diagram, StudentProtocol
from dropatlas.meanfield.teacher_student import VARIANTS as COUPLED
from dropatlas.models import build_model
from dropatlas.regularisation.settings import Cell
from dropatlas.tasks.collapse.drift_bound import NETWORKS
from dropatlas.tasks.phases import depth as depths
from dropatlas.tasks.phases import penalty as penalties
from dropatlas.tasks.phases.stable_rates import metrics
from dropatlas.tasks.phases.width_trend import SEQUENCES, rates

CALL = 1e5
"""Multiply-adds that take as long as starting one small tensor operation (10 µs at 10 billion a second)."""

PIXELS = 784
DIGITS = {"digits5k": (400, 100), "mnist": (6000, 1000)}
"""Training and test images of a class, about."""


class Work(NamedTuple):
    """Size of one table: operations, numbers of the largest arrays held at once, rows.

    `trained`: by `dropatlas.training`, on a GPU where there is one. Operations of such tables have one unit.
    """

    operations: float
    numbers: float
    rows: float
    trained: bool = False


Count = Callable[[Config], Work]

COUNTS: list[Callable[[Config], dict[str, Work]]] = []


def counted_work(config: Config) -> dict[str, Work]:
    """Work of every table of a configuration, by its name, such as `collapse/movement`."""
    return {name: work for count in COUNTS for name, work in count(config).items()}


def _tables(count: Callable[[Config], dict[str, Work]]) -> Callable[[Config], dict[str, Work]]:
    """Register a count of several tables."""
    COUNTS.append(count)
    return count


def _table(name: str) -> Callable[[Count], Count]:
    """Register a count of one table."""

    def register(count: Count) -> Count:
        COUNTS.append(lambda config: {name: count(config)})
        return count

    return register


def _joined(parts: Iterable[Work]) -> Work:
    """Parts of one table, done one after the other."""
    operations, numbers, rows, _ = zip(*parts, strict=True)
    return Work(sum(operations), max(numbers), sum(rows))


# ---------------------------------------------------------------- percolation


@_table("percolation/crossing_probability")
def _crossing_probability(config: Config) -> Work:
    grid = config.percolation.crossing
    cells = list(product(grid.widths, grid.depths, grid.drop_rates))
    edges = sum(depth * width**2 for width, depth, _ in cells)
    return Work(grid.samples * edges, 0, 2 * len(cells))


@_table("percolation/topologies")
def _percolation_topologies(config: Config) -> Work:
    settings = config.percolation.topologies
    rates = len(settings.drop_rates)
    residual = sum(blocks * width**2 for blocks, width in product(settings.residual_blocks, settings.residual_widths))
    kernels = [depth * channels**2 for depth, channels in product(settings.convolution_depths, settings.channels)]
    convolutional = settings.image_size**2 * settings.kernel_size**2 * sum(kernels)
    cells = 7 * len(settings.residual_widths) * len(settings.residual_blocks) + 2 * len(kernels)
    return Work(settings.samples * rates * (residual + convolutional), 0, rates * cells)


def _formulas(config: Config) -> Work:
    """Exact values on the grid of config.yaml, which has one size for all scales."""
    return Work(1, 0, 1)


for _name in ("crossing_curves", "required_width", "scaling_laws", "finite_thresholds", "crossing_boundary"):
    _table(f"percolation/{_name}")(_formulas)


# ---------------------------------------------------------------- training collapse


@_table("collapse/decoupling")
def _decoupling(config: Config) -> Work:
    return Work(config.collapse.decoupling.networks, 0, 24)


def _ensemble(
    steps: float, depth: int, width: int, replicas: int, batch: int, tests: int, measured: int, kernel: int = 1
) -> Work:
    """Networks trained as one: three products forward and back, and elementwise work, in every layer."""
    layer = 20 * CALL + replicas * batch * width * (3 * width * kernel + 60)
    held = replicas * width * (depth * (2 * width + batch) + tests)
    return Work(steps * depth * layer, held, replicas * measured)


@_table("collapse/movement")
def _movement(config: Config) -> Work:
    settings, training = config.collapse.movement, config.collapse.movement.training
    parts = []
    for depth in settings.depths:
        widths = {ceil(constant * log(depth)) for constant in settings.constants}
        replicas = 3 * len(widths) * training.seeds
        sizes = (replicas, training.batch_size, training.test_samples, settings.measurements)
        parts.append(_ensemble(settings.steps, depth, max(widths), *sizes))
    return _joined(parts)


@_table("collapse/variants")
def _variants(config: Config) -> Work:
    settings, training = config.collapse.variants, config.collapse.variants.training
    kinds = list(KINDS.values())
    return _joined(
        _ensemble(
            settings.steps,
            cell.depth,
            cell.width,
            kinds.count(kind) * training.seeds,
            training.batch_size,
            training.test_samples,
            settings.measurements,
        )
        for cell, kind, _biases, _problem in product(settings.cells, set(kinds), (False, True), settings.problems)
    )


@_table("collapse/width_depth")
def _width_depth(config: Config) -> Work:
    settings, training = config.collapse.width_depth, config.collapse.width_depth.training
    sizes = ((1 + 2 * len(settings.drop_rates)) * training.seeds, training.batch_size, training.test_samples, 1)
    return _joined(_ensemble(settings.steps, *cell, *sizes) for cell in product(settings.depths, settings.widths))


@_table("collapse/learning_time")
def _learning_time(config: Config) -> Work:
    settings, training = config.collapse.learning_time, config.collapse.learning_time.training
    sizes = (len(settings.widths) * training.seeds, training.batch_size, training.test_samples, 2)
    horizons = [settings.path_steps / theta for theta in (1.0, *settings.thetas, *settings.thetas)]
    return _joined(_ensemble(steps, settings.depth, max(settings.widths), *sizes) for steps in horizons)


@_table("collapse/drift_bound")
def _drift_bound(config: Config) -> Work:
    settings, training = config.collapse.drift_bound, config.collapse.drift_bound.training
    sizes = (training.seeds, training.batch_size, training.test_samples, 1)
    return _joined(
        _ensemble(settings.steps, cell.depth, cell.width, *sizes)
        for cell, _network, _model in product(settings.cells, NETWORKS, ("site", "bond"))
    )


@_table("collapse/topologies")
def _collapse_topologies(config: Config) -> Work:
    settings, training = config.collapse.topologies, config.collapse.topologies.training
    rates = len(settings.drop_rates)
    # kinds of networks, pixels of the pooled digits, entries of a kernel: plain, residual, convolution
    kinds = [(1 + 2 * rates, 1, 1), (1 + rates, 1, 1), (1 + 2 * rates, 7 * 7, 3 * 3)]
    return _joined(
        _ensemble(
            settings.steps,
            settings.depth,
            width,
            count * training.seeds,
            training.batch_size * pixels,
            training.test_samples * pixels,
            1,
            kernel,
        )
        for width in settings.widths
        for count, pixels, kernel in kinds
    )


# ---------------------------------------------------------------- phase diagram: particles in the plane


def _transport(points: int) -> float:
    """Updates of single neurons that take as long as one exact W₁ (measured: 0.009 s and 0.18 s for 300 and 1,000)."""
    return 6e5 * (points / 1000) ** 2.5


def _diagram(settings: Diagram) -> Work:
    parts = []
    for rate, keep in product(settings.learning_rates, settings.keep_rates):
        steps = step_count(settings.problem.time, rate)
        updates = steps * settings.width * keep
        run = 0.0
        if steps <= settings.largest_steps and updates <= settings.largest_updates:
            reads = critical_cost(settings.width, settings.problem.time, rate, keep)
            # two runs each of dropout and the limits III and I, perhaps of IV; flows; nine distances
            run = 6 * updates + 2 * reads * (reads <= settings.largest_reads)
            run += 10 * FLOW_STEPS * settings.width + 9 * _transport(settings.width)
        parts.append(Work(settings.seeds * run, settings.width**2, settings.seeds * len(LIMITS)))
    return _joined(parts)


@_table("phases/diagram")
def _diagram_tanh(config: Config) -> Work:
    return _diagram(config.phases.diagram)


@_table("phases/diagram_relu")
def _diagram_relu(config: Config) -> Work:
    return _diagram(config.phases.diagram_relu)


@_table("phases/width_trend")
def _width_trend(config: Config) -> Work:
    settings, parts = config.phases.width_trend, []
    for width, sequence in product(settings.widths, SEQUENCES):
        rate, keep = rates(sequence, width)
        updates = step_count(settings.problem.time, rate) * width * keep
        reads = critical_cost(width, settings.problem.time, rate, keep) if sequence == "IV" else 0
        points = min(width, settings.points)
        run = 4 * updates + 2 * reads * (reads <= settings.largest_reads) + 3 * _transport(points)
        parts.append(Work(settings.seeds * run, points**2, settings.seeds))
    return _joined(parts)


@_table("phases/penalty")
def _penalty(config: Config) -> Work:
    settings, parts = config.phases.penalty, []
    for family, sequence, exponent, width in penalties.networks(settings):
        rate, keep = rates(sequence, width) if sequence else penalties.family_rates(family, exponent, width)
        steps = step_count(settings.problem.time, rate)
        updates, points, run = steps * width * keep, min(width, settings.points), 0.0
        if updates <= settings.largest_updates:
            run = 4 * updates + steps * width * (rate >= DESCENT_FROM) + 2 * _transport(points)
            run += 8 * FLOW_STEPS * width
        parts.append(Work(settings.seeds * run, points**2, settings.seeds))
    return _joined(parts)


@_table("phases/precision")
def _precision(config: Config) -> Work:
    settings, parts = config.phases.precision, []
    for width, regime in product(settings.widths, REGIMES):
        alpha = settings.alpha * (settings.penalised_share if regime == "penalised" else 1)
        steps = step_count(settings.time, alpha * min(1.0, 1 / (settings.beta * width)))
        neurons = width if regime == "gradient_flow" else min(width, 1 / settings.beta)
        step = 20 * CALL + 20 * settings.seeds * neurons * settings.samples
        rows = len(PRECISIONS) * settings.seeds * settings.measurements
        parts.append(Work(steps * len(PRECISIONS) * step, settings.seeds * steps * neurons / width, rows))
    return _joined(parts)


# ---------------------------------------------------------------- phase diagram: other networks


def _coupled(protocol: StudentProtocol, width: int, steps: int) -> Work:
    """The four coupled variants of Figure 2, full batch, trained and measured in every step."""
    inputs = 2 * protocol.samples + protocol.held_out
    step = 40 * CALL + len(COUPLED) * width * inputs * protocol.dimension
    return Work(steps * step, len(COUPLED) * width * (protocol.samples + protocol.dimension), len(COUPLED) * steps)


@_table("phases/teacher_student")
def _teacher_student(config: Config) -> Work:
    settings = config.phases.teacher_student
    runs = product(settings.widths, range(settings.repeats))
    return _joined(_coupled(settings.protocol, width, settings.steps) for width, _ in runs)


@_table("phases/trajectories")
def _trajectories(config: Config) -> Work:
    settings = config.phases.trajectories
    return _coupled(settings.protocol, settings.width, settings.steps)


@_table("phases/digit_pair")
def _digit_pair(config: Config) -> Work:
    settings = config.phases.digit_pair
    runs = settings.repeats * (1 + 4 * len(settings.drop_rates))
    outputs = PIXELS + (1 if settings.classes == "pair" else 10)
    step = 20 * CALL + 2 * settings.batch_size * settings.width * outputs
    train, test = ((2 if settings.classes == "pair" else 10) * images for images in DIGITS[config.phases.digits])
    parts = (train - settings.held_out, settings.held_out, test)
    measurement = sum(min(settings.evaluated, images) for images in parts) * settings.width * outputs
    numbers = settings.width * (settings.evaluated + 4 * outputs)
    rows = 3 * runs * settings.measurements
    return Work(runs * (settings.steps * step + settings.measurements * measurement), numbers, rows)


@_table("phases/curvature")
def _curvature(config: Config) -> Work:
    settings, deep, parts = config.phases.curvature, config.phases.curvature.deep, []
    shared = (settings.activations, settings.losses, ("none", "ram"), range(settings.seeds))
    for width, *_ in product(settings.widths, *shared):
        passed = width * settings.data.samples * settings.data.dimension
        steps = settings.steps * (20 * CALL + 4 * passed)
        # Lanczos takes about twenty Hessian products, and the terms along the gradient are in float64
        measured = settings.measurements * 20 * (20 * CALL + 6 * passed)
        parts.append(Work(steps + measured, 4 * width * settings.data.samples, settings.measurements))
    for depth, *_ in product(deep.depths, deep.activations, ("none", "ram"), range(settings.seeds)):
        passed = depth * deep.width**2 * deep.data.samples
        steps = deep.steps * (20 * depth * CALL + 3 * passed)
        measured = settings.measurements * deep.width * 3 * passed
        numbers = depth * deep.width * deep.data.samples * deep.width
        parts.append(Work(steps + measured, numbers, settings.measurements))
    return _joined(parts)


@_table("phases/stable_rates")
def _stable_rates(config: Config) -> Work:
    settings, parts = config.phases.stable_rates, []
    for width, *_ in product(settings.widths, settings.activations, metrics(settings)):
        hidden = settings.seeds * width * settings.data.samples
        step = 30 * CALL + 4 * hidden * settings.data.dimension
        parts.append(Work((settings.rounds + 2) * settings.steps * step, 4 * hidden, settings.seeds))
    return _joined(parts)


@_table("phases/edge_sharpness")
def _edge_sharpness(config: Config) -> Work:
    settings, parts = config.phases.stable_rates, []
    for width, _, (metric, _) in product(settings.widths, settings.activations, metrics(settings)):
        if metric == "common":
            continue
        seen = width * settings.data.dimension
        hidden = settings.seeds * width * settings.data.samples
        steps = settings.steps * (30 * CALL + 4 * hidden * settings.data.dimension)
        lanczos = settings.measurements * settings.seeds * 20 * (20 * CALL + 6 * seen * settings.data.samples)
        quotient = 40 * CALL + 12 * seen * settings.batch_size
        batches = 2 * (2 if metric == "ram" else 1) * settings.seeds * settings.draws * quotient
        rows = settings.seeds * (settings.measurements + 1)
        parts.append(Work(steps + lanczos + batches, 4 * hidden, rows))
    return _joined(parts)


@_table("phases/depth")
def _depth(config: Config) -> Work:
    settings, parts = config.phases.depth, []
    for depth, width in product([*settings.depths, *settings.independent_depths], settings.widths):
        weights = width * settings.data.dimension + (depth - 1) * width**2
        layers = 15 * depth * CALL + weights * (3 * settings.data.samples + 30)
        runs = settings.seeds * len(depths.VARIANTS)
        rows = runs * settings.measurements
        parts.append(Work(runs * settings.steps * layers, (len(depths.VARIANTS) + 3) * weights, rows))
    return _joined(parts)


# ---------------------------------------------------------------- regularisation methods


class _Samples(NamedTuple):
    train: int
    test: int
    shape: tuple[int, ...]
    outputs: int


def _samples(config: Config, name: str) -> _Samples:
    """Size of the data of a cell."""
    known = {
        "digits5k": _Samples(4000, 1000, (1, 28, 28), 10),
        "shapes10": _Samples(config.data.shapes10_train, config.data.shapes10_test, (3, 32, 32), 10),
        "friedman": _Samples(1600, 400, (10,), 1),
        "breast_cancer": _Samples(455, 114, (30,), 2),
    }
    if name in known:
        return known[name]
    source = load_catalog(CONFIG / "data.yaml")[name]
    return _Samples(source.train_size, source.test_size, tuple(source.image_shape), len(source.class_names))


class _Model(NamedTuple):
    multiply_adds: float
    parameters: int
    activations: int
    layers: int


@cache
def _model(name: str, shape: tuple[int, ...], outputs: int) -> _Model:
    """Cost of one sample, from a forward pass that is counted."""
    model, activations = build_model(name, shape, outputs, seed=0).eval(), []
    leaves = [layer for layer in model.modules() if not any(layer.children())]
    for layer in leaves:
        layer.register_forward_hook(lambda _layer, _inputs, output: activations.append(output.numel()))
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(torch.zeros(1, *shape))
    parameters = sum(values.numel() for values in model.parameters())
    return _Model(counter.get_total_flops() / 2, parameters, sum(activations), len(leaves))


def _arms(config: Config, cell: Cell, arms: int = 1) -> Work:
    """Arms of a comparison: all seeds, trained and evaluated after every epoch."""
    data, recipe = _samples(config, cell.data), cell.recipe
    train, test = cell.train_size or data.train, cell.test_size or data.test
    shape = (data.shape[0], recipe.resize, recipe.resize) if recipe.resize and cell.has_images else data.shape
    model = _model(cell.model, shape, data.outputs)
    steps = train / recipe.batch_size
    epoch = steps * (10 * model.layers * CALL + 20 * model.parameters) + 3 * train * model.multiply_adds
    scored = (train / 10 + test / recipe.epochs) * model.multiply_adds  # validation every time, test at the end
    numbers = model.parameters + recipe.batch_size * model.activations + (train + test) * data.shape[0]
    epochs = arms * cell.seeds * recipe.epochs
    return Work(epochs * (epoch + scored), numbers, epochs, trained=True)


@_tables
def _benchmark_arms(config: Config) -> dict[str, Work]:
    jobs = [job for name in config.ddc.benchmarks for job in config.ddc.jobs(name).items()]
    return {f"ddc_runs/{job}": _arms(config, runs.cell, len(runs.arms)) for job, runs in jobs}


@_tables
def _benchmarks(config: Config) -> dict[str, Work]:
    """The arms' tables put together."""
    benchmarks = config.ddc.benchmarks
    rows = {name: len(cell.arms) * cell.seeds * cell.recipe.epochs for name, cell in benchmarks.items()}
    return {f"ddc/{name}": Work(1, 0, count) for name, count in rows.items()}


@_table("ddc/step_time")
def _step_time(config: Config) -> Work:
    settings = config.ddc.step_time
    return Work(len(settings.models) * settings.batch_size * settings.rounds, 0, len(settings.models))


@_tables
def _ablations(config: Config) -> dict[str, Work]:
    settings, search, regression = config.ablations, config.ablations.learned_search, config.ablations.regression
    groups = ("formula", "placement", "sensitivity_images", "sensitivity_table")
    groups += ("learned_rates", "monte_carlo", "activations")
    sizes = {name: (getattr(settings, name).cell, len(getattr(settings, name).arms)) for name in groups}
    sizes["learned_search"] = (search.cell, search.generations * search.candidates)
    sizes["feedback"] = (settings.feedback.cell, 2)  # dense and masked gradients
    found = {f"ablations/{name}": _arms(config, cell, arms) for name, (cell, arms) in sizes.items()}
    problems = len(regression.scales) * len(regression.learning_rates)
    descents = Work(problems * regression.steps * (CALL + 20 * regression.replicas), 0, problems)
    paths = Work(problems * regression.shown_steps * (CALL + 20 * regression.shown), 0, problems)
    return found | {"ablations/regression": descents, "ablations/regression_paths": paths}
