"""Stopping a sweep from another process: the request, the waiting, the refusals."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.journal_writer import Scribe, command, tree
from tests.unit.test_driver_lock import stranger
from vae_sweep.errors import LaunchError
from vae_sweep.monitoring.stop import stop_sweep
from vae_sweep.running.stop_controller import StopController
from vae_sweep.storage.driver_lock import LOCK, driver_lock
from vae_sweep.storage.lease import Watch
from vae_sweep.storage.stop_request import REQUEST_FILE


@contextmanager
def driver(scribe: Scribe, seen: list[str], *, late: bool = False) -> Iterator[None]:
    """A driver of one trial that heeds the request, on a thread; a late one takes the first request away."""
    started, made, over = threading.Event(), threading.Event(), threading.Event()

    def drive() -> None:
        with driver_lock(scribe.folder):
            scribe.launch()
            scribe.cell(0, "vae")
            trial = scribe.start(0, "vae")
            scribe.epoch(trial, "vae", 0, kl=1.0)
            started.set()
            while late and not (scribe.folder / REQUEST_FILE).exists():
                pass
            stop_controller = StopController(scribe.folder / REQUEST_FILE)
            made.set()
            while stop_controller.reason is None and not over.wait(0.01):
                pass
            seen.append("epoch" if stop_controller.trials_end else "finish")
            scribe.end("stopped", stop_controller.reason)
            stop_controller.release()

    thread = threading.Thread(target=drive)
    thread.start()
    assert (started if late else made).wait(10)
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.mark.parametrize("mode", ["epoch", "finish"])
def test_a_driver_is_asked_and_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], mode: str
) -> None:
    scribe, seen = Scribe(tmp_path), list[str]()
    with driver(scribe, seen):
        flags = ["--finish"] if mode == "finish" else []
        code, out, _ = command(monkeypatch, capsys, "stop", str(scribe.folder), *flags)
    assert (code, seen) == (0, [mode])
    assert "running: 0000-vae-s0 (vae epoch 2)" in out
    assert "the sweep has ended: stopped: vae-sweep stop" in out
    assert f"go on with: vae-sweep resume {scribe.folder}" in out
    assert not (scribe.folder / REQUEST_FILE).exists()


def test_a_request_that_a_starting_driver_took_away_is_made_again(tmp_path: Path) -> None:
    scribe, seen = Scribe(tmp_path), list[str]()
    with driver(scribe, seen, late=True):
        assert stop_sweep(scribe.folder, "epoch", print, poll=0.02).outcome == "stopped"
    assert seen == ["epoch"]


def test_where_nobody_drives_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    scribe = Scribe(tmp_path)
    scribe.launch()
    before = tree(tmp_path)
    code, _, err = command(monkeypatch, capsys, "stop", str(scribe.folder))
    assert code == 2
    assert "nobody drives the sweep, there is nothing to stop (its driver is gone)" in err
    assert f"vae-sweep resume {scribe.folder}" in err
    assert tree(tmp_path) == before
    with pytest.raises(LaunchError, match="no sweep there"):
        stop_sweep(tmp_path / "absent", "epoch", print)


def test_who_only_probes_is_not_asked(tmp_path: Path) -> None:
    scribe = Scribe(tmp_path)
    scribe.launch()
    scribe.end()
    with driver_lock(scribe.folder):
        with pytest.raises(LaunchError, match="runs no trials: it probes"):
            stop_sweep(scribe.folder, "epoch", print)
        assert not (scribe.folder / REQUEST_FILE).exists()


def test_a_driver_elsewhere_that_is_dead_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    scribe = Scribe(tmp_path)
    stranger(scribe.folder, place="another machine", host="elsewhere")
    scribe.launch()
    ended = stop_sweep(scribe.folder, "epoch", print, Watch(scribe.folder / LOCK, patience=0.1), poll=0.02)
    assert ended.outcome is None
    assert not (scribe.folder / REQUEST_FILE).exists()
