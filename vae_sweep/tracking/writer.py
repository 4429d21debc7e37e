"""Writing to MLflow: brings one run at a time to the state that the journal asks for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trainables.base import digest
from vae_sweep.tracking.client import TrackingError, find_experiment, open_client, translated_errors
from vae_sweep.tracking.model_files import ModelError
from vae_sweep.tracking.registry import ModelCandidate, Registry
from vae_sweep.tracking.run_files import write_outputs, write_report, write_spec, write_texts
from vae_sweep.tracking.runs import NOTE_TAG, SWEEP_KEY, SWEEP_TAG, TAG, TRIAL_TAG, Point, RunState, storable

if TYPE_CHECKING:
    from mlflow.entities import Run

LINES_TAG, OWN_NOTE_TAG, MODEL_TAG = TAG + "mirrored", TAG + "note", TAG + "model"
SOURCE_TYPE = "vae-sweep"
LARGEST_BATCH, LARGEST_PAGE = 1000, 1000


@dataclass
class Entry:
    """One journal line of a run: a mark that distinguishes it from the run's other lines, and its points."""

    mark: str
    points: list[Point]


@dataclass
class MirrorCounts:
    """What was sent: journal lines, runs created, points, runs whose files were uploaded, models registered."""

    lines: int = 0
    runs: int = 0
    points: int = 0
    outputs: int = 0
    models: int = 0

    def __str__(self) -> str:
        sent = f"{self.points} points sent, {self.runs} runs made, files of {self.outputs} trials uploaded"
        sent += f", {self.models} models registered"
        return f"{self.lines} journal lines are in MLflow: {sent}"


@dataclass
class _Known:
    """What the server has of a run."""

    id: str
    status: str
    params: set[str] = field(default_factory=set)
    tags: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, float] = field(default_factory=dict)
    datasets: set[str] = field(default_factory=set)


