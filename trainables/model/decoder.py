"""The decoder p(x|z): an LSTM language model that sees z at every step and in its first state."""

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional

from trainables.model.layers import dropout
from trainables.model.spec import ModelSpec
from trainables.text.vocabulary import BOS, EOS

State = tuple[Tensor, Tensor]


class Decoder(nn.Module):
    """One LSTM layer over [embedding; z]; c0 = W z, h0 = tanh(c0); output without bias, not tied."""

    def __init__(self, vocabulary_size: int, spec: ModelSpec) -> None:
        super().__init__()
        self.spec = spec
        self.embedding = nn.Embedding(vocabulary_size, spec.embedding_size)
        self.cell = nn.Linear(spec.latent_size, spec.decoder_size, bias=False)
        self.lstm = nn.LSTM(spec.embedding_size + spec.latent_size, spec.decoder_size, batch_first=True)
        self.output = nn.Linear(spec.decoder_size, vocabulary_size, bias=False)

    def reconstruction(self, tokens: Tensor, z: Tensor, generator: Generator | None = None) -> Tensor:
        """Return −log p(x|z), nats per sentence, [B]; with a generator, dropout is on.

        `tokens` [B, T] with `<s>` and `</s>`; `z` [B, latent_size].
        """
        embedded = dropout(self.embedding(tokens[:, :-1]), self.spec.input_dropout, generator)
        hidden = self.hidden_states(embedded, z)
        hidden = dropout(hidden, self.spec.output_dropout, generator)
        logits = self.output(hidden)
        losses = functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten(), reduction="none")
        return losses.view(tokens.shape[0], -1).sum(1)

    def hidden_states(self, embedded: Tensor, z: Tensor) -> Tensor:
        """Run the LSTM over `embedded` [B, T, embedding_size] under `z` [B, latent_size] -> [B, T, hidden]."""
        steps = z.unsqueeze(1).expand(-1, embedded.shape[1], -1)
        hidden: Tensor = self.lstm(torch.cat([embedded, steps], dim=-1), self._first_state(z))[0]
        return hidden

    def _first_state(self, z: Tensor) -> State:
        cell = self.cell(z).unsqueeze(0)
        return cell.tanh(), cell

    @torch.inference_mode()
    def greedy(self, z: Tensor, steps: int = 99) -> list[list[int]]:
        """Decode each z [B, latent_size] by the most probable word, up to and with `</s>`, at most `steps`."""
        state = self._first_state(z)
        last = torch.full((z.shape[0],), BOS, device=z.device)
        done = torch.zeros(z.shape[0], dtype=torch.bool, device=z.device)
        columns = []
        for _ in range(steps):
            embedded = self.embedding(last).unsqueeze(1)
            hidden, state = self.lstm(torch.cat([embedded, z.unsqueeze(1)], dim=-1), state)
            last = self.output(hidden.squeeze(1)).argmax(-1)
            columns.append(torch.where(done, -1, last))
            done |= last == EOS
            if bool(done.all()):
                break
        return [[i for i in row if i >= 0] for row in torch.stack(columns, dim=1).tolist()]
