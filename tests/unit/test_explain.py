"""Why a trial ended as it did, in words with their numbers."""

from pathlib import Path
from typing import get_args

import pytest

from tests.journal_writer import Scribe, command, small_sweep, tree
from trainables.training.report import ErrorClass, Outcome
from vae_sweep.errors import LaunchError
from vae_sweep.journal.records import FinalRecord
from vae_sweep.monitoring.advice import ERRORS, MEANINGS, NEXT, advice
from vae_sweep.monitoring.explain import explain_trial

PLATEAU = {"optimizer": "sgd", "epochs": 9, "batch_size": 8, "learning_rate": 0.5}
END = {"validation/neg_elbo": 21.0, "validation/reconstruction": 19.0, "validation/kl": 2.0}


def said(folder: Path, trial: str) -> dict[str, str]:
    """The sections of an explanation, each as one text."""
    return {title: "\n".join(lines) for title, lines in explain_trial(folder, trial)}


def ours(scribe: Scribe, rate: float = 2) -> str:
    scribe.launch()
    scribe.cell(0, "ours", target_rate=rate)
    return scribe.start(0, "ours", target_rate=rate)


@pytest.mark.parametrize("error", get_args(ErrorClass))
def test_each_class_of_error_has_a_meaning_and_a_next_step(tmp_path: Path, error: str) -> None:
    scribe = Scribe(tmp_path)
    trial = ours(scribe)
    reason = 'Traceback (most recent call last):\n  File "trial.py", line 3\nValueError: odd'
    scribe.final(trial, "failed", error=error, reason=reason)
    why = said(scribe.folder, trial)["why"]
    meaning, following = ERRORS[error]
    assert f"{error}: {meaning}" in why
    assert f"next: {following}" in why
    assert "vae-sweep resume" in following
    assert reason in why


def test_every_state_has_a_meaning() -> None:
    assert set(get_args(Outcome)) | {"running", "waiting", "interrupted"} == MEANINGS.keys()
    assert MEANINGS.keys() > NEXT.keys()
    assert ERRORS.keys() == set(get_args(ErrorClass))
    unknown = advice("failed", FinalRecord("failed", None, None, {}, None, 0.0))
    assert "no class of error is journaled" in unknown[1]


def test_starts_are_listed_with_launch_and_host(tmp_path: Path) -> None:
    scribe = Scribe(tmp_path)
    trial = ours(scribe)
    scribe.line("epoch", trial, phase="pretrain", epoch=0, numbers={}, host="one")
    scribe.start(0, "ours", target_rate=2)
    scribe.line("epoch", trial, phase="pretrain", epoch=1, numbers={}, host="two")
    scribe.launch()
    scribe.start(0, "ours", target_rate=2)
    text = said(scribe.folder, trial)
    first, second, third = text["starts"].splitlines()
    assert first.endswith("launch 1 on one")
    assert "launch 1 on two; the same launch again" in second
    assert third.endswith("launch 2, no report from there")
    assert "several machines, whose bits may differ: one, two" in text["soundness"]
    assert f"{trial}: interrupted" in text


def test_a_phase_tells_its_best_epoch_its_rates_and_how_it_ended(tmp_path: Path) -> None:
    scribe = Scribe(tmp_path, small_sweep(training=PLATEAU, methods={"vae": {}}))
    scribe.launch()
    scribe.cell(0, "vae")
    trial = scribe.start(0, "vae")
    losses, rates = [30.0, 20.0, 25.0, 21.0], [0.5, 0.5, 0.5, 0.25]
    for number, (loss, rate) in enumerate(zip(losses, rates, strict=True)):
        scribe.epoch(trial, "vae", number, neg_elbo=loss, learning_rate=rate, kl_weight=1.0, seconds=2.0)
    running = said(scribe.folder, trial)["phase vae"].splitlines()
    assert running[0] == "epochs 0 to 3, 4 of at most 9: not over"
    scribe.final(trial)
    lines = said(scribe.folder, trial)["phase vae"].splitlines()
    assert lines == [
        "epochs 0 to 3, 4 of at most 9: ended by its plateau schedule",
        "best epoch 1: -ELBO 20.0000 on validation; its weights are kept",
        "first (epoch 0): -ELBO 30.00",
        "last (epoch 3): -ELBO 21.00",
        "learning rate by epochs: 0.5 (0 to 2), 0.25 (3)",
        "KL weight 1 throughout",
        "2.00 s an epoch",
    ]


