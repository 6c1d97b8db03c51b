"""Tables on deep networks trained under masks that may cut every path (arXiv 2512.13853, Section V)."""

import math
from itertools import product

from dropatlas.catalogue.table import CALL, Table, Work, by_scale, joined
from dropatlas.collapse.learning_time import GOALS
from dropatlas.collapse.members import MASKED, TOPOLOGIES, Member
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
            runtime=at(30, standard=60, paper=120),
            work=_drift_bound,
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
    settings, parts = config.collapse.movement, []
    measured = len(settings.measured_steps())
    for depth in settings.depths:
        members, widths = settings.members(depth), list(settings.widths(depth).values())
        shown = sum(widths.count(member.width) for member in members)  # once for every constant of their width
        parts.append(_trained(settings.steps, depth, members, settings.training, measured * shown))
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


def _width_depth(config: Config) -> Work:
    settings, parts = config.collapse.width_depth, []
    for depth, width in settings.cells():
        members = settings.members(width)
        parts.append(_trained(settings.steps, depth, members, settings.training, len(members)))
    return joined(parts)


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
    settings = config.collapse.drift_bound
    return joined(
        _trained(settings.steps, cell.depth, members, settings.training, len(members))
        for _network, _model, cell, members in settings.ensembles()
    )


def _topologies(config: Config) -> Work:
    settings, training, parts = config.collapse.topologies, config.collapse.topologies.training, []
    for topology, width in product(TOPOLOGIES, settings.widths):
        # a convolution sees every pixel of the pooled digits, through the entries of its kernel
        pixels, kernel = (7 * 7, 3 * 3) if topology == "convolution" else (1, 1)
        count = len(settings.networks(topology))
        sizes = (count, training.batch_size * pixels, training.test_samples * pixels, count)
        parts.append(_ensemble(settings.steps, settings.depth, width, *sizes, kernel))
    return joined(parts)
