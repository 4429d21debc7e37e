"""Our model, objectives, training and measures against the authors' numbers, in float64 and float32."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Generator, Tensor

from tests.oracle import ABSENT, PARAMETERS, Oracle, targets
from trainables.measure.importance import log_weights
from trainables.measure.latent import active_units, authors_mutual_information, unit_variance
from trainables.measure.likelihood import Bound, perplexity, token_count
from trainables.model.gaussian import Gaussian
from trainables.model.vae import Vae
from trainables.objective.bound import Elbo, Loss
from trainables.objective.kl import Form, FreeBits, FreeBitsTotal, KlTerm, PlainKl
from trainables.objective.kl_weight import Constant
from trainables.text.batches import Batch
from trainables.text.corpus import Split
from trainables.training.phase import train_epoch
from trainables.training.spec import PhaseSpec
from trainables.training.state import Counters
from trainables.training.training_spec import TrainingSpec

pytestmark = pytest.mark.skipif(ABSENT is not None, reason=str(ABSENT))

FORMS: tuple[Form, ...] = ("mask", "max")


@pytest.fixture(params=[torch.float64, torch.float32], ids=["float64", "float32"])
def oracle(request: pytest.FixtureRequest) -> Oracle:
    return Oracle(request.param)


def check(oracle: Oracle, found: Tensor | float, name: str) -> None:
    """Compare with an array of the file: to rounding in float64, to 4e-5 (the file's page) in float32."""
    allowed = 1e-10 if oracle.dtype == torch.float64 else 4e-5
    got, wanted = torch.as_tensor(found, dtype=torch.float64).detach(), oracle[name].double()
    torch.testing.assert_close(got, wanted, rtol=allowed, atol=allowed, msg=lambda m: f"{name}: {m}")


def by_sentence(oracle: Oracle, value: Callable[[Batch], Tensor]) -> Tensor:
    """Compute `value` batch by batch and put each sentence's result in its row."""
    parts = [(batch.rows, value(batch)) for batch in oracle.batches()]
    whole = parts[0][1].new_empty(len(oracle.sentences()), *parts[0][1].shape[1:])
    for rows, part in parts:
        whole[rows] = part
    return whole


def kl_term(number: int, rate: str, form: Form) -> KlTerm:
    """The authors' `--fb` number as a term of ours."""
    terms: dict[int, KlTerm] = {
        0: PlainKl(),
        1: FreeBitsTotal(target_rate=float(rate), form=form),
        2: FreeBits(target_rate=float(rate), form=form),
        3: FreeBitsTotal(target_rate=float(rate), form=form, per="batch"),
    }
    return terms[number]


def constants(oracle: Oracle, number: int, rate: str) -> Tensor:
    """What max adds to mask for each sentence: the threshold wherever the KL does not exceed it."""
    per_unit, whole, total = oracle["out_kl_dim"], oracle["out_kl_sent"], float(rate)
    share = total / per_unit.shape[1]
    means = torch.cat([whole[a:b].mean().expand(b - a) for a, b in oracle.bounds()])
    below = {0: whole < 0, 1: whole <= total, 2: (per_unit <= share).sum(1), 3: means <= total}
    return (share if number == 2 else total) * below[number].to(oracle.dtype)


def first_group_loss(oracle: Oracle, model: Vae, term: KlTerm) -> Loss:
    batch = oracle.batches()[0]
    return Elbo(kl=term)(model, batch, oracle.number("in_kl_weight"), oracle["in_eps"][batch.rows], None)


def test_posterior_and_kl(oracle: Oracle) -> None:
    model = oracle.model()
    check(oracle, by_sentence(oracle, lambda b: model.encoder(b.tokens).mean), "out_mu")
    check(oracle, by_sentence(oracle, lambda b: model.encoder(b.tokens).log_variance), "out_logvar")
    check(oracle, by_sentence(oracle, lambda b: model.encoder(b.tokens).kl_per_unit()), "out_kl_dim")
    check(oracle, by_sentence(oracle, lambda b: PlainKl()(model.encoder(b.tokens).kl_per_unit())), "out_kl_sent")


def test_reconstruction(oracle: Oracle) -> None:
    model, decoder = oracle.model(), oracle.model().decoder
    fixed, eps, multi = oracle["in_z_fixed"], oracle["in_eps"], oracle["in_eps_multi"]

    def sampled(batch: Batch) -> Tensor:
        return decoder.reconstruction(batch.tokens, model.encoder(batch.tokens).sample(eps[batch.rows]))

    def mean(batch: Batch) -> Tensor:
        z = model.encoder(batch.tokens).sample(multi[batch.rows])
        samples = [decoder.reconstruction(batch.tokens, z[:, s]) for s in range(z.shape[1])]
        return torch.stack(samples).mean(0)

    given = by_sentence(oracle, lambda b: decoder.reconstruction(b.tokens, fixed[b.rows]))
    check(oracle, given, "out_recon_z_fixed")
    check(oracle, by_sentence(oracle, sampled), "out_recon_eps")
    check(oracle, by_sentence(oracle, mean), "out_recon_eps_multi_mean")


def test_logits(oracle: Oracle) -> None:
    decoder, batch = oracle.model().decoder, oracle.batches()[0]
    hidden = decoder.hidden_states(decoder.embedding(batch.tokens[:, :-1]), oracle["in_z_fixed"][batch.rows])
    check(oracle, decoder.output(hidden), "out_logits_first_group_z_fixed")


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("number", "rate"), targets("out_", "_loss_batch"))
def test_losses(oracle: Oracle, number: int, rate: str, form: Form) -> None:
    model, term = oracle.model(), kl_term(number, rate, form)
    eps, weight = oracle["in_eps"], oracle.number("in_kl_weight")
    losses = [Elbo(kl=term)(model, b, weight, eps[b.rows], None) for b in oracle.batches()]
    by_row = by_sentence(
        oracle,
        lambda b: (
            model.decoder.reconstruction(b.tokens, model.encoder(b.tokens).sample(eps[b.rows]))
            + weight * term(model.encoder(b.tokens).kl_per_unit())
        ),
    )
    found = torch.stack([loss.loss for loss in losses])
    if form == "max":
        extra = weight * constants(oracle, number, rate)
        by_row = by_row - extra
        found = found - torch.stack([extra[start:end].mean() for start, end in oracle.bounds()])
    check(oracle, by_row, f"out_fb{number}_t{rate}_loss_sent")
    check(oracle, found, f"out_fb{number}_t{rate}_loss_batch")
    for loss, (start, end) in zip(losses, oracle.bounds(), strict=True):
        torch.testing.assert_close(loss.reconstruction, oracle["out_recon_eps"][start:end].mean())
        torch.testing.assert_close(loss.kl, oracle["out_kl_sent"][start:end].mean())


