"""The time left of a sweep, by its measured epochs."""

from pathlib import Path

import pytest

from tests.journal_writer import Scribe, small_sweep
from vae_sweep.monitoring.status import sweep_status
from vae_sweep.storage.driver_lock import driver_lock


def test_time_left_rests_on_measured_epochs(tmp_path: Path) -> None:
    scribe = Scribe(tmp_path, small_sweep(training={"optimizer": "sgd", "epochs": 4, "batch_size": 8}))
    with driver_lock(scribe.folder):
        scribe.launch()
        scribe.cell(0, "ours", target_rate=2)
        runs = scribe.start(0, "ours", target_rate=2)
        scribe.epoch(runs, "pretrain", 0, seconds=3.0)
        left = sweep_status(scribe.folder).left
        assert (left.seconds, left.why) == (None, "no epoch of phase vae of ours is measured yet")
        scribe.epoch(runs, "pretrain", 1, seconds=5.0)
        scribe.epoch(runs, "vae", 0, seconds=10.0)
        assert "phase vae of vae" in sweep_status(scribe.folder).left.why
        scribe.cell(1, "vae")
        other = scribe.start(1, "vae")
        scribe.epoch(other, "vae", 0, seconds=1.0)
        left = sweep_status(scribe.folder).left
    ours, vae, second_ours = 3 * 10.0, 3 * 1.0, 4 * 10.0
    assert left.seconds == pytest.approx(max((ours + vae + second_ours) / 2, second_ours))
    assert "for 3 trials, 2 at a time" in left.why


def test_time_left_counts_a_pretraining_for_each_who_does_not_share(tmp_path: Path) -> None:
    scribe = Scribe(
        tmp_path, small_sweep(storage={"share_pretraining": False}, methods={"ours": {}}, seeds=[0, 1])
    )
    with driver_lock(scribe.folder):
        scribe.launch()
        scribe.cell(0, "ours")
        runs = scribe.start(0, "ours")
        scribe.epoch(runs, "pretrain", 0, seconds=4.0)
        scribe.epoch(runs, "pretrain", 1, seconds=4.0)
        scribe.epoch(runs, "vae", 0, seconds=10.0)
        assert sweep_status(scribe.folder).left.seconds == pytest.approx(10.0 + (2 * 4.0 + 2 * 10.0))


def test_a_search_knows_its_time_when_a_trial_has_ended(tmp_path: Path) -> None:
    search = {"kind": "random", "trials": 5}
    rows = {"ours": {"target_rate": {"float": [2, 9]}}}
    scribe = Scribe(tmp_path, small_sweep(search=search, methods=rows))
    with driver_lock(scribe.folder):
        scribe.launch()
        scribe.cell(0, "ours", target_rate=2.5)
        scribe.cell(1, "ours", target_rate=3.5)
        first, second = scribe.start(0, "ours", target_rate=2.5), scribe.start(1, "ours", target_rate=3.5)
        for trial in (first, second):
            for phase in ("pretrain", "vae"):
                scribe.epoch(trial, phase, 0, seconds=10.0)
        before = sweep_status(scribe.folder)
        assert (before.trials.planned, before.left.seconds) == (5, None)
        assert "no trial has ended" in before.left.why
        scribe.final(first)
        after = sweep_status(scribe.folder)
    assert after.left.seconds == pytest.approx(10.0 + 3 * 20.0, abs=1.0)
