"""Raw English to tokens, in the manner of the Penn Treebank; pure functions."""

import re
import unicodedata

QUOTES = str.maketrans({"’": "'", "‘": "'", "ʼ": "'", "´": "'", "“": '"', "”": '"'})
PIECE = re.compile(
    r"'(?:s|m|d|re|ve|ll)\b"  # a clitic that stands alone
    r"|\d+(?:[.,:]\d+)+"  # 1,000 and 3.5 and 9:20
    r"|\w+(?:[-']\w+)*"  # words, with inner hyphens and apostrophes
    r"|\.{2,}|-{2,}"
    r"|[^\s\w]"
)
CLITIC = re.compile(r"(.*?)(n't|'(?:s|m|d|re|ve|ll))")


def tokenise(text: str) -> list[str]:
    """Return lower-case tokens without accents: punctuation split off, `isn't` as `is n't`, inner hyphens kept.

    Stable: the tokens joined by blanks give the same tokens again.
    """
    return [token for piece in PIECE.findall(_plain(text)) for token in _split_clitics(piece)]


def letters(tokens: list[str]) -> str:
    """Return the letters and digits alone: two sentences with the same ones count as the same sentence."""
    return "".join(character for token in tokens for character in token if character.isalnum())


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.translate(QUOTES))
    kept = "".join(c for c in decomposed if c.isspace() or unicodedata.category(c)[0] not in "CM")
    return kept.lower()


def _split_clitics(piece: str) -> list[str]:
    tail: list[str] = []
    while match := CLITIC.fullmatch(piece):
        piece = match[1]
        tail.insert(0, match[2])
    return [piece, *tail] if piece else tail
