"""A run's files in MLflow: each uploaded when it is not the one that the run has, as the run's tags remember."""

import hashlib
import json
from typing import TYPE_CHECKING

from trainables.base import digest
from trainables.storage_paths import PlaceError, copied, place_of
from vae_sweep.storage.checkpoint_paths import journaled
from vae_sweep.storage.layout import REPORT_FOLDER
from vae_sweep.tracking.runs import TAG, RunState

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

OUTPUTS = ("weights.safetensors", "trial.json", "samples.txt")
_BESIDE = ("vocabulary.json", "latent.json")
"""Outputs that a trial of an earlier version, or of some methods, does not have."""

OUTPUTS_TAG, SPEC_TAG, TEXTS_TAG, REPORT_TAG = TAG + "outputs", TAG + "spec", TAG + "probes", TAG + "report"
TEXTS_FOLDER, FROM = "probes", "from "

Tags = dict[str, str]


def write_spec(client: "MlflowClient", run_id: str, known: Tags, state: RunState) -> Tags:
    """Upload a sweep's resolved spec; return the tags that say so."""
    if state.spec is None:
        return {}
    wanted = digest(state.spec)
    if known.get(SPEC_TAG) != wanted:
        client.log_dict(run_id, state.spec, "spec.json")
    return {SPEC_TAG: wanted}


def write_outputs(client: "MlflowClient", run_id: str, known: Tags, state: RunState) -> tuple[Tags, bool]:
    """Upload what a trial left; return the tags that say so, and whether there was anything."""
    if state.outputs is None:
        return {}, False
    source = journaled(state.outputs)
    before = known.get(OUTPUTS_TAG, "")
    if before.startswith(FROM) and journaled(place_of(before.removeprefix(FROM))) == source:
        return {OUTPUTS_TAG: FROM + source}, False
    try:
        with copied(state.outputs, (*OUTPUTS, *_BESIDE)) as folder:
            found = [name for name in (*OUTPUTS, *_BESIDE) if (folder / name).is_file()]
            for name in found:
                client.log_artifact(run_id, str(folder / name))
    except PlaceError as error:  # numbers do not wait for object storage; the next sync tries again
        return {OUTPUTS_TAG: f"not uploaded, vae-sweep sync tries again: {error}"}, False
    if missing := [name for name in OUTPUTS if name not in found]:
        return {OUTPUTS_TAG: f"{', '.join(missing)} not found in {source}"}, bool(found)
    return {OUTPUTS_TAG: FROM + source}, True


def write_texts(client: "MlflowClient", run_id: str, known: Tags, state: RunState) -> Tags:
    """Upload the pages of a trial's probes where they are not those that the run has."""
    if state.texts is None:
        return {}
    pages = sorted([*state.texts.glob("*.txt"), *state.texts.glob("*.json")])
    wanted = digest([[page.name, page.read_text(encoding="utf-8")] for page in pages])
    if not pages:
        return {TEXTS_TAG: f"not found in {TEXTS_FOLDER}/{state.texts.name}"}
    if known.get(TEXTS_TAG) != wanted:
        for page in pages:
            client.log_artifact(run_id, str(page), TEXTS_FOLDER)
    return {TEXTS_TAG: wanted}


def write_report(client: "MlflowClient", run_id: str, known: Tags, state: RunState) -> Tags:
    """Upload the files of a sweep's report that changed; the tag holds their digests by name."""
    if state.report is None:
        return {}
    there: dict[str, str] = json.loads(known.get(REPORT_TAG) or "{}")
    files = [path for path in sorted(state.report.iterdir()) if path.is_file() and not path.name.startswith(".")]
    for path in files:
        wanted = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        if there.get(path.name) != wanted:
            client.log_artifact(run_id, str(path), REPORT_FOLDER)
            there[path.name] = wanted
    return {REPORT_TAG: json.dumps(there, sort_keys=True)} if there else {}
