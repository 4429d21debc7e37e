"""The journal of a Tune run whose worker dies after a trial's final report."""

import os
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import ray
from ray import tune

from tests.integration.cluster import lines
from trainables.training.report import FinalReport
from vae_sweep.tracking.brake import Brake
from vae_sweep.tracking.callback import JournalCallback
from vae_sweep.tracking.journal import Journal

pytestmark = pytest.mark.slow


def dies_after_its_end(config: dict[str, Any]) -> None:
    """Report a final, wait until the driver has it, and die; end well when started again."""
    final = FinalReport(outcome="finished", numbers={"validation/perplexity": 2.0})
    report = {"kind": "final", "report": final.model_dump_json(), "host": "here", "damaged": []}
    tune.report(report)
    mark = Path(config["mark"])
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)


def test_a_worker_lost_after_the_final_report_writes_no_second_start_or_end(tmp_path: Path) -> None:
    identity = {"trial": "0000-vae-s0", "cell": 0, "seed": 0, "method": "vae", "values": {}}
    ray.init(address="local", num_cpus=1, include_dashboard=False, log_to_driver=False)
    try:
        with Journal(tmp_path / "journal.jsonl") as journal:
            callback = JournalCallback(journal, 1, lambda line: None, Brake(tmp_path / "stop.json"))
            tune.Tuner(
                dies_after_its_end,
                param_space={"mark": str(tmp_path / "mark"), "identity": identity, "trial": {}},
                run_config=tune.RunConfig(
                    storage_path=str(tmp_path / "ray"),
                    failure_config=tune.FailureConfig(max_failures=3),
                    callbacks=[callback],
                    verbose=0,
                ),
            ).fit()
    finally:
        ray.shutdown()
    assert (tmp_path / "mark").exists()
    assert Counter(line["kind"] for line in lines(tmp_path / "journal.jsonl")) == {"trial": 1, "final": 1}
