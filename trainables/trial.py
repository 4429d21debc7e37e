"""Running a trial: its phases, the transfer of the encoder between them, and its last numbers."""

from collections.abc import Iterator

from torch import Generator

from trainables.base import derived_seed
from trainables.measure.adapted import Effort
from trainables.measure.collapse import collapse
from trainables.measure.final import evaluation_batches, measure_split
from trainables.model.layers import initialise
from trainables.model.vae import Vae
from trainables.outputs import new_model
from trainables.rungs import on_rung, rung_report
from trainables.spec import TrialSpec
from trainables.text.batches import equal_length_batches
from trainables.text.corpus import Corpus
from trainables.text.planned import check_planned
from trainables.text.spec import SplitName
from trainables.training.phase import PhaseData, is_finished, run_phase, step_ratio
from trainables.training.report import EpochReport, FinalReport, Outcome, RungReport, StoreReport
from trainables.training.sharing import PhaseStore, share_phase
from trainables.training.spec import PhaseSpec
from trainables.training.state import Counters, TrialState


def run_trial(
    spec: TrialSpec, corpus: Corpus, state: TrialState, device: str = "cpu", store: PhaseStore | None = None
) -> Iterator[tuple[EpochReport | StoreReport | RungReport | FinalReport, TrialState]]:
    """Run what is left of a trial; yield after every epoch and at every rung, and last the FinalReport.

    With a `store` the pretraining is taken from there, or trained for all who wait for it. A trial that is
    collapsed at a rung trains no further. Raises DivergedError where training leaves the finite numbers,
    StateError where the corpus is not the planned one.
    """
    check_corpus(spec, corpus)
    model = new_model(spec, corpus.vocabulary).to(device)
    collapsed = None
    for number, phase in enumerate(spec.phases()):
        if number < state.counters.phase:
            continue
        if number > state.counters.phase:
            transfer_encoder(model, state, Generator(device).manual_seed(derived_seed(spec.seed, "hand_over")))
            state = TrialState(Counters(phase=number))
        elif state.counters.epoch == 0:
            model.initialise(Generator(device).manual_seed(derived_seed(spec.seed, phase.name, "init")))
        data = PhaseData(
            equal_length_batches(corpus.splits["train"].sentences, phase.training.batch_size, device),
            evaluation_batches(corpus.splits["validation"].sentences, device),
        )
        for report, new in _phase(spec, corpus, phase, model, data, state, store):
            state = new
            yield report, state
            if isinstance(report, RungReport) and report.collapsed is not None:
                collapsed = f"after {report.epoch} VAE epochs {report.collapsed}"
                break
    model.load_state_dict(state.best)
    yield final_report(spec, corpus, model, collapsed), state


def _phase(
    spec: TrialSpec,
    corpus: Corpus,
    phase: PhaseSpec,
    model: Vae,
    data: PhaseData,
    state: TrialState,
    store: PhaseStore | None,
) -> Iterator[tuple[EpochReport | StoreReport | RungReport, TrialState]]:
    """Run what is left of a phase, with its rungs; the one that the state stands on is measured again."""
    boundary, full = spec.evaluation.activity_boundary, step_ratio(data.train, phase.training.batch_size)

    if on_rung(spec, phase, state.counters.epoch, full):
        model.load_state_dict(state.model)
        yield rung_report(spec, corpus, model, state.counters.epoch), state
    if store is not None and phase.name == "pretrain" and not is_finished(phase, state.counters):
        yield from share_phase(store, phase, model, data, state, boundary)
        return
    for report, new in run_phase(phase, model, data, state, boundary):
        yield report, new
        if on_rung(spec, phase, new.counters.epoch, full):
            yield rung_report(spec, corpus, model, new.counters.epoch), new


def check_corpus(spec: TrialSpec, corpus: Corpus) -> None:
    """Raise StateError where the corpus at hand is not the one that the trial was planned with."""
    check_planned(corpus, spec.corpus_fingerprint)


def transfer_encoder(model: Vae, state: TrialState, generator: Generator) -> None:
    """Keep the best pretrained encoder and draw the decoder afresh (paper, section 2.4)."""
    model.load_state_dict(state.best)
    initialise(model.decoder, model.spec.initialisation, generator)


def final_report(spec: TrialSpec, corpus: Corpus, model: Vae, collapsed: str | None = None) -> FinalReport:
    """Measure the best weights on validation and name the outcome, by the same rule (`collapse`) as at rungs.

    `collapsed` says why a rung ended it.
    """
    numbers = score_split(spec, corpus, model, "validation")
    if collapsed is None:
        collapsed = collapse(numbers, spec.model.latent_size, spec.method.target_rate)
    outcome: Outcome = "collapsed" if collapsed else "finished"
    return FinalReport(outcome=outcome, reason=collapsed, numbers=numbers, evaluation=spec.evaluation.key())


def score_split(spec: TrialSpec, corpus: Corpus, model: Vae, split: SplitName) -> dict[str, float]:
    """Measure a model on a split as the evaluation asks: `<split>/<metric>`, without `undefined_metrics`.

    Both splits get the tight estimate, test the paper's protocol beside it.
    """
    evaluation, last = spec.evaluation, split == "test"
    sentences = evaluation.final_sentences if last else evaluation.search_sentences
    effort = Effort(evaluation.search_samples, evaluation.search_error)
    if last:
        effort = Effort(evaluation.final_effort, evaluation.final_error)
    numbers = measure_split(
        model,
        corpus.splits[split],
        sentences,
        None if spec.method.autoencodes else effort,
        spec.seed,
        evaluation.activity_boundary,
        evaluation.final_samples if last else None,
    )
    return {
        f"{split}/{metric}": value
        for metric, value in numbers.items()
        if metric not in spec.method.undefined_metrics
    }
