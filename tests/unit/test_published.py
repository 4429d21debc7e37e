"""The shipped tables: what they say, and that they agree with themselves."""

import math
import os
from pathlib import Path

import pytest

from trainables.text.corpus import load_corpus
from trainables.text.spec import CorpusSpec
from vae_sweep.journal.metrics import METRICS
from vae_sweep.results.published import RATES, TEXTS, published, run_noise

DATA = Path(os.environ.get("VAE_SWEEP_DATA") or Path(__file__).parents[3] / "shared" / "data")


def test_numbers_as_printed() -> None:
    number = published("ptb")["ours", 4.0]["iw_perplexity"]
    assert (number.value, number.rounding, number.tables) == (96.17, 0.005, ("T3", "T10"))
    assert published("yahoo")["vae_aggressive", None]["mutual_information"].rounding == 0.05
    assert published("snli")["ours", 4.0]["bleu"].value == 8.62
    assert published("yelp")["ours", 6.0]["accuracy_gmm"].value == 67.2
    assert published("captions") == {}


def test_every_word_is_declared() -> None:
    for corpus in (*TEXTS, "yelp"):
        for row in published(corpus).values():
            assert row.keys() <= METRICS.keys()


@pytest.mark.parametrize("corpus", list(TEXTS))
def test_perplexity_is_that_of_the_tokens_per_sentence(corpus: str) -> None:
    """PPL = exp(NLL/c) and ELBO PPL = exp(−ELBO/c) with one c a corpus, within the rounding of both."""
    tokens, checked = TEXTS[corpus].tokens_per_sentence, 0
    for row in published(corpus).values():
        for nats, per_token in (("iw_nll", "iw_perplexity"), ("neg_elbo", "elbo_perplexity")):
            if {nats, per_token} <= row.keys():
                expected = math.exp(row[nats].value / tokens)
                slack = expected * (row[nats].rounding + 0.02) / tokens + row[per_token].rounding
                assert row[per_token].value == pytest.approx(expected, abs=slack)
                checked += 1
    assert checked >= 40


def test_ours_and_fbp_are_printed_at_all_rates() -> None:
    for corpus in TEXTS:
        assert {rate for method, rate in published(corpus) if method == "ours"} == set(RATES)


@pytest.mark.parametrize(
    ("corpus", "ours", "fbp"), [("ptb", 0.36, 0.27), ("snli", 0.06, 0.05), ("yahoo", 0.06, 0.32)]
)
def test_noise_hints_of_the_nll(corpus: str, ours: float, fbp: float) -> None:
    assert run_noise(corpus, "ours", "iw_nll") == pytest.approx(ours, abs=0.005)
    assert run_noise(corpus, "vae_fbp", "iw_nll") == pytest.approx(fbp, abs=0.005)
    assert run_noise(corpus, "vae", "iw_nll") == pytest.approx(max(ours, fbp), abs=0.005)
    assert run_noise(corpus, "ours", "bleu") is None


def test_the_fingerprint_of_ptb_is_that_of_its_text() -> None:
    if not (DATA / "ptb" / "test.txt.gz").is_file():
        pytest.skip(f"no {DATA}/ptb: set VAE_SWEEP_DATA to a directory with the real ptb")
    corpus, known = load_corpus(CorpusSpec(name="ptb"), DATA), TEXTS["ptb"]
    assert corpus.fingerprint == known.fingerprint
    assert len(corpus.splits["test"].sentences) == known.sentences
    assert corpus.splits["test"].tokens_per_sentence == pytest.approx(known.tokens_per_sentence, abs=0.0005)
