"""Each verdict by hand-made numbers, and each bar to a comparison."""

from pathlib import Path
from typing import Any

import pytest

from tests.journals import launch
from vae_sweep.journal.fold import read_sweep
from vae_sweep.journal.journal import Journal
from vae_sweep.results.published import TEXTS, PublishedNumber
from vae_sweep.results.verdicts import PaperComparison, Verdict, comparisons, verdict_of
from vae_sweep.statistics.intervals import Interval, mean_interval

THEIRS = PublishedNumber(100.0, 0.005, ("T10",))
NOISE = 1.0  # so that one seed's tolerance is 1.96 √2 + 0.005 = 2.777
OURS = {
    "sentences": 3761.0,
    "tokens": 82_430.0,
    "iw_samples": 1000.0,
    "iw_perplexity": 96.20,
    "iw_nll": 100.09,
    "perplexity": 93.70,
    "nll": 99.51,
    "reconstruction": 96.90,
    "kl": 5.0,
    "active_units": 32.0,
    "elbo_perplexity": 104.5,
}


def one(mean: float) -> Interval:
    return Interval(mean, None, 1)


def several(mean: float, half_width: float) -> Interval:
    return Interval(mean, half_width, 3)


@pytest.mark.parametrize(
    ("ours", "noise", "better", "verdict"),
    [
        (one(102.7), NOISE, "min", Verdict.REPRODUCED),
        (one(97.3), NOISE, "min", Verdict.REPRODUCED),
        (one(103.0), NOISE, "min", Verdict.CANNOT_TELL),
        (one(105.6), NOISE, "min", Verdict.WORSE),
        (one(94.4), NOISE, "min", Verdict.BETTER),
        (one(105.6), NOISE, "max", Verdict.BETTER),
        (one(105.6), NOISE, None, Verdict.CANNOT_TELL),
        (one(100.004), None, "min", Verdict.REPRODUCED),
        (one(100.1), None, "min", Verdict.CANNOT_TELL),
        (several(101.9, 0.1), NOISE, "min", Verdict.REPRODUCED),
        (several(102.1, 0.1), NOISE, "min", Verdict.WORSE),
        (several(97.9, 0.1), NOISE, "min", Verdict.BETTER),
        (several(100.0, 2.7), NOISE, "min", Verdict.REPRODUCED),
        (several(100.0, 2.8), NOISE, "min", Verdict.CANNOT_TELL),
        (several(104.0, 3.0), NOISE, "min", Verdict.WORSE),
        (several(100.0, 0.001), None, "min", Verdict.CANNOT_TELL),
        (one(100.0), 0.0, "max", Verdict.REPRODUCED),
    ],
)
def test_verdicts(ours: Interval, noise: float | None, better: str | None, verdict: Verdict) -> None:
    assert verdict_of(ours, THEIRS, noise, better)[0] is verdict


def test_a_verdict_says_how_many_seeds_and_which_tolerance() -> None:
    _, why, tolerance = verdict_of(one(102.7), THEIRS, NOISE, "min")
    assert tolerance == pytest.approx(1.96 * 2**0.5 + 0.005)
    assert why == "one seed: +2.7 against a tolerance of 2.8"
    assert verdict_of(several(100.0, 2.7), THEIRS, NOISE, "min")[1].startswith("3 seeds: +0 against")


def test_an_interval_by_hand() -> None:
    """Deviation 1 over √3 seeds, and Student's t at 2 degrees of freedom: 4.3027."""
    found = mean_interval([1.0, 2.0, 3.0])
    assert (found.mean, found.count) == (2.0, 3)
    assert found.half_width == pytest.approx(4.302653 / 3**0.5, rel=1e-6)
    assert mean_interval([5.0]) == Interval(5.0, None, 1)
    with pytest.raises(ValueError, match="no value"):
        mean_interval([])


def sweep(
    directory: Path,
    seeds: tuple[dict[str, float], ...] = (OURS,),
    method: str = "ours",
    corpus: dict[str, Any] | None = None,
    latent_size: int = 32,
    **term: Any,
) -> list[PaperComparison]:
    """Compare one cell of PTB with `seeds` scored; what is not given is as in the paper."""
    path = directory / "journal.jsonl"
    name = {"name": "ptb", "vocabulary_size": None, "limit": {"train": None}} | (corpus or {})
    objective = {"kl": {"kind": "free_bits", "target_rate": 4.0, "per": "sentence"} | term}
    spec = {
        "corpus": name,
        "corpus_fingerprint": name.pop("fingerprint", TEXTS["ptb"].fingerprint),
        "model": {"latent_size": latent_size},
        "method": {"name": method, "objective": objective},
    }
    with Journal(path) as journal:
        launch(journal, spec={"name": "small", "corpus": name})
        values = {"target_rate": objective["kl"]["target_rate"]}
        journal.write("cell", cell=0, method=method, values=values)
        for seed, numbers in enumerate(seeds):
            identity = {"trial": f"t{seed}", "cell": 0, "seed": seed, "method": method, "values": values}
            journal.write("trial", **identity, attempt=1, spec=spec)
            journal.write("final", trial=f"t{seed}", outcome="finished", reason=None, numbers={}, checkpoint=None)
            if numbers:
                scored = {f"test/{metric}": value for metric, value in numbers.items()}
                journal.write("scored", trial=f"t{seed}", numbers=scored)
    return comparisons(read_sweep(path))


