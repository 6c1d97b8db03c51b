"""Tables on crossing probabilities of masked networks (arXiv 2512.13853)."""

from dropatlas.catalogue.table import FIXED, Table, Work, by_scale
from dropatlas.config import Config
from dropatlas.percolation.events import CONVOLUTIONAL, EVENTS

EXACT = {
    "crossing_curves": ("crossing", "Crossing probability: exact curves and bounds"),
    "required_width": ("required_width", "Width needed for a given crossing probability"),
    "scaling_laws": ("scaling", "Scaling laws W = floor((C log n)^tau), L = n"),
    "finite_thresholds": ("scaling", "Finite-n thresholds of the scaling laws"),
    "crossing_boundary": ("boundary", "Crossing boundary in the plane of width and depth"),
}
"""Tables without sampling, with their section and message; their grids in config.yaml have one size at all scales."""


def tables(config: Config) -> list[Table]:
    """All tables of the topic, in the order of the page."""
    at = by_scale(config)
    exact = [
        Table(
            name=f"percolation/{name}",
            message=message,
            section=f"percolation.{section}",
            seeded=False,
            resumable=False,
            mem_mb=1000,
            runtime=10,
            work=lambda config: FIXED,
        )
        for name, (section, message) in EXACT.items()
    ]
    return [
        Table(
            name="percolation/crossing_probability",
            message="Crossing probability: theory, bounds and sampled masks",
            section="percolation.crossing",
            resumable=False,
            mem_mb=1000,
            runtime=at(30, paper=60),
            work=_crossing_probability,
        ),
        *exact,
        Table(
            name="percolation/topologies",
            message="Residual and convolutional networks under masks",
            resumable=False,
            mem_mb=2000,
            runtime=at(30, paper=180),
            work=_topologies,
        ),
    ]


def _crossing_probability(config: Config) -> Work:
    grid = config.percolation.crossing
    edges = [depth * width**2 for _, width, depth, _ in grid.cells()]
    return Work(grid.samples * sum(edges), 0, len(edges))


def _topologies(config: Config) -> Work:
    settings = config.percolation.topologies
    taps = settings.image_size**2 * settings.kernel_size**2
    edges = rows = 0
    for topology, width, depth, _ in settings.cells():
        edges += depth * width**2 * (taps if topology in CONVOLUTIONAL else 1)
        rows += len(EVENTS[topology])
    return Work(settings.samples * edges, 0, rows)
