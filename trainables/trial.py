"""The act of running a trial: its phases, the hand-over between them, and its last numbers."""

import hashlib
from collections.abc import Iterator

import torch
from safetensors.torch import save
from torch import Generator, Tensor

from trainables.base import StateError, derived_seed
from trainables.measure.final import evaluation_batches, measure_split
from trainables.model.layers import initialise
from trainables.model.vae import Vae
from trainables.places import Place, read
from trainables.spec import TrialSpec
from trainables.text.batches import equal_length_batches
from trainables.text.corpus import Corpus
from trainables.text.planned import check_planned
from trainables.text.spec import SplitName
from trainables.training.phase import PhaseData, over, run_phase
from trainables.training.report import EpochReport, FinalReport, StoreReport
from trainables.training.sharing import PhaseStore, share_phase
from trainables.training.state import Counters, TrialState, load_tensors, metadata_of

WEIGHTS_FILE, SPEC_FILE, SAMPLES_FILE = "weights.safetensors", "trial.json", "samples.txt"
PAGE = 10


def run_trial(
    spec: TrialSpec, corpus: Corpus, state: TrialState, device: str = "cpu", store: PhaseStore | None = None
) -> Iterator[tuple[EpochReport | StoreReport | FinalReport, TrialState]]:
    """Run what is left of a trial; yield after every epoch, and last the FinalReport.

    With a `store` the pretraining is taken from there, or trained for all who wait for it. Raises DivergedError
    where training leaves the finite numbers, StateError where the corpus is not the planned one.
    """
    check_corpus(spec, corpus)
    model = new_model(spec, corpus).to(device)
    for number, phase in enumerate(spec.phases()):
        if number < state.counters.phase:
            continue
        if number > state.counters.phase:
            hand_over(model, state, Generator(device).manual_seed(derived_seed(spec.seed, "hand_over")))
            state = TrialState(Counters(phase=number))
        elif state.counters.epoch == 0:
            model.initialise(Generator(device).manual_seed(derived_seed(spec.seed, phase.name, "init")))
        sentences = corpus.splits["train"].sentences
        data = PhaseData(
            equal_length_batches(sentences, phase.descent.batch_size, device),
            evaluation_batches(corpus.splits["validation"].sentences, device),
        )
        boundary = spec.evaluation.activity_boundary
        if store is not None and phase.name == "pretrain" and not over(phase, state.counters):
            reports = share_phase(store, phase, model, data, state, boundary)
        else:
            reports = run_phase(phase, model, data, state, boundary)
        for report, new in reports:
            state = new
            yield report, state
    model.load_state_dict(state.best)
    yield final_report(spec, corpus, model), state


def new_model(spec: TrialSpec, corpus: Corpus) -> Vae:
    """Return the model that a trial ends with, its weights not yet drawn; all its phases train the same sizes."""
    return Vae(len(corpus.vocabulary), spec.phases()[-1].model)


def check_corpus(spec: TrialSpec, corpus: Corpus) -> None:
    """Raise StateError where the corpus at hand is not the one that the trial was planned with."""
    check_planned(corpus, spec.corpus_fingerprint)


def hand_over(model: Vae, state: TrialState, generator: Generator) -> None:
    """Keep the best pretrained encoder and draw the decoder afresh (paper, section 3)."""
    model.load_state_dict(state.best)
    initialise(model.decoder, model.spec.initialisation, generator)


def final_report(spec: TrialSpec, corpus: Corpus, model: Vae) -> FinalReport:
    """Measure the best weights on the validation split and name the outcome."""
    numbers = score(spec, corpus, model, "validation")
    if numbers.get("validation/active_units") == 0:
        reason = f"no unit of {spec.model.latent_size} is active on validation: the decoder ignores z"
        return FinalReport(outcome="collapsed", reason=reason, numbers=numbers)
    return FinalReport(outcome="finished", numbers=numbers)


