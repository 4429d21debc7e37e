"""The stored latent summaries of a sweep's trials: read from their last checkpoints, or why there is none."""

from dataclasses import dataclass, field, replace

from pydantic import ValidationError

from trainables.files import StorageError
from trainables.methods import METHODS
from trainables.probes.latent_summary import LATENT_SUMMARY_FILE, LatentSummary
from trainables.storage_paths import PlaceError, StoragePath, read
from vae_sweep.journal.metrics import values_text
from vae_sweep.journal.records import SweepRecord, TrialRecord

SAMPLES_FILE = "samples.txt"
PICKED = ("perplexity", "reconstruction")
"""A cell is shown by its seed of the lowest of these on validation, the first that it has."""


@dataclass(frozen=True)
class CellExemplar:
    """What a cell's chosen trial left beside its weights; `missing` says why something is not there."""

    trial: TrialRecord
    summary: LatentSummary | None
    samples: str | None
    missing: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Return the cell's method and values in few words."""
        return f"{self.trial.method} {values_text(self.trial.values)}".strip()

    @property
    def mapped(self) -> bool:
        """Say whether there is a map of its sentences."""
        return self.summary is not None and bool(self.summary.positions)


@dataclass(frozen=True)
class UnitRow:
    """The units of a cell's chosen trial: KL (nats) and variance of means each, and their order by falling KL."""

    cell: int
    name: str
    kl: tuple[float, ...]
    variance: tuple[float, ...]
    order: tuple[int, ...]


@dataclass
class LatentSummaryCache:
    """Reads latent summaries, each once; after an outage of object storage it asks no more and says so."""

    _read: dict[str, CellExemplar] = field(default_factory=dict)

    def exemplars(self, record: SweepRecord) -> list[CellExemplar]:
        """Return an exemplar of each cell that has a trial with a last checkpoint, in the order of the cells."""
        outage: str | None = None
        found = []
        for trial in shown_trials(record):
            place = trial.final.checkpoint if trial.final else None
            if place is None:
                continue
            if str(place) not in self._read and outage is None:
                try:
                    self._read[str(place)] = _exemplar(trial, place)
                except PlaceError as error:
                    outage = str(error)
            known = self._read.get(str(place), CellExemplar(trial, None, None, (str(outage),)))
            found.append(replace(known, trial=trial))
        return found


def shown_trials(record: SweepRecord) -> list[TrialRecord]:
    """Return the trial that stands for each cell: of those that left a checkpoint, the best on validation."""
    cells: dict[int, list[TrialRecord]] = {}
    for trial in record.trials.values():
        if trial.final is not None and trial.final.checkpoint is not None:
            cells.setdefault(trial.cell, []).append(trial)
    return [min(cells[cell], key=_rank) for cell in sorted(cells)]


def unit_rows(exemplars: list[CellExemplar]) -> list[UnitRow]:
    """Return the units of each latent summary; not of an autoencoder, whose KL nothing holds down."""
    return [
        UnitRow(
            found.trial.cell,
            found.name,
            found.summary.kl_per_unit,
            found.summary.variance_per_unit,
            _falling(found.summary.kl_per_unit),
        )
        for found in exemplars
        if found.summary and found.summary.kl_per_unit and not METHODS[found.trial.method].autoencodes
    ]


def label_names(exemplars: list[CellExemplar]) -> list[str]:
    """Return the labels of the sentences that were mapped, sorted; empty where the corpus has none."""
    return sorted({label for found in exemplars if found.summary for label in found.summary.labels or ()})


def _rank(trial: TrialRecord) -> tuple[float, int]:
    numbers = trial.final.numbers if trial.final else {}
    values = (numbers.get(f"validation/{metric}") for metric in PICKED)
    return next((value for value in values if value is not None), float("inf")), trial.seed


def _exemplar(trial: TrialRecord, place: StoragePath) -> CellExemplar:
    missing: list[str] = []
    summary = None
    content = _content(place / LATENT_SUMMARY_FILE, missing)
    if content is not None:
        try:
            summary = LatentSummary.model_validate_json(content)
        except ValidationError as error:
            missing.append(f"{LATENT_SUMMARY_FILE} is damaged, or of another version ({error.errors()[0]['msg']})")
    samples = _content(place / SAMPLES_FILE, missing)
    return CellExemplar(
        trial, summary, None if samples is None else samples.decode(errors="replace"), tuple(missing)
    )


def _content(path: StoragePath, missing: list[str]) -> bytes | None:
    try:
        return read(path)
    except FileNotFoundError:
        missing.append(f"{path.name} is not in its last checkpoint: written before it was kept, or deleted")
    except StorageError as error:
        missing.append(str(error))
    return None


def _falling(values: tuple[float, ...]) -> tuple[int, ...]:
    return tuple(sorted(range(len(values)), key=lambda unit: -values[unit]))
