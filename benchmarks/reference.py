"""The yardstick: a plain float32 loop that does per step what the authors' code does, written anew to be read.

Whole logits, log-softmax, one SGD optimizer for the encoder and one for the decoder; one sentence at a time where
the likelihood is estimated.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional


class ReferenceVae(nn.Module):
    """The paper's model: an LSTM encoder, an LSTM decoder that sees z at every step."""

    def __init__(self, vocabulary: int, embedding: int, hidden: int, units: int, dropout: float) -> None:
        super().__init__()
        self.units = units
        self.encoder = nn.ModuleDict(
            {
                "embedding": nn.Embedding(vocabulary, embedding),
                "lstm": nn.LSTM(embedding, hidden, batch_first=True),
                "output": nn.Linear(hidden, 2 * units, bias=False),
            }
        )
        self.decoder = nn.ModuleDict(
            {
                "embedding": nn.Embedding(vocabulary, embedding),
                "cell": nn.Linear(units, hidden, bias=False),
                "lstm": nn.LSTM(embedding + units, hidden, batch_first=True),
                "output": nn.Linear(hidden, vocabulary, bias=False),
            }
        )
        self.dropout = nn.Dropout(dropout)

    def posterior(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log variance, [B, units] each."""
        _, (last, _) = self.encoder["lstm"](self.encoder["embedding"](tokens))
        mean, log_variance = self.encoder["output"](last[-1]).chunk(2, dim=-1)
        return mean, log_variance

    def reconstruction(self, tokens: Tensor, z: Tensor) -> Tensor:
        """Return -log p(x|z) of each sentence, [B], nats."""
        words = self.dropout(self.decoder["embedding"](tokens[:, :-1]))
        cell = self.decoder["cell"](z).unsqueeze(0)
        inputs = torch.cat([words, z.unsqueeze(1).expand(-1, words.shape[1], -1)], dim=-1)
        hidden, _ = self.decoder["lstm"](inputs, (cell.tanh(), cell))
        log_probabilities = functional.log_softmax(self.decoder["output"](self.dropout(hidden)), dim=-1)
        return -log_probabilities.gather(2, tokens[:, 1:].unsqueeze(2)).squeeze(2).sum(1)


class ReferenceLoop:
    """Steps of free-bits training with one optimizer a half."""

    def __init__(self, model: ReferenceVae, rate: float = 0.5, clip: float = 5.0) -> None:
        self.model, self.clip = model, clip
        self.optimizers = [torch.optim.SGD(half.parameters(), lr=rate) for half in (model.encoder, model.decoder)]

    def step(self, tokens: Tensor, weight: float, floor: float) -> float:
        """Take one step on a batch; return its loss, nats a sentence."""
        self.model.train()
        for optimizer in self.optimizers:
            optimizer.zero_grad()
        mean, log_variance = self.model.posterior(tokens)
        z = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
        kl = 0.5 * (mean.pow(2) + log_variance.exp() - log_variance - 1)
        loss = (self.model.reconstruction(tokens, z) + weight * kl.clamp_min(floor).sum(-1)).mean()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.model.parameters(), self.clip)
        for optimizer in self.optimizers:
            optimizer.step()
        return loss.item()


@torch.no_grad()
def reference_iw_nll(model: ReferenceVae, sentence: Tensor, samples: int, chunk: int = 100) -> float:
    """Return the importance-weighted -log p of one sentence [1, T], in chunks of samples."""
    model.eval()
    parts = []
    for _ in range(0, samples, chunk):
        mean, log_variance = model.posterior(sentence)
        noise = torch.randn(chunk, mean.shape[1])
        z = mean + (0.5 * log_variance).exp() * noise
        prior = -0.5 * z.pow(2).sum(1)
        own = -0.5 * (noise.pow(2) + log_variance).sum(1)
        parts.append(prior - own - model.reconstruction(sentence.expand(chunk, -1), z))
    return math.log(samples) - torch.cat(parts).logsumexp(0).item()


@torch.no_grad()
def reference_validation(model: ReferenceVae, batches: list[Tensor]) -> tuple[float, float, int]:
    """Return -ELBO and mutual information, nats, and active units: an encoder pass for each, two for the units."""
    model.eval()
    bounds = []
    for tokens in batches:
        mean, log_variance = model.posterior(tokens)
        z = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
        kl = 0.5 * (mean.pow(2) + log_variance.exp() - log_variance - 1).sum(1)
        bounds.append(model.reconstruction(tokens, z) + kl)
    means, log_variances = zip(*map(model.posterior, batches), strict=True)
    information = reference_information(torch.cat(means), torch.cat(log_variances))
    return torch.cat(bounds).mean().item(), information, reference_active(model, batches)


@torch.no_grad()
def reference_active(model: ReferenceVae, batches: list[Tensor]) -> int:
    """Return the active units: a pass of the encoder for the center, another for the variance about it."""
    model.eval()
    center = torch.cat([model.posterior(tokens)[0] for tokens in batches]).mean(0)
    squares = torch.cat([(model.posterior(tokens)[0] - center).pow(2) for tokens in batches])
    return int((squares.sum(0) / (len(squares) - 1) > 0.01).sum())


@torch.no_grad()
def reference_codes(model: ReferenceVae, batches: list[Tensor]) -> Tensor:
    """Return the mean codes of all sentences, [N, units], one sentence at a time."""
    model.eval()
    return torch.cat([model.posterior(row.unsqueeze(0))[0] for tokens in batches for row in tokens])


@torch.no_grad()
def reference_information(mean: Tensor, log_variance: Tensor, rows: int = 32) -> float:
    """Return the mutual information of posteriors [N, units], nats: each z against each of them, unit by unit."""
    count, units = mean.shape
    z = mean + (0.5 * log_variance).exp() * torch.randn_like(mean)
    parts = []
    for start in range(0, count, rows):
        deviation = z[start : start + rows].unsqueeze(1) - mean
        density = -0.5 * (deviation.pow(2) / log_variance.exp()).sum(-1)
        parts.append(density - 0.5 * (units * math.log(2 * math.pi) + log_variance.sum(-1)))
    aggregate = torch.cat(parts).logsumexp(1) - math.log(count)
    entropy = -0.5 * (units * math.log(2 * math.pi) + (1 + log_variance).sum(-1))
    return (entropy.mean() - aggregate.mean()).item()


@torch.no_grad()
def reference_greedy(model: ReferenceVae, z: Tensor, first: int, last: int, steps: int = 99) -> list[int]:
    """Decode one code [1, units] by the most probable word, from `first` up to `last`."""
    cell = model.decoder["cell"](z).unsqueeze(0)
    state, decoded = (cell.tanh(), cell), [first]
    while len(decoded) <= steps and decoded[-1] != last:
        word = model.decoder["embedding"](torch.tensor([[decoded[-1]]]))
        hidden, state = model.decoder["lstm"](torch.cat([word, z.unsqueeze(1)], dim=-1), state)
        decoded.append(int(model.decoder["output"](hidden[0, -1]).argmax()))
    return decoded[1:]
