"""Tables on deep networks trained under masks that may cut every path (arXiv 2512.13853, Section V)."""

import math

from dropatlas.catalogue.table import CALL, Table, Work, by_scale, joined
from dropatlas.collapse.learning_time import GOALS
from dropatlas.collapse.members import MASKED, Member
from dropatlas.collapse.settings import Training
from dropatlas.config import Config

INPUTS = 16
"""Of the regression networks (`regression_problem`)."""


def tables(config: Config) -> list[Table]:
    """All tables of the topic, in the order of the page."""
    at, digits = by_scale(config), config.collapse.digits
    return [
        Table(
            name="collapse/decoupling",
            message="Masks without a path: outputs and gradients of random networks",
            resumable=False,
            mem_mb=1000,
            runtime=at(10, paper=60),
            work=_decoupling,
        ),
        Table(
            name="collapse/blindness",
            message="Blindness: coupled runs with the same masks and other inputs",
            resumable=False,
            data=digits,
            mem_mb=at(1000, standard=2000, paper=4000),
            runtime=at(10, standard=20, paper=60),
            work=_blindness,
        ),
        Table(
            name="collapse/movement",
            message="Experiment 1: movement from initialisation over depth and width",
            mem_mb=at(3000, paper=8000),
            runtime=at(30, standard=120, paper=2880),
            work=_movement,
        ),
        Table(
            name="collapse/variants",
            message="Experiment 2: dropout, modified dropout and no dropout, with and without biases",
            mem_mb=3000,
            runtime=at(30, standard=60, paper=240),
            work=_variants,
        ),
        Table(
            name="collapse/trainability",
            message="Experiment 3: what stops training, missing paths or lost signal",
            mem_mb=at(3000, paper=6000),
            runtime=at(30, standard=60, paper=2880),
            work=_trainability,
        ),
        Table(
            name="collapse/learning_time",
            message="Experiment 4: steps to learn against 1/theta",
            mem_mb=3000,
            runtime=at(30, standard=60, paper=240),
            work=_learning_time,
        ),
        Table(
            name="collapse/depth_law",
            message="Steps to learn against depth at constant width",
            mem_mb=3000,
            runtime=at(30, standard=60, paper=480),
            work=_depth_law,
        ),
        Table(
            name="collapse/drift_bound",
            message="Experiment 5: measured movement against the drift bound",
            mem_mb=2000,
            runtime=at(30, standard=60, paper=240),
            work=_drift_bound,
        ),
        Table(
            name="collapse/gradients",
            message="Gradient norms over depth and drop rate, with masks and without",
            mem_mb=2000,
            runtime=at(30, paper=240),
            work=_gradients,
        ),
        Table(
            name="collapse/optimisers",
            message="Movement and time to learn under momentum and Adam",
            mem_mb=2000,
            runtime=at(30, standard=60, paper=480),
            work=_optimisers,
        ),
        Table(
            name="collapse/topologies",
            message="Experiment 6: residual and convolutional networks under dropout",
            data=digits,
            mem_mb=at(2000, standard=3000, paper=16000),
            runtime=at(30, standard=60, paper=1440),
            work=_topologies,
        ),
        Table(
            name="collapse/modified_topologies",
            message="Experiment 7: modified dropout on plain, convolutional and residual networks",
            data=digits,
            mem_mb=at(2000, standard=3000, paper=16000),
            runtime=at(30, standard=60, paper=1440),
            work=_modified_topologies,
        ),
        Table(
            name="collapse/regularisation",
            message="Design tradeoffs: train-test gap and test loss over the drop rate",
            data=digits,
            resumable=False,
            mem_mb=at(2000, paper=4000),
            runtime=at(30, paper=240),
            work=_regularisation,
        ),
        Table(
            name="collapse/parameter_budget",
            message="Design tradeoffs: training success of shapes that cost equally many weights",
            mem_mb=at(2000, paper=4000),
            runtime=at(30, paper=480),
            work=_parameter_budget,
        ),
    ]


def _decoupling(config: Config) -> Work:
    settings = config.collapse.decoupling
    cases = len(settings.cases())
    return Work(cases * settings.networks, 0, 2 * cases)  # with and without a path


def _blindness(config: Config) -> Work:
    settings, parts = config.collapse.blindness, []
    for network in settings.networks:
        steps, pairs = settings.horizons(network)[1], settings.pairs * len(settings.kinds())
        sizes = (2 * pairs, settings.batch_size)
        parts.append(_ensemble(steps, network.depth, network.width, *sizes, 0, pairs))
    return joined(parts)


def _trained(steps: int, depth: int, members: list[Member], training: Training, rows: int) -> Work:
    """Networks trained as one."""
    width = max(member.width for member in members)
    return _ensemble(steps, depth, width, len(members), training.batch_size, training.test_samples, rows)


def _ensemble(
    steps: int, depth: int, width: int, seeds: int, batch: int, tests: int, rows: int, kernel: int = 1
) -> Work:
    """Three products forward and back, and elementwise work, in every layer."""
    layer = 20 * CALL + seeds * batch * width * (3 * width * kernel + 60)
    held = seeds * width * (depth * (2 * width + batch) + tests)
    return Work(steps * depth * layer, held, rows)


