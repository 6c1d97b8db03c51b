"""Tables on the phase diagram of dropout for two-layer mean-field networks (arXiv 2510.07554)."""

from collections.abc import Sequence

from dropatlas.catalogue.table import CALL, DIGITS, Table, Work, by_scale, joined
from dropatlas.config import Config
from dropatlas.phases.boundary_lines import LINES
from dropatlas.phases.classification import CONTAINS, classify_phase
from dropatlas.phases.coupling_settings import FUNCTIONS, LAW
from dropatlas.phases.names import CODES, COUPLED, DEEP_COUPLED, MEASURED_PARTS, PHASES, PRECISIONS
from dropatlas.phases.precision_errors import ORDERS
from dropatlas.phases.rates import DESCENT_FROM, FLOW_STEPS
from dropatlas.phases.settings import StudentProtocol

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
            work=_diagram,
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
            name="phases/boundary_scan",
            message="Lines through the boundaries of the phase diagram",
            threads=at(1, paper=8),
            mem_mb=at(1500, paper=4000),
            runtime=at(30, standard=60, paper=60),
            work=_boundary_scan,
        ),
        Table(
            name="phases/failure_signatures",
            message="Right and wrong codes against the predicted limit",
            threads=at(1, paper=3),
            mem_mb=at(1500, paper=2000),
            runtime=at(30, standard=30, paper=30),
            work=_failure_signatures,
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
            name="phases/reference_students",
            message="Figure 2 with the authors' own random numbers",
            seeded=False,
            threads=at(1, standard=2, paper=8),
            mem_mb=at(1000, paper=4000),
            runtime=at(10, standard=30, paper=30),
            work=_reference_students,
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
            message="Figure 3: variants of dropout on the digits 4 and 7, over the width",
            data=config.phases.digits,
            threads=at(2, paper=10),
            mem_mb=at(2000, paper=24000),
            runtime=at(30, standard=60, paper=1440),
            gpu=at(0, paper=1),
            work=_digit_pair,
        ),
        Table(
            name="phases/curvature",
            message="B, C and S/n along training",
            threads=at(1, paper=8),
            mem_mb=at(3000, paper=8000),
            runtime=at(30, standard=60, paper=240),
            work=_curvature,
        ),
        Table(
            name="phases/expansion",
            message="What the masks of one step cost, measured and by the second-order expansion",
            threads=at(1, paper=8),
            mem_mb=at(2000, paper=8000),
            runtime=at(30, standard=30, paper=60),
            work=_expansion,
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
            name="phases/pathwise",
            message="Paths coupled to those of the Poisson limit over n, q and beta",
            mem_mb=at(1500, paper=4000),
            runtime=at(30, standard=30, paper=240),
            resumable=False,
            work=_pathwise,
        ),
        Table(
            name="phases/weak_rate",
            message="Bias of test functions and laws in the critical phase over the width",
            mem_mb=at(1500, paper=4000),
            runtime=at(30, standard=30, paper=480),
            resumable=False,
            work=_weak_rate,
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


def _diagram(config: Config) -> Work:
    settings, parts = config.phases.diagram, []
    for _, network in settings.cells():
        run = 0.0
        if classify_phase(*network[:3]).name in PHASES and not settings.over_budget(network):
            # two runs each of dropout and the limits III and I, perhaps of IV; flows; nine distances
            run = 6 * network.updates + 2 * network.reads * (network.reads <= settings.largest_reads)
            run += 10 * FLOW_STEPS * settings.width + 9 * _transport(min(settings.width, settings.points))
        parts.append(Work(settings.seeds * run, settings.width**2, settings.seeds * len(PHASES)))
    return joined(parts)


def _width_trend(config: Config) -> Work:
    settings, parts = config.phases.width_trend, []
    for _, sequence, network in settings.networks():
        limits = 1 + len(CONTAINS[sequence]) * (network.width == max(settings.widths))
        reads, points = network.reads if sequence == "IV" else 0, min(network.width, settings.points)
        run = (2 + 2 * limits) * network.updates + 2 * reads * (reads <= settings.largest_reads)
        run += 4 * FLOW_STEPS * network.width + (1 + 2 * limits) * _transport(points)
        parts.append(Work(settings.seeds * run, points**2, settings.seeds * limits))
    return joined(parts)


def _boundary_scan(config: Config) -> Work:
    settings, parts = config.phases.boundary_scan, []
    points = min(settings.width, settings.points)
    for name, _, network in settings.networks():
        run = 6 * network.updates + 2 * network.reads * (LINES[name].rich == "IV")
        run += 8 * FLOW_STEPS * settings.width + 5 * _transport(points)
        parts.append(Work(settings.seeds * run, points**2, settings.seeds * 2))
    return joined(parts)


def _failure_signatures(config: Config) -> Work:
    settings, parts = config.phases.failure_signatures, []
    points = min(settings.width, settings.points)
    for cell, network in settings.networks():
        codes = len(CODES) if cell else 1
        run = 2 * codes * network.updates + 4 * FLOW_STEPS * settings.width
        run += 3 * codes * _transport(points) * bool(cell)
        parts.append(Work(settings.seeds * run, points**2, settings.seeds * codes))
    return joined(parts)


def _penalty(config: Config) -> Work:
    settings, parts = config.phases.penalty, []
    for family, *_, network in settings.networks():
        width, rate, _keep_rate, steps = network
        run = 0.0
        if not settings.over_budget(network):
            run = 3 * network.updates
            if family == "phase":
                run += steps * width if rate >= DESCENT_FROM else 4 * FLOW_STEPS * width
        parts.append(Work(settings.seeds * run, network.updates, settings.seeds))
    return joined(parts)


def _precision(config: Config) -> Work:
    settings, parts = config.phases.precision, []
    for width, regime in settings.cells():
        rate, keep_rate = settings.rates(width, regime)
        marks = settings.measured_steps(rate)
        updates = marks[-1] * width * keep_rate
        runs = settings.seeds * (1 + len(ORDERS) * (len(PRECISIONS) - 1))
        parts.append(Work(runs * updates * settings.samples, updates, runs * len(marks)))
    return joined(parts)


def _coupled(protocol: StudentProtocol, width: int, measured: Sequence[int], rows: int) -> Work:
    """The coupled variants of Figure 2, full batch; the held-out inputs count where a network is measured."""
    inputs = 2 * protocol.samples * measured[-1] + protocol.held_out * len(measured)
    neurons = len(COUPLED) * width * (protocol.samples + protocol.dimension)
    return Work(40 * CALL * measured[-1] + len(COUPLED) * width * inputs * protocol.dimension, neurons, rows)


def _teacher_student(config: Config) -> Work:
    settings = config.phases.teacher_student
    measured = settings.measured_steps()
    rows = len(COUPLED) * len(measured)
    return joined(_coupled(settings.protocol, width, measured, rows) for width, _ in settings.networks())


def _reference_students(config: Config) -> Work:
    settings = config.phases.reference_students
    measured = settings.measured_steps()
    rows = len(COUPLED) * len(measured)
    return joined(_coupled(settings.protocol, width, measured, rows) for _, width, _ in settings.networks())


def _trajectories(config: Config) -> Work:
    settings = config.phases.trajectories
    rows = len(COUPLED) * (settings.steps + 1) * settings.neurons
    return _coupled(settings.protocol, settings.width, range(settings.steps + 1), rows)


def _digit_pair(config: Config) -> Work:
    settings = config.phases.digit_pair
    train, test = ((2 if settings.classes == "pair" else 10) * images for images in DIGITS[config.phases.digits])
    outputs, measured = PIXELS + (1 if settings.classes == "pair" else 10), len(settings.measured_steps())
    parts = []
    for cell in settings.cells:
        runs = cell.seeds * len(cell.runs())
        step = 200 * CALL + 2 * settings.batch_size * cell.width * outputs  # what is done per image and pixel
        measurement = (settings.held_out + test) * cell.width * outputs
        numbers = len(cell.runs()) * cell.width * outputs + (train + test) * PIXELS
        work = runs * (settings.steps * step + measured * measurement)
        parts.append(Work(work, numbers, runs * measured * len(MEASURED_PARTS)))
    return joined(parts)


def _curvature(config: Config) -> Work:
    settings, deep, parts = config.phases.curvature, config.phases.curvature.deep, []
    for kind in settings.kinds():
        measured = len(settings.measured_steps(kind.depth))
        if kind.depth == 1:
            passed = kind.width * settings.data.samples * settings.data.dimension
            steps = settings.steps * (20 * CALL + 4 * passed)
            # all seeds at once, the terms along the gradient in float64
            measurement = 20 * CALL + 20 * passed
            numbers = 8 * settings.seeds * kind.width * settings.data.samples
        else:
            passed = kind.depth * kind.width**2 * deep.data.samples
            steps = deep.steps * (20 * kind.depth * CALL + 3 * passed)
            measurement, numbers = 3 * kind.width * passed, kind.depth * kind.width**2 * deep.data.samples
        seeds = settings.seeds
        parts.append(Work(seeds * (steps + measured * measurement), numbers, seeds * measured))
    return joined(parts)


def _expansion(config: Config) -> Work:
    settings, parts = config.phases.expansion, []
    for width, *_ in settings.kinds():
        samples = settings.data.samples
        steps = max(settings.stages) * (20 * CALL + 4 * settings.seeds * width * samples * settings.data.dimension)
        # masks times features in float64, forwards and backwards
        measured = len(settings.stages) * settings.seeds * len(settings.keep_rates)
        cost = 60 * CALL + 4 * settings.masks * width * (samples + 5)
        parts.append(Work(steps + measured * cost, settings.masks * width, measured))
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
    for width, _, metric, _ in settings.cells():
        seen = width * settings.data.dimension
        hidden = settings.seeds * width * settings.data.samples
        steps = settings.steps * (30 * CALL + 4 * hidden * settings.data.dimension)
        lanczos = measured * settings.seeds * 20 * (20 * CALL + 6 * seen * settings.data.samples)
        quotient = 40 * CALL + 12 * seen * settings.batch_size
        batches = 2 * (2 if metric == "ram" else 1) * settings.seeds * settings.draws * quotient
        shares = 2 if metric == "ram" else 1  # of the largest stable rate at which networks are trained
        parts.append(Work(shares * (steps + lanczos) + batches, 4 * hidden, shares * settings.seeds * measured))
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


def _pathwise(config: Config) -> Work:
    """Two simulations of the limit and four systems per network, all counted in updates of a neuron."""
    settings = config.phases.pathwise
    networks, jumps = settings.networks(), settings.problem.time / settings.alpha
    limits = 2 * settings.limit_width
    seed = jumps * (limits + 4 * sum(network.width for network in networks))
    held = max(limits * settings.problem.samples, 40 * max(network.width for network in networks))
    return Work(settings.seeds * seed, held, settings.seeds * len(networks))


def _weak_rate(config: Config) -> Work:
    """Two halves of runs and of the limit, and one control, all counted in updates of a neuron."""
    settings = config.phases.weak_rate
    runs = 2 * sum(settings.runs(width) * width for width in settings.widths)
    limits = settings.limit_width * (1 + 2 * settings.copies * (1 + 0.1 / settings.beta))
    seed = settings.problem.time / settings.alpha * (runs + limits)
    rows = settings.seeds * len(settings.widths) * len([*FUNCTIONS, LAW])
    return Work(settings.seeds * seed, settings.limit_width * settings.problem.samples, rows)
