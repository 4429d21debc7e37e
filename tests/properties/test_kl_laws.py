"""Laws of the KL term, its floors and the schedules."""

import numpy as np
import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from torch import Tensor

from tests.helpers import LAW
from trainables.model.gaussian import Gaussian
from trainables.objective.kl import Form, FreeBits, FreeBitsTotal, KlTerm, Per, PlainKl
from trainables.objective.kl_weight import Constant, Linear
from trainables.training.training_spec import LinearDecay, Plateau, PlateauState

SHAPES = st.tuples(st.integers(1, 6), st.integers(1, 5))
RATES = st.floats(0.01, 30.0)
FORMS = st.sampled_from(["max", "mask"])
PERS = st.sampled_from(["sentence", "batch"])
RATIOS = st.floats(0.0, 1.0)


@st.composite
def posteriors(draw: st.DrawFn) -> Gaussian:
    """Posteriors in float32, among them the prior itself and its close neighbours."""
    shape = draw(SHAPES)
    near = st.floats(-(2.0**-10), 2.0**-10, width=32)
    mean = draw(npst.arrays(np.float32, shape, elements=near | st.floats(-20, 20, width=32)))
    log_variance = draw(npst.arrays(np.float32, shape, elements=near | st.floats(-30, 10, width=32)))
    return Gaussian(torch.from_numpy(mean), torch.from_numpy(log_variance))


@st.composite
def kls(draw: st.DrawFn, units: int | None = None) -> Tensor:
    """KL per unit, in float64."""
    shape = draw(SHAPES) if units is None else (draw(st.integers(1, 6)), units)
    values = draw(npst.arrays(np.float64, shape, elements=st.floats(0.0, 10.0)))
    return torch.from_numpy(values).requires_grad_()


def gradient(term: KlTerm, kl: Tensor) -> Tensor:
    [found] = torch.autograd.grad(term(kl).sum(), kl)
    return found


@LAW
@given(posteriors())
def test_kl_is_never_negative(posterior: Gaussian) -> None:
    assert float(posterior.kl_per_unit().min()) >= 0.0


@LAW
@given(posteriors())
def test_kl_agrees_with_float64(posterior: Gaussian) -> None:
    exact = Gaussian(posterior.mean.double(), posterior.log_variance.double()).kl_per_unit()
    torch.testing.assert_close(posterior.kl_per_unit().double(), exact, rtol=1e-5, atol=1e-9)


@LAW
@given(kls(), RATES, FORMS)
def test_a_unit_below_its_share_has_no_gradient(kl: Tensor, rate: float, form: Form) -> None:
    slope = gradient(FreeBits(target_rate=rate, form=form), kl)
    assert torch.equal(slope, (kl > rate / kl.shape[1]).double())


@LAW
@given(kls(), RATES, FORMS)
def test_a_unit_whose_mean_is_below_its_share_has_no_gradient(kl: Tensor, rate: float, form: Form) -> None:
    slope = gradient(FreeBits(target_rate=rate, form=form, per="batch"), kl)
    assert torch.equal(slope, (kl.mean(0) > rate / kl.shape[1]).double().expand_as(kl))


@LAW
@given(kls(units=1), RATES, FORMS, PERS)
def test_with_one_unit_both_floors_are_the_same(kl: Tensor, rate: float, form: Form, per: Per) -> None:
    unit, total = (kind(target_rate=rate, form=form, per=per) for kind in (FreeBits, FreeBitsTotal))
    assert torch.equal(unit(kl), total(kl))
    assert torch.equal(gradient(unit, kl), gradient(total, kl))


@LAW
@given(kls(), RATES, PERS)
def test_both_forms_have_one_gradient(kl: Tensor, rate: float, per: Per) -> None:
    for kind in (FreeBits, FreeBitsTotal):
        slopes = [gradient(kind(target_rate=rate, form=form, per=per), kl) for form in ("max", "mask")]
        assert torch.equal(*slopes)


@LAW
@given(kls(), RATES)
def test_the_max_form_is_a_floor_and_the_mask_form_a_ceiling(kl: Tensor, rate: float) -> None:
    plain = PlainKl()(kl)
    for kind in (FreeBits, FreeBitsTotal):
        assert bool((kind(target_rate=rate)(kl) >= plain.clamp_min(rate) - 1e-9).all())
        assert bool((kind(target_rate=rate, form="mask")(kl) <= plain + 1e-9).all())


@LAW
@given(kls(), RATES)
def test_the_max_form_is_the_maximum(kl: Tensor, rate: float) -> None:
    torch.testing.assert_close(FreeBits(target_rate=rate)(kl), kl.clamp_min(rate / kl.shape[1]).sum(1))
    torch.testing.assert_close(FreeBitsTotal(target_rate=rate)(kl), kl.sum(1).clamp_min(rate))


@LAW
@given(kls(), RATES, FORMS)
def test_sentences_do_not_see_each_other_unless_asked(kl: Tensor, rate: float, form: Form) -> None:
    for kind in (FreeBits, FreeBitsTotal):
        term = kind(target_rate=rate, form=form)
        assert torch.equal(term(kl), torch.cat([term(row) for row in kl.unsqueeze(1)]))


@LAW
@given(RATIOS, st.floats(0.1, 50.0), st.floats(0.0, 200.0), st.floats(0.0, 200.0))
def test_the_linear_weight_stays_in_0_1_and_never_falls(
    start: float, length: float, one: float, two: float
) -> None:
    weight = Linear(start=start, epochs=length)
    before, after = weight(min(one, two)), weight(max(one, two))
    assert start <= before <= after <= 1.0
    assert weight(length) == pytest.approx(1.0)
    assert weight(2 * length) == 1.0


@LAW
@given(RATIOS, st.floats(0.0, 200.0))
def test_the_constant_weight_is_constant(weight: float, epoch: float) -> None:
    assert Constant(weight=weight)(epoch) == weight


@LAW
@given(RATIOS, st.integers(1, 100), RATIOS, RATIOS)
def test_the_tail_lies_in_0_and_the_rate_and_never_rises(flat: float, epochs: int, a: float, b: float) -> None:
    early, late = (
        LinearDecay(flat=flat).rate(0.5, epochs * part, epochs, PlateauState()) for part in sorted((a, b))
    )
    assert 0.0 <= late <= early <= 0.5


@LAW
@given(st.lists(st.floats(0.0, 200.0), max_size=60), st.integers(1, 5), st.integers(0, 20), st.integers(1, 5))
def test_plateau_counts(losses: list[float], patience: int, first: int, decays: int) -> None:
    schedule, state, waited = Plateau(patience=patience, first_decay_epoch=first, decays=decays), PlateauState(), 0
    for epoch, loss in enumerate(losses):
        new, decayed = schedule.after(loss, epoch, state)
        waited += 1
        assert new.decays == state.decays + decayed
        known = state.reference
        assert new.reference == (loss if decayed or known is None or loss <= known else known)
        if decayed:
            assert epoch >= first
            assert waited >= patience
        if new.not_improved == 0:
            waited = 0
        assert new.not_improved == waited
        assert schedule.rate(1.0, epoch, 100, new) == 0.5**new.decays
        state = new


@LAW
@given(kls(), RATES)
def test_a_higher_target_rate_never_lowers_the_term(kl: Tensor, rate: float) -> None:
    assume(rate < 25)
    for kind in (FreeBits, FreeBitsTotal):
        low, high = kind(target_rate=rate)(kl), kind(target_rate=rate + 1)(kl)
        assert bool((high >= low).all())
