"""The model's sizes, apart from its code so that reading a spec needs no torch."""

from typing import Literal

from pydantic import Field, PositiveInt

from trainables.base import Spec

LONGEST = 99
"""Words after which a decoded sentence is cut, where nothing else is asked for (authors' code)."""

Precision = Literal["float32", "bfloat16", "auto"]


class ModelSpec(Spec):
    """Sizes and initialisation of the VAE; the defaults are the paper's for PTB (Table 9)."""

    embedding_size: PositiveInt = Field(256, description="of a word")
    encoder_size: PositiveInt = Field(256, description="hidden size of the encoder's LSTM")
    decoder_size: PositiveInt = Field(256, description="hidden size of the decoder's LSTM")
    latent_size: PositiveInt = Field(32, description="n_z")
    input_dropout: float = Field(0.5, ge=0, lt=1, description="on the decoder's word embeddings")
    output_dropout: float = Field(0.5, ge=0, lt=1, description="on the decoder's LSTM outputs")
    initialisation: Literal["paper", "torch"] = Field(
        "paper", description="uniform draws as small as the paper's (appendix A), or PyTorch's defaults"
    )
    precision: Precision = Field(
        "float32", description="of matrix products; a sweep's auto is bfloat16 where the machine is faster with it"
    )

    def without_latent(self) -> "LanguageModelSpec":
        """Return the decoder's sizes alone: a language model."""
        return LanguageModelSpec(**self.model_dump(exclude={"latent_size", "encoder_size"}))


class LanguageModelSpec(ModelSpec):
    """A decoder without z: an LSTM language model. What an encoder would have does not enter its key."""

    encoder_size: Literal[0] = 0
    latent_size: Literal[0] = 0