class MlflowWriter:
    """Writes the runs of one sweep; every call may be repeated without effect.

    Opening creates the database and the experiment where they are absent. Raises TrackingError.
    """

    def __init__(self, uri: str, experiment: str, artifact_location: str | None, sweep_id: str) -> None:
        self._uri, self._sweep_id = uri, sweep_id
        self.counts = MirrorCounts()
        self._runs: dict[str, _Known] | None = None
        with translated_errors(self._uri):
            self._client = open_client(uri)
            self._experiment = find_experiment(self._client, uri, experiment, artifact_location)

    def write(self, state: RunState, entries: Sequence[Entry], parent: RunState | None) -> None:
        """Bring one run to a state and add the points of its new lines. Raises TrackingError.

        A trial names its parent, the sweep. The mark of the last line is written last, so that lines which
        the run already has are skipped at the next replay.
        """
        try:
            with translated_errors(self._uri):
                above = self._run(parent, None) if parent else None
                self._write(self._run(state, above), state, entries, _origin(above))
        except TrackingError:
            self._runs = None
            raise
        self.counts.lines += len(entries)

    def register(self, name: str, wanted: ModelCandidate, trial: RunState, parent: RunState, best: bool) -> str:
        """Register a trial under a name, as the best if it is; return its version.

        Raises ModelError where it left no model, TrackingError.
        """
        with translated_errors(self._uri):
            run = self._run(trial, self._run(parent, None))
            registry = Registry(self._client, self._experiment)
            version, made = registry.register(name, wanted, run.id)
            if best:
                registry.crown(name, version)
        self.counts.models += made
        return version

    def register_winner(
        self, name: str, wanted: ModelCandidate, trial: RunState, parent: RunState, best: bool
    ) -> None:
        """Register a trial; where it left no model, its run says so. Raises TrackingError."""
        try:
            self.register(name, wanted, trial, parent, best)
        except ModelError as error:
            with translated_errors(self._uri):
                run = self._run(trial, self._run(parent, None))
                self._client.set_tag(run.id, MODEL_TAG, storable(str(error)))

    def _write(self, run: _Known, state: RunState, entries: Sequence[Entry], origin: dict[str, str]) -> None:
        from mlflow.entities import Metric, Param, RunTag

        fresh = _unseen(entries, run.tags.get(LINES_TAG))
        new = [point for entry in fresh for point in entry.points]
        sent = [Metric(*point) for point in [*new, *_numbers(run, state)]]
        tags = state.tags | origin
        if fresh:
            tags[LINES_TAG] = fresh[-1].mark
        early = len(sent) - 1 - (len(sent) - 1) % LARGEST_BATCH if sent else 0
        for start in range(0, early, LARGEST_BATCH):
            self._client.log_batch(run.id, sent[start : start + LARGEST_BATCH])
        tags |= write_texts(self._client, run.id, run.tags, state) | self._write_outputs(run, state)
        tags |= write_spec(self._client, run.id, run.tags, state)
        tags |= write_report(self._client, run.id, run.tags, state)
        self._write_dataset(run, state)
        self._write_status(run, state)
        params = [Param(key, value) for key, value in state.params.items() if key not in run.params]
        tags |= _note(run.tags, tags)
        changed = {key: value for key, value in tags.items() if run.tags.get(key, "") != value}
        self._client.log_batch(run.id, sent[early:], params, [RunTag(*tag) for tag in changed.items()])
        run.params |= state.params.keys()
        run.tags |= changed
        run.numbers |= state.numbers
        self.counts.points += len(new)

    def _write_status(self, run: _Known, state: RunState) -> None:
        if state.status == run.status:
            return
        if state.status == "RUNNING":
            self._client.update_run(run.id, status="RUNNING")
        else:
            self._client.set_terminated(run.id, state.status, state.ended)
        run.status = state.status

    def _write_outputs(self, run: _Known, state: RunState) -> dict[str, str]:
        tags, uploaded = write_outputs(self._client, run.id, run.tags, state)
        self.counts.outputs += uploaded
        return tags

    def _write_dataset(self, run: _Known, state: RunState) -> None:
        from mlflow.entities import Dataset, DatasetInput, InputTag

        wanted = state.dataset
        if wanted is None or wanted.digest in run.datasets:
            return
        dataset = Dataset(wanted.name, wanted.digest, SOURCE_TYPE, wanted.source, profile=wanted.profile)
        self._client.log_inputs(run.id, [DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])])
        run.datasets.add(wanted.digest)

    def _run(self, state: RunState, parent: _Known | None) -> _Known:
        if self._runs is None:
            self._runs = self._find_runs()
        if state.key not in self._runs:
            tags = state.tags | _origin(parent)
            created = self._client.create_run(self._experiment, state.started, tags, state.name)
            self._runs[state.key] = _Known(created.info.run_id, "RUNNING", tags=tags)
            self.counts.runs += 1
        return self._runs[state.key]

    def _find_runs(self) -> dict[str, _Known]:
        """Return the sweep's runs; of two of one trial (a create whose answer was lost) one is deleted."""
        found: dict[str, _Known] = {}
        for run in sorted(self._pages(), key=lambda run: (LINES_TAG not in run.data.tags, run.info.run_id)):
            key = run.data.tags.get(TRIAL_TAG, SWEEP_KEY)
            if key in found:
                self._client.delete_run(run.info.run_id)
            else:
                found[key] = _known(run)
        return found

    def _pages(self) -> Iterator["Run"]:
        query, token = f"tags.`{SWEEP_TAG}` = '{self._sweep_id}'", None
        while True:
            page = self._client.search_runs([self._experiment], query, max_results=LARGEST_PAGE, page_token=token)
            yield from page
            token = page.token
            if not token:
                return


def _numbers(run: _Known, state: RunState) -> list[Point]:
    """Return the numbers of a run as a whole that it does not show yet."""
    changed = {key: value for key, value in state.numbers.items() if run.numbers.get(key) != value}
    return [Point(key, value, state.numbered, 0) for key, value in changed.items()]


def _known(run: "Run") -> _Known:
    datasets = {found.dataset.digest for found in run.inputs.dataset_inputs} if run.inputs else set()
    data = run.data
    return _Known(
        run.info.run_id, run.info.status, set(data.params), dict(data.tags), dict(data.metrics), datasets
    )


def _note(known: dict[str, str], tags: dict[str, str]) -> dict[str, str]:
    """Return the description that a run is to keep: what a user wrote over ours, and the digest of ours."""
    there, ours = known.get(NOTE_TAG), tags[NOTE_TAG]
    if there and digest(there) != known.get(OWN_NOTE_TAG, digest(ours)):
        return {NOTE_TAG: there}
    return {OWN_NOTE_TAG: digest(ours)}


def _unseen(entries: Sequence[Entry], mark: str | None) -> Sequence[Entry]:
    for number, entry in enumerate(entries, start=1):
        if entry.mark == mark:
            return entries[number:]
    return entries


def _origin(parent: _Known | None) -> dict[str, str]:
    return {"mlflow.parentRunId": parent.id} if parent else {}
