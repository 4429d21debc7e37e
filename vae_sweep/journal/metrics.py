"""Every metric, declared once: its symbol in the paper, unit, direction and digits."""

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric; `better` is None where neither direction is a merit."""

    name: str
    symbol: str
    unit: str
    better: Literal["min", "max"] | None
    digits: int
    meaning: str


_ALL = (
    Metric("neg_elbo", "-ELBO", "nats/sentence", "min", 2, "reconstruction + KL at weight 1, plain KL"),
    Metric("reconstruction", "Recon", "nats/sentence", "min", 2, "-E_q log p(x|z)"),
    Metric(
        "reconstruction_error", "Recon s.e.", "nats/sentence", None, 3, "standard error of Recon over sentences"
    ),
    Metric("kl", "KL", "nats/sentence", None, 2, "KL(q(z|x) || p(z)), summed over units"),
    Metric("kl_error", "KL s.e.", "nats/sentence", None, 3, "standard error of KL over sentences"),
    Metric("mutual_information", "MI", "nats", "max", 2, "mutual information of x and z under q"),
    Metric("mutual_information_error", "MI s.e.", "nats", None, 3, "standard error of MI over sentences"),
    Metric("active_units", "AU", "units", "max", 0, "units with Var_x(E_q[z]) > 0.01"),
    Metric("nll", "NLL", "nats/sentence", "min", 2, "-log p(x) by a proposal adapted to each sentence"),
    Metric("nll_error", "NLL s.e.", "nats/sentence", None, 2, "standard error of NLL over sentences"),
    Metric(
        "nll_sampling_error", "NLL sampling", "nats/sentence", None, 4, "part of NLL's error that sampling makes"
    ),
    Metric("iw_bound", "IW bound", "nats/sentence", "min", 2, "the bound that an IWAE trains, k samples"),
    Metric("perplexity", "PPL", "per token", "min", 2, "exp(sum of NLL / tokens)"),
    Metric("elbo_perplexity", "PPL(ELBO)", "per token", "min", 2, "exp(sum of -ELBO / tokens), an upper bound"),
    Metric("elbo_gap", "-ELBO - NLL", "nats/sentence", "min", 3, "how far the bound lies above NLL, paired"),
    Metric("elbo_gap_error", "gap s.e.", "nats/sentence", None, 3, "paired standard error of -ELBO - NLL"),
    Metric(
        "amortisation_gap",
        "amortisation",
        "nats/sentence",
        "min",
        3,
        "-ELBO of q above that of a fit per sentence",
    ),
    Metric("amortisation_gap_error", "gap s.e.", "nats/sentence", None, 3, "its paired standard error"),
    Metric("approximation_gap", "approximation", "nats/sentence", "min", 3, "-ELBO of that fit above NLL"),
    Metric("approximation_gap_error", "gap s.e.", "nats/sentence", None, 3, "its paired standard error"),
    Metric("ess", "ESS", "samples", "max", 1, "effective samples of the last weights, mean"),
    Metric("pareto_k", "k", "", "min", 2, "Pareto shape of the last weights' tails, median (PSIS)"),
    Metric("pareto_k_bad", "k > 0.7", "share", "min", 3, "sentences whose weights make NLL untrustworthy"),
    Metric("iw_nll", "NLL(q)", "nats/sentence", "min", 2, "-log p(x) by samples from q: the paper's protocol"),
    Metric("iw_nll_error", "NLL(q) s.e.", "nats/sentence", None, 2, "standard error of NLL(q) over sentences"),
    Metric("iw_perplexity", "PPL(q)", "per token", "min", 2, "exp(sum of NLL(q) / tokens)"),
    Metric("iw_ess", "ESS(q)", "samples", "max", 1, "effective samples of q's weights, mean"),
    Metric("iw_pareto_k", "k(q)", "", "min", 2, "Pareto shape of the tails of q's weights, median (PSIS)"),
    Metric("iw_pareto_k_bad", "k(q) > 0.7", "share", "min", 3, "sentences whose weights from q are untrustworthy"),
    Metric("floor", "-log p", "nats/sentence", None, 2, "exact -log p of the scored sentences"),
    Metric("floor_perplexity", "PPL*", "per token", None, 2, "exp(sum of exact -log p / tokens)"),
    Metric("floor_gap", "NLL - floor", "nats/sentence", "min", 3, "NLL above the exact -log p, paired"),
    Metric("floor_gap_error", "gap s.e.", "nats/sentence", None, 3, "paired standard error of the gap"),
    Metric("bleu", "BLEU", "0 to 100", "max", 2, "corpus BLEU of greedy reconstructions"),
    Metric("bleu_cut", "cut", "share", "min", 3, "reconstructions cut at the most words"),
    Metric("pcc", "PCC", "", "max", 3, "correlation of code distances with word edit distances"),
    *(
        Metric(
            f"recon_swap{k}", f"#swap {k}", "nats/sentence", "min", 2, f"clean sentence from {k} swaps of words"
        )
        for k in range(1, 5)
    ),
    Metric("accuracy_gmm", "#labeled 0", "%", "max", 1, "a Gaussian mixture's clusters as labels"),
    *(
        Metric(f"accuracy_{n}", f"#labeled {n}", "%", "max", 1, f"a linear classifier on {n} labelled codes")
        for n in (100, 500, 1000, 2000, 10000)
    ),
    Metric("copy_distance", "edit distance", "words", None, 2, "prior samples to their nearest training sentence"),
    Metric("copy_length", "sample length", "words", None, 2, "prior samples, with </s>"),
    Metric("copy_train_length", "train length", "words", None, 2, "training sentences, with </s>"),
    Metric("loss", "loss", "nats/sentence", "min", 2, "what is differentiated; comparable inside a phase only"),
    Metric("learning_rate", "lr", "", None, 5, "learning rate of the epoch"),
    Metric("kl_weight", "β", "", None, 3, "weight of the KL in the loss, 0 to 1"),
    Metric("tokens_per_second", "tokens/s", "1/s", None, 0, "training speed"),
    Metric("seconds", "time", "s", None, 1, "wall time"),
    Metric("peak_memory_mb", "memory", "MB", None, 0, "peak memory of the process or the GPU"),
    Metric("vae_epoch", "epoch", "epochs", None, 0, "epochs of the VAE phase so far, 0 while pretraining"),
    Metric("best_epoch", "best", "epoch", None, 0, "epoch whose weights were kept"),
    Metric("samples", "passes", "per sentence", None, 0, "decoder passes behind NLL and PPL, adaptation included"),
    Metric("iw_samples", "samples", "per sentence", None, 0, "samples from q behind NLL(q) and PPL(q)"),
    Metric("sentences", "sentences", "", None, 0, "sentences scored"),
    Metric("tokens", "tokens", "", None, 0, "tokens scored, with </s>, without <s>"),
)

SYMBOLS = {"target_rate": "λ", "anneal_epochs": "anneal"}
"""Parameters of a row that have a symbol or a short name."""

METRICS = {metric.name: metric for metric in _ALL}

COSTS = frozenset({"seconds", "tokens_per_second", "peak_memory_mb"})
"""Metrics that measure cost: the only ones that may differ between equal runs."""


def metric_of(key: str) -> str:
    """Return the metric of a key such as `vae/validation/kl`."""
    return key.rpartition("/")[2]


def values_text(values: dict[str, Any]) -> str:
    """Return a cell's values in few words; the target rate by its symbol."""
    return " ".join(f"{SYMBOLS.get(name, name)}={_short(value)}" for name, value in values.items())


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def number_text(metric: str, value: float | None, half_width: float | None = None) -> str:
    """Return a number with the metric's digits, and half the width of its interval where there is one."""
    if value is None:
        return "-"
    return f"{value:z.{METRICS[metric].digits}f}{spread_text(metric, half_width)}"


def spread_text(metric: str, half_width: float | None) -> str:
    return "" if half_width is None else f"±{half_width:.{max(METRICS[metric].digits, 1)}f}"
