"""A first sweep over a corpus, of a size that ends within a given time on this machine by its estimate."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainables.text.spec import CORPORA
from vae_sweep.config.reader import spec_of
from vae_sweep.errors import LaunchError
from vae_sweep.formatting import duration
from vae_sweep.planning.estimate.estimate import Estimate, estimate
from vae_sweep.planning.estimate.lines import span_text
from vae_sweep.planning.estimate.measure import measure_plan
from vae_sweep.planning.estimate.work import planned_work
from vae_sweep.planning.plan import Plan, make_plan

FEWEST, MOST, TRIED = 500, 100_000, 2_000
"""Training sentences of a proposal, at least and at most, and those with which a size is measured."""

VOCABULARY = 10_000
RATES = (2, 4, 8)
MOST_SCORED = 500
"""Validation and test sentences."""

MARGIN = 0.8
"""Share of the time that a proposal fills: an estimate is no promise."""


@dataclass(frozen=True)
class ModelSize:
    """Sizes of the model and of its training; `corpus` is how many sentences are worth them."""

    embedding: int
    hidden: int
    latent: int
    epochs: int
    batch: int
    corpus: int


SIZES = (ModelSize(128, 256, 32, 12, 32, 20_000), ModelSize(64, 128, 16, 8, 16, 0))
"""The largest that fits is taken."""


@dataclass(frozen=True)
class Proposal:
    """A sweep file as text, the plan that it makes, and how long it takes."""

    text: str
    plan: Plan
    estimate: Estimate


def estimated(plan: Plan) -> Estimate:
    """Return how long a plan takes, measured on this machine."""
    work = planned_work(plan)
    return estimate(measure_plan(plan, work), work)


def propose(corpus: str, seconds: float, takes: Callable[[Plan], Estimate] = estimated) -> Proposal:
    """Return a sweep over a corpus, a known name or a folder, whose estimate ends within `seconds`.

    Raises CorpusError where the corpus cannot be read, LaunchError where no sweep worth its name is that short.
    """
    whole = len(_plan(corpus, SIZES[-1], MOST).corpus.splits["train"].sentences)
    for size in SIZES:
        if whole < size.corpus:
            continue
        for sentences in _tries(corpus, size, whole, seconds, takes):
            plan = _plan(corpus, size, sentences)
            found = takes(plan)
            if found.seconds.high <= seconds:
                return Proposal(_text(corpus, size, sentences, plan, found), plan, found)
    fewest = min(whole, FEWEST)
    shortest = takes(_plan(corpus, SIZES[-1], fewest))
    raise LaunchError(
        f"no sweep ends within {duration(seconds)} on this machine: the smallest, of {fewest} training sentences, "
        f"takes {span_text(shortest.seconds)}; give it more time"
    )


def _tries(
    corpus: str, size: ModelSize, whole: int, seconds: float, takes: Callable[[Plan], Estimate]
) -> Iterator[int]:
    """Yield numbers of training sentences, by how long a few of them take; none where too few would fit."""
    few = min(whole, TRIED)
    tried = takes(_plan(corpus, size, few))
    fits = MARGIN * (seconds - tried.scores.high) / tried.trials.high * few
    for share in (1.0, 0.6):
        count = _rounded(min(whole, MOST, int(fits * share)))
        if count >= min(whole, max(FEWEST, size.corpus)):
            yield count


def _rounded(count: int) -> int:
    """Round down to two digits."""
    digits: int = 10 ** max(0, len(str(abs(count))) - 2)
    return count // digits * digits


def _plan(corpus: str, size: ModelSize, sentences: int) -> Plan:
    return make_plan(spec_of(_plain(corpus, size, sentences)))


def _plain(corpus: str, size: ModelSize, sentences: int) -> dict[str, Any]:
    """Return the fields of the sweep file, as `_text` writes them."""
    return {
        "name": "proposal",
        "corpus": {
            **_source(corpus),
            "vocabulary_size": VOCABULARY,
            "limit": {"train": sentences, "validation": MOST_SCORED, "test": MOST_SCORED},
        },
        "model": {
            "embedding_size": size.embedding,
            "encoder_size": size.hidden,
            "decoder_size": size.hidden,
            "latent_size": size.latent,
            "input_dropout": 0.2,
            "output_dropout": 0.2,
            "initialisation": "torch",
        },
        "training": {
            "optimizer": "adam",
            "learning_rate": 0.003,
            "batch_size": size.batch,
            "epochs": size.epochs,
            "schedule": {"kind": "linear_decay"},
        },
        "pretraining": {"epochs": size.epochs},
        "methods": {
            "vae": {},
            "vae_fbp": {"target_rate": {"choice": list(RATES)}},
            "ours": {"target_rate": {"choice": list(RATES)}, "anneal_epochs": 2},
        },
        "seeds": [0],
        "evaluation": {"search_sentences": 200, "final_sentences": 200},
    }


def _source(corpus: str) -> dict[str, str]:
    return {"name": corpus} if corpus in CORPORA else {"path": str(Path(corpus).expanduser().absolute())}


def _text(corpus: str, size: ModelSize, sentences: int, plan: Plan, found: Estimate) -> str:
    """Return the sweep file with a comment at what a user will want to change."""
    [(kind, source)] = _source(corpus).items()
    training = len(plan.corpus.splits["train"].sentences)
    return f"""\
# {plan.trial_count} trials on {training:,} sentences: {span_text(found.seconds)} on the machine that wrote this.
# Settings of a small cut, not the paper's: no number is comparable with the paper's tables.
corpus:
  {kind}: {json.dumps(source, ensure_ascii=False)}
  vocabulary_size: {VOCABULARY}  # the most frequent words; all others become <unk>
  limit: {{train: {sentences}, validation: {MOST_SCORED}, test: {MOST_SCORED}}}  # delete for the whole corpus
model:
  embedding_size: {size.embedding}
  encoder_size: {size.hidden}
  decoder_size: {size.hidden}
  latent_size: {size.latent}  # units of z
  input_dropout: 0.2
  output_dropout: 0.2
  initialisation: torch
training:
  optimizer: adam
  learning_rate: 0.003
  batch_size: {size.batch}
  epochs: {size.epochs}
  schedule: {{kind: linear_decay}}
pretraining: {{epochs: {size.epochs}}}  # of the autoencoder; trained once a seed, for every λ
methods:
  vae: {{}}
  vae_fbp: {{target_rate: {{choice: {list(RATES)}}}}}  # λ, nats; a range: {{float: [2, 8]}}
  ours: {{target_rate: {{choice: {list(RATES)}}}, anneal_epochs: 2}}
seeds: [0]  # more seeds give intervals: [0, 1, 2]
evaluation: {{search_sentences: 200, final_sentences: 200}}
"""
