"""Reconstruction BLEU: how much of a sentence comes back through its code (paper, Table 4)."""

from collections.abc import Sequence

from sacrebleu.metrics.bleu import BLEU

from trainables.model.vae import Vae
from trainables.probes.codes import decode, posteriors, standard_normal
from trainables.text.corpus import Corpus


def corpus_bleu(outputs: Sequence[str], references: Sequence[str]) -> float:
    """Return corpus BLEU-4, 0 to 100, of tokenised lines with one reference each: unsmoothed, case kept."""
    metric = BLEU(tokenize="none", smooth_method="none", force=True)
    return float(metric.corpus_score(list(outputs), [list(references)]).score)


def reconstruction_bleu(model: Vae, corpus: Corpus, seed: int) -> float:
    """Return the BLEU of the test split decoded greedily, each from one sample of its posterior."""
    sentences = corpus.splits["test"].sentences
    z = posteriors(model, sentences).sample(standard_normal(seed, len(sentences), model.spec.latent_size))
    outputs = [" ".join(corpus.vocabulary.decode(row)) for row in decode(model, z)]
    references = [" ".join(corpus.vocabulary.decode(sentence.tolist())) for sentence in sentences]
    return corpus_bleu(outputs, references)
