"""The VAE: an encoder and a decoder with nothing shared."""

from torch import Generator, Tensor, nn

from trainables.model.decoder import Decoder
from trainables.model.encoder import Encoder, NoEncoder
from trainables.model.gaussian import LOG_2PI, Gaussian
from trainables.model.layers import initialise
from trainables.model.spec import ModelSpec


class Vae(nn.Module):
    """Encoder q(z|x) and decoder p(x|z); with latent_size 0 the decoder alone, a language model.

    Raises ValueError where the precision is still `auto`.
    """

    def __init__(self, vocabulary_size: int, spec: ModelSpec) -> None:
        super().__init__()
        if spec.precision == "auto":
            raise ValueError(
                "a model needs precision float32 or bfloat16; auto is settled when a sweep is planned"
            )
        self.spec = spec
        self.encoder = Encoder(vocabulary_size, spec) if spec.latent_size else NoEncoder()
        self.decoder = Decoder(vocabulary_size, spec)

    def initialise(self, generator: Generator) -> None:
        """Draw all parameters from the generator, in place."""
        initialise(self, self.spec.initialisation, generator)

    def log_weights(
        self, tokens: Tensor, posterior: Gaussian, noise: Tensor, generator: Generator | None = None
    ) -> Tensor:
        """Return log p(x, z) − log q(z|x) for z = posterior.sample(noise), nats, [B, S].

        `tokens` [B, T], `noise` [B, S, latent_size]; with a generator, dropout is on, drawn for each sample.
        The log mean exp over S is the importance-weighted bound (Burda et al. 2016, eq. 8).
        """
        z = posterior.sample(noise)
        samples = noise.shape[1]
        flat = tokens.repeat_interleave(samples, dim=0)
        reconstruction = self.decoder.reconstruction(flat, z.flatten(0, 1), generator).view(-1, samples)
        return posterior.log_weight_of_prior(z, noise) - reconstruction

    def log_joint(self, tokens: Tensor, z: Tensor) -> Tensor:
        """Return log p(x|z) + log p(z), nats, [B, S], for `tokens` [B, T] and `z` [B, S, latent_size]."""
        flat = tokens.repeat_interleave(z.shape[1], dim=0)
        reconstruction = self.decoder.reconstruction(flat, z.flatten(0, 1)).view(z.shape[:2])
        return -0.5 * (z.pow(2) + LOG_2PI).sum(-1) - reconstruction