def test_the_pretraining_is_told_with_who_trained_it(tmp_path: Path) -> None:
    scribe = Scribe(tmp_path)
    trial = ours(scribe)
    key = "abcdef" * 8
    scribe.line("store", trial, key=key, event="waiting", seconds=0.0, saved=0.0, holder="small/0007-ours-s0")
    assert "waiting for small/0007-ours-s0" in said(scribe.folder, trial)["pretraining"]
    scribe.line("store", trial, key=key, event="waited", seconds=5.0, saved=61.0, holder="small/0007-ours-s0")
    scribe.line("epoch", trial, phase="pretrain", epoch=0, numbers={"train/seconds": 3.0}, stored=True)
    text = said(scribe.folder, trial)
    assert text["pretraining"] == (
        "waited for (key abcdefabcdef), 5.0 s waited for small/0007-ours-s0, 1 min 1 s of training saved"
    )
    assert "3.00 s an epoch, by whoever trained it" in text["phase pretrain"]


def test_why_a_trial_is_not_scored(tmp_path: Path) -> None:
    scribe = Scribe(tmp_path)
    trial = ours(scribe)
    assert said(scribe.folder, trial)["test split"] == "not scored: it has no end with weights"
    scribe.final(trial, numbers=END)
    assert "scores come after trainings" in said(scribe.folder, trial)["test split"]
    scribe.journal.write("unscored", trial=trial, reason="the corpus is gone")
    assert "the corpus is gone; vae-sweep resume tries again" in said(scribe.folder, trial)["test split"]
    scribe.journal.write("scored", trial=trial, numbers={"test/perplexity": 9.5, "test/kl": 1.0})
    assert said(scribe.folder, trial)["test split"] == "PPL 9.50, KL 1.00"


def test_what_a_trial_is_ranked_by_or_why_it_is_not(tmp_path: Path) -> None:
    scribe = Scribe(tmp_path)
    trial = ours(scribe)
    metrics = {"perplexity": 3.44, "nll": 13.58, "nll_sampling_error": 0.0123, "pareto_k_bad": 0.25}
    scribe.final(trial, numbers={f"validation/{metric}": value for metric, value in metrics.items()})
    line = said(scribe.folder, trial)["likelihood"]
    assert line.startswith("on validation PPL 3.44, NLL 13.58, NLL sampling 0.0123, k > 0.7 0.250")
    again = Scribe(tmp_path / "again")
    trial = ours(again)
    again.final(trial, numbers={"validation/nll": 13.58, "validation/pareto_k_bad": 0.6})
    assert said(again.folder, trial)["likelihood"] == (
        "cannot tell NLL and PPL on validation: 60.0% of its sentences have Pareto k > 0.7, 50% at most may"
    )


@pytest.mark.parametrize(("final", "why"), [("none", "evaluation.final is none"), ("front", "not on the front")])
def test_a_sweep_that_wants_no_score_says_so(tmp_path: Path, final: str, why: str) -> None:
    evaluation = {"search_samples": 4, "final": final}
    scribe = Scribe(tmp_path, small_sweep(evaluation=evaluation))
    trial = ours(scribe)
    scribe.final(trial, numbers={"validation/perplexity": 9.0, "validation/reconstruction": 9.0})
    scribe.cell(1, "vae")
    better = scribe.start(1, "vae")
    scribe.final(better, numbers={"validation/perplexity": 8.0, "validation/reconstruction": 8.0})
    scribe.end()
    assert why in said(scribe.folder, trial)["test split"]
    if final == "front":
        assert "the sweep ended before (complete)" in said(scribe.folder, better)["test split"]


