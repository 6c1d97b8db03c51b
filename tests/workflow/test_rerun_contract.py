"""What reruns, and what does not: the contract of content-exact reruns, on a finished quick run."""

import os
import signal
from collections import Counter

import pytest
import yaml

from dropatlas.config import CONFIG, load_config

pytestmark = pytest.mark.workflow

DEFAULTS = yaml.safe_load((CONFIG / "config.yaml").read_text(encoding="utf-8"))
PARTS = ["percolation", "collapse", "phases", "ddc"]
REPORTS = len(PARTS)
PAPERS = 3
PAGES = ["execute_notebook", "render_page", "render_paper", "render_index"]
SCORECARD = ["judge_all", "export_scorecard", "execute_notebook", "render_page"]
ALL_PAGES = [*REPORTS * ["execute_notebook", "render_page"], *PAPERS * ["render_paper"], *SCORECARD, "render_index"]
ALL_VERDICTS = [f"judge_{part}" for part in PARTS]


def test_touching_every_source_file_reruns_nothing(project):
    folders = ("src", "rules", "notebooks", "config", "profiles", "workflow")
    sources = [path for folder in folders for path in (project.path / folder).rglob("*") if path.is_file()]
    assert len(sources) > 40
    for path in [*sources, project.path / "Snakefile", project.path / "requirements.lock"]:
        path.touch()
    assert project.plan() == Counter()


def test_editing_one_task_reruns_it_and_the_pages(project):
    name, old, new = "src/dropatlas/tasks/percolation/crossing_boundary.py", "removal probability", "removal rate"
    expected = Counter(["tabulate_percolation_crossing_boundary", *PAGES])
    project.edit(name, old, new)
    assert project.plan() == expected
    assert project.run() == expected
    project.edit(name, new, old)
    assert project.run() == expected


def test_editing_a_shared_module_reruns_exactly_its_importers(project):
    name, old, new = "src/dropatlas/stats.py", "Intervals and tests", "Tests and intervals"
    project.edit(name, old, new)
    importers = [f"tabulate_percolation_{name}" for name in ("crossing_probability", "open_cuts", "topologies")]
    assert project.plan() == Counter([*importers, *ALL_VERDICTS, *ALL_PAGES])
    project.edit(name, new, old)


def test_editing_a_figure_reruns_the_notebook_only(project):
    name, old, new = "src/dropatlas/plots/percolation.py", "hidden layers $L$", "depth $L$"
    project.edit(name, old, new)
    assert project.plan() == Counter(PAGES)
    project.edit(name, new, old)


def test_editing_a_notebook_reruns_that_report_only(project):
    name, old, new = "notebooks/percolation.ipynb", "How wide must a network be?", "How wide must it be?"
    project.edit(name, old, new)
    assert project.plan() == Counter(PAGES)
    assert project.run() == Counter(PAGES)
    assert new in (project.path / "results/quick/reports/percolation.html").read_text(encoding="utf-8")
    project.edit(name, new, old)
    project.run()


def test_editing_the_page_style_renders_again_and_computes_nothing(project):
    name, old, new = "src/dropatlas/reports/templates/style.css", "62rem", "63rem"
    project.edit(name, old, new)
    assert project.plan() == Counter([*(REPORTS + 1) * ["render_page"], *PAPERS * ["render_paper"], "render_index"])
    project.edit(name, new, old)


def test_a_config_key_reruns_its_rule_and_what_depends_on_it(project):
    change = ["--config", 'percolation={"boundary": {"target": 0.4}}']
    assert project.plan(*change) == Counter(["tabulate_percolation_crossing_boundary", *PAGES])