def test_a_reproduced_cell(tmp_path: Path) -> None:
    found = {one.metric: one for one in sweep(tmp_path)}
    assert found.keys() == OURS.keys() - {"sentences", "tokens", "iw_samples", "perplexity", "nll"}
    assert {one.verdict for one in found.values()} == {Verdict.REPRODUCED}
    perplexity = found["iw_perplexity"]
    assert perplexity.published is not None
    assert (perplexity.published.value, perplexity.ours.mean) == (96.17, 96.20)
    assert perplexity.tolerance == pytest.approx(1.96 * 2**0.5 * 1.654 + 0.005, abs=0.01)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"seeds": (OURS | {"tokens": 82_000.0},)}, "21.803 tokens a sentence, the tables imply 21.917"),
        ({"seeds": (OURS | {"sentences": 400.0, "tokens": 8766.8},)}, "400 test sentences scored"),
        ({"seeds": ({"iw_perplexity": 96.0, "iw_samples": 1000.0},)}, "is not recorded"),
        ({"latent_size": 16}, "n_z is 16"),
        ({"per": "batch"}, "λ is held per batch"),
        ({"target_rate": 4.5}, "the tables have no ours at λ = 4.5"),
        ({"corpus": {"limit": {"train": 5000}}}, "training split is cut"),
        ({"corpus": {"vocabulary_size": 4000}}, "vocabulary"),
        ({"corpus": {"fingerprint": "f00d"}}, "fingerprint is f00d"),
    ],
)
def test_a_cell_that_is_not_comparable(tmp_path: Path, changes: dict[str, Any], reason: str) -> None:
    found = sweep(tmp_path, **changes)
    assert found
    for comparison in found:
        assert comparison.verdict is Verdict.NOT_COMPARABLE
        assert reason in comparison.why


def test_fewer_importance_samples_bar_only_what_depends_on_them(tmp_path: Path) -> None:
    found = {one.metric: one for one in sweep(tmp_path, (OURS | {"iw_samples": 200.0},))}
    barred = {metric for metric, one in found.items() if one.verdict is Verdict.NOT_COMPARABLE}
    assert barred == {"iw_perplexity", "iw_nll"}
    assert found["iw_nll"].why == "200 samples from q, the tables' have 1000"


def test_what_is_compared_is_qs_and_the_tight_value_stands_beside(tmp_path: Path) -> None:
    found = {one.metric: one for one in sweep(tmp_path, (OURS, OURS | {"perplexity": 93.9}))}
    assert found["iw_perplexity"].ours == Interval(96.20, 0.0, 2)
    assert found["iw_perplexity"].tight == mean_interval([93.7, 93.9])
    assert found["iw_nll"].tight == Interval(99.51, 0.0, 2)
    assert {one.tight for metric, one in found.items() if not metric.startswith("iw_")} == {None}


def test_a_sweep_of_before_is_compared_and_has_no_tight_value(tmp_path: Path) -> None:
    former = {
        metric: value for metric, value in OURS.items() if metric not in ("perplexity", "nll", "iw_perplexity")
    }
    found = {one.metric: one for one in sweep(tmp_path, (former | {"perplexity": 96.20},))}
    assert (found["iw_perplexity"].verdict, found["iw_perplexity"].tight) == (Verdict.REPRODUCED, None)


def test_the_exact_likelihood_of_a_language_model_takes_no_thousand_samples(tmp_path: Path) -> None:
    exact = OURS | {"iw_samples": 1.0, "iw_perplexity": 100.47, "iw_nll": 101.04}
    found = {one.metric: one for one in sweep(tmp_path, (exact,), method="lstm_lm", target_rate=None)}
    assert "samples" not in found["iw_nll"].why


def test_several_seeds_and_one_that_was_not_scored(tmp_path: Path) -> None:
    seeds: tuple[dict[str, float], ...]
    seeds = (OURS, OURS | {"reconstruction": 97.0}, OURS | {"reconstruction": 96.8}, {})
    found = {one.metric: one for one in sweep(tmp_path, seeds)}
    assert found["reconstruction"].ours == mean_interval([96.9, 97.0, 96.8])
    assert found["reconstruction"].why.startswith("3 seeds")


def test_a_row_whose_words_are_not_printed(tmp_path: Path) -> None:
    found = {one.metric: one for one in sweep(tmp_path, method="vae_fb", kind="free_bits", target_rate=7)}
    assert found["iw_nll"].published is None
    assert found["iw_nll"].why == "the tables print no NLL(q) for this method"


def test_a_corpus_in_no_table_and_a_sweep_without_scores(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    assert sweep(tmp_path / "a", corpus={"name": "captions"}) == []
    assert sweep(tmp_path, ({},)) == []
