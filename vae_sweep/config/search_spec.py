"""How cells are proposed, replicated and judged: the `search` part of a sweep file."""

from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field, NonNegativeInt, PositiveInt, ValidationInfo, field_validator

from trainables.base import Spec
from trainables.measure.spec import RungSpec

ObjectiveName = Literal["perplexity", "nll", "reconstruction", "neg_elbo"]
Listed = TypeVar("Listed", bound=tuple[Any, ...])

BLIND = ("grid", "random")
"""Kinds whose draws no result changes, so that cells may be drawn ahead of their turn."""


class PruningSpec(RungSpec):
    """Ends trials early: at a rung those behind most others by the front's ranks, and those that are collapsed."""

    keep: float = Field(0.5, gt=0, lt=1, description="share of the cells seen at a rung that goes on")
    margin: float = Field(0.02, ge=0, lt=1, description="share by which a cell may lie behind and still go on")
    least: int = Field(4, ge=2, description="cells seen at a rung before one of them is pruned")


class SearchSpec(Spec):
    """How cells are proposed; a grid runs every point once, the others draw `trials` distinct cells."""

    kind: Literal["grid", "random", "tpe", "nsga2", "fill"] = Field(
        "grid", description="fill puts cells where the front of those known has its widest gap"
    )
    trials: PositiveInt | None = Field(
        None, validate_default=True, description="distinct cells to draw; a grid has its own number"
    )
    objectives: Annotated[tuple[ObjectiveName, ...], Field(min_length=1)] = ("perplexity", "reconstruction")
    seed: NonNegativeInt = 0
    first_seeds: PositiveInt | None = Field(
        None,
        description="seeds that every cell gets; the others go to cells near the front; none: all to every cell",
    )
    pruning: PruningSpec | None = Field(
        None, description="what ends trials early; never in a grid, where a collapsed baseline is a result"
    )
    warm_start: str | None = Field(
        None,
        description="folder or name of an earlier sweep of the same corpus and metrics, to learn from",
    )

    @field_validator("trials")
    @classmethod
    def _consistent(cls, trials: int | None, info: ValidationInfo) -> int | None:
        kind = info.data.get("kind")
        if kind == "grid" and trials is not None:
            raise ValueError("a grid runs all its points; leave trials out, or choose random, tpe, nsga2 or fill")
        if kind not in ("grid", None) and trials is None:
            raise ValueError(f"{kind} needs trials: how many cells to draw")
        return trials

    @field_validator("objectives", mode="before")
    @classmethod
    def _tight(cls, objectives: Any) -> Any:
        if isinstance(objectives, list | tuple) and "iw_nll" in objectives:
            raise ValueError(
                "iw_nll, the likelihood by samples from q alone, ranks nothing any more; name the tight one: nll"
            )
        return objectives

    @field_validator("objectives")
    @classmethod
    def _distinct(cls, objectives: tuple[ObjectiveName, ...], info: ValidationInfo) -> tuple[ObjectiveName, ...]:
        if info.data.get("kind") == "fill" and len(objectives) < 2:
            raise ValueError("fill looks for gaps of a front, which takes two objectives at least")
        return without_doubles(objectives)

    @field_validator("pruning")
    @classmethod
    def _no_reproduction(cls, pruning: PruningSpec | None, info: ValidationInfo) -> PruningSpec | None:
        if pruning is not None and info.data.get("kind") == "grid":
            raise ValueError(
                "a grid is a table, in which a collapsed or weak method is a result: leave pruning out, or choose "
                "random, tpe, nsga2 or fill"
            )
        return pruning

    @field_validator("warm_start")
    @classmethod
    def _learning(cls, folder: str | None, info: ValidationInfo) -> str | None:
        kind = info.data.get("kind")
        if folder is not None and kind in BLIND:
            raise ValueError(f"{kind} learns from no cell; leave warm_start out, or choose tpe, nsga2 or fill")
        return folder


def without_doubles(values: Listed) -> Listed:
    """Return listed values as they are. Raises ValueError where one comes twice."""
    if len(set(values)) < len(values):
        raise ValueError(
            f"listed twice: {', '.join(str(v) for v in dict.fromkeys(values) if values.count(v) > 1)}"
        )
    return values
