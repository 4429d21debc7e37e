"""Our numbers against the published ones: whether they may be compared, and what the comparison says."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from trainables.methods import METHODS
from vae_sweep.journal.metrics import METRICS
from vae_sweep.journal.records import CellRecord, SweepRecord, TrialRecord
from vae_sweep.results.cells import BESIDE, COMPARED, ended_trials
from vae_sweep.results.front import split_numbers
from vae_sweep.results.paper_splits import OTHER_TRAINING, Digests, TestedText, known_splits, tested_text
from vae_sweep.results.published import (
    LATENT_SIZE,
    SAMPLES,
    TEXTS,
    Key,
    PublishedNumber,
    published,
    run_noise,
)
from vae_sweep.statistics.intervals import Interval, mean_interval
from vae_sweep.statistics.trust import sampling_error

TOKENS_TOLERANCE = 0.005
"""How far tokens per sentence may lie from those of the tables."""

NORMAL = 1.96
"""Standard deviations on either side of 95 % of a normal distribution."""

SAMPLED = frozenset(BESIDE)
"""Metrics that depend on the number of samples from q."""


class Verdict(StrEnum):
    """What a comparison says."""

    REPRODUCED = "reproduced"
    BETTER = "better"
    WORSE = "worse"
    CANNOT_TELL = "cannot tell"
    OTHER_TRAINING = OTHER_TRAINING
    NOT_COMPARABLE = "not comparable"


@dataclass(frozen=True)
class PaperComparison:
    """One metric of one cell on the test split; `tolerance` is what their difference was held against.

    `no_row`: the tables do not have its method and λ. `tight` is the tight estimate of a likelihood; what is
    compared is that of samples from q, as the paper's is.
    """

    cell: int
    method: str
    title: str
    values: dict[str, Any]
    metric: str
    ours: Interval
    published: PublishedNumber | None
    verdict: Verdict
    why: str
    tolerance: float | None = None
    no_row: bool = False
    tight: Interval | None = None

    @property
    def within(self) -> bool:
        """Say whether a number after another training sample differs within the tolerance."""
        if self.verdict is not Verdict.OTHER_TRAINING or self.published is None or self.tolerance is None:
            return False
        return abs(self.ours.mean - self.published.value) <= self.tolerance


def comparisons(record: SweepRecord, known: Mapping[str, Digests] | None = None) -> list[PaperComparison]:
    """Return every metric of every cell with a scored test split; empty where the corpus is in no table.

    `known` are the digests of the tables' splits, those of the package if none are given.
    """
    text = tested_text(record, known_splits() if known is None else known)
    if text.corpus not in TEXTS:
        return []
    ended = ended_trials(record)
    return [found for number, trials in ended.items() for found in _cell(record.cells[number], trials, text)]


def verdict_of(
    ours: Interval, theirs: PublishedNumber, noise: float | None, better: str | None
) -> tuple[Verdict, str, float | None]:
    """Return the verdict on two comparable numbers, why, and the tolerance.

    `noise` is the standard deviation of a single published run, `better` min, max or None. The rules stand in
    docs/method.md, "Verdicts".
    """
    difference = ours.mean - theirs.value
    seeds = "one seed" if ours.half_width is None else f"{ours.count} seeds"
    if noise is None:
        if ours.half_width is None and abs(difference) <= theirs.rounding:
            return Verdict.REPRODUCED, f"{seeds}, equal as printed", theirs.rounding
        return Verdict.CANNOT_TELL, f"{seeds}; how far runs of the paper scatter is not known", None
    single = NORMAL * noise
    own = single if ours.half_width is None else ours.half_width
    tolerance = math.hypot(own, single) + theirs.rounding
    figures = f"{seeds}: {difference:+.3g} against a tolerance of {tolerance:.2g}"
    if abs(difference) <= tolerance:
        if own > math.sqrt(2) * single + theirs.rounding:
            return Verdict.CANNOT_TELL, f"{figures}; the seeds scatter too far to confirm it", tolerance
        return Verdict.REPRODUCED, figures, tolerance
    if ours.half_width is None and abs(difference) <= 2 * tolerance:
        return Verdict.CANNOT_TELL, f"{figures}; one seed separates only what differs by twice that", tolerance
    if better is None:
        return Verdict.CANNOT_TELL, f"{figures}; neither more nor less of it is better", tolerance
    good = (difference < 0) == (better == "min")
    return (Verdict.BETTER if good else Verdict.WORSE), figures, tolerance


def obstacles(trial: TrialRecord, tested: TestedText) -> list[str]:
    """Return why no number of a trial may be compared with the tables of a corpus; empty where all may."""
    return [*_text_obstacles(trial, tested), *_model_obstacles(trial)]


def _text_obstacles(trial: TrialRecord, tested: TestedText) -> Iterator[str]:
    text = TEXTS[tested.corpus]
    numbers, spec = split_numbers(trial, "test"), trial.spec
    sentences, tokens = numbers.get("sentences"), numbers.get("tokens")
    if sentences is None or tokens is None:
        yield "how many test sentences and tokens were scored is not recorded"
        return
    if sentences != text.sentences:
        yield f"{sentences:.0f} test sentences scored, the tables' split has {text.sentences}"
    if abs(tokens / sentences - text.tokens_per_sentence) > TOKENS_TOLERANCE:
        yield f"{tokens / sentences:.3f} tokens a sentence, the tables imply {text.tokens_per_sentence}"
    if tested.foreign:
        yield "the test sentences are not the tables', whose digest is known"
    size = spec.at("corpus", "vocabulary_size")
    cut = size is not None and not (tested.other_training and text.words is not None and size >= text.words)
    if cut or spec.at("corpus", "limit", "train") is not None:
        yield "the vocabulary or the training split is cut, so more words are <unk>"
    if text.fingerprint is not None and spec.fingerprint != text.fingerprint and not tested.other_training:
        found = str(spec.fingerprint)[:12]
        yield f"the text's fingerprint is {found}, the tables' text has {text.fingerprint[:12]}"


def _model_obstacles(trial: TrialRecord) -> Iterator[str]:
    if trial.spec.latent_size != LATENT_SIZE:
        yield f"n_z is {trial.spec.latent_size}, the tables' is {LATENT_SIZE}"
    per = trial.spec.at("method", "objective", "kl", "per")
    if per not in (None, "sentence"):
        yield f"λ is held per {per}; the tables' λ is in nats per sentence, total over units"


def _cell(cell: CellRecord, ended: list[TrialRecord], text: TestedText) -> Iterator[PaperComparison]:
    corpus = text.corpus
    trials = [trial for trial in ended if split_numbers(trial, "test")]
    if not trials:
        return
    key = _key(trials[0])
    row = published(corpus).get(key)
    general = list(dict.fromkeys(reason for trial in trials for reason in obstacles(trial, text)))
    for metric in COMPARED:
        seeds = [numbers for trial in trials if metric in (numbers := split_numbers(trial, "test"))]
        if not seeds:
            continue
        ours = mean_interval([numbers[metric] for numbers in seeds])
        theirs = row.get(metric) if row else None
        exact = METHODS[cell.method].language_model
        reasons = [*_missing(key, row, metric), *general, *([] if exact else _sampling(metric, seeds))]
        judged: tuple[Verdict, str, float | None]
        if theirs is None or reasons:
            judged = Verdict.NOT_COMPARABLE, "; ".join(reasons), None
        else:
            judged = verdict_of(ours, theirs, run_noise(corpus, cell.method, metric), METRICS[metric].better)
            judged = _of_another_sample(*judged) if text.other_training else judged
        title = METHODS[cell.method].title
        about = (cell.number, cell.method, title, dict(cell.values), metric)
        yield PaperComparison(*about, ours, theirs, *judged, row is None, _tight(trials, metric))


def _tight(trials: list[TrialRecord], metric: str) -> Interval | None:
    """Return the tight estimate beside q's of the same trials; None where one has none."""
    tables = [split_numbers(trial, "test") for trial in trials]
    values = [table[BESIDE[metric]] for table in tables if BESIDE.get(metric) in table]
    if not values or len(values) < len(tables):
        return None
    return mean_interval(values, error=sampling_error(tables, BESIDE[metric]))


