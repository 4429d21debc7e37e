"""The oracle: what the authors' model computes on given weights and noise.

Its README beside the file names every array. All sizes come from the arrays.
"""

import os
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainables.model.gaussian import Gaussian
from trainables.model.spec import ModelSpec
from trainables.model.vae import Vae
from trainables.text.batches import Batch, equal_length_batches
from trainables.text.vocabulary import Ids

torch.set_num_threads(1)

ROOT = Path(__file__).resolve().parent.parent
PATH = ROOT / (os.environ.get("VAE_SWEEP_ORACLE") or "../shared/reference/oracle/oracle.npz")
ABSENT = None if PATH.is_file() else f"no oracle at {PATH}: set VAE_SWEEP_ORACLE to an oracle.npz"

LSTM = {f"lstm_{ours}": f"lstm.{torchs}_l0" for ours, torchs in {
    "w_ih": "weight_ih", "w_hh": "weight_hh", "b_ih": "bias_ih", "b_hh": "bias_hh",
}.items()}  # fmt: skip
PARAMETERS = {
    **{f"enc_{ours}": f"encoder.{torchs}" for ours, torchs in LSTM.items()},
    **{f"dec_{ours}": f"decoder.{torchs}" for ours, torchs in LSTM.items()},
    "enc_embed": "encoder.embedding.weight",
    "enc_out_w": "encoder.output.weight",
    "dec_embed": "decoder.embedding.weight",
    "dec_z2c_w": "decoder.cell.weight",
    "dec_out_w": "decoder.output.weight",
}
"""Name of a weight in the oracle -> name of a parameter of Vae."""


@cache
def arrays() -> dict[str, NDArray[np.generic]]:
    """Every array of the file; none where there is no file."""
    if ABSENT:
        return {}
    with np.load(PATH) as file:
        return dict(file)


def targets(prefix: str, suffix: str = "") -> list[tuple[int, str]]:
    """The (threshold form, target rate) pairs for which the file holds `<prefix>fb<form>_t<rate><suffix>`."""
    found = []
    for name in arrays():
        if name.startswith(f"{prefix}fb") and name.endswith(suffix):
            form, rate = name.removeprefix(f"{prefix}fb").removesuffix(suffix).split("_t")
            found.append((int(form), rate))
    return found


@dataclass(frozen=True)
class Oracle:
    """The file's arrays in one floating type."""

    dtype: torch.dtype

    def __getitem__(self, name: str) -> Tensor:
        tensor = torch.from_numpy(np.array(arrays()[name]))
        return tensor.to(self.dtype) if tensor.is_floating_point() else tensor

    def number(self, name: str) -> float:
        """A scalar of the file."""
        return float(arrays()[name])

    def model(self) -> Vae:
        """A model of ours with the oracle's weights."""
        weights = {ours: self[f"W_{name}"] for name, ours in PARAMETERS.items()}
        vocabulary_size, embedding_size = weights["encoder.embedding.weight"].shape
        spec = ModelSpec(
            embedding_size=embedding_size,
            encoder_size=weights["encoder.output.weight"].shape[1],
            decoder_size=weights["decoder.output.weight"].shape[1],
            latent_size=weights["decoder.cell.weight"].shape[1],
        )
        model = Vae(vocabulary_size, spec).to(self.dtype)
        model.load_state_dict(weights)
        return model

    def sentences(self) -> list[Ids]:
        """The sentences, each at its own length."""
        ids, lengths = arrays()["in_token_ids"], arrays()["in_lengths"]
        return [row[:length].astype(np.int64) for row, length in zip(ids, lengths, strict=True)]

    def bounds(self) -> list[tuple[int, int]]:
        """[start, end) of each of the authors' batches."""
        return [(int(start), int(end)) for start, end in arrays()["in_group_bounds"]]

    def batches(self) -> list[Batch]:
        """The sentences in batches of ours, as large as the authors' largest."""
        return equal_length_batches(self.sentences(), max(end - start for start, end in self.bounds()))

    def posterior(self) -> Gaussian:
        """The authors' posterior of every sentence."""
        return Gaussian(self["out_mu"], self["out_logvar"])
