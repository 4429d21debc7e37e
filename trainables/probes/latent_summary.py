"""What a trial's code looks like: how much each unit says, a map of the codes, walks between sentences."""

from typing import Literal

from trainables.base import Spec

LATENT_SUMMARY_FILE = "latent.json"

Position = tuple[float, float]


class Walk(Spec):
    """Two sentences and what is decoded on the straight line between their codes, both ends included."""

    source: str
    target: str
    decoded: tuple[str, ...]


class LatentSummary(Spec):
    """The code of validation sentences under a trial's best weights; everything is empty without units.

    `kl_per_unit` (nats, means over sentences) and `variance_per_unit` (Var_x of E_q[z_i]) have an entry a unit.
    `positions` are the posterior means on their first two principal components, an entry a sentence, like
    `texts` and, where the corpus has them, `labels`; `shares` are the parts of the variance that the two hold.
    `left_out` sentences had a posterior that is not finite.
    """

    format: Literal[1] = 1
    kl_per_unit: tuple[float, ...] = ()
    variance_per_unit: tuple[float, ...] = ()
    positions: tuple[Position, ...] = ()
    shares: Position = (0.0, 0.0)
    texts: tuple[str, ...] = ()
    labels: tuple[str, ...] | None = None
    walks: tuple[Walk, ...] = ()
    left_out: int = 0
