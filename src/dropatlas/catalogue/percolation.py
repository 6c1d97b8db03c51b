"""Tables on crossing probabilities of masked networks (arXiv 2512.13853)."""

from dropatlas.catalogue.table import FIXED, Table, Work, by_scale
from dropatlas.config import Config
from dropatlas.percolation import depth_in_window, number_of_edges
from dropatlas.percolation.events import CONVOLUTIONAL, EVENTS
from dropatlas.percolation.settings import MOST_OPEN_CUTS

EXACT = {
    "crossing_curves": ("crossing", "Crossing probability: exact curves and bounds"),
    "required_width": ("required_width", "Width needed for a given crossing probability"),
    "parameter_budget": ("parameter_budget", "Width against depth at a fixed number of weights"),
    "scaling_laws": ("scaling", "Scaling laws W = floor((C log n)^tau), L = n"),
    "finite_thresholds": ("scaling", "Finite-n thresholds of the scaling laws"),
    "minimum_cuts": ("minimum_cuts", "Minimum cuts, rare extinction and the critical window"),
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
            name="percolation/open_cuts",
            message="Open minimum cuts of sampled networks",
            resumable=False,
            mem_mb=1000,
            runtime=at(30, paper=60),
            work=_open_cuts,
        ),
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


def _open_cuts(config: Config) -> Work:
    settings = config.percolation.open_cuts
    depths = [depth_in_window(cell.drop_rate, cell.width, cell.parameter) for cell in settings.cells]
    edges = sum(number_of_edges(cell.width, depth) for cell, depth in zip(settings.cells, depths, strict=True))
    return Work(settings.samples * edges, 0, (MOST_OPEN_CUTS + 1) * len(settings.cells))


def _topologies(config: Config) -> Work:
    settings = config.percolation.topologies
    taps = settings.image_size**2 * settings.kernel_size**2
    edges = rows = 0
    for topology, width, depth, _ in settings.cells():
        edges += depth * width**2 * (taps if topology in CONVOLUTIONAL else 1)
        rows += len(EVENTS[topology])
    return Work(settings.samples * edges, 0, rows)
