"""What a trial leaves behind and is read back: its spec, its best weights with their vocabulary, a page of
samples, a summary of its code."""

import hashlib
import json

import torch
from safetensors.torch import save
from torch import Generator, Tensor

from trainables.base import StateError, derived_seed
from trainables.former_keys import read_stored
from trainables.model.spec import LONGEST
from trainables.model.vae import Vae
from trainables.probes.codes import as_text, decode
from trainables.probes.latent_summary import LATENT_SUMMARY_FILE
from trainables.probes.summarise import latent_summary
from trainables.spec import TrialSpec
from trainables.storage_paths import StoragePath, is_file, read, sync
from trainables.text.corpus import Corpus
from trainables.text.vocabulary import Vocabulary
from trainables.training.state import TrialState, load_tensors, metadata_of, state_key

WEIGHTS_FILE, SPEC_FILE, SAMPLES_FILE = "weights.safetensors", "trial.json", "samples.txt"
VOCABULARY_FILE = "vocabulary.json"
PAGE = 10
CUT = f", cut after {LONGEST} words by …"


def new_model(spec: TrialSpec, vocabulary: Vocabulary) -> Vae:
    """Return the model that a trial ends with, its weights not yet drawn; all its phases train the same sizes."""
    return Vae(len(vocabulary), spec.phases()[-1].model)


def outputs(spec: TrialSpec, corpus: Corpus, state: TrialState) -> dict[str, bytes]:
    """Return the files that a trial leaves behind, by name.

    The weights' metadata name the trial, its corpus, and the checksums of the weights and of the vocabulary.
    """
    model = new_model(spec, corpus.vocabulary)
    model.load_state_dict(state.best)
    weights = {name: tensor.cpu().contiguous() for name, tensor in state.best.items()}
    words = json.dumps(corpus.vocabulary.words, indent=0).encode()
    metadata = {
        "trial": spec.key(),
        "corpus": corpus.fingerprint,
        "sha256": checksum(weights),
        "vocabulary": hashlib.sha256(words).hexdigest(),
    }
    return {
        SPEC_FILE: spec.model_dump_json(indent=1).encode(),
        VOCABULARY_FILE: words,
        WEIGHTS_FILE: save(weights, metadata),
        SAMPLES_FILE: samples_page(model, corpus, spec.seed).encode(),
        LATENT_SUMMARY_FILE: latent_summary(model, corpus, spec.seed).model_dump_json().encode(),
    }


@torch.inference_mode()
def samples_page(model: Vae, corpus: Corpus, seed: int) -> str:
    """Return a page of validation sentences with their reconstructions, and of samples from the prior."""
    device = next(model.parameters()).device
    if not model.spec.latent_size:
        [decoded] = decode(model, torch.empty(1, 0, device=device))
        return f"Greedy, from a language model without z{CUT}:\n  {as_text(corpus.vocabulary, decoded)}\n"
    lines = [f"Reconstructions (posterior mean, greedy{CUT}):"]
    sentences = corpus.splits["validation"].sentences[:PAGE]
    rows = (torch.from_numpy(sentence).unsqueeze(0).to(device) for sentence in sentences)
    means = torch.cat([model.encoder(row).mean for row in rows])
    for sentence, decoded in zip(sentences, decode(model, means), strict=True):
        lines.append("  input  " + " ".join(corpus.vocabulary.decode(sentence.tolist())))
        lines.append("  output " + as_text(corpus.vocabulary, decoded))
    generator = Generator().manual_seed(derived_seed(seed, "samples"))
    z = torch.randn(PAGE, model.spec.latent_size, generator=generator).to(device)
    lines.append(f"Samples from the prior (greedy{CUT}):")
    lines += ["  " + as_text(corpus.vocabulary, row) for row in decode(model, z)]
    return "\n".join(lines) + "\n"


def checksum(weights: dict[str, Tensor]) -> str:
    """Return the sha256 (hex) of named tensors: their names, shapes and bytes, in the order of the names."""
    sha = hashlib.sha256()
    for name, tensor in sorted(weights.items()):
        sha.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        sha.update(tensor.cpu().contiguous().numpy().tobytes())
    return sha.hexdigest()


def load_model(directory: StoragePath, spec: TrialSpec, vocabulary: Vocabulary, device: str = "cpu") -> Vae:
    """Read a finished trial's best weights. Raises StateError where they are absent, damaged or do not fit, and
    PlaceError where they are out of reach."""
    model = new_model(spec, vocabulary)
    model.load_state_dict(best_weights(directory, spec))
    return model.to(device)


def keep(directory: StoragePath, spec: TrialSpec) -> None:
    """See that a trial's end is on disk for good and its weights can be read. Raises StateError, PlaceError."""
    try:
        sync(directory)
    except FileNotFoundError as error:
        raise StateError(f"{directory}: not there") from error
    best_weights(directory, spec)


def best_weights(directory: StoragePath, spec: TrialSpec) -> dict[str, Tensor]:
    """Return a finished trial's best weights. Raises StateError where they are absent, damaged or another's, and
    PlaceError where they are out of reach."""
    path = directory / WEIGHTS_FILE
    content = _content(path)
    tensors = load_tensors(content, path)
    metadata = metadata_of(content)
    if metadata.get("trial") not in spec.weight_keys():
        key = str(metadata.get("trial"))
        raise StateError(f"{path}: weights of another trial (key {key[:12]}, not {spec.key()[:12]})")
    if metadata.get("sha256") != checksum(tensors):
        raise StateError(f"{path}: damaged (its weights do not have the checksum that it states)")
    return tensors


def read_trial_spec(directory: StoragePath) -> TrialSpec:
    """Return the spec beside a trial's weights. Raises StateError where it is absent or unsound; PlaceError."""
    path = directory / SPEC_FILE
    try:
        return read_stored(TrialSpec, _content(path))
    except ValueError as error:
        raise StateError(f"{path}: no spec of this version ({str(error).splitlines()[0]})") from error


def stored_key(directory: StoragePath) -> str:
    """The key of the trial that left weights in a directory, or else a state. Raises as `read_trial_spec`."""
    path = directory / WEIGHTS_FILE
    if is_file(path):
        content = _content(path)
        load_tensors(content, path)
        return metadata_of(content).get("trial", "")
    return state_key(directory)


def stored_vocabulary(directory: StoragePath) -> Vocabulary | None:
    """Return the vocabulary beside a trial's weights, None where those were written before it was kept.

    Raises StateError where it is absent, or not the one that the weights name; PlaceError.
    """
    weights, path = directory / WEIGHTS_FILE, directory / VOCABULARY_FILE
    content = _content(weights)
    load_tensors(content, weights)
    stated = metadata_of(content).get("vocabulary")
    if stated is None:
        return None
    words = _content(path)
    if hashlib.sha256(words).hexdigest() != stated:
        raise StateError(f"{path}: damaged (it does not have the checksum that {WEIGHTS_FILE} states)")
    return Vocabulary(json.loads(words))


def _content(path: StoragePath) -> bytes:
    try:
        return read(path)
    except FileNotFoundError as error:
        raise StateError(f"{path}: cannot be read ({error.strerror})") from error