def test_weights_are_named_and_missed(tmp_path: Path) -> None:
    scribe = Scribe(tmp_path)
    trial = ours(scribe)
    assert said(scribe.folder, trial)["weights"] == "none, and no checkpoint"
    scribe.line("epoch", trial, phase="vae", epoch=0, numbers={}, checkpoint=str(tmp_path / "gone"))
    assert said(scribe.folder, trial)["weights"] == f"none; newest checkpoint {tmp_path / 'gone'} (not there now)"
    place = tmp_path / "kept"
    scribe.final(trial, checkpoint=str(place))
    assert "vae-sweep resume trains it again" in said(scribe.folder, trial)["weights"]
    place.mkdir()
    (place / "weights.safetensors").write_bytes(b"")
    assert said(scribe.folder, trial)["weights"] == str(place / "weights.safetensors")


def test_what_is_not_sound_is_named(tmp_path: Path) -> None:
    scribe = Scribe(tmp_path)
    trial = ours(scribe)
    assert said(scribe.folder, trial)["soundness"] == "nothing damaged, no conflict, no invariant broken"
    broken = {"validation/neg_elbo": 30.0, "validation/reconstruction": 19.0, "validation/kl": 2.0}
    scribe.line("epoch", trial, phase="vae", epoch=0, numbers=broken, damaged=["checkpoint_000001: torn"])
    scribe.line("epoch", trial, phase="vae", epoch=0, numbers=broken | {"validation/kl": 3.0})
    scribe.final(trial, numbers=END)
    scribe.journal.write("lost", trial=trial, reason="weights.safetensors: absent")
    text = said(scribe.folder, trial)["soundness"]
    assert "damaged: checkpoint_000001: torn" in text
    assert "conflict: vae epoch 0 was reported twice and differently" in text
    assert "invariant broken: vae epoch 0: -ELBO = Recon + KL: 30 against 19 + 2 = 21" in text
    assert "weights lost, trained again: weights.safetensors: absent" in text


def test_a_trial_is_found_by_the_beginning_of_its_name(tmp_path: Path) -> None:
    scribe = Scribe(tmp_path)
    with pytest.raises(LaunchError, match="has started no trial yet"):
        explain_trial(scribe.folder, "0")
    trial = ours(scribe)
    scribe.cell(1, "vae")
    scribe.start(1, "vae")
    assert explain_trial(scribe.folder, "0000")[0].title == f"{trial}: interrupted"
    with pytest.raises(LaunchError, match="may be 0000-ours-s0, 0001-vae-s0; give more of its name"):
        explain_trial(scribe.folder, "00")
    with pytest.raises(LaunchError, match=r"did you mean 0001-vae-s0\? There are: 0000-ours-s0, 0001-vae-s0"):
        explain_trial(scribe.folder, "0001-vea-s0")
    with pytest.raises(LaunchError, match=r"no trial '7'; there are: 0000"):
        explain_trial(scribe.folder, "7")


def test_a_spec_of_another_version_is_left_out_in_words(tmp_path: Path) -> None:
    scribe = Scribe(tmp_path)
    trial = ours(scribe)
    scribe.rewrite(lambda line: line | {"spec": {"later": 1}} if line["kind"] in ("trial", "launch") else line)
    text = said(scribe.folder, trial)
    assert "not one of this version" in text["phases"]
    assert "z" not in text


def test_the_verb_prints_and_writes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    scribe = Scribe(tmp_path)
    trial = ours(scribe)
    scribe.final(trial, "failed", error="bug", reason="Traceback:\n  [red] line\nValueError: odd")
    before = tree(tmp_path)
    code, out, _ = command(monkeypatch, capsys, "explain", str(scribe.folder), "0000")
    assert code == 0
    assert out.startswith(f"{trial}: failed\n")
    assert "\n    [red] line\n" in out
    assert tree(tmp_path) == before
    code, _, err = command(monkeypatch, capsys, "explain", str(scribe.folder), "9")
    assert (code, "Traceback" in err) == (2, False)