def _movement(config: Config) -> Work:
    settings = config.collapse.movement
    near = settings.threshold
    runs = [(run.depth, run.steps, settings.members(run)) for run in settings.runs]
    runs.append((near.depth, near.steps, near.members(settings.drop_rate)))
    parts = []
    for depth, steps, members in runs:
        width, rows = max(member.width for member in members), len(settings.measured_steps(steps)) * len(members)
        sizes = (len(members), settings.batch_size, settings.test_samples, rows)
        parts.append(_ensemble(steps, depth, width, *sizes))
    return joined(parts)


def _variants(config: Config) -> Work:
    settings, parts = config.collapse.variants, []
    for biases, depth, members in settings.ensembles():
        measured = settings.measured_steps(biases=biases)
        controls = [member for member in members if member.variant == "none"]
        shown = sum(
            cell.depth == depth and cell.width == control.width for cell in settings.cells for control in controls
        )
        sizes = (max(member.width for member in members), len(members), settings.batch_size, settings.test_samples)
        rows = len(measured) * (len(members) - len(controls) + shown)
        parts.append(_ensemble(measured[-1], depth, *sizes, rows))
    return joined(parts)


def _trainability(config: Config) -> Work:
    settings = config.collapse.trainability
    return joined(
        _trained(steps[-1], depth, members, settings.training, len(steps) * len(members))
        for _grid, depth, _normalised, steps, members in settings.batches()
    )


def _learning_time(config: Config) -> Work:
    settings, training = config.collapse.learning_time, config.collapse.learning_time.training

    def times(variant: str, theta: float) -> Work:
        widths = [width for width, _, _ in settings.networks(variant)]
        sizes = (settings.depth, max(widths), len(widths), training.batch_size, training.test_samples)
        rows = len(GOALS) * len(widths) if variant != "none" else 0
        return _ensemble(settings.measured_steps(theta)[-1], *sizes, rows)

    return joined([times("none", 1.0), *(times(MASKED[model], theta) for model, theta in settings.conditions())])


def _depth_law(config: Config) -> Work:
    settings, training, parts = config.collapse.depth_law, config.collapse.depth_law.training, []
    for schedule, depth, model in settings.conditions():
        networks = settings.networks(MASKED[model])
        theta = math.exp(-settings.rate * depth)
        steps = settings.measured_steps(schedule, theta)[-1]
        width = max(width for width, _, _ in networks)
        sizes = (depth, width, len(networks), training.batch_size, training.test_samples)
        computed = round(theta * steps) + settings.checked_steps
        drawn = Work(steps * len(networks) * width * (depth * width + INPUTS), 0, 0)  # every mask is
        parts += [_ensemble(computed, *sizes, len(GOALS) * len(networks)), drawn]
    return joined(parts)


def _drift_bound(config: Config) -> Work:
    settings, training = config.collapse.drift_bound, config.collapse.drift_bound.training
    parts = []
    for kind, _model in settings.ensembles():
        count = len(kind.thetas) * training.seeds
        sizes = (count, training.batch_size, training.test_samples, count)
        parts.append(_ensemble(settings.steps, kind.depth, kind.width, *sizes))
    return joined(parts)


def _gradients(config: Config) -> Work:
    settings = config.collapse.gradients
    count = len(settings.members())
    sizes = (count, settings.batch_size, 10, 2 * count)  # measured twice
    return joined(_ensemble(settings.steps, depth, settings.width, *sizes) for depth in settings.depths)


def _optimisers(config: Config) -> Work:
    settings = config.collapse.optimisers
    count = len(settings.networks())
    sizes = (count, settings.batch_size, settings.test_samples, count)
    run = _ensemble(settings.steps, settings.depth, max(settings.widths), *sizes)
    return joined([run] * len(settings.optimisers))


def _stacked(
    architecture: str, steps: int, depth: int, width: int, networks: int, batch: int, tests: int, rows: int
) -> Work:
    """Networks of one architecture, trained as one."""
    # a convolution sees every pixel of the pooled digits, through the entries of its kernel
    pixels, kernel = (7 * 7, 3 * 3) if architecture == "convolution" else (1, 1)
    return _ensemble(steps, depth, width, networks, batch * pixels, tests * pixels, rows, kernel)


def _topologies(config: Config) -> Work:
    settings, training, parts = config.collapse.topologies, config.collapse.topologies.training, []
    for topology, width in settings.jobs():
        count = len(settings.networks(topology, width))
        sizes = (settings.depth, width, count, training.batch_size, training.test_samples, count)
        parts.append(_stacked(topology, settings.steps, *sizes))
    return joined(parts)


def _regularisation(config: Config) -> Work:
    settings, training, parts = config.collapse.regularisation, config.collapse.regularisation.training, []
    last, horizons = max(settings.horizons), len(settings.horizons)
    for cell in settings.cells:
        for members in settings.ensembles(cell):
            parts.append(_trained(last, cell.depth, members, training, horizons * len(members)))
    return joined(parts)


def _parameter_budget(config: Config) -> Work:
    settings, parts = config.collapse.parameter_budget, []
    for _budget, depth, width in settings.shapes():
        members = settings.members(width)
        parts.append(_trained(settings.steps, depth, members, settings.training, len(members)))
    return joined(parts)


def _modified_topologies(config: Config) -> Work:
    settings, parts = config.collapse.modified_topologies, []
    for cell, biases in settings.jobs():
        count, horizons = len(settings.networks(cell, biases)), len(settings.measured_steps())
        sizes = (settings.depth, cell.width, count, settings.batch_size, settings.samples, horizons * count)
        parts.append(_stacked(cell.architecture, settings.steps, *sizes))
    return joined(parts)
