"""The code of a registered model. MLflow copies this file into the model and runs it where the model is loaded,
in any process that has vae-sweep installed; the model's files are those of a stored trial."""

from pathlib import Path
from typing import Any

import pandas as pd
import torch
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from trainables.model.spec import LONGEST
from trainables.text_vae import TextVae, UseError, load_text_vae

_DEFAULTS: dict[str, Any] = {"task": "reconstruct", "count": 1, "seed": 0, "steps": 7, "longest": LONGEST}
TASKS = ("reconstruct", "encode", "decode", "sample", "interpolate")


class TextVaeModel(PythonModel):
    """A trained text VAE behind `predict`; the model itself, with its methods, is `vae`."""

    vae: TextVae

    def load_context(self, context: PythonModelContext) -> None:
        """Read the model from its files. Raises StateError where they are damaged."""
        self.vae = load_text_vae(Path(context.artifacts["trial"]))

    def predict(
        self, context: PythonModelContext, model_input: pd.DataFrame, params: dict[str, Any] | None = None
    ) -> pd.DataFrame:
        """Do one of TASKS, `params["task"]`, to the rows: column `text`, for decode column `code`.

        Codes come and go as lists of latent_size numbers. Raises UseError where the model or the rows do not
        allow the task.
        """
        asked = _DEFAULTS | (params or {})
        match asked["task"]:
            case "reconstruct":
                return _texts(self.vae.reconstruct(_column(model_input, "text"), asked["longest"]))
            case "encode":
                return pd.DataFrame({"code": self.vae.encode(_column(model_input, "text")).tolist()})
            case "decode":
                return _texts(
                    self.vae.decode(torch.tensor(_column(model_input, "code")), longest=asked["longest"])
                )
            case "sample":
                return _texts(self.vae.sample(asked["count"], asked["seed"], asked["longest"]))
            case "interpolate":
                ends = _column(model_input, "text")
                if len(ends) != 2:
                    raise UseError(f"interpolate takes two texts, its ends; {len(ends)} came")
                return _texts(self.vae.interpolate(ends[0], ends[1], asked["steps"], asked["longest"]))
        raise UseError(f"task {asked['task']!r}; allowed are {', '.join(TASKS)}")


def _column(rows: pd.DataFrame, name: str) -> list[Any]:
    if name not in rows:
        raise UseError(f"no column {name!r}; there are: {', '.join(map(str, rows.columns)) or 'none'}")
    return list(rows[name])


def _texts(lines: list[str]) -> pd.DataFrame:
    return pd.DataFrame({"text": lines})


set_model(TextVaeModel())
