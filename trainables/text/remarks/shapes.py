"""Lines that are no sentences: columns, JSON, labels in the wrong place, text without blanks."""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from trainables.text.remarks.remark import CorpusView, Remark

_MOST = 0.5
"""Share of lines that must look alike to say what the file is."""

SAMPLE = 200
"""Lines that are looked at before all are."""

ENOUGH = 20
"""Lines from which on words may be taken for labels, and most distinct labels."""

ELSEWHERE = 0.01
"""Share of a label's occurrences that may be elsewhere than where labels stand."""

FASTTEXT = "__label__"
_NAME = re.compile(r"[\w+-]+")
"""A word that can be a label: none that ends in punctuation."""

_GLUED = re.compile(r"(?<=[^\s\d])[,;](?=\S)|(?<=\S)[,;](?=[^\s\d])")
"""A comma or semicolon without blanks around it, not between two digits."""

LONG_WORD = 8
UNDIVIDED = re.compile(r"[぀-ゟ㐀-鿿豈-﫿]{8}|[฀-໿က-႟ក-៿]{20}")
"""Eight letters of Chinese or Japanese, or twenty of Thai, Lao, Burmese or Khmer, without a blank."""

IMPORT = "vae-sweep data import FILE... --text COLUMN [--label COLUMN] writes a corpus from its columns"
SEGMENT = "divide the text into words with a segmenter (jieba, MeCab, PyThaiNLP), or into characters, by blanks"


def shape_remarks(seen: CorpusView) -> list[Remark]:
    """Return what says that a split's lines are no sentences, the plainest cause alone."""
    checks = (_columns, _json, _separated, _labels, _first_words, _last_words, _undivided)
    return next((found for check in checks if (found := list(check(seen)))), [])


def _columns(seen: CorpusView) -> Iterator[Remark]:
    share = len(seen.raw.tabbed) / len(seen.sentences)
    if share:
        kind = "tab-separated columns" if share > _MOST else "tabs inside sentences"
        yield Remark(kind, seen.name, share, "lines", seen.example(seen.raw.tabbed[0]), IMPORT)


def _json(seen: CorpusView) -> Iterator[Remark]:
    def is_object(words: Sequence[str]) -> bool:
        return words[0].startswith("{") and words[-1].endswith("}")

    share = _share(seen, is_object)
    if share > _MOST:
        example = next(words for words in seen.sentences if is_object(words))
        try:
            json.loads(" ".join(example))
        except (ValueError, RecursionError):
            return
        yield Remark("JSON lines", seen.name, share, "lines", seen.first(is_object), IMPORT)


def _separated(seen: CorpusView) -> Iterator[Remark]:
    def is_row(words: Sequence[str]) -> bool:
        return _GLUED.search(" ".join(words)) is not None

    share = _share(seen, is_row)
    if share > _MOST:
        yield Remark("comma-separated columns", seen.name, share, "lines", seen.first(is_row), IMPORT)


def _share(seen: CorpusView, holds: Callable[[Sequence[str]], bool]) -> float:
    """Return the share of lines for which something holds; 0 where few of the first do."""
    head = seen.sentences[:SAMPLE]
    if sum(map(holds, head)) <= _MOST * len(head):
        return 0.0
    return sum(map(holds, seen.sentences)) / len(seen.sentences)


def _labels(seen: CorpusView) -> Iterator[Remark]:
    labels = seen.raw.labels
    if not labels:
        return
    count = len(labels)
    last = [
        place
        for place, (label, words) in enumerate(zip(labels, seen.sentences, strict=True))
        if len(words) == 1 and " " in label.strip()
    ]
    distinct = len(set(labels))
    if len(last) > _MOST * count:
        fix = "write label<TAB>sentence, the label first; vae-sweep data import FILE... --text 1 --label 2 does so"
        yield Remark(
            "labels after the sentence", seen.name, len(last) / count, "lines", seen.example(last[0]), fix
        )
    elif count >= ENOUGH and distinct > _MOST * count:
        fix = "a label is one of a few classes; leave out what stands before the tab, or import the right column"
        yield Remark(
            "a label of its own for each line", seen.name, distinct / count, "lines", seen.example(0), fix
        )


def _first_words(seen: CorpusView) -> Iterator[Remark]:
    marked = sum(words[0].startswith(FASTTEXT) for words in seen.sentences)
    if marked > _MOST * len(seen.sentences) or _label_like(seen, Counter(words[0] for words in seen.sentences)):
        fix = r"divide label and sentence with a tab (sed 's/ /\t/'), or take the first word out"
        share = marked / len(seen.sentences) or 1.0
        yield Remark("labels as first words", seen.name, share, "lines", seen.example(0), fix)


def _last_words(seen: CorpusView) -> Iterator[Remark]:
    if _label_like(seen, Counter(words[-1] for words in seen.sentences)):
        fix = "write label<TAB>sentence, the label first, or take the last word out"
        yield Remark("labels as last words", seen.name, 1.0, "lines", seen.example(0), fix)


def _label_like(seen: CorpusView, found: Counter[str]) -> bool:
    """Say whether the words at one end of unlabelled lines are few and come nowhere else."""
    if seen.raw.labels or len(seen.sentences) < ENOUGH or not 2 <= len(found) <= ENOUGH // 2:
        return False
    if max(map(len, seen.sentences)) == 1:
        return False
    return all(
        count > 1 and seen.counts[word] - count <= ELSEWHERE * count and _NAME.fullmatch(word) is not None
        for word, count in found.items()
    )


def _undivided(seen: CorpusView) -> Iterator[Remark]:
    def is_lump(words: Sequence[str]) -> bool:
        return len(words) == 1 and len(words[0]) >= LONG_WORD

    lumps = sum(map(is_lump, seen.sentences))
    if lumps > _MOST * len(seen.sentences):
        share = lumps / len(seen.sentences)
        yield Remark("no blanks between words", seen.name, share, "lines", seen.first(is_lump), SEGMENT)
        return
    long = [word for word in seen.counts if not word.isascii() and UNDIVIDED.search(word)]
    if long and (share := seen.share_of_words(long)) > _MOST / 5:
        yield Remark("no blanks between words", seen.name, share, "words", seen.with_any(long), SEGMENT)
