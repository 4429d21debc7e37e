"""The quickstart's four methods by hand: Ray Tune with its OptunaSearch and its MLflow callback.

    python benchmarks/by_hand/sweep.py FOLDER MLFLOW_URI

Run again, it restores what the folder holds. The science is that of `trainables`; the service is this file.
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

import ray
from optuna import Trial
from ray import tune
from ray.air.integrations.mlflow import MLflowLoggerCallback
from ray.tune.search import ConcurrencyLimiter
from ray.tune.search.optuna import OptunaSearch

from trainables.methods import METHODS
from trainables.spec import TrialSpec
from trainables.storage_paths import place_of
from trainables.text.corpus import load_corpus
from trainables.text.spec import CorpusSpec, LimitSpec
from trainables.training.report import EpochReport, FinalReport
from trainables.training.state import TrialState, load_state, state_files
from trainables.trial import run_trial

CORPUS = CorpusSpec(name="captions", limit=LimitSpec(train=400, validation=40, test=40))
MODEL = {
    "embedding_size": 48,
    "encoder_size": 64,
    "decoder_size": 64,
    "latent_size": 16,
    "initialisation": "torch",
}
TRAINING = {
    "optimizer": "adam",
    "learning_rate": 0.005,
    "batch_size": 8,
    "epochs": 6,
    "schedule": {"kind": "linear_decay"},
}
TRIALS, AT_ONCE = 8, 2


def space(trial: Trial) -> dict[str, Any]:
    """Draw a method, and its target rate where it has one."""
    method = trial.suggest_categorical("method", ["vae", "vae_anneal", "vae_fbp", "ours"])
    if method in ("vae_fbp", "ours"):
        trial.suggest_float("target_rate", 2, 8)
    return {"seed": 0}


def spec_of(config: dict[str, Any], fingerprint: str) -> TrialSpec:
    """Return what a trial trains."""
    plain = {
        "corpus": CORPUS,
        "corpus_fingerprint": fingerprint,
        "method": METHODS[config["method"]],
        "model": MODEL,
        "training": TRAINING,
        "pretraining": TRAINING | {"epochs": 10, "learning_rate": 0.003},
        "seed": config["seed"],
    }
    values = {"target_rate": config["target_rate"]} if "target_rate" in config else {}
    return TrialSpec.model_validate(plain).with_values(values)


def train(config: dict[str, Any]) -> None:
    """Train a trial, with a checkpoint after each epoch; go on from the last where Ray has one."""
    corpus = load_corpus(CORPUS, Path("unused"))
    spec, state = spec_of(config, corpus.fingerprint), TrialState()
    checkpoint = tune.get_checkpoint()
    if checkpoint:
        with checkpoint.as_directory() as folder:
            state = load_state(place_of(folder), spec.key())
    for report, new in run_trial(spec, corpus, state):
        numbers: dict[str, Any] = {}
        if isinstance(report, EpochReport):
            numbers = {f"epoch/{word}": value for word, value in report.numbers.items()}
        if isinstance(report, FinalReport):
            numbers = {"perplexity": report.numbers["validation/perplexity"], **report.numbers}
        with tempfile.TemporaryDirectory() as folder:
            for name, content in state_files(spec.key(), new).items():
                Path(folder, name).write_bytes(content)
            tune.report({"perplexity": float("inf"), **numbers}, checkpoint=tune.Checkpoint.from_directory(folder))


def main(folder: Path, uri: str) -> None:
    where = folder.resolve() / "sweep"
    trainable = tune.with_resources(train, {"cpu": 1})
    ray.init(address="local")
    if tune.Tuner.can_restore(str(where)):
        tuner = tune.Tuner.restore(str(where), trainable, resume_unfinished=True, restart_errored=True)
    else:
        search = OptunaSearch(space, metric="perplexity", mode="min", seed=0)
        tuner = tune.Tuner(
            trainable,
            tune_config=tune.TuneConfig(search_alg=ConcurrencyLimiter(search, AT_ONCE), num_samples=TRIALS),
            run_config=tune.RunConfig(
                name=where.name,
                storage_path=str(where.parent),
                failure_config=tune.FailureConfig(max_failures=3),
                callbacks=[MLflowLoggerCallback(tracking_uri=uri, experiment_name="by_hand")],
            ),
        )
    found = tuner.fit().get_dataframe().sort_values("perplexity")
    print(found.filter(regex="^(perplexity|config/(method|target_rate))$").to_string(index=False))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
