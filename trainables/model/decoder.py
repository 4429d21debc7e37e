"""The decoder p(x|z): an LSTM language model that sees z at every step and in its first state."""

from collections.abc import Callable

import torch
from torch import Generator, Tensor, nn

from trainables.model.layers import dropout, lowered
from trainables.model.projection import word_losses
from trainables.model.spec import LONGEST, ModelSpec
from trainables.text.vocabulary import BOS, EOS, NO_WORDS

LstmState = tuple[Tensor, Tensor]


class NoState(nn.Module):
    """The first cell of a decoder without z: zeros."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size

    def forward(self, z: Tensor) -> Tensor:
        """Return zeros [B, size] for `z` [B, 0]."""
        return z.new_zeros(len(z), self.size)


class Decoder(nn.Module):
    """One LSTM layer over [embedding; z]; c0 = W z, h0 = tanh(c0); output without bias, not tied.

    With latent_size 0 it is the paper's LSTM-LM: zero first states, the embedding alone as input.
    """

    def __init__(self, vocabulary_size: int, spec: ModelSpec) -> None:
        super().__init__()
        self.spec = spec
        self.embedding = nn.Embedding(vocabulary_size, spec.embedding_size)
        size, units = spec.decoder_size, spec.latent_size
        self.cell = nn.Linear(units, size, bias=False) if units else NoState(size)
        self.lstm = nn.LSTM(spec.embedding_size + units, size, batch_first=True)
        self.output = nn.Linear(size, vocabulary_size, bias=False)

    def reconstruction(self, tokens: Tensor, z: Tensor, generator: Generator | None = None) -> Tensor:
        """Return −log p(x|z), nats per sentence, [B]; with a generator, dropout is on.

        `tokens` [B, T] with `<s>` and `</s>`; `z` [B, latent_size].
        """
        embedded = dropout(self.embedding(tokens[:, :-1]), self.spec.input_dropout, generator)
        hidden = self.hidden_states(embedded, z)
        hidden = dropout(hidden, self.spec.output_dropout, generator)
        dtype = torch.bfloat16 if self.spec.precision == "bfloat16" else None
        losses = word_losses(hidden.flatten(0, 1), self.output.weight, tokens[:, 1:].flatten(), dtype)
        return losses.view(tokens.shape[0], -1).sum(1)

    def hidden_states(self, embedded: Tensor, z: Tensor) -> Tensor:
        """Run the LSTM over `embedded` [B, T, embedding_size] under `z` [B, latent_size] -> [B, T, hidden]."""
        steps = z.unsqueeze(1).expand(-1, embedded.shape[1], -1)
        inputs, state = torch.cat([embedded, steps], dim=-1), self._first_state(z)
        with lowered(self.spec.precision, z.device):
            hidden: Tensor = self.lstm(inputs, state)[0]
        return hidden.to(z.dtype)

    def _first_state(self, z: Tensor) -> LstmState:
        cell: Tensor = self.cell(z).unsqueeze(0)
        return cell.tanh(), cell

    @torch.inference_mode()
    def greedy(self, z: Tensor, steps: int = LONGEST) -> list[list[int]]:
        """Decode each z [B, latent_size] by the most probable word, up to and with `</s>`, at most `steps`.

        `<pad>` and `<s>` are no words and never chosen.
        """
        return self._decode(z, steps, lambda logits: logits.argmax(-1))

    @torch.inference_mode()
    def sample(self, z: Tensor, generator: Generator, steps: int = LONGEST) -> list[list[int]]:
        """Draw a sentence from p(x|z) for each z [B, latent_size], word by word, at most `steps` of them.

        `generator` lives on the device of z; a sentence ends with its `</s>` where it has one. `<pad>` and `<s>`
        are no words and never drawn: their probability goes to the others in proportion.
        """
        return self._decode(
            z, steps, lambda logits: logits.softmax(-1).multinomial(1, generator=generator).squeeze(1)
        )

    def _decode(self, z: Tensor, steps: int, choose: Callable[[Tensor], Tensor]) -> list[list[int]]:
        state = self._first_state(z)
        last = torch.full((z.shape[0],), BOS, device=z.device)
        done = torch.zeros(z.shape[0], dtype=torch.bool, device=z.device)
        columns = []
        for _ in range(steps):
            embedded = self.embedding(last).unsqueeze(1)
            hidden, state = self.lstm(torch.cat([embedded, z.unsqueeze(1)], dim=-1), state)
            logits = self.output(hidden.squeeze(1))
            logits[:, NO_WORDS] = -torch.inf
            last = choose(logits)
            columns.append(torch.where(done, -1, last))
            done |= last == EOS
            if bool(done.all()):
                break
        return [[i for i in row if i >= 0] for row in torch.stack(columns, dim=1).tolist()]
