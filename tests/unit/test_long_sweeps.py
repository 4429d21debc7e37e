"""A launch that takes days on this machine is asked about in a terminal, before anything starts."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.warm_cli import REPOSITORY
from vae_sweep.config.reader import spec_of
from vae_sweep.planning.estimate.long_sweeps import training_tokens
from vae_sweep.planning.estimate.work import planned_work
from vae_sweep.planning.plan import make_plan


def test_tokens_are_those_of_all_epochs_a_shared_pretraining_once(tmp_path: Path) -> None:
    plan = make_plan(
        spec_of(
            {
                "name": "tokens",
                "corpus": {"name": "captions", "limit": {"train": 20, "validation": 5, "test": 5}},
                "methods": {"vae": {}, "ours": {"target_rate": {"choice": [2, 4]}}},
                "training": {"epochs": 7},
                "pretraining": {"epochs": 3},
                "seeds": [0, 1],
                "storage": {"directory": str(tmp_path)},
            }
        )
    )
    tokens = sum(map(len, plan.corpus.splits["train"].sentences))
    assert training_tokens(plan, planned_work(plan)) == tokens * (3 * 2 * 7 + 2 * 3)


@pytest.mark.slow
@pytest.mark.exhaustive
def test_who_says_no_has_started_nothing(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    space = REPOSITORY / "search_spaces" / "quickstart.yaml"
    process = subprocess.Popen(
        [sys.executable, "-m", "vae_sweep.cli.main", "launch", str(space), "--set", "training.epochs=1000000"],
        cwd=tmp_path,
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    os.write(ours, b"n\n")
    said, _ = process.communicate()
    assert process.returncode == 1
    assert "warning: this takes" in said
    assert "launch it? [y/N]" in said
    assert not (tmp_path / "sweeps").exists()
    os.close(ours)
    os.close(theirs)
