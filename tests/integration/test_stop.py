"""Looking at a real sweep and stopping it from another process, and going on with it."""

import json
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.integration.cluster import SPACE, run, start, wait_for
from tests.integration.sweeps import home_with, journal_of, kinds_of
from vae_sweep.replay.replay import replay_trial
from vae_sweep.storage.lease import Watch

pytestmark = [pytest.mark.slow, pytest.mark.exhaustive]

LONGER = SPACE.replace("epochs: 3", "epochs: 16")
EPOCHS = {"0000-vae-s0": 16, "0001-ours-s0": 32, "0002-ours-s0": 32}


def an_epoch_of(launch: int, home: Path) -> Any:
    """Whether a line is an epoch that was written under a launch of this number."""
    return lambda line: line["kind"] == "epoch" and len(kinds_of(home, "launch")) == launch


def stop(home: Path, process: "subprocess.Popen[str]", *flags: str) -> None:
    """Stop the sweep; the driver is gone when the verb returns, and says that the sweep is not complete."""
    stopped = run(home, "stop", "sweeps/tiny", *flags)
    assert stopped.returncode == 0, stopped.stderr
    assert "the sweep has ended: stopped: vae-sweep stop" in stopped.stdout
    assert "go on with: vae-sweep resume sweeps/tiny" in stopped.stdout
    assert process.wait(60) == 1
    assert kinds_of(home, "end")[-1]["outcome"] == "stopped"
    assert not (home / "sweeps" / "tiny" / "stop.json").exists()


def test_a_stopped_sweep_loses_no_epoch_and_goes_on_with_the_same_numbers(tmp_path: Path) -> None:
    home = home_with(tmp_path, LONGER)
    process = start(home, "launch", "tiny.yaml", "--set", "resources.max_concurrent=1")
    wait_for(process, journal_of(home), an_epoch_of(1, home))
    seen = json.loads(run(home, "status", "sweeps/tiny", "--json").stdout)
    assert (seen["state"], seen["driver"]["process"], seen["driver"]["drives"]) == ("running", process.pid, True)
    assert (seen["trials"]["planned"], len(seen["running"])) == (3, 1)
    stop(home, process)
    assert len(kinds_of(home, "epoch")) < sum(EPOCHS.values())
    refused = run(home, "stop", "sweeps/tiny")
    assert (refused.returncode, "nobody drives the sweep" in refused.stderr) == (2, True)

    process = start(home, "resume", "sweeps/tiny")
    wait_for(process, journal_of(home), lambda line: line["kind"] == "trial" and line["attempt"] == 2)
    stop(home, process, "--finish")
    begun = {line["trial"] for line in kinds_of(home, "trial")}
    assert {line["trial"] for line in kinds_of(home, "final")} == begun

    resumed = run(home, "resume", "sweeps/tiny")
    assert resumed.returncode == 0, resumed.stderr
    assert Counter(line["trial"] for line in kinds_of(home, "epoch")) == EPOCHS, "an epoch was lost or ran twice"
    for trial, epochs in EPOCHS.items():
        undisturbed = replay_trial(journal_of(home).parent, trial, False, print, lambda place: None)
        assert (undisturbed.differences, undisturbed.epochs, undisturbed.scored) == ([], epochs, True)


@pytest.mark.parametrize("flags", [(), ("--finish",)])
def test_a_trial_that_waits_for_the_pretraining_of_another_sweep_can_be_stopped(
    tmp_path: Path, undisturbed: Path, flags: tuple[str, ...]
) -> None:
    home = home_with(tmp_path)
    [name] = [path.name for path in (undisturbed / "sweeps" / "pretrained").iterdir() if path.is_dir()]
    held = Watch(home / "sweeps" / "pretrained" / f"{name}.lease").take("other/0000-ours-s0")
    assert held is not None
    with held:
        process = start(home, "launch", "tiny.yaml")
        wait_for(process, journal_of(home), lambda line: line["kind"] == "store" and line["event"] == "waiting")
        stop(home, process, *flags)
    waiting = Counter(line["trial"] for line in kinds_of(home, "store") if line["event"] == "waiting")
    assert set(waiting.values()) == {1}, "that it still waits is no news"
