"""ResourceSpec: what trials occupy, and which nodes they may run on."""

from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    ValidationError,
    ValidationInfo,
    ValidatorFunctionWrapHandler,
    field_validator,
)
from pydantic_core import InitErrorDetails, PydanticCustomError

from trainables.base import Spec
from trainables.methods import METHODS

GPU_SHARE = 0.25
"""Share of a GPU that `auto` stands for where there is one."""


Cores = PositiveInt | Literal["auto"]
Gpus = Annotated[float, Field(ge=0)] | Literal["auto"]


def _share_or_whole(gpu: Gpus | None) -> Gpus | None:
    if isinstance(gpu, float) and gpu > 1 and gpu != int(gpu):
        raise ValueError("expected a share up to 1, or a whole number of GPUs")
    return gpu


class MethodResourceSpec(Spec):
    """What the trials of one method occupy instead of what all others do; what is left out is theirs."""

    cpu: Cores | None = None
    gpu: Gpus | None = Field(None, description="a share, or whole GPUs")

    _whole_gpus = field_validator("gpu")(_share_or_whole)


class ResourceSpec(Spec):
    """What each trial occupies; `auto` is one core, and a quarter of a GPU where there is one."""

    cpu: Cores = Field("auto", description="cores of a trial, and its threads")
    gpu: Gpus = Field("auto", description="a share, or whole GPUs")
    methods: dict[str, MethodResourceSpec] = Field(
        {}, description="method -> its own cpu and gpu", json_schema_extra={"propertyNames": {"enum": [*METHODS]}}
    )
    max_concurrent: PositiveInt | None = Field(None, description="trials at once; none is as many as fit")
    max_gpus: PositiveFloat | None = Field(
        None, description="GPUs that the whole sweep holds at once, at most; none is all there are"
    )
    memory_retries: NonNegativeInt = Field(
        0, description="after out of memory, runs again, each on twice the share, at most the machine"
    )
    bad_nodes: Literal["leave_out", "refuse"] = Field(
        "leave_out", description="what a launch does about nodes that fail the probe before it"
    )
    node_timeout_seconds: PositiveFloat = Field(
        120.0, description="how long a node may take to look at itself; trials start on good ones meanwhile"
    )
    autoscaling: bool | Literal["auto"] = Field(
        "auto",
        description="whether nodes may still come: a trial that fits on none is then waited for, not refused",
    )

    _whole_gpus = field_validator("gpu")(_share_or_whole)

    @field_validator("methods", mode="wrap")
    @classmethod
    def _known_rows(cls, raw: Any, handler: ValidatorFunctionWrapHandler) -> dict[str, MethodResourceSpec]:
        if isinstance(raw, dict) and (unknown := [name for name in raw if name not in METHODS]):
            words = {"text": "unknown method", "allowed": [*METHODS]}
            problem = PydanticCustomError("space", "{text}", words)
            problems = [InitErrorDetails(type=problem, loc=(name,), input=name) for name in unknown]
            raise ValidationError.from_exception_data("methods", problems)
        rows: dict[str, MethodResourceSpec] = handler(raw)
        return rows

    @field_validator("max_gpus")
    @classmethod
    def _holds_a_trial(cls, most: float | None, info: ValidationInfo) -> float | None:
        rows: dict[str, MethodResourceSpec] = info.data.get("methods", {})
        asked = [("resources.gpu", info.data.get("gpu"))]
        asked += [(f"resources.methods.{name}.gpu", row.gpu) for name, row in rows.items()]
        for path, gpu in asked:
            if most is not None and isinstance(gpu, float) and gpu > most:
                raise ValueError(f"must be at least what one trial asks for: {path} is {gpu:g}")
        return most
