"""How much work a table is, without running anything: its rows, and what a larger grid does to it."""

import subprocess
import sys
from functools import cache, reduce
from math import isfinite

import pytest

from dropatlas.catalogue import Catalogue, Table, Work
from dropatlas.catalogue.ddc import model_cost
from dropatlas.catalogue.table import FIXED
from dropatlas.claims import load_ledger
from dropatlas.config import SCALES, Config, stored_config

MORE_NETWORKS = {"network": "relu", "models": ["site"], "depth": 30, "width": 9, "gain": "plain", "thetas": [0.5]}
GRIDS = {
    "percolation/crossing_probability": ("percolation.crossing.widths", 128),
    "percolation/open_cuts": ("percolation.open_cuts.cells", {"width": 2, "drop_rate": 0.2, "parameter": 1.0}),
    "percolation/topologies": ("percolation.topologies.channels", 12),
    "collapse/blindness": (
        "collapse.blindness.networks",
        {
            "problem": "regression",
            "model": "site",
            "masks": "step",
            "activation": "tanh",
            "biases": True,
            "depth": 7,
            "width": 3,
            "drop_rate": 0.5,
        },
    ),
    "collapse/movement": ("collapse.movement.runs", {"depth": 300, "steps": 20, "learning_rates": [0.1]}),
    "collapse/variants": ("collapse.variants.cells", {"depth": 30, "width": 3, "drop_rate": 0.1}),
    "collapse/trainability": ("collapse.trainability.widths", 6),
    "collapse/learning_time": ("collapse.learning_time.widths", 24),
    "collapse/depth_law": ("collapse.depth_law.depths", 9),
    "collapse/topologies": ("collapse.topologies.residuals", {"width": 5, "drop_rate": 0.5}),
    "collapse/modified_topologies": ("collapse.modified_topologies.learning_rates", 0.1),
    "collapse/regularisation": (
        "collapse.regularisation.cells",
        {"depth": 4, "width": 48, "wrong_labels": 0.1},
    ),
    "collapse/parameter_budget": ("collapse.parameter_budget.budgets", 2000),
    "collapse/drift_bound": ("collapse.drift_bound.networks", MORE_NETWORKS),
    "collapse/gradients": ("collapse.gradients.drop_rates", 0.3),
    "collapse/optimisers": ("collapse.optimisers.thetas", 0.3),
    "phases/diagram": ("phases.diagram.keep_rates", 0.35),
    "phases/width_trend": ("phases.width_trend.widths", 450),
    "phases/boundary_scan": ("phases.boundary_scan.coordinates", 0.15),
    "phases/failure_signatures": ("phases.failure_signatures.betas", 0.3),
    "phases/penalty": ("phases.penalty.exponents", 0.9),
    "phases/teacher_student": ("phases.teacher_student.widths", 1234),
    "phases/reference_students": ("phases.reference_students.read_off_widths", 1234),
    "phases/digit_pair": (
        "phases.digit_pair.cells",
        {"width": 300, "drop_rates": [0.2], "variants": ["dropout", "ram"], "seeds": 5},
    ),
    "phases/curvature": ("phases.curvature.widths", 222),
    "phases/expansion": ("phases.expansion.widths", 222),
    "phases/stable_rates": ("phases.stable_rates.widths", 222),
    "phases/edge_sharpness": ("phases.stable_rates.keep_rates", 0.35),
    "phases/precision": ("phases.precision.widths", 222),
    "phases/depth": ("phases.depth.widths", 222),
    "phases/pathwise": ("phases.pathwise.widths", 222),
    "phases/weak_rate": ("phases.weak_rate.widths", 222),
    "phases/residual": ("phases.residual.widths", 222),
    "ddc/step_time": ("ddc.step_time.models", "simple_cnn2"),
    "ddc/regression": ("ddc.regression.learning_rates", 0.35),
    "ddc/regression_paths": ("ddc.regression.scales", [5.0, 1.0]),
    "ddc/formula": ("ddc.formula.arms", {"method": "standout"}),
    "ddc/placement": ("ddc.placement.arms", {"method": "standout"}),
    "ddc/sensitivity_images": ("ddc.sensitivity_images.base_rates", 0.15),
    "ddc/sensitivity_table": ("ddc.sensitivity_table.base_rates", 0.15),
    "ddc/learned_search": ("ddc.learned_search.generations", 1),
    "ddc/learned_rates": ("ddc.learned_rates.arms", {"method": "standout"}),
    "ddc/monte_carlo": ("ddc.monte_carlo.arms", {"method": "standout"}),
    "ddc/activations": ("ddc.activations.arms", {"method": "standout"}),
    "ddc/feedback": ("ddc.feedback.cell.seeds", 1),
    "ddc/friedman_mlp": ("ddc.benchmarks.friedman_mlp.arms", "standout"),
    "ddc/friedman_mlp-all": ("ddc.benchmarks.friedman_mlp.arms", "standout"),
}
"""A value more in the settings of a table: in a list, under a new name, or one added to a number."""