def _missing(key: Key, row: Mapping[str, PublishedNumber] | None, metric: str) -> Iterator[str]:
    method, rate = key
    if row is None:
        yield f"the tables have no {method}" + (f" at λ = {rate:g}" if rate is not None else "")
    elif metric not in row:
        yield f"the tables print no {METRICS[metric].symbol} for this method"


def _sampling(metric: str, seeds: list[dict[str, float]]) -> Iterator[str]:
    if metric in SAMPLED:
        for samples in sorted({numbers.get("iw_samples", 0.0) for numbers in seeds} - {float(SAMPLES)}):
            yield f"{samples:.0f} samples from q, the tables' have {SAMPLES}"


def _of_another_sample(verdict: Verdict, why: str, tolerance: float | None) -> tuple[Verdict, str, float | None]:
    """Return the verdict on a model of another training sample: it neither confirms nor refutes a run."""
    if verdict is Verdict.CANNOT_TELL:
        return verdict, f"{why}; another training sample", tolerance
    within = "within" if verdict is Verdict.REPRODUCED else "beyond"
    return (
        Verdict.OTHER_TRAINING,
        f"{why}, {within} it; what another training sample makes is not in it",
        tolerance,
    )


def _key(trial: TrialRecord) -> Key:
    rate = trial.target_rate
    return trial.method, None if rate is None else float(rate)
