"""Where a sweep's runs stand in MLflow's pages."""

from vae_sweep.config.paths import sqlite_path
from vae_sweep.journal.records import SweepRecord
from vae_sweep.tracking.client import open_client, translated_errors
from vae_sweep.tracking.runs import SWEEP_TAG, TRIAL_TAG

LOCAL_PAGES = "http://127.0.0.1:5000"
"""Where `mlflow ui` shows a database, unless another port is given."""

LARGEST_PAGE = 1000


def run_addresses(uri: str, experiment: str, sweep: SweepRecord) -> dict[str, str]:
    """Return the address of each trial's run by the trial's id; empty where MLflow has none of the sweep's yet.

    Those of a database are where `mlflow ui` would show them. Raises TrackingError where MLflow is out of reach.
    """
    database = sqlite_path(uri)
    if database is not None and not database.is_file():
        return {}
    with translated_errors(uri):
        client = open_client(uri)
        found = client.get_experiment_by_name(experiment)
        if found is None:
            return {}
        pages = uri.rstrip("/") if uri.startswith("http") else LOCAL_PAGES
        home, token, addresses = f"{pages}/#/experiments/{found.experiment_id}/runs", None, {}
        query = f"tags.`{SWEEP_TAG}` = '{sweep.identity}'"
        while True:
            page = client.search_runs([found.experiment_id], query, max_results=LARGEST_PAGE, page_token=token)
            for run in page:
                if trial := run.data.tags.get(TRIAL_TAG):
                    addresses[trial] = f"{home}/{run.info.run_id}"
            token = page.token
            if not token:
                return addresses
