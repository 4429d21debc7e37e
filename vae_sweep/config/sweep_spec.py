"""SweepSpec: what a sweep file says, checked as a whole."""

import re
from itertools import product
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    Field,
    NonNegativeInt,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
    model_validator,
)

from trainables.base import Spec
from trainables.measure.spec import EvaluationSpec, RungSpec
from trainables.methods import METHODS
from trainables.model.spec import ModelSpec
from trainables.spec import TrialSpec, Value
from trainables.text.spec import CorpusSpec
from trainables.training.training_spec import TrainingSpec
from vae_sweep.config.domains import points
from vae_sweep.config.method_space import LISTABLE, Rows, checked_rows, row_size
from vae_sweep.config.recipes import Recipe, with_recipe
from vae_sweep.config.resource_spec import ResourceSpec
from vae_sweep.config.search_spec import SearchSpec, without_doubles
from vae_sweep.config.validation_messages import PASSWORD

DATABASE = "mlflow.db"
TAKEN = ("pretrained", "mlartifacts", DATABASE, "objects.json")
"""What a storage directory holds beside the folders of sweeps."""

Draw = dict[str, Value]
NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,79}$"
_ADDRESS = r"^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9_=-][A-Za-z0-9_.=-]*)*/?$"


def _plain_name(name: str) -> str:
    if not re.fullmatch(NAME, name):
        raise ValueError(
            "it names a folder: at most 80 letters, digits, dots, dashes, underscores; a letter or digit first"
        )
    if name.lower() in TAKEN or name.lower().startswith(f"{DATABASE}-"):
        raise ValueError(f"the storage directory has something of its own called so; not {', '.join(TAKEN)}")
    return name


def _plain_address(address: str) -> str:
    if not re.fullmatch(_ADDRESS, address):
        raise ValueError(
            "expected s3://bucket or s3://bucket/prefix of letters, digits, dots, dashes, underscores; endpoint "
            "and credentials come from AWS_ENDPOINT_URL, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY"
        )
    return address.rstrip("/")


def _without_password(url: str | None) -> str | None:
    if url is not None and PASSWORD.search(url):
        raise ValueError(
            "holds a password, which journal and MLflow would show; give it by the environment: "
            "MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, or PGPASSWORD"
        )
    return url


Url = Annotated[str | None, AfterValidator(_without_password)]


class DataSpec(Spec):
    """Where corpora lie."""

    directory: str | None = Field(None, description="else VAE_SWEEP_DATA, else the user's cache directory")


class StorageSpec(Spec):
    """Where a sweep is kept."""

    directory: str = Field("sweeps", description="holds a folder for each sweep; relative to where you launch")
    share_pretraining: bool = Field(True, description="train equal pretrainings once, for all sweeps kept there")
    study: Url = Field(None, description="database URL of the Optuna study, which a grid has not; none is a file")
    objects: Annotated[str, AfterValidator(_plain_address)] | None = Field(
        None,
        description="s3://bucket/prefix for checkpoints and pretrainings; none keeps them in the directory",
        json_schema_extra={"pattern": _ADDRESS},
    )


class TrackingSpec(Spec):
    """Where MLflow is."""

    uri: Url = Field(None, description="MLflow tracking URI; none is a sqlite database in the storage")
    experiment: str = Field("vae-sweep", min_length=1)


