"""The embedded `captions` corpus: a seeded probabilistic grammar whose exact likelihood is known.

    DET [ADJECTIVE] NOUN (is/are V-ing | V) [ODET [COLOUR] OBJECT] [PREPOSITION the PLACE] .

Each sentence has exactly one derivation, so the log probability of a derivation is that of its text, and
the entropy per sentence is the exact sum over the grammar's choices. Scene, agent, number and aspect are
drawn first and are the sentence's label.
"""

import math
import random
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import accumulate, product

from trainables.base import CorpusError, derived_seed
from trainables.text import captions_words as words

SIZES: dict[str, int] = {"train": 8000, "validation": 500, "test": 500}
CORPUS_SEED = 2019
LABEL_FACTORS = ("scene", "agent", "number", "aspect")

_START = "CAPTION"
_END = "\n"  # stands after the last token while parsing; no token contains it
_COPULA = {"singular": "is", "plural": "are"}
Symbols = tuple[str, ...]


@dataclass(frozen=True)
class Caption:
    """A sentence with its label (values of LABEL_FACTORS, joined by commas) and exact log probability.

    `log_probability` is in nats and includes the end of the sentence.
    """

    tokens: tuple[str, ...]
    label: str
    log_probability: float


@dataclass(frozen=True)
class _Rule:
    """The expansions of one symbol, with their probabilities, in the order in which they are drawn."""

    expansions: tuple[Symbols, ...]
    probabilities: tuple[float, ...]
    log_probabilities: tuple[float, ...]
    cumulative: tuple[float, ...]


def generate(count: int, seed: int) -> list[Caption]:
    """Draw `count` independent captions; the same seed gives the same ones under every Python version."""
    uniform = random.Random(seed)  # noqa: S311 - data, not secrets
    return [_draw(uniform) for _ in range(count)]


def splits(seed: int = CORPUS_SEED) -> dict[str, list[Caption]]:
    """Return splits of SIZES captions from seeds derived of `seed`; the default is the corpus `captions`.

    Splits are independent draws, so a few sentences of one occur in another, as the exact likelihood wants.
    """
    return {split: generate(count, derived_seed("captions", seed, split)) for split, count in SIZES.items()}


@cache
def entropy() -> float:
    """Return the exact entropy in nats per sentence, the start's H(symbol) = Σ p (Σ H(part) - ln p)."""
    return _entropy(_START)


def log_probability(tokens: Sequence[str]) -> float:
    """Return the exact log probability in nats of a sentence, from its text alone, its end included.

    Raises CorpusError for a sentence that the grammar does not produce.
    """
    chart = _Chart(tokens)
    found = chart.derivations()
    if not found:
        raise CorpusError(chart.complaint())
    return found[0].log_probability


def derivations(tokens: Sequence[str]) -> list[Caption]:
    """Return every derivation of a sentence: one, or none where the grammar does not produce it."""
    return _Chart(tokens).derivations()


def _weighted(weights: Iterable[tuple[Symbols, float]], absent: float = 0.0) -> _Rule:
    """Return a rule over weighted expansions; with probability `absent` the symbol yields nothing."""
    expansions, parts = zip(*weights, strict=True)
    total = math.fsum(parts)
    probabilities = tuple((1.0 - absent) * part / total for part in parts)
    if absent:
        expansions, probabilities = ((), *expansions), (absent, *probabilities)
    cumulative = (*tuple(accumulate(probabilities))[:-1], 1.0)
    return _Rule(expansions, probabilities, tuple(math.log(p) for p in probabilities), cumulative)


def _ranked(expansions: Iterable[Symbols]) -> list[tuple[Symbols, float]]:
    """Weight ordered expansions by 1/sqrt(rank)."""
    return [(symbols, 1 / math.sqrt(rank)) for rank, symbols in enumerate(expansions, start=1)]


@cache
def _grammar() -> dict[str, _Rule]:
    """Return the rule of every symbol; a symbol without a rule is a word."""
    rules = {
        "ODET": _weighted(((word,), weight) for word, weight in words.OBJECT_DETERMINERS.items()),
        "COLOUR": _weighted(_ranked((word,) for word in words.COLOURS), absent=1 - words.COLOUR_PROBABILITY),
    }
    for number, determiners in words.DETERMINERS.items():
        rules[f"DET {number}"] = _weighted(((word,), weight) for word, weight in determiners.items())
    for agent, adjectives in words.ADJECTIVES.items():
        ranked = _ranked((word,) for word in adjectives)
        rules[f"ADJECTIVE {agent}"] = _weighted(ranked, absent=1 - words.ADJECTIVE_PROBABILITY)
    for agent, nouns in words.NOUNS.items():
        rules[f"NOUN {agent} singular"] = _weighted(_ranked((noun.singular,) for noun in nouns))
        rules[f"NOUN {agent} plural"] = _weighted(_ranked((noun.plural,) for noun in nouns))
    for scene in words.SCENES:
        rules |= _scene_rules(scene)
    return rules | _caption_rules()


