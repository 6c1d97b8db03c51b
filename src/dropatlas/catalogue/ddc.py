"""Tables on Dynamic DropConnect against other methods, and taken apart (arXiv 2502.19948)."""

from collections.abc import Callable
from functools import cache, partial
from typing import NamedTuple

from dropatlas.catalogue.table import CALL, Table, Work, by_scale
from dropatlas.config import CONFIG, Config, canonical
from dropatlas.data.catalog import load_catalog
from dropatlas.ddc.settings import LEARNED, STAGES, ArmRuns, Cell, Sensitivity


def tables(config: Config) -> list[Table]:
    """All tables of the topic, in the order of the page."""
    return [*_benchmarks(config), _step_time(config), *_ablations(config)]


def _benchmarks(config: Config) -> list[Table]:
    """The arms of every benchmark, in one job or one job each (`ddc.job`), and all arms of a benchmark in one table."""
    at, found = by_scale(config), []
    for name in config.ddc.benchmarks:
        arms = [
            Table(
                name=f"ddc/{job}",
                message="Benchmark arms, all seeds",
                task="ddc.arm",
                section=f"ddc.benchmarks.{name}",
                settings=canonical(runs),
                data=_image_set(runs.cell),
                rule="train_ddc_arms",
                shown=False,
                priority=1,  # long jobs: late ones would run alone
                threads=at(1, paper=4),
                mem_mb=at(5000, paper=12000),
                runtime=at(30, standard=60, paper=2880),
                gpu=at(0, paper=1),
                work=partial(_arms, runs=runs),
            )
            for job, runs in config.ddc.jobs(name).items()
        ]
        gathering = config.ddc.gathering(name)
        together = Table(
            name=f"ddc/{name}",
            message="All arms of a benchmark in one table",
            task="ddc.benchmark",
            section=f"ddc.benchmarks.{name}",
            settings=canonical(gathering),
            tables=tuple(gathering.tables),
            rule="gather_ddc_arms",
            seeded=False,
            resumable=False,
            local=True,
            mem_mb=1000,
            runtime=10,
            work=partial(_gathered, name=name),
        )
        found += [*arms, together]
    return found


def _step_time(config: Config) -> Table:
    at = by_scale(config)
    return Table(
        name="ddc/step_time",
        message="Time of a training step with each method",
        seeded=False,
        resumable=False,
        threads=at(2, quick=1),
        mem_mb=2000,
        runtime=30,
        work=_step_time_work,
    )


def _ablations(config: Config) -> list[Table]:
    """They come before the benchmarks' arms."""
    return [
        Table(
            name="ddc/regression",
            message="Linear regression with two parameters: convergence and drops",
            resumable=False,
            priority=2,
            mem_mb=2000,
            runtime=10,
            work=_regression,
        ),
        Table(
            name="ddc/regression_paths",
            message="Linear regression with two parameters: paths",
            section="ddc.regression",
            resumable=False,
            priority=2,
            mem_mb=1000,
            runtime=10,
            work=_regression_paths,
        ),
        *(
            _ablation(config, name, message, partial(_group, name=name), task="ddc.arm")
            for name, message in (
                ("formula", "Ablation of the formula: all arms and seeds"),
                ("placement", "Ablation of the layers that drop: all arms and seeds"),
            )
        ),
        *(
            _ablation(config, name, message, partial(_sensitivity, name=name), task="ddc.sensitivity")
            for name, message in (
                ("sensitivity_images", "Grid of base rate, gradient rate and threshold on images"),
                ("sensitivity_table", "Grid of base rate, gradient rate and threshold on a table"),
            )
        ),
        # another training waits for its map
        _ablation(config, "learned_search", "Search for a gradient-to-rate map", _learned_search, priority=3),
        _ablation(
            config,
            "learned_rates",
            "The learned gradient-to-rate map against fixed rates",
            _learned_rates,
            tables=("ddc/learned_search",),
        ),
        _ablation(config, "monte_carlo", "Predictions averaged over masks", _monte_carlo),
        _ablation(config, "activations", "Output of the masked layer in training and evaluation", _activations),
        _ablation(config, "feedback", "Drop frequency of every edge over training", _feedback),
    ]


def _ablation(
    config: Config,
    name: str,
    message: str,
    work: Callable[[Config], Work],
    task: str = "",
    tables: tuple[str, ...] = (),
    priority: int = 2,
) -> Table:
    """A table of networks trained in the cell of its section."""
    at, cell = by_scale(config), getattr(config.ddc, name).cell
    return Table(
        name=f"ddc/{name}",
        message=message,
        task=task,
        data=_image_set(cell),
        tables=tables,
        priority=priority,
        threads=at(1, paper=4),
        mem_mb=at(3000, paper=12000),
        runtime=at(60, paper=2880),
        gpu=at(0, paper=1),
        work=work,
    )


