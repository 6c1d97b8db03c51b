"""Tables on the phase diagram of dropout for two-layer mean-field networks (arXiv 2510.07554)."""

from dropatlas.catalogue.table import CALL, DIGITS, Table, Work, by_scale, joined
from dropatlas.config import Config
from dropatlas.phases.names import COUPLED, DEEP_COUPLED, PARTS, PHASES, PRECISIONS
from dropatlas.phases.rates import DESCENT_FROM, FLOW_STEPS
from dropatlas.phases.settings import Diagram, StudentProtocol

PIXELS = 784


def tables(config: Config) -> list[Table]:
    """All tables of the topic, in the order of the page."""
    at = by_scale(config)
    return [
        Table(
            name="phases/diagram",
            message="Phase diagram: distance of dropout particles to the five limits",
            threads=at(1, paper=8),
            mem_mb=at(1500, paper=4000),
            runtime=at(30, standard=120, paper=240),
            work=lambda config: _diagram(config.phases.diagram),
        ),
        Table(
            name="phases/diagram_relu",
            message="Phase diagram of ReLU neurons with constrained weights",
            task="phases.diagram",
            threads=at(1, paper=8),
            mem_mb=at(1500, paper=4000),
            runtime=at(30, standard=60, paper=120),
            work=lambda config: _diagram(config.phases.diagram_relu),
        ),
        Table(
            name="phases/width_trend",
            message="Distance to the predicted limit over the width, in every phase",
            threads=at(1, paper=8),
            mem_mb=at(1500, paper=4000),
            runtime=at(30, standard=60, paper=60),
            work=_width_trend,
        ),
        Table(
            name="phases/penalty",
            message="Penalty, propagation noise and random metric one by one over the width",
            threads=at(1, paper=8),
            mem_mb=at(1500, paper=4000),
            runtime=at(30, standard=60, paper=60),
            work=_penalty,
        ),
        Table(
            name="phases/teacher_student",
            message="Figure 2: teacher-student losses and distances of the coupled variants over the width",
            threads=at(2, paper=8),
            mem_mb=at(2000, paper=4000),
            runtime=at(30, standard=60, paper=60),
            work=_teacher_student,
        ),
        Table(
            name="phases/trajectories",
            message="Figure 2: ways of single neurons under the coupled variants",
            resumable=False,
            mem_mb=at(1000, paper=2000),
            runtime=at(10, standard=30, paper=30),
            work=_trajectories,
        ),
        Table(
            name="phases/digit_pair",
            message="Figure 3: five variants of dropout on the digits 4 and 7",
            data=config.phases.digits,
            threads=at(2, paper=10),
            mem_mb=at(2000, paper=24000),
            runtime=at(30, standard=60, paper=1440),
            work=_digit_pair,
        ),
        Table(
            name="phases/curvature",
            message="B, C and the sharpness along training",
            threads=at(1, paper=8),
            mem_mb=at(3000, paper=8000),
            runtime=at(30, standard=60, paper=240),
            work=_curvature,
        ),
        Table(
            name="phases/stable_rates",
            message="Largest stable learning rates of gradient descent and random metrics",
            threads=at(1, paper=8),
            mem_mb=at(3000, paper=16000),
            runtime=at(30, standard=120, paper=1440),
            work=_stable_rates,
        ),
        Table(
            name="phases/edge_sharpness",
            message="Sharpness along training at the edge of stability",
            section="phases.stable_rates",
            tables=("phases/stable_rates",),
            threads=at(1, paper=8),
            mem_mb=at(3000, paper=8000),
            runtime=at(30, standard=60, paper=120),
            work=_edge_sharpness,
        ),
        Table(
            name="phases/precision",
            message="The critical phase in low floating-point precision",
            threads=at(1, paper=8),
            mem_mb=at(3000, paper=4000),
            runtime=at(30, standard=60, paper=60),
            work=_precision,
        ),
        Table(
            name="phases/depth",
            message="Dropout against the random metric in deeper networks",
            threads=at(1, paper=8),
            mem_mb=at(3000, paper=16000),
            runtime=at(30, standard=60, paper=480),
            work=_depth,
        ),
        Table(
            name="phases/residual",
            message="Dropout against the random metric in residual networks",
            threads=at(1, paper=8),
            mem_mb=at(3000, paper=16000),
            runtime=at(30, standard=60, paper=240),
            work=_residual,
        ),
    ]


