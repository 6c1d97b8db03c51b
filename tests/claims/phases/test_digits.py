"""M5 and M17: every verdict on fabricated tables, and worlds in which the statement is wrong, by the whole task."""

import numpy as np
import pandas as pd
import pytest

from dropatlas.claims import Verdict, load_ledger
from dropatlas.claims.judging import judge, judge_of
from dropatlas.claims.parts import LEVEL
from dropatlas.claims.phases import digits as judges
from dropatlas.data import DataSet, save
from dropatlas.phases import digit_pairs
from dropatlas.phases.digit_effects import CLEAR, Effects, risks_of_runs, shares_of_seeds
from dropatlas.phases.settings import DigitPair
from dropatlas.plots.phases import digits as plots
from dropatlas.stats import mean_interval, ratio_interval
from dropatlas.tasks.phases import digit_pair

LEDGER = load_ledger()
SEEDS, STEPS = 10, (1000, 4000, 16000, 20000)
CURVE, BEST = "the curves coincide", "the best steps coincide"
NOBODY = "no dropout, dropout or RaM was not run, diverged, or has too few seeds"


def judged(identifier, rows):
    return judge_of(LEDGER[identifier])({judges.DIGIT_PAIR: rows}, LEDGER[identifier].criterion)


def states(found):
    return {part.name: str(part.state) for part in found.parts}


def table(shares=None, gain=0.1, spread=0.02, seeds=SEEDS, early=None, rate=0.4):
    """Test risks by width: dropout gains `gain` of the risk, RaM a share of that; `early` is its share at 4,000."""
    shares, rng, rows = shares or {500: 0.2, 4000: 1.0}, np.random.default_rng(0), []
    for width, share in shares.items():
        for seed in range(seeds):
            none = 0.012 * (1 + 0.1 * rng.standard_normal())
            for step in STEPS:
                level = {1000: 3.0, 4000: 1.2, 16000: 1.0, 20000: 0.1}[step]
                mine = early if early is not None and step == 4000 else share
                for variant, p, gained in (("none", 0.0, 0), ("dropout", rate, 1), ("ram", rate, mine)):
                    noise = spread * rng.standard_normal() * (variant != "none")
                    risk = level * none * (1 - gain * gained + gain * noise)
                    for part in ("validation", "test"):
                        rows.append((width, p, variant, seed, step, part, risk))
    columns = ["width", "drop_rate", "variant", "seed", "step", "part", "risk"]
    return pd.DataFrame(rows, columns=columns).assign(data="MNIST", diverged=False)


@pytest.mark.parametrize(
    ("rows", "verdict", "told"),
    [
        (table(), Verdict.REPRODUCED, {CURVE: "holds", BEST: "holds"}),
        (table({4000: 0.0}), Verdict.NOT_REPRODUCED, {CURVE: "fails", BEST: "fails"}),
        (table({4000: 2.0}), Verdict.NOT_REPRODUCED, {CURVE: "fails", BEST: "fails"}),
        (table({4000: 0.2}, early=1.7), Verdict.PARTLY, {CURVE: "holds", BEST: "fails"}),
        (table({4000: 1.0}, early=-1.5), Verdict.PARTLY, {CURVE: "fails", BEST: "holds"}),
        (table({4000: 0.5}), Verdict.INCONCLUSIVE, {CURVE: "open", BEST: "open"}),
        (table(spread=3.0), Verdict.INCONCLUSIVE, {CURVE: "open", BEST: "open"}),
        (table(gain=-0.1), Verdict.INCONCLUSIVE, {CURVE: "open", BEST: "open"}),
        (table(seeds=4), Verdict.INCONCLUSIVE, {CURVE: "open", BEST: "open"}),
        (table({500: 1.0, 2000: 1.0}), Verdict.INCONCLUSIVE, {CURVE: "open", BEST: "open"}),
        (table(rate=0.2), Verdict.INCONCLUSIVE, {CURVE: "open", BEST: "open"}),
    ],
)
def test_the_share_at_the_published_width(rows, verdict, told):
    found = judged("M5", rows)
    assert found.verdict == verdict
    assert states(found) == told


