"""Links from a sweep's page into MLflow: the runs' addresses, from a real database."""

from pathlib import Path

from mlflow.tracking import MlflowClient

from tests.handmade import Handmade, spec_in
from vae_sweep.storage.layout import JOURNAL_FILE
from vae_sweep.tracking.mirror import sync_journal
from vae_sweep.tracking.run_urls import run_addresses


def test_each_trial_has_the_address_of_its_run(tmp_path: Path) -> None:
    sweep = Handmade(spec_in(tmp_path))
    trial = sweep.start(0, 0, "vae")
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    assert run_addresses(uri, "here", sweep.record) == {}
    assert not (tmp_path / "mlflow.db").exists()
    sync_journal(sweep.folder / JOURNAL_FILE, uri, "here")
    addresses = run_addresses(uri, "here", sweep.record)
    assert addresses.keys() == {trial}
    place, _, run = addresses[trial].rpartition("/")
    assert place.startswith("http://127.0.0.1:5000/#/experiments/")
    assert MlflowClient(uri).get_run(run).data.tags["vae_sweep.trial"] == trial
    assert run_addresses(uri, "elsewhere", sweep.record) == {}
