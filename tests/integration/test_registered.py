"""Winners in a real registry: there once, named best, loaded elsewhere, and again after whatever went wrong."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from tests.handmade import Handmade
from tests.integration.mlflow_seen import free_port, server
from tests.trained_sweep import train, trained_sweep
from trainables.outputs import VOCABULARY_FILE
from trainables.text_vae import load_text_vae
from vae_sweep.results.winners import leaders
from vae_sweep.tracking.model_files import ModelError
from vae_sweep.tracking.sweep_mirror import register_trials, sync_sweep, tracking_uri

LINES = ["a dog runs .", "a zyzzyva runs ."]
LOAD = """
import json, sys
import mlflow, pandas as pd
mlflow.set_tracking_uri(sys.argv[1])
model = mlflow.pyfunc.load_model(sys.argv[2])
lines = json.loads(sys.argv[3])
rows = pd.DataFrame({"text": lines})
asked = {task: rows for task in ("reconstruct", "encode", "interpolate", "sample")}
found = {
    task: model.predict(frame, params={"task": task, "count": 3, "seed": 5, "steps": 4}).to_dict("list")
    for task, frame in asked.items()
}
found["decode"] = model.predict(pd.DataFrame(found["encode"]), params={"task": "decode"}).to_dict("list")
found["unwrapped"] = model.unwrap_python_model().vae.reconstruct(lines)
found["default"] = model.predict(rows).to_dict("list")
print(json.dumps(found))
"""


@pytest.fixture
def sweep(tmp_path: Path) -> Handmade:
    return trained_sweep(tmp_path)


def client_of(sweep: Handmade) -> MlflowClient:
    return MlflowClient(tracking_uri=tracking_uri(sweep.spec))


def versions(client: MlflowClient, name: str = "one") -> dict[str, str]:
    """Return the trials registered under a name, by version."""
    return {str(found.version): found.tags["trial"] for found in client.search_model_versions(f"name = '{name}'")}


def loaded(uri: str, address: str) -> dict[str, object]:
    """Return what a registered model gives in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", LOAD, uri, address, json.dumps(LINES)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


def check_best(sweep: Handmade, uri: str) -> None:
    """Compare what the best model gives elsewhere with the stored trial itself."""
    best = sweep.record.trials[leaders(sweep.spec, sweep.record).winners[0]]
    assert best.final is not None
    assert best.final.checkpoint is not None
    vae = load_text_vae(best.final.checkpoint)
    found = loaded(uri, "models:/one@best")
    lines = vae.reconstruct(LINES)
    assert found["default"] == found["reconstruct"] == found["decode"] == {"text": lines}
    assert found["unwrapped"] == lines
    assert found["sample"] == {"text": vae.sample(3, 5)}
    assert found["interpolate"] == {"text": vae.interpolate(LINES[0], LINES[1], 4)}
    assert found["encode"] == {"code": vae.encode(LINES).tolist()}


def test_a_complete_sweep_registers_its_winners_once(sweep: Handmade) -> None:
    winners = leaders(sweep.spec, sweep.record).winners
    assert sync_sweep(sweep.spec, sweep.folder).models == len(winners)
    client = client_of(sweep)
    assert sorted(versions(client).values()) == sorted(winners)
    best = client.get_model_version_by_alias("one", "best")
    assert best.tags["trial"] == winners[0]
    trial = sweep.record.trials[winners[0]]
    assert trial.final is not None
    assert float(best.tags["perplexity"]) == pytest.approx(trial.final.numbers["validation/perplexity"], rel=1e-5)
    run = client.get_run(best.run_id)
    assert run.data.tags["vae_sweep.trial"] == winners[0]
    [output] = run.outputs.model_outputs
    assert client.get_logged_model(output.model_id).artifact_location == best.source
    again = sync_sweep(sweep.spec, sweep.folder)
    assert (again.models, again.points, again.runs, again.outputs) == (0, 0, 0, 0)
    assert sorted(versions(client_of(sweep)).values()) == sorted(winners)
    check_best(sweep, tracking_uri(sweep.spec))


def test_what_a_kill_left_half_done_is_finished(sweep: Handmade) -> None:
    """A model logged and not registered is registered; one not whole is made anew."""
    sync_sweep(sweep.spec, sweep.folder)
    client = client_of(sweep)
    before = client.get_model_version_by_alias("one", "best")
    client.delete_model_version("one", before.version)
    experiment = client.get_run(before.run_id).info.experiment_id
    tags = {key: before.tags[key] for key in ("vae_sweep.sweep_id", "vae_sweep.trial")}
    torn = client.create_logged_model(experiment, "torn", before.run_id, tags)
    assert sync_sweep(sweep.spec, sweep.folder).models == 1
    after = client.get_model_version_by_alias("one", "best")
    assert after.source == before.source
    known = {model.model_id: model.artifact_location for model in client.search_logged_models([experiment])}
    assert torn.model_id not in known
    assert before.source in known.values()


def test_a_better_trial_takes_the_alias(sweep: Handmade) -> None:
    sync_sweep(sweep.spec, sweep.folder)
    client = client_of(sweep)
    before = versions(client)
    sweep.launch(2)
    name = train(sweep, 4, "ours", {"target_rate": 2}, perplexity=1.5, reconstruction=0.5)
    sync_sweep(sweep.spec, sweep.folder)
    assert versions(client) == before
    sweep.write("end", outcome="complete", reason=None)
    assert sync_sweep(sweep.spec, sweep.folder).models == 1
    assert client.get_model_version_by_alias("one", "best").tags["trial"] == name
    assert before.items() <= versions(client).items()


def test_a_trial_is_registered_on_request(sweep: Handmade) -> None:
    made = register_trials(sweep.spec, sweep.folder, "0002", "mine")
    assert made == {"0002-ae-s0": "1"}
    assert register_trials(sweep.spec, sweep.folder, "0002", "mine") == made
    client = client_of(sweep)
    assert versions(client, "mine") == {"1": "0002-ae-s0"}
    assert client.get_registered_model("mine").aliases == {}
    assert set(versions(client).values()) == set(leaders(sweep.spec, sweep.record).winners)


def test_a_winner_from_before_vocabularies_were_kept_is_told_of(sweep: Handmade) -> None:
    winner = leaders(sweep.spec, sweep.record).winners[0]
    (sweep.last(winner) / VOCABULARY_FILE).unlink()
    sync_sweep(sweep.spec, sweep.folder)
    client = client_of(sweep)
    runs = client.search_runs(
        [found.experiment_id for found in client.search_experiments()], f"tags.`vae_sweep.trial` = '{winner}'"
    )
    assert "vocabulary.json not found" in runs[0].data.tags["vae_sweep.model"]
    assert winner not in versions(client).values()
    with pytest.raises(ModelError, match=r"not registered: vocabulary\.json not found in"):
        register_trials(sweep.spec, sweep.folder, winner, None)


@pytest.mark.slow
def test_a_model_is_loaded_from_a_server(sweep: Handmade, tmp_path: Path) -> None:
    port = free_port()
    uri = f"http://127.0.0.1:{port}"
    spec = sweep.spec.model_copy(update={"tracking": sweep.spec.tracking.model_copy(update={"uri": uri})})
    with server(tmp_path / "server", port):
        assert sync_sweep(spec, sweep.folder).models
        check_best(sweep, uri)
