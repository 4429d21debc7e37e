"""`vae-sweep probe` on a tiny real sweep: the journal, the tables, MLflow."""

from pathlib import Path

import pytest
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from tests.integration.cluster import SPACE, lines, run

pytestmark = [pytest.mark.slow, pytest.mark.exhaustive, pytest.mark.in_order]
NUMBERS = {
    "probe/bleu",
    "probe/bleu_cut",
    "probe/pcc",
    *(f"probe/recon_swap{k}" for k in range(1, 5)),
    "probe/accuracy_gmm",
    "probe/accuracy_100",
    "probe/copy_distance",
    "probe/copy_length",
    "probe/copy_train_length",
}
PAGES = {"numbers.json", "copying.txt", "interpolation_posterior.txt", "interpolation_prior.txt"}
SWEEP = "sweeps/tiny"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a finished sweep of two trials."""
    home = tmp_path_factory.mktemp("probed")
    (home / "tiny.yaml").write_text(SPACE.replace("[2, 4]", "[4]").replace("epochs: 3", "epochs: 2"))
    done = run(home, "launch", "tiny.yaml")
    assert done.returncode == 0, done.stderr
    return home


def mlflow_runs(home: Path) -> tuple[MlflowClient, dict[str, Run]]:
    client = MlflowClient(tracking_uri=f"sqlite:///{home / 'sweeps' / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("vae-sweep")
    assert experiment is not None
    runs = client.search_runs([experiment.experiment_id])
    return client, {found.data.tags.get("vae_sweep.trial", ""): found for found in runs}


def test_wrong_names_are_told_in_words(home: Path) -> None:
    for arguments, words in (
        (["--only", "blue"], "no probe 'blue'; allowed are bleu"),
        (["--trial", "0009-x-s0"], "there are: 0000-"),
    ):
        refused = run(home, "probe", SWEEP, *arguments)
        assert refused.returncode == 2
        assert words in refused.stderr
        assert "Traceback" not in refused.stderr
    assert "no sweep there" in run(home, "probe", "sweeps/nothing").stderr


def test_a_sweep_is_probed_trial_by_trial(home: Path) -> None:
    journal = home / SWEEP / "journal.jsonl"
    first = next(line["trial"] for line in lines(journal) if line["kind"] == "final")
    one = run(home, "probe", SWEEP, "--trial", first, "--only", "bleu,pcc")
    assert one.returncode == 0, one.stderr
    assert "Table 4" in one.stdout
    assert "Table 8" not in one.stdout
    rest = run(home, "probe", SWEEP)
    assert rest.returncode == 0, rest.stderr
    for words in ("Table 4", "Table 5", "Table 6", "Table 8", "Appendix B", "λ=4", "1 of 2", "2 of 2"):
        assert words in rest.stdout
    found: dict[str, dict[str, float]] = {}
    for line in lines(journal):
        if line["kind"] == "probed":
            assert not found.setdefault(line["trial"], {}).keys() & line["numbers"].keys(), "probed twice"
            found[line["trial"]] |= line["numbers"]
    assert {trial: set(numbers) for trial, numbers in found.items()} == dict.fromkeys(found, NUMBERS)
    assert len(found) == 2
    assert not list((home / SWEEP).glob("driver.*"))
    client, runs = mlflow_runs(home)
    for trial, numbers in found.items():
        assert numbers.items() <= runs[trial].data.metrics.items()
        pages = {Path(file.path).name for file in client.list_artifacts(runs[trial].info.run_id, "probes")}
        assert pages == PAGES == {file.name for file in (home / SWEEP / "probes" / trial).iterdir()}


def test_probing_again_runs_nothing(home: Path) -> None:
    assert run(home, "probe", SWEEP).returncode == 0
    before = lines(home / SWEEP / "journal.jsonl")
    again = run(home, "probe", SWEEP)
    assert again.returncode == 0
    assert "probed before" in again.stdout
    assert "Table 4" in again.stdout
    assert lines(home / SWEEP / "journal.jsonl") == before


def test_lost_weights_are_told_and_the_others_go_on(home: Path) -> None:
    journal = home / SWEEP / "journal.jsonl"
    kept = journal.read_text()
    journal.write_text("".join(f"{line}\n" for line in kept.splitlines() if '"kind": "probed"' not in line))
    final = next(line for line in lines(journal) if line["kind"] == "final")
    weights = home / SWEEP / final["checkpoint"] / "weights.safetensors"
    aside = weights.rename(weights.with_suffix(".aside"))
    try:
        done = run(home, "probe", SWEEP, "--only", "pcc")
    finally:
        aside.rename(weights)
        probed = [line["trial"] for line in lines(journal) if line["kind"] == "probed"]
        journal.write_text(kept)
    assert done.returncode == 1
    assert "not probed" in done.stdout
    assert "Traceback" not in done.stderr
    assert probed
    assert final["trial"] not in probed
