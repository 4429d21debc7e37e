"""Reconstruction BLEU: how much of a sentence comes back through its code (paper, Table 4)."""

from collections.abc import Sequence

from sacrebleu.metrics.bleu import BLEU

from trainables.model.spec import LONGEST
from trainables.model.vae import Vae
from trainables.probes.codes import decode, posteriors, standard_normal
from trainables.text.corpus import Corpus


def corpus_bleu(outputs: Sequence[str], references: Sequence[str]) -> float:
    """Return corpus BLEU-4, 0 to 100, of tokenised lines with one reference each: unsmoothed, case kept."""
    metric = BLEU(tokenize="none", smooth_method="none", force=True)
    return float(metric.corpus_score(list(outputs), [list(references)]).score)


def reconstruction_bleu(model: Vae, corpus: Corpus, seed: int, longest: int = LONGEST) -> tuple[float, float]:
    """Return the BLEU of the test split decoded greedily, each from one sample of its posterior.

    Beside it stands the share of outputs that were cut after `longest` words.
    """
    sentences = corpus.splits["test"].sentences
    z = posteriors(model, sentences).sample(standard_normal(seed, len(sentences), model.spec.latent_size))
    decoded = decode(model, z, longest=longest)
    outputs = [" ".join(corpus.vocabulary.decode(row)) for row in decoded]
    references = [" ".join(corpus.vocabulary.decode(sentence.tolist())) for sentence in sentences]
    return corpus_bleu(outputs, references), sum(len(row) >= longest for row in decoded) / len(decoded)
