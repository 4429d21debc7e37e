"""The space as Optuna sees it: draw the method, then that method's own parameters."""

from dataclasses import dataclass
from typing import cast

from optuna import Trial
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from trainables.spec import Value
from vae_sweep.config.domains import Choice, Domain, FloatRange, IntRange, LogRange
from vae_sweep.config.sweep_spec import Draw, SweepSpec

METHOD = "method"
Point = tuple[str, frozenset[tuple[str, Value]]]


@dataclass(frozen=True)
class Cell:
    """A method with its values; `number` counts the cells of a sweep in the order in which they were drawn."""

    number: int
    method: str
    values: Draw

    @property
    def point(self) -> Point:
        """What names the cell in its space: two draws of one cell have the same."""
        return point_of(self.method, self.values)


def point_of(method: str, values: Draw) -> Point:
    """Return what names a cell in its space."""
    return method, frozenset(values.items())


def draw(spec: SweepSpec, trial: Trial) -> tuple[str, Draw]:
    """Draw a method and its values from a live Optuna trial; a parameter is asked for under its method only."""
    method = trial.suggest_categorical(METHOD, list(spec.methods))
    return method, {
        name: _suggest(trial, f"{method}.{name}", domain) for name, domain in spec.methods[method].items()
    }


def distributions(spec: SweepSpec, method: str) -> dict[str, BaseDistribution]:
    """Return what Optuna draws for a cell of this method; fixed values are no parameters."""
    found: dict[str, BaseDistribution] = {METHOD: CategoricalDistribution(list(spec.methods))}
    for name, domain in spec.methods[method].items():
        if (distribution := _distribution(domain)) is not None:
            found[f"{method}.{name}"] = distribution
    return found


def as_params(spec: SweepSpec, method: str, values: Draw) -> Draw:
    """Return the Optuna parameters that draw this cell."""
    plain = {METHOD: method} | {f"{method}.{name}": value for name, value in values.items()}
    return {name: plain[name] for name in distributions(spec, method)}


def _suggest(trial: Trial, name: str, domain: Domain) -> Value:
    match distribution := _distribution(domain):
        case CategoricalDistribution():
            return cast(Value, trial.suggest_categorical(name, distribution.choices))
        case IntDistribution():
            return trial.suggest_int(name, distribution.low, distribution.high)
        case FloatDistribution():
            return trial.suggest_float(name, distribution.low, distribution.high, log=distribution.log)
        case _:
            return cast(Value, domain)


def _distribution(domain: Domain) -> BaseDistribution | None:
    match domain:
        case Choice():
            return CategoricalDistribution(list(domain.choice))
        case IntRange():
            return IntDistribution(*domain.ends)
        case FloatRange():
            return FloatDistribution(*domain.ends)
        case LogRange():
            return FloatDistribution(*domain.ends, log=True)
        case _:
            return None