def _transport(points: int) -> float:
    """Updates of single neurons that take as long as one exact W₁ (measured: 0.009 s and 0.18 s for 300 and 1,000)."""
    return 6e5 * (points / 1000) ** 2.5


def _diagram(settings: Diagram) -> Work:
    parts = []
    for network in settings.networks():
        run = 0.0
        if not settings.over_budget(network):
            # two runs each of dropout and the limits III and I, perhaps of IV; flows; nine distances
            run = 6 * network.updates + 2 * network.reads * (network.reads <= settings.largest_reads)
            run += 10 * FLOW_STEPS * settings.width + 9 * _transport(settings.width)
        parts.append(Work(settings.seeds * run, settings.width**2, settings.seeds * len(PHASES)))
    return joined(parts)


def _width_trend(config: Config) -> Work:
    settings, parts = config.phases.width_trend, []
    for sequence, network in settings.networks():
        reads, points = network.reads if sequence == "IV" else 0, min(network.width, settings.points)
        run = 4 * network.updates + 2 * reads * (reads <= settings.largest_reads) + 3 * _transport(points)
        parts.append(Work(settings.seeds * run, points**2, settings.seeds))
    return joined(parts)


def _penalty(config: Config) -> Work:
    settings, parts = config.phases.penalty, []
    for *_, network in settings.networks():
        width, rate, _keep_rate, steps = network
        points, run = min(width, settings.points), 0.0
        if not settings.over_budget(network):
            run = 4 * network.updates + steps * width * (rate >= DESCENT_FROM) + 2 * _transport(points)
            run += 8 * FLOW_STEPS * width
        parts.append(Work(settings.seeds * run, points**2, settings.seeds))
    return joined(parts)


def _precision(config: Config) -> Work:
    settings, parts = config.phases.precision, []
    for width, regime in settings.cells():
        marks = settings.measured_steps(settings.rates(width, regime)[0])
        neurons = width if regime == "gradient_flow" else min(width, 1 / settings.beta)
        step = 20 * CALL + 20 * settings.seeds * neurons * settings.samples
        kept = settings.seeds * marks[-1] * neurons / width
        parts.append(Work(marks[-1] * len(PRECISIONS) * step, kept, len(PRECISIONS) * settings.seeds * len(marks)))
    return joined(parts)


def _coupled(protocol: StudentProtocol, width: int, steps: int, rows: int) -> Work:
    """The coupled variants of Figure 2, full batch, trained and measured in every step."""
    inputs = 2 * protocol.samples + protocol.held_out
    step = 40 * CALL + len(COUPLED) * width * inputs * protocol.dimension
    return Work(steps * step, len(COUPLED) * width * (protocol.samples + protocol.dimension), rows)


def _teacher_student(config: Config) -> Work:
    settings = config.phases.teacher_student
    rows = len(COUPLED) * (settings.steps + 1)
    return joined(_coupled(settings.protocol, width, settings.steps, rows) for width, _ in settings.networks())


def _trajectories(config: Config) -> Work:
    settings = config.phases.trajectories
    rows = len(COUPLED) * (settings.steps + 1) * settings.neurons
    return _coupled(settings.protocol, settings.width, settings.steps, rows)


