"""Downloaded files to the lines of three splits: what is kept of each public corpus, and which sample of it."""

import heapq
import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from trainables.base import CorpusError
from trainables.text.archive import member_lines
from trainables.text.tokenise import letters, tokenise

Files = Mapping[str, Path]
Texts = dict[str, list[str]]

SAMPLE_SEED = 20190909
PTB_UNPACKED = 20_000_000
SNLI_UNPACKED = 1_000_000_000
YELP_LINES = {
    "sentiment.dev.0": 25_278,
    "sentiment.dev.1": 38_205,
    "sentiment.test.0": 50_278,
    "sentiment.test.1": 76_392,
}


@dataclass(frozen=True)
class Sizes:
    """Sentences of each split; the paper's SNLI and Yelp are 100K / 10K / 10K (Li et al. 2019, appendix A)."""

    train: int = 100_000
    valid: int = 10_000
    test: int = 10_000


def ptb(files: Files) -> Texts:
    """Return Mikolov's three files as they are, without the blank at each line's start and end."""
    return {
        stem: [line.strip() for line in member_lines(files["ptb.zip"], f"ptb.{stem}.txt", PTB_UNPACKED)]
        for stem in ("train", "valid", "test")
    }


def snli(files: Files, sizes: Sizes = Sizes()) -> Texts:
    """Return a sample of the distinct sentences among the premises and hypotheses of SNLI's train part.

    Sentences are distinct by their letters and digits, so that none is in two splits. The paper's own sample is
    not known: ours takes the smallest sha256 of seed and letters, which depends on no generator and on no order.
    """
    ranked: dict[bytes, str] = {}
    for sentence in dict.fromkeys(_snli_sentences(files["snli_1.0.zip"])):
        tokens = tokenise(sentence)
        if known := letters(tokens):
            ranked.setdefault(sha256(f"{SAMPLE_SEED}:{known}".encode()).digest(), " ".join(tokens))
    wanted = sizes.train + sizes.valid + sizes.test
    if len(ranked) < wanted:
        raise CorpusError(f"snli_1.0.zip: {len(ranked):,} distinct sentences, expected {wanted:,} or more")
    chosen = [ranked[rank] for rank in heapq.nsmallest(wanted, ranked)]
    held_out = sizes.train + sizes.valid
    return {"train": chosen[: sizes.train], "valid": chosen[sizes.train : held_out], "test": chosen[held_out:]}


def _snli_sentences(archive: Path) -> Iterator[str]:
    for number, line in enumerate(member_lines(archive, "snli_1.0_train.jsonl", SNLI_UNPACKED), start=1):
        try:
            pair = json.loads(line)
            sentences = (pair["sentence1"], pair["sentence2"])
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise CorpusError(f"{archive}: train line {number} is no SNLI pair ({error!r})") from error
        for sentence in sentences:
            if not isinstance(sentence, str):
                raise CorpusError(f"{archive}: train line {number} has {sentence!r} where a sentence belongs")
            yield sentence


def yelp(files: Files, lines: Mapping[str, int] = YELP_LINES, sizes: Sizes = Sizes()) -> Texts:
    """Return `label<TAB>sentence` lines, half of each label: train from the original test files, else from dev.

    The original train files are not in the source. The order of draws was inferred, not documented: it gives the
    label sequence of all 120,000 known lines and the known text at every place that was compared with the
    original files; the sha256 of the texts decides. Duplicates stay, as in the original.
    """
    draw = random.Random(SAMPLE_SEED)  # noqa: S311 - a sample, no secret
    texts: Texts = {"train": [], "valid": [], "test": []}
    for label in ("0", "1"):
        texts["train"] += draw.sample(_labelled(files, lines, "test", label), sizes.train // 2)
        held_out = draw.sample(_labelled(files, lines, "dev", label), (sizes.valid + sizes.test) // 2)
        texts["valid"] += held_out[: sizes.valid // 2]
        texts["test"] += held_out[sizes.valid // 2 :]
    for stem in ("train", "valid", "test"):
        draw.shuffle(texts[stem])
    return texts


def _labelled(files: Files, lines: Mapping[str, int], part: str, label: str) -> list[str]:
    name = f"sentiment.{part}.{label}"
    try:
        text = files[name].read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise CorpusError(f"{name}: not UTF-8 text ({error.reason}); not the known file") from error
    found = [f"{label}\t{' '.join(line.split())}" for line in text.removesuffix("\n").split("\n")]
    if len(found) != lines[name]:
        raise CorpusError(f"{name}: {len(found):,} lines came, expected {lines[name]:,}; not the known file")
    return found
