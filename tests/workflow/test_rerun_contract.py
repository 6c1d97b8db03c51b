"""What reruns, and what does not: the contract of content-exact reruns, on a finished quick run."""

import os
import signal
from collections import Counter

import pytest
import yaml

from dropatlas.config import CONFIG, load_config

pytestmark = pytest.mark.workflow

DEFAULTS = yaml.safe_load((CONFIG / "config.yaml").read_text(encoding="utf-8"))
REPORTS = 5
PAPERS = 3
PAGES = ["execute_notebook", "render_report", "render_paper", "render_index"]
SCORECARD = ["tabulate_scorecard", "export_scorecard", "execute_notebook", "render_report"]
ALL_PAGES = [*REPORTS * ["execute_notebook", "render_report"], *PAPERS * ["render_paper"], *SCORECARD, "render_index"]
ALL_VERDICTS = REPORTS * ["judge_claims"]


def test_touching_every_source_file_reruns_nothing(project):
    folders = ("src", "rules", "notebooks", "config", "profiles", "workflow")
    sources = [path for folder in folders for path in (project.path / folder).rglob("*") if path.is_file()]
    assert len(sources) > 40
    for path in [*sources, project.path / "Snakefile", project.path / "requirements.lock"]:
        path.touch()
    assert project.plan() == Counter()


def test_editing_one_task_reruns_it_and_the_pages(project):
    name, old, new = "src/dropatlas/tasks/percolation/required_width.py", "removal probability", "removal rate"
    expected = Counter(["tabulate_required_width", *PAGES])
    project.edit(name, old, new)
    assert project.plan() == expected
    assert project.run() == expected
    project.edit(name, new, old)
    assert project.run() == expected


def test_editing_a_shared_module_reruns_exactly_its_importers(project):
    name, old, new = "src/dropatlas/stats.py", "Intervals and tests", "Tests and intervals"
    project.edit(name, old, new)
    importers = ["tabulate_crossing_probability", "tabulate_topologies", *ALL_VERDICTS]
    assert project.plan() == Counter([*importers, *ALL_PAGES])
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
    assert project.plan() == Counter([*(REPORTS + 1) * ["render_report"], *PAPERS * ["render_paper"], "render_index"])
    project.edit(name, new, old)


def test_a_config_key_reruns_its_rule_and_what_depends_on_it(project):
    change = ["--config", 'percolation={"boundary": {"target": 0.4}}']
    assert project.plan(*change) == Counter(["tabulate_crossing_boundary", *PAGES])


def test_the_seed_reruns_what_draws_random_numbers(project):
    trained = ["movement", "variants", "width_depth", "learning_time", "drift_bound", "collapse_topologies"]
    laws = ["diagram", "diagram_relu", "width_trend", "penalty"]
    coupled = ["teacher_student", "trajectories", "digit_pair", "precision", "depth"]
    curved = ["curvature", "stable_rates", "edge_sharpness"]
    parts = ["regression", "regression_paths", "sensitivity", "sensitivity", "monte_carlo", "activations", "feedback"]
    drawn = ["crossing_probability", "topologies", "decoupling", *trained, *laws, *coupled, *curved, *parts]
    arms = len(load_config(DEFAULTS).ddc.benchmarks) * ["train_arms", "gather_arms"]
    arms += ["train_ablation_arms", "train_ablation_arms", "search_rate_map", "compare_rate_map"]
    seeded = ["prepare_embedded", "prepare_embedded", *(f"tabulate_{table}" for table in drawn), *arms, *ALL_VERDICTS]
    assert project.plan("--config", "seed=7") == Counter([*seeded, *ALL_PAGES])


def test_an_unrelated_key_reruns_nothing(project):
    change = ["--config", 'percolation={"crossing": {"samples": 5}, "topologies": {"kernel_size": 5}}']
    unrelated = [f"results/quick/tables/percolation/{name}.parquet" for name in ("crossing_boundary", "scaling_laws")]
    assert project.plan(*unrelated, *change) == Counter()


def test_a_changed_claim_is_judged_again_without_computing(project):
    name, old, new = "config/claims.yaml", "margin: 0.1}", "margin: 0.2}"
    project.edit(name, old, new)
    assert project.plan() == Counter(["judge_claims", *SCORECARD, *PAGES])
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
        if "(Rule: tabulate_required_width)" in line and line.startswith("Finished"):
            break
    os.killpg(process.pid, signal.SIGKILL)  # an ignored Ctrl-C, as in background shells, would let the job go on
    process.communicate()
    assert process.returncode != 0
    project.snakemake("--unlock")
    assert [path.name for path in folder.iterdir()] == [quick.name]
    assert project.plan(*arguments(samples=100_000)) == Counter(["tabulate_crossing_probability"])
    assert project.run(*arguments(samples=100)) == Counter(["tabulate_crossing_probability"])
    assert sampled.exists()
