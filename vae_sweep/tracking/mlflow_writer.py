"""The door to MLflow: brings one run at a time to the state that the journal asks for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trainables.base import digest
from trainables.places import PlaceError, copied
from vae_sweep.tracking.mlflow_door import TrackingError, find_experiment, open_client, told
from vae_sweep.tracking.runs import SWEEP_KEY, SWEEP_TAG, TAG, TRIAL_TAG, Point, RunState

if TYPE_CHECKING:
    from mlflow.entities import Run

OUTPUTS = ("weights.safetensors", "trial.json", "samples.txt")
LINES_TAG, OUTPUTS_TAG, SPEC_TAG, TEXTS_TAG = TAG + "mirrored", TAG + "outputs", TAG + "spec", TAG + "probes"
TEXTS_FOLDER = "probes"
LARGEST_BATCH, LARGEST_PAGE = 1000, 1000


@dataclass
class Entry:
    """One journal line of a run: a mark that tells it from the run's other lines, and its points."""

    mark: str
    points: list[Point]


@dataclass
class Counts:
    """What was sent: journal lines, runs created, points, runs whose files were uploaded."""

    lines: int = 0
    runs: int = 0
    points: int = 0
    outputs: int = 0

    def __str__(self) -> str:
        sent = f"{self.points} points sent, {self.runs} runs made, files of {self.outputs} trials uploaded"
        return f"{self.lines} journal lines are in MLflow: {sent}"


@dataclass
class _Known:
    """What the server has of a run."""

    id: str
    status: str
    params: set[str] = field(default_factory=set)
    tags: dict[str, str] = field(default_factory=dict)


class MlflowWriter:
    """Writes the runs of one sweep; every call may be repeated without effect.

    Opening creates the database and the experiment where they are absent. Raises TrackingError.
    """

    def __init__(self, uri: str, experiment: str, artifact_location: str | None, sweep_id: str) -> None:
        self._uri, self._sweep_id = uri, sweep_id
        self.counts = Counts()
        self._runs: dict[str, _Known] | None = None
        with told(self._uri):
            self._client = open_client(uri)
            self._experiment = find_experiment(self._client, uri, experiment, artifact_location)

    def write(self, state: RunState, entries: Sequence[Entry], parent: RunState | None) -> None:
        """Bring one run to a state and add the points of its new lines. Raises TrackingError.

        A trial names its parent, the sweep. The mark of the last line is written last, so that lines which
        the run already has are skipped at the next replay.
        """
        try:
            with told(self._uri):
                above = self._run(parent, None) if parent else None
                self._write(self._run(state, above), state, entries, _origin(above))
        except TrackingError:
            self._runs = None
            raise
        self.counts.lines += len(entries)

    def _write(self, run: _Known, state: RunState, entries: Sequence[Entry], origin: dict[str, str]) -> None:
        from mlflow.entities import Metric, Param, RunTag

        fresh = _unseen(entries, run.tags.get(LINES_TAG))
        sent = [Metric(*point) for entry in fresh for point in entry.points]
        tags = state.tags | origin
        if fresh:
            tags[LINES_TAG] = fresh[-1].mark
        early = len(sent) - 1 - (len(sent) - 1) % LARGEST_BATCH if sent else 0
        for start in range(0, early, LARGEST_BATCH):
            self._client.log_batch(run.id, sent[start : start + LARGEST_BATCH])
        tags |= self._write_files(run, state) | self._write_texts(run, state)
        self._write_status(run, state)
        params = [Param(key, value) for key, value in state.params.items() if key not in run.params]
        changed = {key: value for key, value in tags.items() if run.tags.get(key, "") != value}
        self._client.log_batch(run.id, sent[early:], params, [RunTag(*tag) for tag in changed.items()])
        run.params |= state.params.keys()
        run.tags |= changed
        self.counts.points += len(sent)

    def _write_status(self, run: _Known, state: RunState) -> None:
        if state.status == run.status:
            return
        if state.status == "RUNNING":
            self._client.update_run(run.id, status="RUNNING")
        else:
            self._client.set_terminated(run.id, state.status, state.ended)
        run.status = state.status

    def _write_files(self, run: _Known, state: RunState) -> dict[str, str]:
        if state.spec is not None:
            wanted = digest(state.spec)
            if run.tags.get(SPEC_TAG) != wanted:
                self._client.log_dict(run.id, state.spec, "spec.json")
            return {SPEC_TAG: wanted}
        if state.outputs is None or run.tags.get(OUTPUTS_TAG) == f"from {state.outputs}":
            return {}
        try:
            with copied(state.outputs, OUTPUTS) as folder:
                missing = [name for name in OUTPUTS if not (folder / name).is_file()]
                for name in OUTPUTS:
                    if name not in missing:
                        self._client.log_artifact(run.id, str(folder / name))
        except PlaceError as error:  # numbers do not wait for object storage; the next sync tries again
            return {OUTPUTS_TAG: f"not uploaded, vae-sweep sync tries again: {error}"}
        self.counts.outputs += len(missing) < len(OUTPUTS)
        if missing:
            return {OUTPUTS_TAG: f"{', '.join(missing)} not found in {state.outputs}"}
        return {OUTPUTS_TAG: f"from {state.outputs}"}

    def _write_texts(self, run: _Known, state: RunState) -> dict[str, str]:
        """Upload the pages of a trial's probes where they are not those that the run has."""
        if state.texts is None:
            return {}
        pages = sorted([*state.texts.glob("*.txt"), *state.texts.glob("*.json")])
        wanted = digest([[page.name, page.read_text(encoding="utf-8")] for page in pages])
        if not pages:
            return {TEXTS_TAG: f"not found in {state.texts}"}
        if run.tags.get(TEXTS_TAG) != wanted:
            for page in pages:
                self._client.log_artifact(run.id, str(page), TEXTS_FOLDER)
        return {TEXTS_TAG: wanted}

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
                found[key] = _Known(run.info.run_id, run.info.status, set(run.data.params), dict(run.data.tags))
        return found

    def _pages(self) -> Iterator["Run"]:
        query, token = f"tags.`{SWEEP_TAG}` = '{self._sweep_id}'", None
        while True:
            page = self._client.search_runs([self._experiment], query, max_results=LARGEST_PAGE, page_token=token)
            yield from page
            token = page.token
            if not token:
                return


def _unseen(entries: Sequence[Entry], mark: str | None) -> Sequence[Entry]:
    for number, entry in enumerate(entries, start=1):
        if entry.mark == mark:
            return entries[number:]
    return entries


def _origin(parent: _Known | None) -> dict[str, str]:
    return {"mlflow.parentRunId": parent.id} if parent else {}