@pytest.mark.parametrize(
    ("rows", "state", "why"),
    [
        (table(), "holds", "is 0.8"),
        (table({500: 1.0, 4000: 1.0}), "fails", "more than 0 required"),
        (table({500: 1.0, 4000: 0.4}), "fails", ""),
        (table({500: 0.0, 4000: 0.0}), "fails", ""),  # no dropout in RaM's place
        (table({500: 0.3, 4000: 0.4}, spread=0.02), "holds", ""),  # less than hoped for, but it grows
        (table({500: 0.2, 4000: 0.4}, spread=0.5), "open", ""),
        (table({500: 0.2, 4000: 1.0}, spread=5.0), "open", "this cell cannot tell: dropout lowers the test risk by"),
        (table({4000: 1.0}), "open", "no drop rate was run at two widths"),
    ],
)
def test_the_growth_of_the_share(rows, state, why):
    found = judged("M17", rows)
    assert list(states(found).values()) == [state]
    assert why in found.reason


@pytest.mark.parametrize("lost", ["none", "dropout", "ram"])
def test_lost_and_diverged_runs_leave_the_share_open(lost):
    rows = table()
    is_lost = (rows.variant == lost) & (rows.width == 4000) & (rows.seed == 3)
    for evidence in (rows[rows.variant != lost], rows.assign(diverged=is_lost & (rows.step == 4000))):
        for identifier in ("M5", "M17"):
            found = judged(identifier, evidence)
            assert found.verdict == Verdict.INCONCLUSIVE
            assert NOBODY in found.reason


def test_nothing_outside_the_window_decides():
    found = judged("M5", table().query("step < 2000 or step > 16000"))
    assert "no network was measured after more than 2,000 and up to 16,000 steps" in found.reason
    for identifier in ("M5", "M17"):
        assert judge(LEDGER[identifier], {judges.DIGIT_PAIR: table()[:0]}, "paper").verdict == Verdict.INCONCLUSIVE
    assert "MNIST, steps 4,000 to 16,000, 10 seeds" in judged("M5", table()).reason


def test_a_part_of_the_window_or_other_data_do_not_decide_what_is_published():
    for rows in (table(), table({4000: 0.0})):
        for evidence, why in (
            (rows.query("step < 16000"), "so far: measured up to step 4,000 of 16,000"),
            (rows.assign(data="made up"), "the data are made up, not MNIST"),
        ):
            found = judged("M5", evidence)
            assert states(found) == {CURVE: "open", BEST: "open"}
            assert why in found.reason
            assert all(np.isfinite(part.estimate) for part in found.parts)


def test_readings_of_a_run():
    rows = pd.DataFrame({"step": [3000, 4000, 5000] * 2, "part": ["test"] * 3 + ["validation"] * 3, "seed": 0})
    rows = rows.assign(risk=[3.0, 1.0, 2.0, 5.0, 6.0, 4.0], diverged=False, width=8)
    rows = pd.concat([rows.assign(variant="none", drop_rate=0.0), rows.assign(variant="ram", drop_rate=0.2)])
    for reading, risk in (("best", 1.0), ("mean", 2.0), ("last", 2.0), ("chosen", 2.0)):
        found = risks_of_runs(rows, reading)
        assert (found.ram.item(), found.none.item()) == (risk, risk), reading


def test_shares_of_two_widths_differ_by_an_interval_that_covers():
    """Linearised shares at 20 seeds, the effect scattering by 0.3 of its mean and RaM's lag by 0.3."""
    rng, covered, trials = np.random.default_rng(1), 0, 2000
    for _ in range(trials):
        gains, lags = 1 + 0.3 * rng.standard_normal((2, 20)), 0.3 * rng.standard_normal((2, 20))
        cells = [
            Effects(gain, share * gain - lag, gain) for share, gain, lag in zip((0.25, 0.7), gains, lags, strict=True)
        ]
        narrow, wide = (shares_of_seeds(cell) for cell in cells)
        covered += mean_interval(wide - narrow).contains(0.45)
    assert covered / trials >= 0.93
    assert wide.mean() == pytest.approx(ratio_interval(cells[1].variant, cells[1].dropout).estimate)