@cache
def works(scale: str) -> dict[str, tuple[Table, Work]]:
    """All tables of a scale that have a size, with it."""
    config = stored_config(scale)
    return {table.name: (table, table.work(config)) for table in Catalogue(config, load_ledger()) if table.work}


def enlarged(config: Config, path: str, more: object) -> Config:
    """The configuration with a value more at a place."""
    values = config.model_dump()
    *sections, key = path.split(".")
    section = reduce(dict.__getitem__, sections, values)
    match section[key]:
        case list():
            section[key] = [*section[key], more]
        case dict():
            section[key] = section[key] | {"another": more}
        case _:
            section[key] += more
    return Config.model_validate(values)


@pytest.mark.parametrize("scale", SCALES)
def test_every_table_has_a_size(scale):
    for name, (_, work) in works(scale).items():
        assert isfinite(work.operations), name
        assert work.operations > 0, name
        assert isfinite(work.numbers), name
        assert work.numbers >= 0, name
        assert isinstance(work.rows, int), name
        assert work.rows > 0, name


def test_no_scale_is_less_work_than_quick():
    for name, (_, quick) in works("quick").items():
        for scale in SCALES:
            if name in works(scale):
                _, work = works(scale)[name]
                assert quick.operations <= work.operations, (name, scale)
                assert quick.rows <= work.rows, (name, scale)


@pytest.mark.parametrize("scale", SCALES)
def test_what_is_trained_on_images_may_use_a_gpu_and_nothing_else(scale):
    for name, (table, work) in works(scale).items():
        assert work.trained == (table.topic == "ddc" and table.resumable), name
        assert bool(table.gpu) == ((work.trained or name == "phases/digit_pair") and scale == "paper"), name


@pytest.mark.parametrize(("name", "place"), GRIDS.items(), ids=GRIDS)
def test_a_larger_grid_is_more_work_and_more_rows(name, place):
    before = stored_config("quick")
    after = enlarged(before, *place)
    work, more = (Catalogue(config, load_ledger())[name].work(config) for config in (before, after))
    assert more.rows > work.rows
    if name != "ddc/friedman_mlp":  # joins what others made
        assert more.operations > work.operations


def test_no_table_with_a_grid_is_missing_above():
    sizes = {name for name, (_, work) in works("quick").items() if work != FIXED}
    arms = {
        name
        for name in sizes
        if name.removeprefix("ddc/").removesuffix("-all") in stored_config("quick").ddc.benchmarks
    }
    assert sizes - arms - {"collapse/decoupling", "phases/trajectories"} == set(GRIDS) - arms


def test_sizes_of_tables_without_a_grid():
    config = stored_config("quick")
    assert works("quick")["collapse/decoupling"][1].rows == 2 * 2 * 3 * 2  # masks, activations, biases, with a path
    shown = config.phases.trajectories
    assert works("quick")["phases/trajectories"][1].rows == 4 * shown.neurons * (shown.steps + 1)


def test_a_model_is_as_much_work_as_its_products():
    # one hidden layer of the multilayer perceptron after the other: 10·128 + 128·64 + 64·1 weights
    assert model_cost("tabular_mlp", (10,), 1).multiply_adds == 10 * 128 + 128 * 64 + 64


def test_counting_rows_imports_no_torch_but_for_what_is_trained():
    script = (
        "import sys\n"
        "from dropatlas.catalogue import Catalogue\n"
        "from dropatlas.claims import load_ledger\n"
        "from dropatlas.config import stored_config\n"
        "config = stored_config('paper')\n"
        "for table in Catalogue(config, load_ledger()):\n"
        "    if table.work and not table.gpu and not table.tables:\n"
        "        table.work(config)\n"
        "print([name for name in ('torch', 'numba', 'scipy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
