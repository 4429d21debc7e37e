"""`vae_sweep.launch` in a process: interrupted, refused and gone on with, one launch after another."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.cluster import environment, wait_for
from tests.integration.sweeps import home_with, journal_of

pytestmark = [pytest.mark.slow, pytest.mark.exhaustive]

SCRIPT = """
import json, vae_sweep
sweep = vae_sweep.launch("tiny.yaml", ["training.epochs=6"])
stopped = sweep.outcome
try:
    vae_sweep.launch(sweep.spec, ["model.latent_size=5"])
except vae_sweep.VaeSweepError as error:
    refused = str(error)
sweep = vae_sweep.launch(sweep.spec, progress=True)
print(json.dumps([stopped, refused, sweep.outcome, len(sweep.trials), len(sweep.cells)]))
"""


def test_an_interrupted_launch_returns_and_is_gone_on_with(tmp_path: Path) -> None:
    home = home_with(tmp_path)
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT],
        cwd=home,
        env=environment(home),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        wait_for(process, journal_of(home), lambda line: line["kind"] == "epoch")
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=300)
    finally:
        process.kill()
    assert process.returncode == 0, err
    stopped, refused, outcome, trials, cells = json.loads(out.splitlines()[-1])
    assert stopped == "stopped"
    assert "the sweep is not complete; go on with: vae-sweep resume" in err
    assert "model.latent_size: 4 -> 5" in refused
    assert (outcome, trials, cells) == ("complete", 3, 3)
    assert "0000-vae-s0: " in out, "progress was asked for"