def test_weighted_loss_without_threshold(oracle: Oracle) -> None:
    loss = oracle["out_recon_eps"] + oracle.number("in_kl_weight") * PlainKl()(oracle["out_kl_dim"])
    check(oracle, loss, "out_loss_beta037")


@pytest.mark.parametrize("number", [1, 2, 3])
def test_some_kl_lies_below_its_threshold(number: int) -> None:
    """Otherwise the two forms would be the same and the tests above would prove little."""
    known = Oracle(torch.float64)
    rates = [rate for form, rate in targets("out_", "_loss_batch") if form == number]
    assert any(bool(constants(known, number, rate).any()) for rate in rates)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("number", "rate"), targets("out_gradnorm_"))
def test_gradients(oracle: Oracle, number: int, rate: str, form: Form) -> None:
    model = oracle.model()
    first_group_loss(oracle, model, kl_term(number, rate, form)).loss.backward()  # type: ignore[no-untyped-call]
    gradients = {name: parameter.grad for name, parameter in model.named_parameters()}
    assert set(gradients) == set(PARAMETERS.values())
    for name, ours in PARAMETERS.items():
        gradient = gradients[ours]
        assert gradient is not None
        check(oracle, gradient, f"out_grad_fb{number}_t{rate}_{name}")
    norm = torch.stack([g.norm() for g in gradients.values() if g is not None]).norm()
    check(oracle, norm, f"out_gradnorm_fb{number}_t{rate}")


