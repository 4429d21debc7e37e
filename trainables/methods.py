"""METHODS: the methods of the paper's tables; a new one is one entry.

Methods differ in pretraining, objective, updates and training. A new KL weight, KL term, bound, schedule or way to
update is one class in its module, with its name in the union there.
"""

from typing import Literal

from pydantic import Field

from trainables.base import Spec
from trainables.objective.bound import Elbo, Iwae, Objective
from trainables.objective.kl import FreeBits, FreeBitsTotal
from trainables.objective.kl_weight import Constant, Cyclic, Linear
from trainables.training.training_spec import CosineRestarts, TrainingOverride, TrainingSpec
from trainables.training.updates import Aggressive, Joint, Updates


class Method(Spec):
    """Whether an autoencoder is trained first, what is differentiated then, and how it is trained."""

    name: str
    title: str = Field(description="its name in the paper")
    pretrain: bool = False
    objective: Objective = Elbo()
    updates: Updates = Joint()
    training: TrainingOverride | None = Field(None, description="its own training; none: the sweep's")
    language_model: bool = Field(False, description="the decoder alone, without z")
    undefined_metrics: tuple[str, ...] = Field(
        (), description="metrics that say nothing of the method, absent from its results"
    )
    reference: bool = Field(False, description="runs in grids only and never stands on the front")

    @property
    def autoencodes(self) -> bool:
        """Whether the method is the pretraining itself."""
        return self.objective == AUTOENCODER

    @property
    def target_rate(self) -> float | None:
        """λ of a method with free bits, nats, None without."""
        term = self.objective.kl if isinstance(self.objective, Elbo) else None
        return term.target_rate if isinstance(term, FreeBits | FreeBitsTotal) else None

    @property
    def selection(self) -> Literal["neg_elbo", "iw_bound"]:
        """The validation metric that picks the best epoch of the method's own phase."""
        return self.objective.selection if isinstance(self.objective, Iwae) else "neg_elbo"

    def with_override(self, training: TrainingSpec) -> TrainingSpec:
        """Return the sweep's training with what the method brings of its own."""
        return self.training.over(training) if self.training else training

    def parameters(self) -> dict[str, tuple[str, ...]]:
        """Return the method's own parameters: name in a sweep file -> paths here, all of which it sets."""
        found: dict[str, tuple[str, ...]] = {}
        if isinstance(self.objective, Iwae):
            return {"selection": ("objective.selection",)}
        if isinstance(self.objective.kl, FreeBits | FreeBitsTotal):
            found |= {name: (f"objective.kl.{name}",) for name in ("target_rate", "form", "per")}
        if isinstance(self.objective.kl_weight, Linear):
            found["anneal_epochs"] = ("objective.kl_weight.epochs",)
            found["anneal_pace"] = ("objective.kl_weight.pace",)
        if isinstance(self.objective.kl_weight, Cyclic):
            restarts = self.training is not None and isinstance(self.training.schedule, CosineRestarts)
            found["cycle_epochs"] = ("objective.kl_weight.period", *["training.schedule.period"] * restarts)
        return found


AUTOENCODER = Elbo(kl_weight=Constant(weight=0))
CYCLIC_ADAM = TrainingOverride(optimizer="adam", learning_rate=1e-3, schedule=CosineRestarts())

METHODS = {
    method.name: method
    for method in (
        Method(
            name="lstm_lm",
            title="LSTM-LM",
            language_model=True,
            undefined_metrics=(
                *("kl", "kl_error", "mutual_information", "mutual_information_error", "active_units"),
                *("elbo_gap", "elbo_gap_error", "iw_ess"),
            ),
            reference=True,
        ),
        Method(name="ae", title="AE", objective=AUTOENCODER, reference=True),
        Method(name="vae", title="VAE"),
        Method(name="vae_anneal", title="VAE + anneal", objective=Elbo(kl_weight=Linear())),
        Method(name="vae_cyclic", title="VAE + cyclic", objective=Elbo(kl_weight=Cyclic()), training=CYCLIC_ADAM),
        Method(name="vae_cyclic_sgd", title="VAE + cyclic (SGD)", objective=Elbo(kl_weight=Cyclic())),
        Method(
            name="vae_aggressive",
            title="VAE + aggressive",
            objective=Elbo(kl_weight=Linear(start=0.1, epochs=0)),
            updates=Aggressive(),
        ),
        Method(name="vae_fb", title="VAE + FB", objective=Elbo(kl=FreeBits())),
        Method(name="vae_fbp", title="VAE + FBP", objective=Elbo(kl=FreeBitsTotal())),
        Method(name="vae_pretrain", title="VAE + pretrain", pretrain=True),
        Method(
            name="vae_pretrain_anneal",
            title="VAE + pretrain + anneal",
            pretrain=True,
            objective=Elbo(kl_weight=Linear()),
        ),
        Method(name="iwae", title="IWAE (k = 10)", objective=Iwae()),
        Method(name="iwae_pretrain", title="IWAE (k = 10) + pretrain", pretrain=True, objective=Iwae()),
        Method(
            name="ours",
            title="Ours (pretrain + anneal + FB)",
            pretrain=True,
            objective=Elbo(kl_weight=Linear(), kl=FreeBits()),
        ),
    )
}
