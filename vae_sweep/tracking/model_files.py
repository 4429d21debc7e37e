"""The files of a registered model: those of its trial, and what makes them an MLflow model; nothing is pickled."""

import importlib.metadata
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from trainables.model.spec import LONGEST
from trainables.storage_paths import StoragePath, copied
from vae_sweep.tracking.client import TrackingError

if TYPE_CHECKING:
    from mlflow.entities import LoggedModel
    from mlflow.models import ModelSignature

CODE = Path(__file__).with_name("registered_model.py")
FILES = ("weights.safetensors", "vocabulary.json", "trial.json")
TRIAL_FOLDER = "trial"
REQUIRED = ("vae-sweep", "torch", "mlflow", "pandas")
EXAMPLE = "a man is sleeping ."


class ModelError(TrackingError):
    """A trial or an address has no model; waiting does not help."""

    def __init__(self, message: str) -> None:
        super().__init__(message, lasting=True)


@contextmanager
def model_files(source: StoragePath, trial: str) -> Iterator[Path]:
    """Yield a folder whose `trial` holds the files that make a model, no others. Raises ModelError, PlaceError."""
    with tempfile.TemporaryDirectory(prefix="vae-sweep-") as name, copied(source, FILES) as there:
        if missing := [file for file in FILES if not (there / file).is_file()]:
            raise ModelError(
                f"{trial}: not registered: {', '.join(missing)} not found in {source}; its weights were "
                "collected, or an earlier version of vae-sweep trained it"
            )
        Path(name, TRIAL_FOLDER).mkdir()
        for file in FILES:
            shutil.copyfile(there / file, Path(name, TRIAL_FOLDER, file))
        yield Path(name)


def save(files: Path, path: Path, run_id: str, model: "LoggedModel") -> None:
    """Write a pyfunc model at `path` from `files`/trial: code, signature, example and requirements."""
    import pandas as pd
    from mlflow.models import Model
    from mlflow.pyfunc import save_model

    save_model(
        path=str(path),
        python_model=str(CODE),
        artifacts={TRIAL_FOLDER: str(files / TRIAL_FOLDER)},
        signature=_signature(),
        input_example=pd.DataFrame({"text": [EXAMPLE]}),
        pip_requirements=[f"{name}=={importlib.metadata.version(name)}" for name in REQUIRED],
        mlflow_model=Model(model.artifact_location, run_id, model_uuid=model.model_id, model_id=model.model_id),
    )


def _signature() -> "ModelSignature":
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, DataType, ParamSchema, ParamSpec, Schema
    from mlflow.types.schema import Array

    rows = Schema([ColSpec("string", "text", False), ColSpec(Array(DataType.double), "code", False)])
    params = [
        ParamSpec("task", DataType.string, "reconstruct"),
        ParamSpec("count", DataType.long, 1),
        ParamSpec("seed", DataType.long, 0),
        ParamSpec("steps", DataType.long, 7),
        ParamSpec("longest", DataType.long, LONGEST),
    ]
    return ModelSignature(rows, rows, ParamSchema(params))
