"""Words and their ids, built from a training split."""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

PAD, BOS, EOS, UNK = 0, 1, 2, 3
SPECIAL = ("<pad>", "<s>", "</s>", "<unk>")
NO_WORDS = [PAD, BOS]
"""What no sentence holds after its `<s>`: never decoded, though the softmax has it."""

Ids = NDArray[np.int64]


class Vocabulary:
    """A fixed list of words; ids 0 to 3 are `<pad>`, `<s>`, `</s>`, `<unk>`."""

    def __init__(self, words: Sequence[str]) -> None:
        self.words = tuple(words)
        self._ids = {word: i for i, word in enumerate(self.words)}

    def __len__(self) -> int:
        return len(self.words)

    def __contains__(self, word: str) -> bool:
        return word in self._ids

    @classmethod
    def build(cls, sentences: Iterable[Sequence[str]], size: int | None = None) -> "Vocabulary":
        """Take the words of `sentences` in order of first occurrence; with `size`, the most frequent ones.

        `size` counts the four special entries. Ties at the cap are broken by first occurrence.
        """
        counts = Counter(word for sentence in sentences for word in sentence)
        for word in SPECIAL:
            counts.pop(word, None)
        words = list(counts)
        if size is not None and len(words) > size - len(SPECIAL):
            kept = {word for word, _ in counts.most_common(size - len(SPECIAL))}
            words = [word for word in words if word in kept]
        return cls([*SPECIAL, *words])

    def encode(self, sentence: Sequence[str]) -> Ids:
        """Return the ids of `<s> sentence </s>` (length n + 2); unknown words and stray markers become `<unk>`."""
        inner = [max(UNK, self._ids.get(word, UNK)) for word in sentence]
        return np.array([BOS, *inner, EOS], dtype=np.int64)

    def decode(self, ids: Iterable[int]) -> list[str]:
        """Return the words up to the first `</s>`, without `<s>`."""
        words = []
        for i in ids:
            if i == EOS:
                break
            if i != BOS:
                words.append(self.words[i])
        return words
