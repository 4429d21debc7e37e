"""Measuring the stored trials of an ended sweep anew; each score is journaled beside those before it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from trainables.base import VaeSweepError
from trainables.outputs import WEIGHTS_FILE
from trainables.text.spec import SplitName
from trainables.training.report import SCORED
from vae_sweep.config.reader import with_overrides
from vae_sweep.config.sweep_spec import SweepSpec
from vae_sweep.journal.events import ChangedEvent, JournalEvent, Message, RepairedEvent, ScoredEvent
from vae_sweep.journal.history import find_trial
from vae_sweep.journal.journal import Journal, JournalError
from vae_sweep.journal.records import SweepRecord, TrialRecord
from vae_sweep.journal.stored_spec import existing_spec
from vae_sweep.journal.sweep_log import SweepLog
from vae_sweep.planning.compatibility import changes_since, check_corpus
from vae_sweep.planning.plan import Plan, make_plan
from vae_sweep.planning.provenance import provenance
from vae_sweep.report.report_folder import ReportFolder
from vae_sweep.results.front import front_cells
from vae_sweep.results.retention import stored_weights, why_collected
from vae_sweep.running.nodes.placement import prepare
from vae_sweep.running.ray_session import ray_session
from vae_sweep.running.scoring import Scoring, run_scorings
from vae_sweep.running.stop_controller import StopController
from vae_sweep.storage.driver_lock import driver_lock
from vae_sweep.storage.layout import JOURNAL_FILE
from vae_sweep.storage.stop_request import REQUEST_FILE
from vae_sweep.tracking.client import TrackingError
from vae_sweep.tracking.sweep_mirror import sync_sweep

_SPLITS: tuple[SplitName, ...] = ("validation", "test")
_Watch = Callable[[JournalEvent | Message], None]


class ScoreError(VaeSweepError):
    """What was asked to be scored is not there."""


@dataclass(frozen=True)
class Rescored:
    """How scoring ended: trials scored, trials that could not be, why it stopped early, what is not in MLflow.

    `untested` says that by `evaluation.final: none` no test split was asked for.
    """

    done: int
    failed: int
    untested: bool
    stopped: str | None
    unmirrored: str | None


def rescore_sweep(folder: Path, names: Sequence[str], overrides: Sequence[str], watch: _Watch) -> Rescored:
    """Measure what the journal does not have under the evaluation with `overrides`; renew report and MLflow.

    Every ended trial is measured on validation; on test those that `evaluation.final` names and those that were
    before. With `names` it is these trials alone, on both. Raises SpecError, LaunchError where a driver holds the
    sweep or no node can run trials, ScoreError where there is nothing to score, CorpusError.
    """
    stored = existing_spec(folder)
    spec = with_overrides(stored, overrides, "evaluation")
    with driver_lock(folder) as lease, Journal(folder / JOURNAL_FILE) as journal:
        stop_controller = StopController(folder / REQUEST_FILE, lambda: lease.lost)
        log = SweepLog(folder / JOURNAL_FILE)
        work = _Work(log, spec, tuple(names), journal, stop_controller, watch)
        if journal.repaired:
            work.write(RepairedEvent(text=journal.repaired))
        try:
            work.run()
        except JournalError as error:
            stop_controller.stop(str(error))
        finally:
            stop_controller.release()
        untested = spec.final == "none" and not names
        unmirrored = _publish(stored, folder)
        return Rescored(len(work.scored), len(work.failed), untested, stop_controller.reason, unmirrored)


def trials_to_score(record: SweepRecord, names: Sequence[str]) -> list[TrialRecord]:
    """Return the trials of these names, or all, that ended with weights.

    Raises ScoreError where a named one did not, or none did, LaunchError where a name is none.
    """
    named = [find_trial(record, name) for name in names]
    if without := [trial for trial in named if not _left_weights(trial)]:
        outcome = without[0].final.outcome if without[0].final else "not ended"
        allowed = " or ".join(SCORED)
        raise ScoreError(
            f"trial {without[0].id} is {outcome}: only what {allowed} left weights that can be scored"
        )
    found = named or [trial for _, trial in sorted(record.trials.items()) if _left_weights(trial)]
    if not found:
        raise ScoreError(f"sweep {record.name} has no ended trial that left weights; there is nothing to score")
    return list({trial.id: trial for trial in found}.values())


def lacking(
    spec: SweepSpec, record: SweepRecord, names: Sequence[str]
) -> list[tuple[TrialRecord, list[SplitName]]]:
    """Return each chosen trial with its splits whose newest score is of another evaluation, if any.

    All trials are measured on validation; on test those that are named, that have a test score, or that
    `evaluation.final` asks for, by the newest validation numbers. Raises as `trials_to_score`.
    """
    key = spec.evaluation.key()
    front = front_cells(record, spec.search.objectives) if spec.final == "front" else set()
    found = []
    for trial in trials_to_score(record, names):
        tested = bool(names or trial.scored) or spec.final == "all" or trial.cell in front
        newest = {split: trial.score(split) for split in _SPLITS[: 1 + tested]}
        found.append((trial, [split for split, one in newest.items() if one is None or one.evaluation != key]))
    return found


@dataclass
class _Work:
    """What one call does: `tried` are the splits that were measured or passed over, by trial."""

    log: SweepLog
    spec: SweepSpec
    names: tuple[str, ...]
    journal: Journal
    stop_controller: StopController
    watch: _Watch
    tried: set[tuple[str, str]] = field(default_factory=set)
    scored: set[str] = field(default_factory=set)
    failed: set[str] = field(default_factory=set)

    def run(self) -> None:
        """Measure what is missing; once more for cells that came to the front by their new numbers."""
        scorings = self._missing()
        if not scorings:
            return
        plan = make_plan(self.spec)
        self._compare(plan)
        with ray_session() as joined:
            ready = prepare(plan, self.log.folder, joined, self.write, self._say)
            while scorings:
                for scoring, came in run_scorings(ready.plan, ready.placement, self.stop_controller, scorings):
                    if isinstance(came, VaeSweepError):
                        self._fail(scoring.trial, str(came))
                    else:
                        self._keep(scoring.trial, came)
                scorings = [] if self.stop_controller.reason else self._missing()

    def write(self, event: JournalEvent) -> None:
        """Journal an event and report it."""
        self.journal.append(event)
        self.watch(event)

    def _compare(self, plan: Plan) -> None:
        """Journal what changed since the newest launch. Raises LaunchError where the corpus is another one."""
        record = self.log.refresh().record
        now = provenance(plan, len(record.launches))
        check_corpus(record, now)
        if fresh := [text for text in changes_since(record, now) if text not in record.changes]:
            self.write(ChangedEvent(by="score", texts=fresh))

    def _say(self, text: str) -> None:
        self.watch(Message(text))

    def _missing(self) -> list[Scoring]:
        """Return what is to be measured; what was measured so before the newest score is journaled again."""
        record = self.log.refresh().record
        found = []
        for trial, lacked in lacking(self.spec, record, self.names):
            splits = [split for split in lacked if (trial.id, split) not in self.tried]
            splits = [split for split in splits if not self._known(trial, split)]
            if splits and not stored_weights(trial):
                self._pass_over(record, trial)
            elif splits:
                found.append(Scoring(trial, tuple(splits), self.spec.evaluation))
                self.tried |= {(trial.id, split) for split in splits}
        return found

    def _known(self, trial: TrialRecord, split: SplitName) -> bool:
        key = self.spec.evaluation.key()
        for known in trial.scores:
            if (known.split, known.evaluation) == (split, key):
                self._keep(trial, known.numbers)
                return True
        return False

    def _keep(self, trial: TrialRecord, numbers: Mapping[str, float | None]) -> None:
        key = self.spec.evaluation.key()
        settings = (
            None
            if trial.spec.evaluation_key == key
            else self.spec.evaluation.model_dump(mode="json", exclude={"final"})
        )
        self.write(ScoredEvent(trial=trial.id, numbers=dict(numbers), evaluation=key, settings=settings))
        self.scored.add(trial.id)

    def _pass_over(self, record: SweepRecord, trial: TrialRecord) -> None:
        """Report a trial whose weights are gone; collected ones are no failure of a trial that was not named."""
        place = trial.final.checkpoint if trial.final else None
        collected = why_collected(self.spec, record, trial)
        reason = collected or f"no {WEIGHTS_FILE} in {place}: it was deleted or moved away"
        self._fail(trial, reason, counts=bool(self.names) or collected is None)

    def _fail(self, trial: TrialRecord, reason: str, counts: bool = True) -> None:
        self.tried |= {(trial.id, split) for split in _SPLITS}
        self.failed |= {trial.id} if counts else set()
        self._say(f"{trial.id}: not scored: {reason}")


def _left_weights(trial: TrialRecord) -> bool:
    final = trial.final
    return final is not None and final.outcome in SCORED and final.checkpoint is not None


def _publish(spec: SweepSpec, folder: Path) -> str | None:
    """Renew the report, then MLflow with it; return what keeps MLflow from it."""
    report = ReportFolder(folder, spec)
    report.write_page()
    report.write_summary()
    try:
        sync_sweep(spec, folder)
        report.write_page(runs=report.runs())
    except TrackingError as error:
        return str(error)
    return None
