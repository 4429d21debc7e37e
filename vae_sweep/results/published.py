"""The published numbers: Tables 1 to 6, 8, 10 and 11 of Li et al. 2019, single runs on the test split."""

import csv
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType

RATES = tuple(float(rate) for rate in range(2, 10))
"""The λ of the tables: nats per sentence, total over units."""

SAMPLES, LATENT_SIZE = 1000, 32
SERIES = ("ours", "vae_fbp")
"""The methods that the tables print at all of RATES."""

Key = tuple[str, float | None]
"""A line of the tables: its method and λ."""


@dataclass(frozen=True, slots=True)
class PublishedText:
    """What the tables' test split is known by; the fingerprint is that of the whole corpus, uncut.

    Words of the text beyond the `words` most frequent of its own training split are `<unk>` in its files.
    """

    sentences: int
    tokens_per_sentence: float
    fingerprint: str | None = None
    words: int | None = None


TEXTS: Mapping[str, PublishedText] = MappingProxyType(
    {
        "ptb": PublishedText(3761, 21.917, "9aea88c4326ea1c756d1b2c6d4b2fd48b2a69cbf480c84ca1e6f2f1e563938af"),
        "snli": PublishedText(10_000, 10.758, words=10_000),
        "yahoo": PublishedText(10_000, 79.867),
    }
)
"""Tokens per sentence as ln PPL and NLL of the tables imply them; PTB's agrees with its text."""


@dataclass(frozen=True, slots=True)
class PublishedNumber:
    """A printed value, half a unit of its last digit, and the tables that print it (T1, T2, ...)."""

    value: float
    rounding: float
    tables: tuple[str, ...]


@cache
def published(corpus: str) -> Mapping[Key, Mapping[str, PublishedNumber]]:
    """Return a corpus' numbers: (method, λ) -> metric -> number; empty where nothing is published."""
    rows: dict[Key, dict[str, PublishedNumber]] = {}
    text = files("vae_sweep.results").joinpath("published_numbers/li2019.csv").read_text(encoding="utf-8")
    for line in csv.DictReader(text.splitlines()):
        if line["corpus"] == corpus:
            key = (line["method"], float(line["target_rate"]) if line["target_rate"] else None)
            _, _, decimals = line["value"].partition(".")
            rounding = 0.5 * 10.0 ** -len(decimals)
            number = PublishedNumber(float(line["value"]), rounding, tuple(line["tables"].split()))
            rows.setdefault(key, {})[line["word"]] = number
    return MappingProxyType({key: MappingProxyType(metrics) for key, metrics in rows.items()})


@cache
def run_noise(corpus: str, method: str, metric: str) -> float | None:
    """Return how far a single published run scatters, as one standard deviation, or None where unknown.

    The tables print no spread. A method printed at all λ hints at it: second differences of a locally straight
    curve are noise alone, of variance 6 σ². Another method gets the larger hint of its corpus.
    """
    rows = published(corpus)
    hints = {}
    for name in SERIES:
        values = [rows[name, rate][metric].value for rate in RATES if metric in rows.get((name, rate), {})]
        if len(values) == len(RATES):
            hints[name] = _scatter(values)
    return hints.get(method, max(hints.values(), default=None))


def _scatter(values: list[float]) -> float:
    steps = [a - 2 * b + c for a, b, c in zip(values, values[1:], values[2:], strict=False)]
    return math.sqrt(sum(step**2 for step in steps) / len(steps) / 6)