@pytest.mark.parametrize("form", FORMS)
def test_one_clipped_step(oracle: Oracle, form: Form) -> None:
    """Our own training step, on the oracle's noise and without dropout."""
    given = oracle["in_eps"]

    class OnGivenNoise(Elbo):
        def __call__(
            self, model: Vae, batch: Batch, weight: float, noise: Tensor, generator: Generator | None
        ) -> Loss:
            return super().__call__(model, batch, weight, given[batch.rows], None)

    model, batch = oracle.model(), oracle.batches()[0]
    term = kl_term(2, "2.0", form)
    phase = PhaseSpec(
        name="vae",
        corpus_fingerprint="oracle",
        model=model.spec,
        objective=OnGivenNoise(kl=term, kl_weight=Constant(weight=oracle.number("in_kl_weight"))),
        training=TrainingSpec(optimizer="sgd", learning_rate=0.5, clip=5.0),
        selection="neg_elbo",
        seed=0,
    )
    train_epoch(phase, model, phase.training.build(model.parameters()), [batch], Counters())
    check(oracle, model.decoder.output.weight, "out_after_step_dec_out_w")
    posterior = model.encoder(batch.tokens)
    after = model.decoder.reconstruction(batch.tokens, posterior.sample(given[batch.rows]))
    after = after + oracle.number("in_kl_weight") * kl_term(2, "2.0", "mask")(posterior.kl_per_unit())
    check(oracle, after, "out_after_step_loss_sent_fb2_t2.0")


def test_neg_elbo_and_its_perplexity(oracle: Oracle) -> None:
    bound = Bound(oracle["out_recon_eps"], oracle["out_kl_sent"], oracle.posterior())
    count = token_count(oracle.batches())
    assert count == Split(oracle.sentences()).words == int(oracle.number("out_num_words_with_eos"))
    check(oracle, bound.neg_elbo.mean(), "out_neg_elbo_mean")
    check(oracle, perplexity(bound.neg_elbo, count), "out_elbo_ppl")


def test_importance_weights(oracle: Oracle) -> None:
    model, eps = oracle.model(), oracle["in_eps_iw"]

    def weigh(batch: Batch) -> Tensor:
        return model.log_weights(batch.tokens, model.encoder(batch.tokens), eps[batch.rows])

    found = by_sentence(oracle, weigh)
    check(oracle, found, "out_iw_log_w")
    posterior = oracle.posterior()
    check(oracle, posterior.log_weight_of_prior(posterior.sample(eps), eps) - found, "out_iw_recon")


@pytest.mark.parametrize("budget", [2**23, 1], ids=["one-chunk", "chunk-a-sample"])
def test_importance_weighted_nll(oracle: Oracle, budget: int) -> None:
    model, eps = oracle.model(), oracle["in_eps_iw"]
    found = by_sentence(oracle, lambda batch: log_weights(model, batch, eps[batch.rows], budget))
    nll = math.log(eps.shape[1]) - found.logsumexp(1)
    check(oracle, nll, "out_iw_nll")
    check(oracle, perplexity(nll, token_count(oracle.batches())), "out_iw_ppl")


def test_mutual_information(oracle: Oracle) -> None:
    posterior, eps = oracle.posterior(), oracle["in_eps_mi"]
    check(oracle, authors_mutual_information(posterior, eps), "out_mi")
    total = 0.0
    for start, end in oracle.bounds():
        group = Gaussian(posterior.mean[start:end], posterior.log_variance[start:end])
        total += (end - start) * authors_mutual_information(group, eps[start:end])
    check(oracle, total / len(oracle.sentences()), "out_mi_per_batch_He")


def test_active_units(oracle: Oracle) -> None:
    mean = oracle["out_mu"]
    check(oracle, unit_variance(mean), "out_au_var")
    assert active_units(mean) == int(oracle.number("out_au"))
    deltas: list[float] = oracle["out_au_deltas"].tolist()
    assert [active_units(mean, delta) for delta in deltas] == oracle["out_au_at_delta"].tolist()


def test_equal_length_batches_are_the_authors(oracle: Oracle) -> None:
    found = [(int(batch.rows[0]), int(batch.rows[-1]) + 1) for batch in oracle.batches()]
    assert found == oracle.bounds()
    for batch in oracle.batches():
        assert batch.rows.tolist() == list(range(int(batch.rows[0]), int(batch.rows[-1]) + 1))
