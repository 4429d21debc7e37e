"""The list of a storage directory, and the helps of the verbs that look at sweeps."""

import json
from pathlib import Path

import pytest

from tests.journal_writer import Scribe, command, small_sweep
from tests.unit.test_cli import run
from vae_sweep.errors import LaunchError
from vae_sweep.monitoring.listing import list_sweeps


def test_a_list_names_the_damaged_and_shows_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    scribe = Scribe(tmp_path)
    scribe.launch()
    scribe.cell(0, "vae")
    scribe.cell(1, "ours", target_rate=2)
    scribe.final(scribe.start(0, "vae"), "collapsed")
    scribe.final(scribe.start(1, "ours", target_rate=2), "failed", error="bug", reason="odd")
    broken, fresh = tmp_path / "broken", tmp_path / "fresh"
    broken.mkdir()
    (broken / "journal.jsonl").write_text("no json\n" * 3)
    Scribe(tmp_path, small_sweep(name="fresh"))
    (tmp_path / "pretrained").mkdir()
    found = {row.name: row for row in list_sweeps(tmp_path).sweeps}
    assert list(found) == ["broken", "fresh", "small"]
    assert "line 1: not JSON" in str(found["broken"].problem)
    assert found["broken"].bytes == 8 * 3
    assert (found[fresh.name].state, found[fresh.name].known) == ("never launched", 0)
    small = found["small"]
    assert (small.methods, small.cells, small.planned, small.known, small.ended) == (2, 2, 3, 2, 2)
    assert small.failed == 1
    assert (small.state, small.driver, small.problem) == ("interrupted", None, None)
    assert small.bytes == scribe.journal.path.stat().st_size
    code, out, _ = command(monkeypatch, capsys, "list", str(tmp_path))
    assert code == 0
    assert "2 of 3" in out
    assert "line 1: not JSON" in out
    code, out, _ = command(monkeypatch, capsys, "list", str(tmp_path), "--json")
    assert [row["name"] for row in json.loads(out)["sweeps"]] == ["broken", "fresh", "small"]


def test_what_is_no_storage_directory_is_refused_in_words(tmp_path: Path) -> None:
    scribe = Scribe(tmp_path)
    with pytest.raises(LaunchError, match=r"a sweep's own folder.*vae-sweep status"):
        list_sweeps(scribe.folder)
    with pytest.raises(LaunchError, match="No such file"):
        list_sweeps(tmp_path / "absent")


@pytest.mark.parametrize("verb", ["status", "list", "stop", "explain", "replay"])
def test_help_loads_nothing_heavy(verb: str) -> None:
    done = run(verb, "--help")
    assert done.stderr.splitlines()[-1] == "[] 0"
    assert "Usage" in done.stdout