def test_the_figure_draws_what_is_judged():
    rows = table()
    axes = plots.digit_shares(rows, 0.5).axes[1]
    drawn = [bars[0].get_ydata()[0] for bars in axes.containers]
    for part in judged("M5", rows).parts:
        assert any(value == pytest.approx(part.estimate) for value in drawn)
    assert plots.digit_shares(rows[:0], 0.5).axes[0].texts[0].get_text().startswith("no network was measured")


# Worlds: sixty noisy images, some of the wrong label, on which dropout clearly helps.

WIDTHS = (12, 40)


@pytest.fixture(scope="module")
def noisy(tmp_path_factory):
    rng = np.random.default_rng(0)

    def draw(count, wrong):
        labels = np.where(np.arange(count) % 2 == 0, 4, 7)
        images = rng.integers(0, 256, (count, 1, 6, 6)).astype(np.uint8)
        images.reshape(count, 36)[:, :6][labels == 4] //= 2
        flipped = rng.random(count) < wrong
        return images, np.where(flipped, 11 - labels, labels).astype(np.int64)

    path = tmp_path_factory.mktemp("data") / "noisy.arrays"
    save(DataSet("noisy", "noisy digits", False, tuple("0123456789"), *draw(60, 0.2), *draw(400, 0.0), {}), path)
    return path


def world(noisy, monkeypatch, masks=None, widths=WIDTHS[1:]):
    """The table of a small run in which `masks(self, run, n)` says what the variants drop, and the judgements on it."""
    if masks:
        real = digit_pairs.Draws.masks
        monkeypatch.setattr(
            digit_pairs.Draws, "masks", lambda draws, run: real(draws, masks(run, draws.uniforms.shape[-1]))
        )
    cells = [{"width": n, "drop_rates": [0.4], "variants": ["dropout", "ram"], "seeds": 6} for n in widths]
    size = {"steps": 600, "measurements": 6, "batch_size": 16, "learning_rate": 0.5, "held_out": 10}
    rows = digit_pair.tabulate(DigitPair(classes="pair", cells=cells, **size), 1, noisy)
    monkeypatch.setattr(judges, "PUBLISHED_WIDTH", max(widths))
    monkeypatch.setattr(judges, "PUBLISHED_DATA", "noisy digits")
    monkeypatch.setattr(judges, "_window", lambda criterion: (200, 600))
    return judged("M5", rows), judged("M17", rows)


def as_variant(name):
    """RaM does what `name` does."""
    return lambda run, _: run._replace(variant=name) if run.variant == "ram" else run


def test_ram_itself_passes_where_dropout_helps(noisy, monkeypatch):
    assert states(world(noisy, monkeypatch)[0]) == {CURVE: "holds", BEST: "holds"}


def test_no_dropout_in_the_place_of_ram_fails_the_same_test(noisy, monkeypatch):
    share, growth = world(noisy, monkeypatch, as_variant("none"), WIDTHS)
    assert states(share) == {CURVE: "fails", BEST: "fails"}
    assert list(states(growth).values()) == ["fails"]


def test_a_mask_in_the_forward_pass_alone_is_not_ram(noisy, monkeypatch):
    assert "holds" not in states(world(noisy, monkeypatch, as_variant("forward"))[0]).values()


def test_dropout_that_does_nothing_leaves_the_cell_without_an_answer(noisy, monkeypatch):
    found, _ = world(noisy, monkeypatch, lambda run, _: run._replace(variant="none"))
    assert found.verdict == Verdict.INCONCLUSIVE
    assert "this cell cannot tell" in found.reason


def test_a_share_that_does_not_grow_fails_and_one_that_does_holds(noisy, monkeypatch):
    _, growth = world(noisy, monkeypatch, as_variant("dropout"), WIDTHS)
    assert list(states(growth).values()) == ["fails"]
    monkeypatch.undo()

    def narrow_ones_lack_it(run, width):
        return run._replace(variant="dropout" if width == WIDTHS[1] else "none") if run.variant == "ram" else run

    _, growth = world(noisy, monkeypatch, narrow_ones_lack_it, WIDTHS)
    assert list(states(growth).values()) == ["holds"]


def test_the_level_is_that_of_all_verdicts():
    assert CLEAR == LEVEL
