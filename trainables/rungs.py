"""Rungs: a trial measured in the midst of its VAE phase, so that a search may end it there."""

from trainables.measure.adapted import Effort
from trainables.measure.collapse import collapse
from trainables.measure.final import measure_split
from trainables.model.vae import Vae
from trainables.objective.bound import Objective
from trainables.spec import TrialSpec
from trainables.text.corpus import Corpus
from trainables.training.report import RungReport
from trainables.training.spec import PhaseSpec


def annealed_after(objective: Objective, epochs: int, step_ratio: float) -> int:
    """Return after how many epochs the KL weight stays at the most that it reaches in a phase of `epochs`."""
    weights = [objective.weight(epoch, step_ratio) for epoch in range(epochs + 1)]
    return max((epoch + 1 for epoch, weight in enumerate(weights) if weight < max(weights)), default=0)


def on_rung(spec: TrialSpec, phase: PhaseSpec, epochs_done: int, step_ratio: float) -> bool:
    """Say whether a trial stands on a rung after so many epochs of a phase.

    Never in its pretraining, nor before an epoch at the KL weight's full value is over: what still changes is not
    judged. Trials meet at a rung after as many VAE epochs each, however long they were annealed.
    """
    if spec.rungs is None or phase.name != "vae" or epochs_done not in spec.rungs.rungs:
        return False
    return epochs_done > annealed_after(phase.objective, phase.training.epochs, step_ratio)


def rung_report(spec: TrialSpec, corpus: Corpus, model: Vae, epoch: int) -> RungReport:
    """Measure a model on the rungs' validation sentences: the tight likelihood, and all other metrics."""
    if spec.rungs is None:
        raise ValueError("the trial has no rungs")
    evaluation = spec.evaluation
    numbers = measure_split(
        model,
        corpus.splits["validation"],
        spec.rungs.sentences,
        Effort(spec.rungs.samples, evaluation.search_error),
        spec.seed,
        evaluation.activity_boundary,
    )
    kept = {
        f"validation/{metric}": value
        for metric, value in numbers.items()
        if metric not in spec.method.undefined_metrics
    }
    collapsed = collapse(kept, spec.model.latent_size, spec.method.target_rate)
    return RungReport(epoch=epoch, numbers=kept, collapsed=collapsed)
