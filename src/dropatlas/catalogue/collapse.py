"""Tables on deep networks trained under masks that may cut every path (arXiv 2512.13853, Section V)."""

from itertools import product

from dropatlas.catalogue.table import CALL, Table, Work, by_scale, joined
from dropatlas.collapse.members import TOPOLOGIES, Member
from dropatlas.collapse.settings import GOALS, Training
from dropatlas.config import Config


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
            name="collapse/movement",
            message="Experiment 1: movement from initialisation over depth and width",
            mem_mb=at(3000, paper=8000),
            runtime=at(30, standard=120, paper=2880),
            work=_movement,
        ),
        Table(
            name="collapse/variants",
            message="Experiment 2: dropout, modified dropout and no dropout, with and without biases",
            data=digits,
            mem_mb=3000,
            runtime=at(30, standard=60, paper=240),
            work=_variants,
        ),
        Table(
            name="collapse/width_depth",
            message="Experiment 3: crossings and training success over width and drop rate",
            mem_mb=at(3000, paper=6000),
            runtime=at(30, standard=120, paper=2880),
            work=_width_depth,
        ),
        Table(
            name="collapse/learning_time",
            message="Experiment 4: steps to learn against 1/theta",
            mem_mb=3000,
            runtime=at(30, standard=60, paper=240),
            work=_learning_time,
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
    ]


def _decoupling(config: Config) -> Work:
    settings = config.collapse.decoupling
    cases = len(settings.cases())
    return Work(cases * settings.networks, 0, 2 * cases)  # with and without a path


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
    settings = config.collapse.variants
    measured = len(settings.measured_steps())
    return joined(
        _trained(settings.steps, cell.depth, members, settings.training, measured * len(members))
        for _problem, _biases, cell, members in settings.ensembles()
    )


def _width_depth(config: Config) -> Work:
    settings, parts = config.collapse.width_depth, []
    for depth, width in settings.cells():
        members = settings.members(width)
        parts.append(_trained(settings.steps, depth, members, settings.training, len(members)))
    return joined(parts)


def _learning_time(config: Config) -> Work:
    settings, training = config.collapse.learning_time, config.collapse.learning_time.training
    widths = [width for width, _ in settings.networks()]
    sizes = (settings.depth, max(widths), len(widths), training.batch_size, training.test_samples)
    rows = len(GOALS) * len(widths)
    parts = [_ensemble(settings.measured_steps(theta)[-1], *sizes, rows) for _, theta in settings.conditions()]
    return joined([_ensemble(settings.measured_steps(1.0)[-1], *sizes, 0), *parts])  # controls have no rows


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


def _topologies(config: Config) -> Work:
    settings, training, parts = config.collapse.topologies, config.collapse.topologies.training, []
    for topology, width in product(TOPOLOGIES, settings.widths):
        # a convolution sees every pixel of the pooled digits, through the entries of its kernel
        pixels, kernel = (7 * 7, 3 * 3) if topology == "convolution" else (1, 1)
        count = len(settings.networks(topology))
        sizes = (count, training.batch_size * pixels, training.test_samples * pixels, count)
        parts.append(_ensemble(settings.steps, settings.depth, width, *sizes, kernel))
    return joined(parts)
