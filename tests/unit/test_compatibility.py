"""What decides numbers is compared before a sweep goes on: corpus, versions, the trainer."""

from pathlib import Path
from typing import Any

import pytest

from tests.helpers import tiny_corpus
from tests.journal_writer import Scribe, small_sweep
from tests.stored.sweeps import stored_sweep
from trainables.training.spec import VERSION
from vae_sweep.errors import LaunchError
from vae_sweep.journal.events import LaunchEvent
from vae_sweep.journal.fold import read_sweep
from vae_sweep.journal.stored_spec import store_spec
from vae_sweep.monitoring.status import sweep_status
from vae_sweep.planning.compatibility import changed, check_together, corpus_changes

HERE: dict[str, Any] = {
    "versions": {"torch": "2.13.0", "vae-sweep": "0.1.0"},
    "git_commit": "abc",
    "corpus": tiny_corpus().describe(),
    "spec": small_sweep().model_dump(mode="json", by_alias=True),
    "data_directory": "/data",
    "keys_version": VERSION,
}


def launched(tmp_path: Path, **about: Any) -> Scribe:
    """A sweep that was launched with these in its line, and has trained a trial."""
    scribe = Scribe(tmp_path)
    store_spec(scribe.folder, scribe.spec)
    scribe.launch(**(HERE | about))
    scribe.cell(0, "vae")
    scribe.start(0, "vae")
    return scribe


def next_launch(**about: Any) -> LaunchEvent:
    return LaunchEvent(sweep="small", attempt=2, **(HERE | about))


def compare(scribe: Scribe, **now: Any) -> list[str]:
    record = read_sweep(scribe.folder / "journal.jsonl")
    return check_together(scribe.folder, scribe.spec, record, next_launch(**now), extend=True)


def other_text(**changes: Any) -> dict[str, Any]:
    return tiny_corpus().describe() | {"fingerprint": "f" * 64} | changes


def test_nothing_is_said_where_nothing_changed(tmp_path: Path) -> None:
    assert compare(launched(tmp_path)) == []


def test_another_text_is_refused_with_the_split_and_its_sentences(tmp_path: Path) -> None:
    sizes = {"train": 47, "validation": 16, "test": 12}
    with pytest.raises(LaunchError, match="train: 48 sentences before, 47 now") as refused:
        compare(launched(tmp_path), corpus=other_text(sentences=sizes))
    assert "validation" not in str(refused.value)
    assert "--set name=NEW" in str(refused.value)


def test_other_words_in_as_many_sentences_are_told_by_the_digest() -> None:
    old = tiny_corpus().describe() | {"unknown_words": {"test": 99}}
    digests = dict.fromkeys(("train", "validation"), "0" * 64) | {"test": tiny_corpus().splits["test"].digest}
    said = corpus_changes(old, other_text(digests=digests))
    assert said[:2] == [
        "train: 48 sentences before and now, with other words",
        "validation: 16 sentences before and now, with other words",
    ]
    assert "test" not in "".join(said)


def test_what_an_earlier_version_did_not_journal_is_not_guessed() -> None:
    said = corpus_changes({"fingerprint": "e" * 64}, tiny_corpus().describe())
    assert said[0] == "train: 48 now"
    old = {key: value for key, value in tiny_corpus().describe().items() if key != "digests"}
    assert corpus_changes(old, other_text())[0] == "its labels, or some words"


def test_a_launch_that_trained_nothing_binds_to_no_text(tmp_path: Path) -> None:
    scribe = Scribe(tmp_path)
    scribe.launch(**HERE)
    assert compare(scribe, corpus=other_text()) == []


def test_a_sweep_that_has_two_texts_already_says_so(tmp_path: Path) -> None:
    scribe = launched(tmp_path)
    spec = scribe.trial_spec("vae", 1).model_copy(update={"corpus_fingerprint": "e" * 64})
    about = {"cell": 0, "seed": 1, "method": "vae", "values": {}, "attempt": 1}
    scribe.journal.write("trial", trial="0000-vae-s1", spec=spec.model_dump(mode="json"), **about)
    [said] = compare(scribe)
    assert "some trials read another text" in said


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ({"versions": {"torch": "3.0", "vae-sweep": "0.1.0"}}, "torch: 2.13.0 at the launch before, 3.0 now"),
        ({"versions": {"torch": "2.13.0", "vae-sweep": "9"}}, "vae-sweep: 0.1.0 at the launch before, 9 now"),
        ({"git_commit": "def"}, "commit: abc at the launch before, def now"),
        ({"git_commit": None}, None),
        ({"data_directory": "/other"}, None),
        (
            {"spec": HERE["spec"] | {"resources": {"cpu": 2}}},
            "threads of a trial: 1 at the launch before, 2 now",
        ),
        (
            {"data_directory": "/other", "spec": HERE["spec"] | {"corpus": {"name": "ptb"}}},
            "data.directory: /data at the launch before, /other now",
        ),
    ],
)
def test_what_may_change_bits_is_said(tmp_path: Path, now: dict[str, Any], said: str | None) -> None:
    assert compare(launched(tmp_path), **now) == ([said] if said else [])


def test_changes_are_journaled_and_shown_until_the_next_launch(tmp_path: Path) -> None:
    scribe = launched(tmp_path)
    scribe.launch(**(HERE | {"versions": {"torch": "3.0"}}))
    scribe.journal.write("changed", by="launch", texts=["torch: 2.13.0 at the launch before, 3.0 now"])
    remarks = [remark for remark in sweep_status(scribe.folder).remarks if remark.kind == "changed"]
    assert [remark.text for remark in remarks] == ["torch: 2.13.0 at the launch before, 3.0 now"]
    assert compare(scribe, versions={"torch": "3.0"}) == [], "it is said once"
    scribe.launch(**HERE)
    assert read_sweep(scribe.folder / "journal.jsonl").changes == []


def test_another_trainer_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LaunchError, match=f"version {VERSION} of the trainer, this one is version {VERSION + 1}"):
        compare(launched(tmp_path), keys_version=VERSION + 1)


def test_the_trainer_of_an_earlier_version_is_told_by_its_keys(tmp_path: Path) -> None:
    folder = stored_sweep(tmp_path)
    record = read_sweep(folder / "journal.jsonl")
    now = next_launch(corpus=record.launches[-1].corpus, spec=record.spec)
    with pytest.raises(LaunchError, match="trained by version 3 of the trainer"):
        check_together(folder, small_sweep(**record.spec), record, now)


def test_the_same_text_may_lie_elsewhere(tmp_path: Path) -> None:
    here, there = (small_sweep(corpus={"path": path}) for path in ("/a/text", "/b/text"))
    assert changed(here, there) == []
    assert changed(here, small_sweep(corpus={"name": "captions"})) != []
