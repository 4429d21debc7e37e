"""What `auto` becomes, and that a trial in bfloat16 gives the same bits twice."""

from pathlib import Path

import pytest
import torch

from tests.helpers import MODEL, tiny_corpus, tiny_trial, without_costs
from tests.journal_writer import small_sweep
from trainables.model.spec import ModelSpec, Precision
from trainables.model.vae import Vae
from trainables.training.report import EpochReport, FinalReport
from trainables.training.state import TrialState
from trainables.trial import run_trial
from vae_sweep.config.sweep_spec import SweepSpec
from vae_sweep.journal.stored_spec import store_spec
from vae_sweep.planning.allocation import TrialResources
from vae_sweep.planning.precision import asks_machine, resolve_precision
from vae_sweep.storage.layout import sweep_folder

CORE, CARD = TrialResources(1, 0.0), TrialResources(1, 0.25)


@pytest.fixture(autouse=True)
def _instructions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_bf16": True})
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


def sweep(storage: Path, precision: Precision = "auto", size: int = 200) -> SweepSpec:
    model = MODEL.model_dump() | {"precision": precision, "decoder_size": size}
    return small_sweep(model=model, storage={"directory": str(storage)})


@pytest.mark.parametrize(
    ("size", "words", "shares", "expected"),
    [
        (200, 500, [CORE], "bfloat16"),
        (200, 499, [CORE], "float32"),
        (200, 500, [CORE, CARD], "float32"),
    ],
)
def test_auto_is_bfloat16_where_that_pays(
    size: int, words: int, shares: list[TrialResources], expected: str, tmp_path: Path
) -> None:
    assert resolve_precision(sweep(tmp_path, size=size), words, shares).model.precision == expected


def test_without_instructions_auto_is_float32(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"avx512_f": True})
    assert resolve_precision(sweep(tmp_path), 10_000, [CORE]).model.precision == "float32"


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_what_is_asked_for_stays(precision: Precision, tmp_path: Path) -> None:
    assert resolve_precision(sweep(tmp_path, precision), 2, [CARD]).model.precision == precision


def test_a_sweep_keeps_the_precision_that_it_was_launched_with(tmp_path: Path) -> None:
    spec = sweep(tmp_path, "float32")
    sweep_folder(spec).mkdir(parents=True)
    store_spec(sweep_folder(spec), spec)
    assert resolve_precision(sweep(tmp_path), 10_000, [CORE]).model.precision == "float32"


def test_only_an_unsettled_auto_of_a_large_model_asks_the_machine(tmp_path: Path) -> None:
    assert asks_machine(sweep(tmp_path), 500)
    assert not asks_machine(sweep(tmp_path), 499)
    assert not asks_machine(sweep(tmp_path, "float32"), 500)
    sweep_folder(sweep(tmp_path)).mkdir(parents=True)
    store_spec(sweep_folder(sweep(tmp_path)), sweep(tmp_path, "float32"))
    assert not asks_machine(sweep(tmp_path), 500)


def test_a_model_wants_its_precision_settled() -> None:
    with pytest.raises(ValueError, match="settled when a sweep is planned"):
        Vae(10, ModelSpec(precision="auto"))


def test_a_trial_in_bfloat16_gives_the_same_bits_twice() -> None:
    spec = tiny_trial("ours", model=MODEL.model_copy(update={"precision": "bfloat16"}))
    first, again, other = (
        [
            without_costs(r) if isinstance(r, EpochReport) else r
            for r, _ in run_trial(each, tiny_corpus(), TrialState())
        ]
        for each in (spec, spec, tiny_trial("ours"))
    )
    assert isinstance(first[-1], FinalReport)
    assert first == again
    assert first != other
