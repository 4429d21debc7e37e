"""A place, a home and an environment of its own for each test; what a run leaves out and what outlives it."""

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

from tests import run

APART = (
    "test_docs_commands",
    "test_faults",
    "test_launch",
    "test_mirror_thread",
    "test_score",
    "test_test_run",
)
"""Files whose tests share nothing that one process holds: each test may run on another worker."""

LEFT_OUT = {
    "exhaustive": "make test-all runs them",
    "cluster": "make cluster-test runs them, as root",
    "docker": "make docker-test runs them, with a container engine",
}
MOST_WORKERS = 8
PATIENCE = 30.0
"""Seconds that processes get at most to end after the last test, on a busy machine too."""

numbers = count()
left_out: Counter[str] = Counter()
outlived: list[str] = []


def is_worker(config: pytest.Config) -> bool:
    """Whether this is one of several processes that share the tests."""
    return hasattr(config, "workerinput")


def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Twice the cores, since much of the suite waits; none where files are named."""
    named = [Path(word.partition("::")[0]) for word in config.args]
    if any(path.suffix == ".py" for path in named):
        return 0
    return min(MOST_WORKERS, 2 * (os.cpu_count() or 1))


class Files(LoadScopeScheduling):
    """Gives a file to one worker, since its tests share fixtures, and each test of APART to any.

    xdist's own marks of groups go unseen with pytest 9.2.
    """

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return nodeid if Path(file).stem in APART else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Files:
    return Files(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    if not is_worker(config):
        run.begin()


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    """Begin with what takes long, and keep the order of files that ask for it, whatever shuffled them."""
    yield
    begun: dict[Path, int] = {}
    places: dict[pytest.Item, tuple[bool, int, int]] = {}
    for number, item in enumerate(items):
        first, line = number, 0
        if item.get_closest_marker("in_order"):
            first, line = begun.setdefault(item.path, number), item.reportinfo()[1] or 0
        places[item] = (item.get_closest_marker("slow") is None, first, line)
    items.sort(key=places.__getitem__)


def pytest_deselected(items: list[pytest.Item]) -> None:
    for item in items:
        left_out.update(name for name in LEFT_OUT if item.get_closest_marker(name))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: WorkerController) -> None:
    """Take what a worker left out; all leave out the same."""
    left_out.update(Counter(getattr(node, "workeroutput", {}).get("left_out", {})) - left_out)


def pytest_keyboard_interrupt() -> None:
    """End every process of the run at once, the workers among them."""
    run.end_processes(patience=0)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if is_worker(session.config):
        session.config.workeroutput["left_out"] = dict(left_out)  # type: ignore[attr-defined]
        return
    run.end_warm()
    interrupted = session.exitstatus == pytest.ExitCode.INTERRUPTED
    outlived.extend(run.end_processes(0 if interrupted else PATIENCE))
    if outlived and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: Any) -> None:
    for process in outlived:
        terminalreporter.line(f"FAILED: a process outlived the tests and was killed: {process}")
    for name, how in LEFT_OUT.items():
        if left_out[name]:
            terminalreporter.line(f"left out: {left_out[name]} {name} tests ({how})")


def pytest_unconfigure(config: pytest.Config) -> None:
    if not is_worker(config):
        shutil.rmtree(run.folder(), ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def _own_folder(worker_id: str) -> Iterator[Path]:
    """The folder in which a worker's tests and their shared fixtures begin."""
    place = run.folder() / f"worker-{worker_id}"
    place.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.setenv("HOME", str(place))
        yield place


@pytest.fixture(autouse=True)
def _own_place(_own_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty working directory, which is the home too."""
    place = _own_folder / str(next(numbers))
    place.mkdir()
    monkeypatch.chdir(place)
    monkeypatch.setenv("HOME", str(place))
