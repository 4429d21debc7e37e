"""A first sweep file for a corpus: it says what was measured, and fits its time."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.cluster import run
from vae_sweep.config.reader import read_spec
from vae_sweep.errors import LaunchError
from vae_sweep.planning.estimate.estimate import Estimate
from vae_sweep.planning.estimate.rates import Span
from vae_sweep.planning.plan import Plan, make_plan
from vae_sweep.planning.proposal import propose


def taking(seconds: Callable[[int], float]) -> Callable[[Plan], Estimate]:
    """An estimate of so many seconds a number of training sentences, wide sizes four times that, ten of scores."""

    def estimate(plan: Plan) -> Estimate:
        count = len(plan.corpus.splits["train"].sentences)
        high = seconds(count) * (4 if plan.spec.model.encoder_size > 128 else 1)
        return Estimate(Span(high / 2, high), Span(5, 10), {}, (1, 2), 100.0, 1, 1, exact=True, load=0.0)

    return estimate


@pytest.mark.parametrize("seconds", [60.0, 110.0, 1000.0])
def test_a_proposal_fits_its_time_and_its_file_is_what_was_measured(seconds: float, tmp_path: Path) -> None:
    found = propose("captions", seconds, taking(lambda count: 5 + count / 20))
    sentences = len(found.plan.corpus.splits["train"].sentences)
    assert 0.5 * seconds < found.estimate.seconds.high <= seconds or sentences == 8000
    path = tmp_path / "proposal.yaml"
    path.write_text(found.text, encoding="utf-8")
    assert make_plan(read_spec(path)).spec == found.plan.spec


def test_a_corpus_of_ones_own_is_named_by_its_whole_path(tmp_path: Path) -> None:
    folder = tmp_path / "odd 'name': x"
    folder.mkdir()
    for stem, count in (("train", 700), ("valid", 10), ("test", 10)):
        (folder / f"{stem}.txt").write_text("a dog runs .\na cat sleeps .\n" * (count // 2))
    found = propose(str(folder), 100.0, taking(lambda count: 5 + count / 20))
    (tmp_path / "own.yaml").write_text(found.text)
    assert read_spec(tmp_path / "own.yaml").corpus.path == str(folder)
    assert found.plan.spec.corpus.limit.train == 700


def test_a_time_too_short_is_refused_with_what_the_smallest_sweep_takes() -> None:
    with pytest.raises(
        LaunchError, match=r"within 20 s .* of 500 training sentences, takes 20 s to 40 s; give it more"
    ):
        propose("captions", 20.0, taking(lambda count: 5 + count / 20))


def test_what_cannot_be_written_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "captions.yaml").write_text("mine")
    done = run(tmp_path, "init", "captions")
    assert (done.returncode, done.stderr) == (
        2,
        "captions.yaml exists already: give another name with --out, or remove it\n",
    )
    assert (tmp_path / "captions.yaml").read_text() == "mine"
    missing = run(tmp_path, "init", "nowhere")
    assert missing.returncode == 2
    assert "nowhere" in missing.stderr
    assert "Traceback" not in missing.stderr
