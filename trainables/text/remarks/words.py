"""Words that mean something to models: reserved ones, other spellings of <unk>, punctuation stuck to words."""

import re
from collections.abc import Iterator

from trainables.text.remarks.remark import CorpusView, Remark
from trainables.text.vocabulary import SPECIAL

RESERVED = frozenset(SPECIAL) - {"<unk>"}
MARKERS = frozenset(("<eos>", "<bos>", "<sos>", "<go>", "[cls]", "[sep]", "[pad]", "<eot>", "<|endoftext|>"))
MANY = 0.5
"""Share of lines that begin or end with a marker from which on it stands for the end of a sentence."""

_UNKNOWN = re.compile(r"(?i:[<\[({_@|]+(unk|unknown|oov)[>\])}_@|]*|(unk|oov)[>\])}_@|]+)|UNK|OOV")
_GLUED = re.compile(r"\w[.,!?;:]$")
UNTOKENISED = 0.05
"""Share of words that end in punctuation from which on a text was not tokenised; in PTB `u.s.` and `corp.` do."""


def word_remarks(seen: CorpusView) -> Iterator[Remark]:
    """Yield what is odd about single words of a split."""
    yield from _reserved(seen)
    yield from _markers(seen)
    yield from _other_unknown(seen)
    yield from _untokenised(seen)


def _reserved(seen: CorpusView) -> Iterator[Remark]:
    found = RESERVED & seen.counts.keys()
    if found:
        lines = sum(not found.isdisjoint(words) for words in seen.sentences) / len(seen.sentences)
        fix = (
            f"take {', '.join(sorted(found))} out of the lines: they are read as <unk>; the ends of sentences are "
            "added by themselves, and nothing is padded"
        )
        yield Remark("reserved words", seen.name, lines, "lines", seen.with_any(found), fix)


def _markers(seen: CorpusView) -> Iterator[Remark]:
    found = {word for word in seen.counts if word.lower() in MARKERS}
    if not found:
        return
    lines = sum(words[0] in found or words[-1] in found for words in seen.sentences) / len(seen.sentences)
    if lines > MANY:
        fix = (
            f"take {', '.join(sorted(found))} out of the lines: they count as words; ends are added by themselves"
        )
        yield Remark("markers of sentence ends", seen.name, lines, "lines", seen.with_any(found), fix)


def _other_unknown(seen: CorpusView) -> Iterator[Remark]:
    found = sorted(word for word in seen.counts if word != "<unk>" and _UNKNOWN.fullmatch(word))
    if found:
        fix = f"write them <unk> (sed 's/{re.escape(found[0])}/<unk>/g'); else they count as an ordinary word"
        share, example = seen.share_of_words(found), seen.with_any(found)
        yield Remark("another spelling of <unk>", seen.name, share, "words", example, fix, False)


def _untokenised(seen: CorpusView) -> Iterator[Remark]:
    found = [word for word in seen.counts if _GLUED.search(word)]
    if found and (share := seen.share_of_words(found)) > UNTOKENISED:
        fix = "put blanks around punctuation; vae-sweep data import --tokenise does so for English"
        yield Remark("punctuation stuck to words", seen.name, share, "words", seen.with_any(found), fix)
