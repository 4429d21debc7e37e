"""Oddities between splits: held-out lines that are training lines, words that training knows in another form."""

import unicodedata
from collections.abc import Callable, Iterator, Mapping

from trainables.text.remarks.remark import CorpusView, Remark
from trainables.text.spec import SplitName
from trainables.text.vocabulary import SPECIAL, Vocabulary

HELD_OUT: tuple[SplitName, ...] = ("validation", "test")
REPEATED = 0.05, 0.01
"""Share of held-out lines that are training lines from which on it is a warning, and worth a note."""

UNLEARNED = 0.01, 0.001
"""The same for the share of unknown words where training has none."""

OTHER_CASE = 0.02, 0.01
OTHER_FORM = 0.001, 0.0001
"""The same for the share of words that training has in another case, or Unicode normalisation."""


def split_remarks(seen: Mapping[SplitName, CorpusView], vocabulary: Vocabulary) -> Iterator[Remark]:
    """Yield what is odd about validation and test beside the training split."""
    yield from _repeated(seen)
    yield from _other_forms(seen)
    yield from _unlearned(seen, vocabulary)


def _repeated(seen: Mapping[SplitName, CorpusView]) -> Iterator[Remark]:
    texts = {name: [hash(" ".join(words)) for words in seen[name].sentences] for name in HELD_OUT}
    wanted = set(texts["validation"]) | set(texts["test"])
    common = wanted.intersection(hash(" ".join(words)) for words in seen["train"].sentences)
    for name in HELD_OUT:
        share = sum(text in common for text in texts[name]) / len(texts[name])
        if share >= REPEATED[1]:
            example = seen[name].example(next(place for place, text in enumerate(texts[name]) if text in common))
            fix = (
                "they can be learned by heart, and make perplexity look better; draw the splits anew "
                "(vae-sweep data import --split keeps equal lines in one of them), or report the share"
            )
            yield Remark("lines that are in train, too", name, share, "lines", example, fix, share >= REPEATED[0])


def _other_forms(seen: Mapping[SplitName, CorpusView]) -> Iterator[Remark]:
    known = seen["train"].counts.keys()
    cased = "write all splits in the same case, lower case as a rule: one and the same word counts as two"
    formed = "normalise all splits alike (unicodedata.normalize('NFC', text)): equal to the eye, they count as two"
    forms: tuple[tuple[str, Callable[[str], str], tuple[float, float], str], ...] = (
        ("words that training has in another Unicode normalisation", _composed, OTHER_FORM, formed),
        ("words that training has in another case", lambda word: _composed(word).casefold(), OTHER_CASE, cased),
    )
    left = {name: {word for word in seen[name].counts if word not in known} for name in HELD_OUT}
    for kind, form, (much, some), fix in forms:
        theirs = set(map(form, known))
        for name in HELD_OUT:
            found = {word for word in left[name] if form(word) in theirs}
            left[name] -= found
            if found and (share := seen[name].share_of_words(found)) >= some:
                yield Remark(kind, name, share, "words", seen[name].with_any(found), fix, share >= much)


def _composed(word: str) -> str:
    return word if word.isascii() else unicodedata.normalize("NFC", word)


def _unlearned(seen: Mapping[SplitName, CorpusView], vocabulary: Vocabulary) -> Iterator[Remark]:
    known = {*vocabulary.words} - set(SPECIAL)
    if not seen["train"].counts.keys() <= known:
        return
    once = sum(count == 1 for count in seen["train"].counts.values())
    often = len(known) + len(SPECIAL) - once
    cap = f"={often} keeps those that come twice" if once else f" below {often}"
    for name in HELD_OUT:
        found = seen[name].counts.keys() - known
        if found and (share := seen[name].share_of_words(found)) >= UNLEARNED[1]:
            fix = (
                "training never sees <unk>, so that each costs much perplexity; cap the vocabulary, and rare "
                f"training words become <unk>: corpus.vocabulary_size{cap}"
            )
            example, warning = seen[name].with_any(found), share >= UNLEARNED[0]
            yield Remark("<unk>, of which training has none", name, share, "words", example, fix, warning)
