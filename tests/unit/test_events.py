"""Journal lines as events: what each kind holds, what is refused, what earlier versions called otherwise."""

import json
import math
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from tests.stored.sweeps import stored_sweep
from vae_sweep.journal.events import CellEvent, EndEvent, EpochEvent, LaunchEvent, ScoredEvent, TrialStarted
from vae_sweep.journal.journal import Journal, JournalError, read_journal
from vae_sweep.journal.parsing import KINDS, FormerMetrics, decode, parse

TRIAL = "0000-vae-s0"
FIELDS: dict[str, dict[str, Any]] = {
    "launch": {"sweep": "a", "attempt": 1, "spec": {}, "versions": {}, "corpus": {}},
    "cell": {"cell": 0, "method": "vae", "values": {}},
    "trial": {"trial": TRIAL, "cell": 0, "seed": 0, "method": "vae", "values": {}, "attempt": 1, "spec": {}},
    "epoch": {"trial": TRIAL, "phase": "vae", "epoch": 0, "numbers": {"train/loss": None}},
    "rung": {"trial": TRIAL, "epoch": 2, "numbers": {}},
    "final": {"trial": TRIAL, "outcome": "finished", "numbers": {"validation/kl": 1.5}},
    "store": {"trial": TRIAL, "key": "k", "event": "hit", "seconds": 0, "saved": 1.5},
    "scored": {"trial": TRIAL, "numbers": {}},
    "probed": {"trial": TRIAL, "numbers": {}, "probes": ["bleu"]},
    "unscored": {"trial": TRIAL, "reason": "why"},
    "lost": {"trial": TRIAL, "reason": "why"},
    "nodes": {"nodes": [], "warnings": []},
    "repaired": {"text": "what"},
    "changed": {"by": "launch", "texts": []},
    "warm": {"sweep": "b", "cells": []},
    "end": {"outcome": "complete"},
}


def raw(kind: str, **fields: Any) -> bytes:
    return json.dumps({"kind": kind, "time": 1.5} | FIELDS[kind] | fields).encode()


def test_every_kind_is_known_by_its_fields() -> None:
    assert set(KINDS) == set(FIELDS)


@pytest.mark.parametrize("kind", FIELDS)
def test_each_kind_is_read_as_it_was_written_with_what_a_newer_version_adds(tmp_path: Path, kind: str) -> None:
    event = decode(raw(kind, later={"more": [1]}))
    with Journal(tmp_path / "journal.jsonl") as journal:
        journal.append(event)
    assert read_journal(tmp_path / "journal.jsonl") == [event]
    assert event.model_dump()["later"] == {"more": [1]}
    assert (event.kind, event.time) == (kind, 1.5)


@pytest.mark.parametrize(("kind", "field"), [(kind, field) for kind, own in FIELDS.items() for field in own])
def test_a_field_that_is_gone_or_of_another_type_is_named(kind: str, field: str) -> None:
    line = json.loads(raw(kind))
    wrong = line | {field: 3j}
    with pytest.raises(ValueError, match=f"^{field} in a line of kind {kind} is 3j, not "):
        parse(wrong)
    del line[field]
    with pytest.raises(ValueError, match=f"^a line of kind {kind} without {field}$"):
        parse(line)


def test_an_event_made_has_the_time_of_now_and_a_line_without_one_is_refused() -> None:
    assert EndEvent(outcome="complete").time > 1.7e9
    with pytest.raises(ValueError, match=r"^a line of kind end without time$"):
        decode(b'{"kind": "end", "outcome": "complete"}')


@pytest.mark.parametrize("number", [math.nan, math.inf, True, "1"])
def test_numbers_are_finite_or_null(number: Any) -> None:
    with pytest.raises(ValidationError):
        EpochEvent(trial=TRIAL, phase="vae", epoch=0, numbers={"train/loss": number})


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_a_constant_that_is_no_json_is_refused_wherever_it_stands(constant: str) -> None:
    with pytest.raises(json.JSONDecodeError, match=f"{constant} is not a JSON number"):
        decode(raw("cell").replace(b"{}", f'{{"rate": {constant}}}'.encode()))


@pytest.mark.parametrize("text", ["a name with NaN in it", "Infinity", "caf\udce9: no such file", "\0"])
def test_any_text_is_read_back(tmp_path: Path, text: str) -> None:
    """A reason may name a file whose name is no UTF-8."""
    with Journal(tmp_path / "journal.jsonl") as journal:
        event = journal.write("end", outcome="stopped", reason=text)
    assert read_journal(tmp_path / "journal.jsonl") == [event]


def test_events_do_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        EndEvent(outcome="complete").outcome = "failed"


def test_former_names_of_fields_are_read_as_those_of_today() -> None:
    cell = decode(raw("cell", values={"descent.learning_rate": 0.5}))
    assert isinstance(cell, CellEvent)
    assert cell.values == {"training.learning_rate": 0.5}
    trial = decode(raw("trial", spec={"descent": {"course": {"kind": "tail"}}}))
    assert isinstance(trial, TrialStarted)
    assert trial.spec == {"training": {"schedule": {"kind": "linear_decay"}}}


def test_former_metrics_are_those_of_today_in_every_reader(tmp_path: Path) -> None:
    folder = stored_sweep(tmp_path)
    launch, *rest = read_journal(folder / "journal.jsonl")
    assert isinstance(launch, LaunchEvent)
    assert "training" in launch.spec
    scores = [event for event in rest if isinstance(event, ScoredEvent) and "-lstm_lm-" not in event.trial]
    assert scores
    for score in scores:
        assert "test/iw_perplexity" in score.numbers
        assert "test/perplexity" not in score.numbers, "no tight estimate was made then"


def test_a_language_models_number_has_both_names() -> None:
    former = FormerMetrics()
    former.renamed(parse(json.loads(raw("trial", method="lstm_lm"))))
    scored = former.renamed(parse(json.loads(raw("scored", numbers={"test/iw_nll": 3.0}))))
    assert scored.model_dump()["numbers"] == {"test/nll": 3.0, "test/iw_nll": 3.0}


def test_a_field_that_does_not_fit_is_not_written(tmp_path: Path) -> None:
    with Journal(tmp_path / "journal.jsonl") as journal, pytest.raises(JournalError, match="outcome"):
        journal.write("end", outcome=3)
