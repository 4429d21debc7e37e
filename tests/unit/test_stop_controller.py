"""The stop controller: what stops a sweep, and what does not."""

from pathlib import Path

import pytest

from trainables.ray_trainable import STARTED, WAITS
from trainables.training.report import ErrorClass, FinalReport
from vae_sweep.running.journal_callback import StopRequestStopper
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