def _digit_pair(config: Config) -> Work:
    settings = config.phases.digit_pair
    runs, measured = settings.seeds * len(settings.variants()), len(settings.measured_steps())
    outputs = PIXELS + (1 if settings.classes == "pair" else 10)
    step = 20 * CALL + 2 * settings.batch_size * settings.width * outputs
    train, test = ((2 if settings.classes == "pair" else 10) * images for images in DIGITS[config.phases.digits])
    parts = (train - settings.held_out, settings.held_out, test)
    measurement = sum(min(settings.evaluated, images) for images in parts) * settings.width * outputs
    numbers = settings.width * (settings.evaluated + 4 * outputs)
    return Work(runs * (settings.steps * step + measured * measurement), numbers, runs * measured * len(PARTS))


def _curvature(config: Config) -> Work:
    settings, deep, parts = config.phases.curvature, config.phases.curvature.deep, []
    for kind in settings.kinds():
        measured = len(settings.measured_steps(kind.depth))
        if kind.depth == 1:
            passed = kind.width * settings.data.samples * settings.data.dimension
            steps = settings.steps * (20 * CALL + 4 * passed)
            # Lanczos takes about twenty Hessian products, and the terms along the gradient are in float64
            measurement = 20 * (20 * CALL + 6 * passed)
            numbers = 4 * kind.width * settings.data.samples
        else:
            passed = kind.depth * kind.width**2 * deep.data.samples
            steps = deep.steps * (20 * kind.depth * CALL + 3 * passed)
            measurement, numbers = 3 * kind.width * passed, kind.depth * kind.width**2 * deep.data.samples
        seeds = settings.seeds
        parts.append(Work(seeds * (steps + measured * measurement), numbers, seeds * measured))
    return joined(parts)


def _stable_rates(config: Config) -> Work:
    settings, parts = config.phases.stable_rates, []
    for width, *_ in settings.cells():
        hidden = settings.seeds * width * settings.data.samples
        step = 30 * CALL + 4 * hidden * settings.data.dimension
        parts.append(Work((settings.rounds + 2) * settings.steps * step, 4 * hidden, settings.seeds))
    return joined(parts)


def _edge_sharpness(config: Config) -> Work:
    """Rows where some network of every cell stays finite to the end; where all blow up nothing more is measured."""
    settings, parts = config.phases.stable_rates, []
    measured = len(settings.measured_steps())
    for width, _, metric, _ in settings.edge_cells():
        seen = width * settings.data.dimension
        hidden = settings.seeds * width * settings.data.samples
        steps = settings.steps * (30 * CALL + 4 * hidden * settings.data.dimension)
        lanczos = measured * settings.seeds * 20 * (20 * CALL + 6 * seen * settings.data.samples)
        quotient = 40 * CALL + 12 * seen * settings.batch_size
        batches = 2 * (2 if metric == "ram" else 1) * settings.seeds * settings.draws * quotient
        parts.append(Work(steps + lanczos + batches, 4 * hidden, settings.seeds * measured))
    return joined(parts)


def _depth(config: Config) -> Work:
    settings, parts = config.phases.depth, []
    runs, measured = settings.seeds * len(DEEP_COUPLED), len(settings.measured_steps())
    for depth, width in settings.cells():
        weights = width * settings.data.dimension + (depth - 1) * width**2
        layers = 15 * depth * CALL + weights * (3 * settings.data.samples + 30)
        parts.append(Work(runs * settings.steps * layers, (len(DEEP_COUPLED) + 3) * weights, runs * measured))
    return joined(parts)


def _residual(config: Config) -> Work:
    settings, parts = config.phases.residual, []
    networks = settings.seeds * len(DEEP_COUPLED)
    for _, depth, width in settings.cells():
        hidden = networks * width * settings.data.samples
        step = depth * (30 * CALL + hidden * (7 * settings.data.dimension + 30))
        numbers = 6 * hidden + 10 * networks * depth * width * settings.data.dimension
        parts.append(Work(settings.steps * step, numbers, networks))
    return joined(parts)