def _scene_rules(scene: words.Scene) -> dict[str, _Rule]:
    """Return the rules of the verbs, objects and places that belong to a scene."""
    places = _ranked((place.preposition, "the", place.noun) for place in scene.places)
    rules = {f"PLACE {scene.name}": _weighted(places, absent=1 - words.PLACE_PROBABILITY)}
    for form in ("singular", "plural", "progressive"):
        rules[f"ACT {scene.name} {form}"] = _weighted(
            _ranked(
                (getattr(verb, form), *(("ODET", "COLOUR", f"OBJECT {verb.plural}") if verb.objects else ()))
                for verb in scene.verbs
            )
        )
    for verb in scene.verbs:
        if verb.objects:
            rules[f"OBJECT {verb.plural}"] = _weighted(_ranked((thing,) for thing in verb.objects))
    return rules


def _caption_rules() -> dict[str, _Rule]:
    """Return the rule of the start, which draws a label, and the rule of each label, its sentence frame."""
    numbers = {number: math.fsum(table.values()) for number, table in words.DETERMINERS.items()}
    aspects = {"progressive": words.PROGRESSIVE_PROBABILITY, "simple": 1 - words.PROGRESSIVE_PROBABILITY}
    labels: dict[Symbols, float] = {}
    rules: dict[str, _Rule] = {}
    for scene, number, aspect in product(words.SCENES, numbers, aspects):
        progressive = aspect == "progressive"
        act = f"ACT {scene.name} {aspect if progressive else number}"
        predicate = (_COPULA[number], act) if progressive else (act,)
        for agent, share in (("human", scene.human), ("animal", 1 - scene.human)):
            label = ",".join((scene.name, agent, number, aspect))
            labels[(label,)] = scene.weight * share * numbers[number] * aspects[aspect]
            subject = (f"DET {number}", f"ADJECTIVE {agent}", f"NOUN {agent} {number}")
            rules[label] = _weighted([((*subject, *predicate, f"PLACE {scene.name}", "."), 1.0)])
    return rules | {_START: _weighted(labels.items())}


def _draw(uniform: random.Random) -> Caption:
    """Expand the start symbol from left to right, one uniform number per rule."""
    rules = _grammar()
    label, log_p, tokens, pending = "", 0.0, [], [_START]
    while pending:
        symbol = pending.pop()
        rule = rules.get(symbol)
        if rule is None:
            tokens.append(symbol)
            continue
        choice = bisect_right(rule.cumulative, uniform.random())
        expansion = rule.expansions[choice]
        log_p += rule.log_probabilities[choice]
        label = label or expansion[0]
        pending.extend(reversed(expansion))
    return Caption(tuple(tokens), label, log_p)


def _entropy(symbol: str) -> float:
    rule = _grammar().get(symbol)
    if rule is None:
        return 0.0
    return math.fsum(
        p * (math.fsum(map(_entropy, expansion)) - math.log(p))
        for expansion, p in zip(rule.expansions, rule.probabilities, strict=True)
    )


class _Chart:
    """All derivations of each symbol from each position of one sentence, found once each."""

    def __init__(self, tokens: Sequence[str]) -> None:
        self._tokens = (*tokens, _END)
        self._known: dict[tuple[str, int], list[tuple[int, float]]] = {}
        self._furthest = 0
        self._allowed: dict[str, None] = {}

    def derivations(self) -> list[Caption]:
        start, size = _grammar()[_START], len(self._tokens)
        return [
            Caption(self._tokens[:-1], label, log_p + rest)
            for (label,), log_p in zip(start.expansions, start.log_probabilities, strict=True)
            for end, rest in self._sequence((label, _END), 0)
            if end == size
        ]

    def complaint(self) -> str:
        """Say where the sentence leaves the language and which words could have stood there."""
        allowed = [_name(word) for word in self._allowed]
        shown, more = ", ".join(allowed[:8]), f" and {len(allowed) - 8} more" if len(allowed) > 8 else ""
        return (
            f"captions: {' '.join(self._tokens[:-1])!r} is not a sentence of the embedded grammar: token "
            f"{self._furthest + 1} is {_name(self._tokens[self._furthest])}; allowed there: {shown}{more}. "
            "Only sentences of the corpus `captions` have an exact log probability."
        )

    def _ends(self, symbol: str, begin: int) -> list[tuple[int, float]]:
        """Return (end, log probability) of each derivation of a symbol that begins at a position."""
        rule = _grammar().get(symbol)
        if rule is None:
            return self._word(symbol, begin)
        if (symbol, begin) not in self._known:
            self._known[symbol, begin] = [
                (end, log_p + rest)
                for expansion, log_p in zip(rule.expansions, rule.log_probabilities, strict=True)
                for end, rest in self._sequence(expansion, begin)
            ]
        return self._known[symbol, begin]

    def _sequence(self, symbols: Symbols, begin: int) -> list[tuple[int, float]]:
        paths = [(begin, 0.0)]
        for symbol in symbols:
            paths = [(end, log_p + more) for at, log_p in paths for end, more in self._ends(symbol, at)]
        return paths

    def _word(self, word: str, position: int) -> list[tuple[int, float]]:
        if position < len(self._tokens) and self._tokens[position] == word:
            return [(position + 1, 0.0)]
        if position > self._furthest:
            self._furthest, self._allowed = position, {}
        if position == self._furthest:
            self._allowed[word] = None
        return []


def _name(word: str) -> str:
    return "the end of the sentence" if word == _END else repr(word)