def score(spec: TrialSpec, corpus: Corpus, model: Vae, split: SplitName) -> dict[str, float]:
    """Measure a model on a split as the trial's evaluation asks; keys `<split>/<word>`, without what a row lacks.

    A language model takes one importance sample: its weights are the likelihood itself.
    """
    evaluation = spec.evaluation
    last = split == "test"
    sentences = evaluation.final_sentences if last else evaluation.search_sentences
    samples: int | None = evaluation.final_samples if last else evaluation.search_samples
    if spec.method.autoencodes:
        samples = None
    elif spec.method.language_model:
        samples = 1
    boundary, error = evaluation.activity_boundary, None if last else evaluation.search_error
    numbers = measure_split(model, corpus.splits[split], sentences, samples, spec.seed, boundary, error)
    return {f"{split}/{word}": value for word, value in numbers.items() if word not in spec.method.lacks}


@torch.inference_mode()
def samples_page(model: Vae, corpus: Corpus, seed: int) -> str:
    """Return a page of validation sentences with their reconstructions, and of samples from the prior."""
    device = next(model.parameters()).device
    if not model.spec.latent_size:
        [decoded] = model.decoder.greedy(torch.empty(1, 0, device=device))
        return "Greedy, from a language model without z:\n  " + " ".join(corpus.vocabulary.decode(decoded)) + "\n"
    lines = ["Reconstructions (posterior mean, greedy):"]
    sentences = corpus.splits["validation"].sentences[:PAGE]
    rows = (torch.from_numpy(sentence).unsqueeze(0).to(device) for sentence in sentences)
    means = torch.cat([model.encoder(row).mean for row in rows])
    for sentence, decoded in zip(sentences, model.decoder.greedy(means), strict=True):
        lines.append("  input  " + " ".join(corpus.vocabulary.decode(sentence.tolist())))
        lines.append("  output " + " ".join(corpus.vocabulary.decode(decoded)))
    generator = Generator().manual_seed(derived_seed(seed, "samples"))
    z = torch.randn(PAGE, model.spec.latent_size, generator=generator).to(device)
    lines.append("Samples from the prior (greedy):")
    lines += ["  " + " ".join(corpus.vocabulary.decode(row)) for row in model.decoder.greedy(z)]
    return "\n".join(lines) + "\n"


def outputs(spec: TrialSpec, corpus: Corpus, state: TrialState) -> dict[str, bytes]:
    """Return the files that a trial leaves behind, by name: its spec, its best weights, a page of samples."""
    model = new_model(spec, corpus)
    model.load_state_dict(state.best)
    weights = {name: tensor.cpu().contiguous() for name, tensor in state.best.items()}
    metadata = {"trial": spec.key(), "corpus": corpus.fingerprint, "sha256": checksum(weights)}
    return {
        SPEC_FILE: spec.model_dump_json(indent=1).encode(),
        WEIGHTS_FILE: save(weights, metadata),
        SAMPLES_FILE: samples_page(model, corpus, spec.seed).encode(),
    }


def checksum(weights: dict[str, Tensor]) -> str:
    """Return the sha256 (hex) of named tensors: their names, shapes and bytes, in the order of the names."""
    sha = hashlib.sha256()
    for name, tensor in sorted(weights.items()):
        sha.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        sha.update(tensor.cpu().contiguous().numpy().tobytes())
    return sha.hexdigest()


def load_model(directory: Place, spec: TrialSpec, corpus: Corpus, device: str = "cpu") -> Vae:
    """Read a finished trial's best weights. Raises StateError where they are absent, damaged or do not fit, and
    PlaceError where they are out of reach."""
    path = directory / WEIGHTS_FILE
    try:
        content = read(path)
    except OSError as error:
        raise StateError(f"{path}: cannot be read ({error.strerror})") from error
    tensors = load_tensors(content, path)
    metadata = metadata_of(content)
    if metadata.get("trial") != spec.key():
        key = str(metadata.get("trial"))
        raise StateError(f"{path}: weights of another trial (key {key[:12]}, not {spec.key()[:12]})")
    if metadata.get("sha256") != checksum(tensors):
        raise StateError(f"{path}: damaged (its weights do not have the checksum that it states)")
    model = new_model(spec, corpus)
    model.load_state_dict(tensors)
    return model.to(device)
