"""Remark: one oddity of one split; Seen: what the checks look at."""

from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import chain
from typing import Literal

from trainables.text.raw import RawSplit
from trainables.text.spec import SplitName
from trainables.text.vocabulary import SPECIAL

SHOWN = 60
"""Characters of an example."""


@dataclass(frozen=True)
class Remark:
    """What `kind` of oddity the `share` of a split's lines or words has, the first `example`, and the usual fix.

    A `warning` makes numbers mean something else than they seem to; the others are notes.
    """

    kind: str
    split: SplitName
    share: float
    of: Literal["lines", "words"]
    example: str
    fix: str
    warning: bool = True


@dataclass(frozen=True)
class CorpusView:
    """A split with counts of its words; `example` gives file, line and text of one of its sentences."""

    name: SplitName
    raw: RawSplit = field(repr=False)

    @property
    def sentences(self) -> list[Sequence[str]]:
        """The words of each sentence."""
        return self.raw.sentences

    @cached_property
    def counts(self) -> Counter[str]:
        """How often each word comes."""
        return Counter(chain.from_iterable(self.sentences))

    @cached_property
    def unknown(self) -> int:
        """How many words are written as `<unk>`."""
        return self.counts[SPECIAL[-1]]

    @cached_property
    def words(self) -> int:
        """How many words there are, without `</s>`."""
        return self.counts.total()

    def share_of_words(self, words: Collection[str]) -> float:
        """Return the share of some distinct words among all."""
        return sum(self.counts[word] for word in words) / self.words

    def first(self, holds: Callable[[Sequence[str]], bool]) -> str:
        """Return the first sentence for which something holds."""
        return self.example(next(place for place, words in enumerate(self.sentences) if holds(words)))

    def with_any(self, words: Collection[str]) -> str:
        """Return the first sentence that has one of the words, and which."""
        wanted = frozenset(words)
        place = next(place for place, words in enumerate(self.sentences) if not wanted.isdisjoint(words))
        return self.example(place, next(word for word in self.sentences[place] if word in wanted))

    def example(self, place: int, word: str | None = None) -> str:
        """Return the sentence at a place from 0, behind the word in it that is meant."""
        label = [self.raw.labels[place]] if self.raw.labels else []
        text = "\t".join([*label, " ".join(self.sentences[place])]).expandtabs(4)
        cut = text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
        meant = "" if word is None else f"{word[:SHOWN]!r} in: "
        return f"{self.raw.path.name if self.raw.path else self.name}:{self.raw.numbers[place]}: {meant}{cut}"