def _image_set(cell: Cell) -> str:
    """The prepared image set that networks of a cell learn from; none where the data are made in memory."""
    return cell.data if cell.has_images else ""


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


class _Cost(NamedTuple):
    multiply_adds: float
    parameters: int
    activations: int
    layers: int


@cache
def model_cost(name: str, shape: tuple[int, ...], outputs: int) -> _Cost:
    """Cost of one sample, from a forward pass that is counted."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from dropatlas.models import build_model

    model, activations = build_model(name, shape, outputs, seed=0).eval(), []
    leaves = [layer for layer in model.modules() if not any(layer.children())]
    for layer in leaves:
        layer.register_forward_hook(lambda _layer, _inputs, output: activations.append(output.numel()))
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(torch.zeros(1, *shape))
    parameters = sum(values.numel() for values in model.parameters())
    return _Cost(counter.get_total_flops() / 2, parameters, sum(activations), len(leaves))


def _training(config: Config, cell: Cell, runs: int, rows: int) -> Work:
    """Networks trained in a cell and evaluated after every epoch; `rows` if no run diverges."""
    data, recipe = _samples(config, cell.data), cell.recipe
    train, test = cell.train_size or data.train, cell.test_size or data.test
    shape = (data.shape[0], recipe.resize, recipe.resize) if recipe.resize and cell.has_images else data.shape
    model = model_cost(cell.model, shape, data.outputs)
    steps = train / recipe.batch_size
    epoch = steps * (10 * model.layers * CALL + 20 * model.parameters) + 3 * train * model.multiply_adds
    scored = (train / 10 + test / recipe.epochs) * model.multiply_adds  # validation every time, test at the end
    numbers = model.parameters + recipe.batch_size * model.activations + (train + test) * data.shape[0]
    return Work(runs * recipe.epochs * (epoch + scored), numbers, rows, trained=True)


def _arms(config: Config, runs: ArmRuns) -> Work:
    """Arms of a comparison, with a row for every epoch of every run."""
    count = len(runs.cell.runs(runs.arms))
    return _training(config, runs.cell, count, count * runs.cell.recipe.epochs)


def _group(config: Config, name: str) -> Work:
    return _arms(config, getattr(config.ddc, name))


def _gathered(config: Config, name: str) -> Work:
    return Work(1, 0, sum(_arms(config, runs).rows for runs in config.ddc.jobs(name).values()))


def _sensitivity(config: Config, name: str) -> Work:
    settings: Sensitivity = getattr(config.ddc, name)
    runs = len(settings.cell.runs(settings.arms))
    return _training(config, settings.cell, runs, runs)


def _learned_search(config: Config) -> Work:
    settings = config.ddc.learned_search
    runs = len(settings.maps()) * settings.cell.seeds
    return _training(config, settings.cell, runs, runs * len(settings.knots))


def _learned_rates(config: Config) -> Work:
    cell = config.ddc.learned_rates.cell
    runs = len(cell.runs([*config.ddc.learned_rates.arms, LEARNED]))
    return _training(config, cell, runs, runs * cell.recipe.epochs)


def _monte_carlo(config: Config) -> Work:
    settings = config.ddc.monte_carlo
    runs = settings.cell.runs(settings.arms)
    predictions = sum(len(settings.predictions(arm)) for _, arm in runs)
    return _training(config, settings.cell, len(runs), predictions * settings.bins)


def _activations(config: Config) -> Work:
    settings = config.ddc.activations
    runs = len(settings.cell.runs(settings.arms))
    return _training(config, settings.cell, runs, runs * len(STAGES))


def _feedback(config: Config) -> Work:
    settings = config.ddc.feedback
    runs, windows = len(settings.runs()), settings.windows + 1  # and all of training
    return _training(config, settings.cell, runs, runs * windows * settings.bins)


def _regression(config: Config) -> Work:
    settings = config.ddc.regression
    cells = len(settings.cells())
    operations = cells * settings.steps * (CALL + 20 * settings.seeds)
    return Work(operations, 0, cells * settings.seeds * len(settings.targets))


def _regression_paths(config: Config) -> Work:
    settings = config.ddc.regression
    cells = len(settings.shown_cells())
    operations = cells * settings.shown_steps * (CALL + 20 * settings.shown)
    return Work(operations, 0, cells * settings.shown * (settings.shown_steps + 1))


def _step_time_work(config: Config) -> Work:
    settings = config.ddc.step_time
    steps = len(settings.networks()) * settings.rounds
    return Work(steps * settings.batch_size, 0, steps)
