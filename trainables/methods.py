"""METHODS: the rows of the paper's tables. All rows differ in three slots; a new row is one entry here."""

from pydantic import Field

from trainables.base import Spec
from trainables.objective.bound import Elbo
from trainables.objective.kl import FreeBits, FreeBitsTotal
from trainables.objective.kl_weight import Constant, Linear


class Method(Spec):
    """A row: whether an autoencoder is trained first, and what is differentiated then."""

    name: str
    title: str = Field(description="the row's name in the paper")
    pretrain: bool = False
    objective: Elbo = Elbo()
    reference: bool = Field(False, description="runs in grids only and never stands on the front")

    @property
    def autoencodes(self) -> bool:
        """Whether the row is the pretraining itself."""
        return self.objective == AUTOENCODER

    def parameters(self) -> dict[str, str]:
        """Return the row's own parameters: name in a space -> path in the row."""
        found: dict[str, str] = {}
        if isinstance(self.objective.kl, FreeBits | FreeBitsTotal):
            found |= {name: f"objective.kl.{name}" for name in ("target_rate", "form", "per")}
        if isinstance(self.objective.kl_weight, Linear):
            found["anneal_epochs"] = "objective.kl_weight.epochs"
        return found


AUTOENCODER = Elbo(kl_weight=Constant(weight=0))

METHODS = {
    method.name: method
    for method in (
        Method(name="ae", title="AE", objective=AUTOENCODER, reference=True),
        Method(name="vae", title="VAE"),
        Method(name="vae_anneal", title="VAE + anneal", objective=Elbo(kl_weight=Linear())),
        Method(name="vae_fb", title="VAE + FB", objective=Elbo(kl=FreeBits())),
        Method(name="vae_fbp", title="VAE + FBP", objective=Elbo(kl=FreeBitsTotal())),
        Method(name="vae_pretrain", title="VAE + pretrain", pretrain=True),
        Method(
            name="vae_pretrain_anneal",
            title="VAE + pretrain + anneal",
            pretrain=True,
            objective=Elbo(kl_weight=Linear()),
        ),
        Method(
            name="ours",
            title="Ours (pretrain + anneal + FB)",
            pretrain=True,
            objective=Elbo(kl_weight=Linear(), kl=FreeBits()),
        ),
    )
}
