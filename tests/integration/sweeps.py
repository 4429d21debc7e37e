"""What a sweep on disk came to: its numbers without costs, its study, its report."""

import json
import shutil
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from tests.integration.cluster import SPACE, lines, run

COSTS = {"seconds", "tokens_per_second", "peak_memory_mb"}


def home_with(tmp_path: Path, text: str = SPACE) -> Path:
    """A user's directory with a sweep file `tiny.yaml`."""
    tmp_path.mkdir(exist_ok=True)
    (tmp_path / "tiny.yaml").write_text(text)
    return tmp_path


def launch_undisturbed(home: Path) -> None:
    """Run the sweep in an empty home, keep its journal as `once.jsonl`, and launch it again."""
    home_with(home)
    for _ in range(2):
        done = run(home, "launch", "tiny.yaml")
        assert done.returncode == 0, done.stderr
        if not (home / "once.jsonl").exists():
            shutil.copy(journal_of(home), home / "once.jsonl")


def journal_of(home: Path) -> Path:
    """The journal of the sweep `tiny`."""
    return home / "sweeps" / "tiny" / "journal.jsonl"


def kinds_of(home: Path, kind: str) -> list[dict[str, Any]]:
    """The journal's lines of one kind."""
    return [line for line in lines(journal_of(home)) if line["kind"] == kind]


def numbers_of(home: Path) -> dict[str, Any]:
    """Everything measured in a sweep but costs: trial -> place -> numbers; fails where two reports differ."""
    found: dict[str, Any] = {}
    for line in lines(journal_of(home)):
        if line["kind"] in ("epoch", "final", "scored") and line.get("outcome") != "failed":
            place = f"{line['kind']} {line.get('phase', '')} {line.get('epoch', '')}"
            numbers = {key: value for key, value in line["numbers"].items() if key.split("/")[-1] not in COSTS}
            known = found.setdefault(line["trial"], {}).setdefault(place, numbers)
            assert known == numbers, f"{line['trial']} {place} came twice with other numbers"
    return found


def study_of(home: Path) -> optuna.Study:
    """The Optuna study of the sweep `tiny`."""
    storage = JournalStorage(JournalFileBackend(str(home / "sweeps" / "tiny" / "study.journal")))
    return optuna.load_study(study_name="tiny", storage=storage)


def study_states(home: Path) -> list[str]:
    """The states of its trials, in order."""
    return [trial.state.name for trial in study_of(home).trials]


def report_of(home: Path) -> dict[str, Any]:
    """What `vae-sweep report --format json` says of the sweep `tiny`."""
    done = run(home, "report", "sweeps/tiny", "--format", "json")
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document
