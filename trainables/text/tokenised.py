"""A tokenised corpus on disk: one file named by the fingerprint, mapped into memory, verified on every read."""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from trainables.base import CorpusError
from trainables.files import words, write_whole
from trainables.text.corpus import Corpus, Split, fingerprint_of
from trainables.text.spec import SPLITS, SplitName
from trainables.text.vocabulary import BOS, Ids, Vocabulary


def tokenised_file(directory: Path, fingerprint: str) -> Path:
    """Return where the corpus with this fingerprint lies."""
    return directory / f"{fingerprint}.safetensors"


def write_tokenised(directory: Path, corpus: Corpus) -> None:
    """Write a corpus from text files, whole or not at all. Raises OSError."""
    tensors: dict[str, Ids] = {}
    labels: dict[str, list[str] | None] = {}
    for name, split in corpus.splits.items():
        tensors[name] = np.concatenate(split.sentences)
        labels[name] = split.labels
    content = save(tensors, {"words": json.dumps(corpus.vocabulary.words), "labels": json.dumps(labels)})
    write_whole(tokenised_file(directory, corpus.fingerprint), content)


def read_tokenised(directory: Path, title: str, fingerprint: str) -> Corpus | None:
    """Return the corpus with this fingerprint, None where it is not there. Raises CorpusError where damaged."""
    path = tokenised_file(directory, fingerprint)
    try:
        corpus = _parsed(path, title)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CorpusError(words(error, path, "cannot be read")) from error
    except (SafetensorError, LookupError, TypeError, ValueError) as error:
        raise CorpusError(f"{path}: no sound tokenised corpus ({error})") from error
    if corpus.fingerprint != fingerprint:
        raise CorpusError(f"{path}: damaged (the fingerprint of what it holds is {corpus.fingerprint[:12]})")
    return corpus


def _parsed(path: Path, title: str) -> Corpus:
    splits: dict[SplitName, Split] = {}
    with safe_open(path, "pt") as file:
        metadata = file.metadata()
        vocabulary = Vocabulary(json.loads(metadata["words"]))
        labels = json.loads(metadata["labels"])
        for name in SPLITS:
            splits[name] = Split(_sentences(file.get_tensor(name).numpy()), labels[name])
    return Corpus(title, vocabulary, splits, fingerprint_of(vocabulary, splits))


def _sentences(ids: Ids) -> list[Ids]:
    """Return the views of the sentences in a split's ids: each begins with the one `<s>` that it has."""
    if ids.dtype != np.int64:
        raise ValueError(f"ids are {ids.dtype}, not int64")
    begins = np.flatnonzero(ids == BOS).tolist()
    return [ids[begin:end] for begin, end in pairwise([*begins, len(ids)])]
