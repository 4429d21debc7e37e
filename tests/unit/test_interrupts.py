"""SIGINT and SIGTERM stop a verb once; Ray's processes hear of neither."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest
import ray

from vae_sweep.errors import LaunchError
from vae_sweep.running.detached_processes import children_apart
from vae_sweep.running.interrupts import interruptible, interrupts_kept
from vae_sweep.running.ray_session import end_groups, ray_session
from vae_sweep.storage.process_identity import process_birth


@contextmanager
def handled(number: int, handler: object) -> Iterator[None]:
    before = signal.signal(number, handler)  # type: ignore[arg-type]
    try:
        yield
    finally:
        signal.signal(number, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_interrupts_and_what_follows_it_is_not_disturbed(number: int) -> None:
    before = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)]
    with interruptible():
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
        for each in (signal.SIGINT, signal.SIGTERM, number):
            signal.raise_signal(each)
    assert [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)] == before


class Interrupted:
    """An object whose end is interrupted: Python drops what a finalizer raises."""

    def __del__(self) -> None:
        signal.raise_signal(signal.SIGINT)


def wait_interrupted() -> None:
    Interrupted()
    threading.Event().wait(60)


def test_an_interrupt_that_came_into_a_finalizer_is_not_lost() -> None:
    hook = sys.unraisablehook
    with interruptible():
        with pytest.raises(KeyboardInterrupt):
            wait_interrupted()
        signal.raise_signal(signal.SIGINT)
    assert sys.unraisablehook is hook


def test_sigterm_interrupts_also_where_sigint_is_ignored() -> None:
    with handled(signal.SIGINT, signal.SIG_IGN), interruptible():
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)


def test_who_takes_ctrl_c_meanwhile_gets_sigterm_too_and_is_put_aside_afterwards() -> None:
    calls: list[int] = []
    with interruptible():
        with interrupts_kept():
            signal.signal(signal.SIGINT, lambda number, frame: calls.append(number))
            signal.raise_signal(signal.SIGTERM)
        assert calls == [signal.SIGINT]
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)


def test_a_library_that_sets_its_own_handler_is_overruled() -> None:
    with interruptible(), interruptible() as take_again:
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(number))
        take_again()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)


def session_of(started: "subprocess.Popen[bytes]") -> int:
    found = os.getsid(started.pid)
    started.kill()
    started.wait()
    return found


def test_processes_that_ray_starts_are_out_of_reach_of_signals_to_us() -> None:
    sleep = ["sleep", "60"]
    with children_apart():
        away = subprocess.Popen(sleep, preexec_fn=lambda: None)
    beside = subprocess.Popen(sleep, preexec_fn=lambda: None)
    os.kill(away.pid, signal.SIGTERM)
    with pytest.raises(subprocess.TimeoutExpired):
        away.wait(0.2)
    assert session_of(away) == away.pid
    assert session_of(beside) == os.getsid(0)


def test_a_ray_that_does_not_start_is_said_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """What Ray raises where its processes are not up within half a minute."""

    def init(**settings: object) -> None:
        raise Exception("The current node timed out during startup.")

    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(ray, "init", init)
    with (
        pytest.raises(LaunchError, match=r"Ray did not start on this machine \(The current node timed out"),
        ray_session(),
    ):
        pass


def test_a_sigterm_while_ray_starts_is_a_ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray sets a handler of its own, which ends the process without a word of ours."""
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(ray, "init", lambda **settings: sys.exit(signal.SIGTERM))
    with pytest.raises(KeyboardInterrupt), ray_session():
        pass


def test_a_process_group_whose_number_was_used_again_is_let_be() -> None:
    with subprocess.Popen(["/bin/sleep", "30"], start_new_session=True) as process:
        birth = process_birth(process.pid)
        end_groups({process.pid: "born before it"})
        assert process.poll() is None
        end_groups({process.pid: birth})
        assert process.wait(30) == -signal.SIGKILL


def test_what_a_leader_left_in_its_group_is_killed() -> None:
    script = "sleep 60 & echo $!"
    with subprocess.Popen(["/bin/sh", "-c", script], start_new_session=True, stdout=subprocess.PIPE) as leader:
        birth = process_birth(leader.pid)
        assert leader.stdout is not None
        left = psutil.Process(int(leader.stdout.readline()))
        assert leader.wait(30) == 0
        end_groups({leader.pid: birth})
        left.wait(30)
