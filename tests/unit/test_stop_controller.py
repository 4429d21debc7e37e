"""The stop controller: what stops a sweep, and what does not."""

import errno
import os
from pathlib import Path

import pytest

from tests.fault_files import failing
from tests.nobody import as_nobody, needs_root
from trainables.ray_trainable import STARTED, WAITS
from trainables.training.report import ErrorClass, FinalReport
from vae_sweep.journal.journal import JournalError, read_journal
from vae_sweep.running.journal_callback import StopRequestStopper
from vae_sweep.running.patience import PATIENCE, patiently
from vae_sweep.running.stop_controller import StopController
from vae_sweep.storage.stop_request import Mode, request_stop, requested


def failed(reason: str, error: ErrorClass = "bug") -> FinalReport:
    return FinalReport(outcome="failed", error=error, reason=reason)


def controller_of(tmp_path: Path) -> StopController:
    return StopController(tmp_path / "stop.json")


def test_the_same_failure_three_times_in_a_row_stops_with_its_traceback_once(tmp_path: Path) -> None:
    stop_controller = controller_of(tmp_path)
    traceback = "Traceback (most recent call last):\n  line 7\nValueError: no such thing"
    for number in range(3):
        assert stop_controller.reason is None
        stop_controller.ended(f"t{number}", failed(traceback))
    assert stop_controller.reason is not None
    assert stop_controller.reason.startswith("3 trials in a row failed in the same way, t2 the last:")
    assert stop_controller.reason.count("ValueError: no such thing") == 1
    assert stop_controller.trials_end


@pytest.mark.parametrize(
    "between",
    [
        FinalReport(outcome="finished"),
        FinalReport(outcome="diverged", reason="the loss is nan"),
        failed("ValueError: another"),
        failed("no memory", "memory"),
    ],
)
def test_failures_that_are_not_in_a_row_do_not_stop(tmp_path: Path, between: FinalReport) -> None:
    stop_controller = controller_of(tmp_path)
    for number in range(4):
        stop_controller.ended(f"t{number}", failed("ValueError: no such thing"))
        stop_controller.ended(f"u{number}", between)
    assert stop_controller.reason is None


def test_a_full_disk_stops_at_once(tmp_path: Path) -> None:
    stop_controller = controller_of(tmp_path)
    stop_controller.ended("t0", failed("Traceback\nOSError: No space left on device", "disk"))
    assert stop_controller.reason == "a disk is full; make space, then resume (OSError: No space left on device)"


def test_an_outage_of_object_storage_stops_at_once(tmp_path: Path) -> None:
    stop_controller = controller_of(tmp_path)
    stop_controller.ended("t0", failed("s3://bucket/x: out of reach", "objects"))
    assert stop_controller.reason == (
        "object storage refuses or is out of reach; mend that, then resume (s3://bucket/x: out of reach)"
    )


@pytest.mark.parametrize(("mode", "ends"), [("epoch", True), ("finish", False)])
def test_a_request_from_another_process_is_heard(tmp_path: Path, mode: str, ends: bool) -> None:
    stop_controller = controller_of(tmp_path)
    assert stop_controller.reason is None
    request_stop(tmp_path, "epoch" if ends else "finish")
    assert requested(tmp_path / "stop.json") == mode
    assert (stop_controller.reason, stop_controller.trials_end) == ("vae-sweep stop", ends)
    stop_controller.release()
    assert requested(tmp_path / "stop.json") is None


def test_a_request_to_the_driver_before_is_not_heard(tmp_path: Path) -> None:
    request_stop(tmp_path, "epoch")
    assert controller_of(tmp_path).reason is None


def test_a_driver_whose_sweep_was_taken_over_stops(tmp_path: Path) -> None:
    stop_controller = StopController(tmp_path / "stop.json", lambda: True)
    assert "another driver" in str(stop_controller.reason)


def test_the_first_reason_counts(tmp_path: Path) -> None:
    stop_controller = controller_of(tmp_path)
    stop_controller.stop("one")
    stop_controller.stop("two", "finish")
    assert (stop_controller.reason, stop_controller.trials_end) == ("one", True)