class SweepSpec(Spec):
    """A space, a search, replicates, resources; everything a sweep file may say."""

    name: Annotated[str, AfterValidator(_plain_name)] = Field(
        description="of the sweep and its folder; else the file's", json_schema_extra={"pattern": NAME}
    )
    recipe: Recipe = Field("paper", description="whose settings are the defaults where paper and code differ")
    corpus: CorpusSpec
    data: DataSpec = DataSpec()
    model: ModelSpec = ModelSpec()
    training: TrainingSpec = TrainingSpec()
    pretraining: TrainingSpec = Field(TrainingSpec(), description="as differences from training")
    search: SearchSpec = SearchSpec()
    methods: Rows = Field(min_length=1, description="method -> its parameters' domains")
    seeds: tuple[NonNegativeInt, ...] = Field((0,), min_length=1, description="replicates of every cell")
    evaluation: EvaluationSpec = EvaluationSpec()
    resources: ResourceSpec = ResourceSpec()
    storage: StorageSpec = StorageSpec()
    tracking: TrackingSpec = TrackingSpec()

    @model_validator(mode="before")
    @classmethod
    def _defaults(cls, raw: Any) -> Any:
        if not isinstance(raw, dict):
            return raw
        raw = dict(raw)
        if isinstance(raw.get("methods"), dict):
            raw["methods"] = {name: {} if row is None else row for name, row in raw["methods"].items()}
        raw = with_recipe(raw, raw.get("recipe", "paper"))
        if isinstance(model := raw.get("model", {}), dict):
            raw["model"] = {"precision": "auto", **model}
        training, given = raw.get("training"), raw.get("pretraining", {})
        if isinstance(training, TrainingSpec):
            training = training.model_dump()
        if isinstance(given, dict) and isinstance(training, dict):
            raw["pretraining"] = merged(training, given)
        return raw

    @field_validator("methods", mode="wrap")
    @classmethod
    def _rows(cls, raw: Any, handler: ValidatorFunctionWrapHandler, info: ValidationInfo) -> Rows:
        return checked_rows(raw, handler, info.data)

    @field_validator("seeds")
    @classmethod
    def _distinct(cls, seeds: tuple[int, ...], info: ValidationInfo) -> tuple[int, ...]:
        first = info.data["search"].first_seeds if "search" in info.data else None
        if first is not None and first > len(seeds):
            raise ValueError(f"search.first_seeds is {first}, and there are only {len(seeds)}; list more seeds")
        return without_doubles(seeds)

    def trial(self, method: str, values: Draw, seed: int, fingerprint: str) -> TrialSpec:
        """Return the trial of one cell and seed on the corpus with this fingerprint."""
        template = TrialSpec(
            corpus=self.corpus,
            corpus_fingerprint=fingerprint,
            method=METHODS[method],
            model=self.model,
            training=self.training,
            pretraining=self.pretraining,
            evaluation=self.evaluation,
            rungs=self.rungs,
            seed=seed,
        )
        return template.with_values(values)

    def points(self) -> list[tuple[str, Draw]] | None:
        """Return every (method, values) of the space without doubles, or None where a method cannot be listed."""
        rows = {method: self.row_points(method) for method in self.methods}
        if any(found is None for found in rows.values()):
            return None
        return [(method, values) for method, found in rows.items() for values in found or ()]

    def row_points(self, method: str) -> list[Draw] | None:
        """Return every point of a method, or None where it is continuous or has more than LISTABLE points."""
        row = self.methods[method]
        size = row_size(row)
        if size is None or size > LISTABLE:
            return None
        lists = [points(domain) or () for domain in row.values()]
        return [dict(zip(row, values, strict=True)) for values in product(*lists)]

    @property
    def first_seeds(self) -> tuple[int, ...]:
        """Seeds that every cell gets; what remains of `seeds` goes to cells near the front."""
        return self.seeds[: self.search.first_seeds]

    @property
    def rungs(self) -> RungSpec | None:
        """Where trials are measured to be judged; None where none is pruned."""
        pruning = self.search.pruning
        return None if pruning is None else RungSpec(**pruning.model_dump(include=set(RungSpec.model_fields)))

    @property
    def final(self) -> str:
        """Who gets the test split: `all`, `front` or `none`."""
        return self.evaluation.final or ("all" if self.search.kind == "grid" else "front")


def merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """Return `base` with the differences `over`; mappings merge unless their `kind` differs."""
    result = dict(base)
    for key, value in over.items():
        old = result.get(key)
        both = isinstance(old, dict) and isinstance(value, dict)
        same_kind = both and value.get("kind", old.get("kind")) == old.get("kind")  # type: ignore[union-attr]
        result[key] = merged(old, value) if same_kind else value  # type: ignore[arg-type]
    return result
