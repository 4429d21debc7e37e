"""Lines of a journal made events: checked, and under the names of today whichever version wrote them."""

import json
from typing import Annotated, Any

from pydantic import Field, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from trainables.methods import METHODS
from vae_sweep.journal.events import EpochEvent, FinalEvent, JournalEvent, RungEvent, ScoredEvent, TrialStarted
from vae_sweep.journal.former_metrics import former_splits, in_todays_metrics

Line = dict[str, Any]
"""A line as JSON has it."""

KINDS = tuple(each.model_fields["kind"].default for each in JournalEvent.__args__)
_EVENT: TypeAdapter[JournalEvent] = TypeAdapter(Annotated[JournalEvent, Field(discriminator="kind")])


def parse(line: object) -> JournalEvent:
    """Return the event that a line read from JSON says. Raises ValueError in words where it is none."""
    try:
        event = _EVENT.validate_python(line)
    except ValidationError as error:
        raise ValueError(_problem(line, error.errors()[0])) from None
    return _timed(event)


def decode(raw: bytes) -> JournalEvent:
    """Return the event that one line of the file says.

    pydantic reads JSON faster than Python does, but takes NaN for a number and lone surrogates for damage: such
    lines, and whatever it refuses, are read as Python reads them. A single letter is looked for ten times faster.

    Raises UnicodeDecodeError or JSONDecodeError where it is no JSON, ValueError in words where it is no event.
    """
    if (b"N" not in raw or b"NaN" not in raw) and (b"I" not in raw or b"Infinity" not in raw):
        try:
            return _timed(_EVENT.validate_json(raw))
        except ValidationError:
            pass
    return parse(_DECODER.decode(raw.decode()))


def _timed(event: JournalEvent) -> JournalEvent:
    """Refuse an event whose time is not written: one that is made has the time of now."""
    if "time" not in event.model_fields_set:
        raise ValueError(f"a line of kind {event.kind} without time")
    return event


def problem_of(line: object) -> str | None:
    """Return why something read from JSON is no line of a journal, None where it is one."""
    try:
        parse(line)
    except ValueError as error:
        return str(error)
    return None


class FormerMetrics:
    """Gives events that earlier versions wrote the metrics of today; takes all events of a journal, in order."""

    def __init__(self) -> None:
        self._language_models: set[str] = set()

    def renamed(self, event: JournalEvent) -> JournalEvent:
        """Return an event under the metrics of today."""
        if isinstance(event, EpochEvent):
            return event
        if isinstance(event, TrialStarted):
            method = METHODS.get(event.method)
            if method is not None and method.language_model:
                self._language_models.add(event.trial)
        elif isinstance(event, RungEvent | FinalEvent | ScoredEvent) and former_splits(event.numbers):
            numbers = in_todays_metrics(event.numbers, event.trial in self._language_models)
            return event.model_copy(update={"numbers": numbers})
        return event


def _problem(line: object, error: ErrorDetails) -> str:
    """Return what is wrong with a line, naming its kind and field."""
    if not isinstance(line, dict):
        return "not a JSON object"
    if not error["loc"]:
        return f"unknown kind {line.get('kind')!r}; known: {', '.join(KINDS)} (was it written by a newer version?)"
    kind, *place = error["loc"]
    field = ".".join(map(str, place))
    if error["type"] == "missing":
        return f"a line of kind {kind} without {field}"
    said = error["msg"].removeprefix("Input should be ")
    if place[0] == "numbers" and len(place) > 1:
        field, said = f"{place[1]} of trial {line.get('trial')}", "a finite number or null"
    elif place[0] == "time":
        said = "unix seconds"
    return f"{field} in a line of kind {kind} is {error['input']!r}, not {said}"


def _refuse(constant: str) -> float:
    raise json.JSONDecodeError(f"{constant} is not a JSON number", constant, 0)


_DECODER = json.JSONDecoder(parse_constant=_refuse)
