"""Real processes that contend for leases and pretrainings; a pipe tells each how to go on."""

import fcntl
import os
import pickle
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import torch
from torch.nn import Parameter

from tests.helpers import TRAINING, tiny_corpus
from tests.shared_trials import Ran, note
from trainables.spec import TrialSpec
from trainables.training.report import EpochReport, StoreReport
from trainables.training.state import TrialState
from trainables.trial import run_trial
from vae_sweep.storage.lease import Lease, Watch
from vae_sweep.storage.pretraining_store import PretrainedStore

PATIENCE = 60.0
"""Seconds after which a test gives up on a process."""

TRAINING.build([Parameter(torch.zeros(1))])  # the first optimizer imports half of torch: here, once for all
SERVER = get_context("forkserver")
SERVER.set_forkserver_preload([__name__])


@dataclass
class Contender:
    """A process that runs `body(pipe, *arguments)`; it is killed at the end of the block."""

    body: Callable[..., None]
    arguments: tuple[Any, ...]

    def __enter__(self) -> Self:
        self.pipe, theirs = SERVER.Pipe()
        self.process: BaseProcess = SERVER.Process(target=self.body, args=(theirs, *self.arguments), daemon=True)
        self.process.start()
        theirs.close()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        self.process.kill()
        self.process.join()
        self.pipe.close()

    def hear(self) -> Any:
        """Return what it says next; EOFError where it has died."""
        if not self.pipe.poll(PATIENCE):
            raise TimeoutError(f"process {self.process.pid} says nothing")
        return self.pipe.recv()

    def tell(self, word: str) -> None:
        """Say a word to it."""
        self.pipe.send(word)

    def send(self, number: signal.Signals) -> None:
        """Send it a signal while it runs, and see it dead or stopped where that kills or stops."""
        assert self.process.pid is not None
        os.kill(self.process.pid, number)
        if number is signal.SIGKILL:
            self.process.join()
        if number is signal.SIGSTOP:
            threads = Path(f"/proc/{self.process.pid}/task")
            until(lambda: all(state(thread) == "T" for thread in threads.iterdir()))


def end(contender: Contender) -> Ran:
    """What a trial was in the end."""
    while not isinstance(said := contender.hear(), bytes):
        pass
    so_far: Ran = pickle.loads(said)  # noqa: S301 - a process of our own has sent it
    return so_far


def state(thread: Path) -> str:
    """The letter that Linux gives a thread's state."""
    return (thread / "stat").read_text().rpartition(")")[2].split()[0]


def until(condition: Callable[[], bool]) -> None:
    """Wait for what another process does."""
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError("it never came about")
        time.sleep(0.002)


@contextmanager
def alone_in(room: Path) -> Iterator[None]:
    """Be the only living process in a room; BlockingIOError where another is there."""
    with room.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


def taken(base: Path, name: str, watch: Watch | None = None) -> Lease:
    """Take a lease, however long that takes."""
    watch = watch or Watch(base)
    while (mine := watch.take(name)) is None:
        time.sleep(0.001)
    return mine


def take_turns(pipe: Connection, base: Path, name: str, turns: list[str]) -> None:
    """Take the lease for each turn and let go as it says: release, forget, or die; say so before that."""
    for turn in turns:
        mine = taken(base, name)
        with alone_in(base.with_name("room")):
            pipe.send(name)
        if turn == "die":
            os.kill(os.getpid(), signal.SIGKILL)
        mine.release(forget=turn == "forget")


def try_once(pipe: Connection, base: Path) -> None:
    """On a word try to take the lease; say whether that worked, and keep it to the end."""
    watch = Watch(base)
    pipe.send(watch.look() is None)
    pipe.recv()
    mine = watch.take(f"process {os.getpid()}")
    pipe.send(mine is not None)
    pipe.recv()


def hold(pipe: Connection, base: Path, skew: float, place: str | None) -> None:
    """Hold the lease with a wall clock that is `skew` seconds off; on a word say when it is lost, and let go."""
    watch = Watch(base, beat=0.02, wall=lambda: time.time() + skew, place=place)
    with taken(base, "holder", watch) as mine:
        pipe.send("held")
        pipe.recv()
        until(lambda: mine.lost)
        pipe.send("lost")
    pipe.send("let go")


def train(pipe: Connection, spec: TrialSpec, directory: Path, name: str, pause: int | None = None) -> None:
    """Run a trial with the store; say how it comes by its pretraining, pause after some epochs, send all."""
    so_far, store = Ran(), PretrainedStore(directory, name)
    for report, so_far.end in run_trial(spec, tiny_corpus(), TrialState(), store=store):
        note(so_far, report)
        if isinstance(report, StoreReport):
            pipe.send(report.event)
        if isinstance(report, EpochReport) and len(so_far.epochs) == pause:
            pipe.send("paused")
            pipe.recv()
    pipe.send(pickle.dumps(so_far))