def test_a_stop_that_lets_trials_finish_can_be_hastened(tmp_path: Path) -> None:
    stop_controller = controller_of(tmp_path)
    request_stop(tmp_path, "finish")
    assert (stop_controller.reason, stop_controller.trials_end) == ("vae-sweep stop", False)
    request_stop(tmp_path, "epoch")
    assert (stop_controller.reason, stop_controller.trials_end) == ("vae-sweep stop", True)


@pytest.mark.parametrize("mode", ["epoch", "finish"])
def test_any_stop_ends_a_trial_that_only_starts_or_waits(tmp_path: Path, mode: Mode) -> None:
    stop_controller = controller_of(tmp_path)
    stopper = StopRequestStopper(stop_controller)
    idle = [{"kind": kind} for kind in (STARTED, WAITS)]
    assert not any(stopper("trial", result) for result in idle)
    request_stop(tmp_path, mode)
    assert all(stopper("trial", result) for result in idle)
    assert stopper("trial", {"kind": "epoch"}) == (mode == "epoch")


@pytest.mark.parametrize("code", [errno.EIO, errno.ESTALE])
def test_a_request_that_cannot_be_looked_for_stops_nothing_for_a_while_and_is_said_once(
    tmp_path: Path, code: int
) -> None:
    said, now = list[str](), [0.0]
    stop_controller = StopController(tmp_path / "stop.json", say=said.append, clock=lambda: now[0])
    for _ in range(2):
        with failing(code, "*/stop.json"):
            for now[0] in (0.0, PATIENCE - 1):
                assert (stop_controller.reason, stop_controller.trials_end) == (None, False)
        assert stop_controller.reason is None, "storage answers again: the time begins anew"
    assert len(said) == 2
    assert said[0].startswith(f"{tmp_path}/stop.json: cannot be looked for now ({os.strerror(code)})")
    with failing(code, "*/stop.json"):
        assert stop_controller.reason is None
        now[0] += PATIENCE
        assert stop_controller.trials_end
    assert "the storage refuses or is out of reach" in str(stop_controller.reason)


@needs_root
@pytest.mark.parametrize("mode", [0o777, 0o1777])
def test_a_colleagues_request_that_the_driver_may_not_read_stops_it(tmp_path: Path, mode: int) -> None:
    folder = tmp_path / "sweep"
    folder.mkdir()
    folder.chmod(mode)
    stop_controller = controller_of(folder)
    request_stop(folder, "finish")
    (folder / "stop.json").chmod(0o600)

    def heard() -> tuple[str | None, bool]:
        found = stop_controller.reason, stop_controller.trials_end
        stop_controller.release()
        return found

    assert as_nobody(folder, heard) == "('vae-sweep stop', True)"
    assert (folder / "stop.json").exists() == (mode == 0o1777), "in a folder like /tmp its owner alone removes it"
    if mode == 0o1777:
        said = as_nobody(folder, lambda: controller_of(folder))
        assert said.startswith(f"LaunchError: {folder}/stop.json: a request to stop cannot be removed")


@needs_root
def test_a_folder_that_the_driver_may_not_enter_now_is_no_request(tmp_path: Path) -> None:
    folder = tmp_path / "sweep"
    folder.mkdir()
    stop_controller = controller_of(folder)
    request_stop(folder, "epoch")
    folder.chmod(0o700)

    def heard() -> str | None:
        folder.parent.stat()
        return stop_controller.reason

    assert as_nobody(tmp_path, heard) == "None"


@pytest.mark.parametrize("code", [errno.EIO, errno.ESTALE, errno.EACCES])
def test_what_a_driver_reads_between_trials_is_read_again_for_a_while(tmp_path: Path, code: int) -> None:
    journal, said, now = tmp_path / "journal.jsonl", list[str](), [0.0]
    journal.touch()

    def sleep(seconds: float) -> None:
        now[0] += seconds

    def read() -> object:
        return patiently(lambda: read_journal(journal), said.append, lambda: now[0], sleep)

    with failing(code, f"{journal}", times=3) as fault:
        assert read() == []
    assert (len(fault.struck), len(said)) == (3, 1)
    assert f"({os.strerror(code)})" in said[0]
    now[0] = 0.0
    with failing(code, f"{journal}"), pytest.raises(JournalError):
        read()
    assert now[0] >= PATIENCE
    journal.write_text("[]\n")
    with pytest.raises(JournalError, match="line 1"):
        read()