def test_the_seed_reruns_what_draws_random_numbers(project):
    collapse = ["decoupling", "blindness", "drift_bound", "movement", "gradients", "optimisers", "trainability"]
    collapse += ["learning_time", "variants", "topologies", "modified_topologies", "regularisation"]
    collapse += ["parameter_budget", "depth_law"]
    phases = ["diagram", "width_trend", "boundary_scan", "failure_signatures", "penalty", "teacher_student"]
    phases += ["trajectories", "digit_pair", "curvature", "expansion", "stable_rates"]
    phases += ["edge_sharpness", "precision", "pathwise", "weak_rate", "depth", "residual"]
    ddc = ["regression", "regression_paths", "formula", "placement", "sensitivity_images", "sensitivity_table"]
    ddc += ["learned_search", "learned_rates", "monte_carlo", "activations", "feedback"]
    percolation = ["crossing_probability", "open_cuts", "topologies"]
    drawn = {"percolation": percolation, "collapse": collapse, "phases": phases, "ddc": ddc}
    tables = [f"tabulate_{part}_{name}" for part, names in drawn.items() for name in names]
    arms = len(load_config(DEFAULTS).ddc.benchmarks) * ["train_ddc_arms", "gather_ddc_arms"]
    seeded = ["prepare_embedded", "prepare_embedded", *tables, *arms, *ALL_VERDICTS]
    assert project.plan("--config", "seed=7") == Counter([*seeded, *ALL_PAGES])


def test_what_a_job_needs_and_says_reruns_nothing(project):
    """Messages, memory and the amount of work are the catalogue's; plan and history are told to no judge."""
    catalogue, ledger = "src/dropatlas/catalogue/percolation.py", "config/claims.yaml"
    edits = [
        (catalogue, "Residual and convolutional networks under masks", "Other networks under masks"),
        (catalogue, "mem_mb=2000", "mem_mb=2500"),
        (ledger, "power: not planned", "power: none was planned"),
        ("src/dropatlas/config/parts.py", "The sections of a configuration by part", "Sections by part"),
    ]
    for name, old, new in edits:
        project.edit(name, old, new)
    assert project.plan() == Counter()
    for name, old, new in edits:
        project.edit(name, new, old)


def test_an_unrelated_key_reruns_nothing(project):
    change = ["--config", 'percolation={"crossing": {"samples": 5}, "topologies": {"kernel_size": 5}}']
    unrelated = [f"results/quick/tables/percolation/{name}.parquet" for name in ("crossing_boundary", "scaling_laws")]
    assert project.plan(*unrelated, *change) == Counter()


def test_a_changed_claim_is_judged_again_without_computing(project):
    name, old, new = "config/claims.yaml", "criterion: {margin: 5.8}", "criterion: {margin: 5.9}"
    project.edit(name, old, new)
    assert project.plan() == Counter(["judge_percolation", *SCORECARD, *PAGES])
    project.edit(name, new, old)


def test_an_interrupted_run_continues(project):
    # Another scale, its sampling made long enough to be interrupted in the middle.
    folder = project.path / "results/standard/tables/percolation"
    sampled, quick = folder / "crossing_probability.parquet", folder / "required_width.parquet"
    targets = [str(path.relative_to(project.path)) for path in (sampled, quick)]

    def arguments(samples):
        grid = f'percolation={{"crossing": {{"samples": {samples}, "widths": [8, 64], "depths": [100]}}}}'
        return [*targets, "--cores", "2", "--config", "scale=standard", grid]

    process = project.start(*arguments(samples=100_000))
    for line in process.stdout:
        if "(Rule: tabulate_percolation_required_width)" in line and line.startswith("Finished"):
            break
    os.killpg(process.pid, signal.SIGKILL)  # an ignored Ctrl-C, as in background shells, would let the job go on
    process.communicate()
    assert process.returncode != 0
    project.snakemake("--unlock")
    assert [path.name for path in folder.iterdir()] == [quick.name]
    assert project.plan(*arguments(samples=100_000)) == Counter(["tabulate_percolation_crossing_probability"])
    assert project.run(*arguments(samples=100)) == Counter(["tabulate_percolation_crossing_probability"])
    assert sampled.exists()
