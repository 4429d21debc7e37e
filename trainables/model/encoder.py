"""The encoder q(z|x): an LSTM over the whole sentence and a linear map of its last state."""

import torch
from torch import Tensor, nn

from trainables.model.gaussian import Gaussian
from trainables.model.layers import lowered
from trainables.model.spec import ModelSpec


class NoEncoder(nn.Module):
    """The encoder of a language model: a Gaussian over no units."""

    def forward(self, tokens: Tensor) -> Gaussian:
        """Return mean and log variance of shape [B, 0]: KL 0, and importance weights equal to the likelihood."""
        nothing = torch.empty(len(tokens), 0, device=tokens.device)
        return Gaussian(nothing, nothing)


class Encoder(nn.Module):
    """Embedding, one LSTM layer, and hidden -> [mean; log variance] without bias (authors' code)."""

    def __init__(self, vocabulary_size: int, spec: ModelSpec) -> None:
        super().__init__()
        self.precision = spec.precision
        self.embedding = nn.Embedding(vocabulary_size, spec.embedding_size)
        self.lstm = nn.LSTM(spec.embedding_size, spec.encoder_size, batch_first=True)
        self.output = nn.Linear(spec.encoder_size, 2 * spec.latent_size, bias=False)

    def forward(self, tokens: Tensor) -> Gaussian:
        """Encode `tokens` [B, T], with `<s>` and `</s>`, into a Gaussian over z [B, latent_size]."""
        embedded = self.embedding(tokens)
        with lowered(self.precision, tokens.device):
            _, (hidden, _) = self.lstm(embedded)
        mean, log_variance = self.output(hidden[-1].to(embedded.dtype)).chunk(2, dim=-1)
        return Gaussian(mean, log_variance)
