"""SweepSpec: what a sweep file says, checked as a whole."""

from itertools import product
from typing import Annotated, Any, Literal, Self

from pydantic import Field, NonNegativeInt, PositiveInt, ValidationError, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from trainables.base import Spec
from trainables.measure.spec import EvaluationSpec
from trainables.methods import METHODS
from trainables.model.spec import ModelSpec
from trainables.spec import SEARCHABLE, TrialSpec, Value
from trainables.text.spec import CorpusSpec
from trainables.training.descent import DescentSpec
from vae_sweep.domains import Domain, points, samples

Objective = Literal["perplexity", "iw_nll", "reconstruction", "neg_elbo"]
Draw = dict[str, Value]


class DataSpec(Spec):
    """Where corpora lie."""

    directory: str | None = Field(None, description="else VAE_SWEEP_DATA, else the user's cache directory")


class SearchSpec(Spec):
    """How cells are proposed; a grid runs every point once, the others draw `trials` distinct cells."""

    kind: Literal["grid", "random", "tpe", "nsga2"] = "grid"
    trials: PositiveInt | None = Field(None, description="distinct cells to draw; a grid has its own number")
    objectives: Annotated[tuple[Objective, ...], Field(min_length=1)] = ("perplexity", "reconstruction")
    seed: NonNegativeInt = 0

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.kind == "grid" and self.trials is not None:
            raise ValueError("a grid runs all its points; leave trials out, or choose random, tpe or nsga2")
        if self.kind != "grid" and self.trials is None:
            raise ValueError(f"{self.kind} needs trials: how many cells to draw")
        if len(set(self.objectives)) < len(self.objectives):
            raise ValueError(f"an objective is named twice in {list(self.objectives)}")
        return self


class ResourceSpec(Spec):
    """What each trial occupies; `auto` is one core, and a quarter of a GPU where there is one."""

    cpu: PositiveInt | Literal["auto"] = "auto"
    gpu: Annotated[float, Field(ge=0)] | Literal["auto"] = Field("auto", description="a share, or whole GPUs")
    max_concurrent: PositiveInt | None = Field(None, description="trials at once; none is as many as fit")

    @model_validator(mode="after")
    def _whole_gpus(self) -> Self:
        if isinstance(self.gpu, float) and self.gpu > 1 and self.gpu != int(self.gpu):
            raise ValueError(f"gpu is a share up to 1 or a whole number of GPUs, not {self.gpu}")
        return self


class StorageSpec(Spec):
    """Where a sweep is kept."""

    directory: str = Field("sweeps", description="holds a folder for each sweep; relative to where you launch")
    study: str | None = Field(None, description="database URL of the Optuna study; none is a journal file")


class TrackingSpec(Spec):
    """Where MLflow is."""

    uri: str | None = Field(None, description="MLflow tracking URI; none is a sqlite database in the storage")
    experiment: str = Field("vae-sweep", min_length=1)


class SweepSpec(Spec):
    """A space, a search, replicates, resources; everything a sweep file may say."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$", max_length=80)
    corpus: CorpusSpec
    data: DataSpec = DataSpec()
    model: ModelSpec = ModelSpec()
    descent: DescentSpec = DescentSpec()
    pretraining: DescentSpec = Field(DescentSpec(), description="as differences from descent")
    methods: dict[str, dict[str, Domain]] = Field(min_length=1, description="row -> its parameters' domains")
    seeds: tuple[NonNegativeInt, ...] = Field((0,), min_length=1, description="replicates of every cell")
    search: SearchSpec = SearchSpec()
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
        given = raw.get("pretraining", {})
        if isinstance(given, dict) and isinstance(raw.get("descent"), dict):
            raw["pretraining"] = merged(raw["descent"], given)
        return raw

    @model_validator(mode="after")
    def _rows(self) -> Self:
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError(f"seeds: a seed is listed twice in {list(self.seeds)}")
        problems = [problem for name in self.methods for problem in self._row_problems(name)]
        if problems:
            raise ValidationError.from_exception_data(type(self).__name__, problems)
        return self

    def _row_problems(self, name: str) -> list[InitErrorDetails]:
        if name not in METHODS:
            return [_problem(("methods", name), name, "unknown method", METHODS)]
        if METHODS[name].reference and self.search.kind != "grid":
            text = f"{name} is a reference row: it runs in grids and is never drawn by {self.search.kind}"
            return [_problem(("methods", name), name, text)]
        known = METHODS[name].parameters()
        problems = []
        for parameter, domain in self.methods[name].items():
            where = ("methods", name, parameter)
            if parameter not in known and not parameter.startswith(tuple(f"{p}." for p in SEARCHABLE)):
                allowed = [*known, *(f"{part}.<field>" for part in SEARCHABLE)]
                problems.append(_problem(where, parameter, f"{name} has no such parameter", allowed))
                continue
            for value in samples(domain):
                wrong = self._value_problem(name, parameter, value)
                if wrong is not None:
                    problems.append(_problem(where, value, wrong))
        return problems

    def _value_problem(self, method: str, parameter: str, value: Value) -> str | None:
        try:
            self.trial(method, {parameter: value}, 0, "")
        except ValidationError as error:
            first = error.errors()[0]
            return str(first["msg"])
        return None

    def trial(self, method: str, values: Draw, seed: int, fingerprint: str) -> TrialSpec:
        """Return the trial of one cell and seed on the corpus with this fingerprint."""
        template = TrialSpec(
            corpus=self.corpus,
            corpus_fingerprint=fingerprint,
            method=METHODS[method],
            model=self.model,
            descent=self.descent,
            pretraining=self.pretraining,
            evaluation=self.evaluation,
            seed=seed,
        )
        return template.with_values(values)

    def points(self) -> list[tuple[str, Draw]] | None:
        """Return every (method, values) of the space without doubles, or None where a domain is continuous."""
        found: list[tuple[str, Draw]] = []
        for method, row in self.methods.items():
            lists = [points(domain) for domain in row.values()]
            if any(values is None for values in lists):
                return None
            found += [
                (method, dict(zip(row, values, strict=True)))
                for values in product(*(values for values in lists if values is not None))
            ]
        return found

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


def _problem(where: tuple[str, ...], value: Any, text: str, allowed: Any = ()) -> InitErrorDetails:
    context = {"text": text, "allowed": list(allowed)}
    return InitErrorDetails(type=PydanticCustomError("space", "{text}", context), loc=where, input=value)
