"""The journal of a Tune run whose worker dies after a trial's final report."""

import errno
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import ray
from ray import tune

from tests.integration.cluster import lines
from trainables.training.report import FinalReport
from vae_sweep.journal.fold import read_sweep
from vae_sweep.journal.journal import Journal
from vae_sweep.running.journal_callback import JournalCallback
from vae_sweep.running.stop_controller import StopController

pytestmark = [pytest.mark.slow, pytest.mark.exhaustive]


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    """One token for all tests: a process reads it once, and each test has another home."""
    monkeypatch.setenv("RAY_AUTH_TOKEN", "the-token-of-these-tests-" + "0" * 16)


def dies_after_its_end(config: dict[str, Any]) -> None:
    """Report a final, wait until the driver has it, and die; end well when started again."""
    final = FinalReport(outcome="finished", numbers={"validation/perplexity": 2.0})
    report = {"kind": "final", "report": final.model_dump_json(), "host": "here", "damaged": []}
    tune.report(report)
    mark = Path(config["mark"])
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)


class CannotStart(tune.Trainable):
    """A trial whose actor finds no space before it can start."""

    def setup(self, config: dict[str, Any]) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")


def journaled(tmp_path: Path, trainable: Any) -> list[dict[str, Any]]:
    """The journal of a Tune run of one trial, which may lose its worker once."""
    identity = {"trial": "0000-vae-s0", "cell": 0, "seed": 0, "method": "vae", "values": {}}
    ray.init(address="local", num_cpus=1, include_dashboard=False, log_to_driver=False)
    try:
        with Journal(tmp_path / "journal.jsonl") as journal:
            about = {"versions": {}, "git_commit": None, "corpus": {}}
            journal.write("launch", sweep="small", attempt=1, spec={}, **about)
            callback = JournalCallback(journal, 1, lambda line: None, StopController(tmp_path / "stop.json"))
            tune.Tuner(
                trainable,
                param_space={"mark": str(tmp_path / "mark"), "identity": identity, "trial": {}, "threads": 1},
                run_config=tune.RunConfig(
                    storage_path=str(tmp_path / "ray"),
                    failure_config=tune.FailureConfig(max_failures=1),
                    callbacks=[callback],
                    verbose=0,
                ),
            ).fit()
    finally:
        ray.shutdown()
    return lines(tmp_path / "journal.jsonl")


def test_a_worker_lost_after_the_final_report_writes_no_second_start_or_end(tmp_path: Path) -> None:
    written = journaled(tmp_path, dies_after_its_end)
    assert (tmp_path / "mark").exists()
    assert [line["kind"] for line in written] == ["launch", "trial", "final"]


def test_a_trial_that_could_not_start_has_a_start_and_an_end(tmp_path: Path) -> None:
    """Else the journal could not be read again: an end needs a start before it."""
    written = journaled(tmp_path, CannotStart)
    assert [line["kind"] for line in written] == ["launch", "trial", "final"]
    assert (written[2]["outcome"], written[2]["error"]) == ("failed", "disk")
    assert read_sweep(tmp_path / "journal.jsonl").trials["0000-vae-s0"].final is not None
