"""The space as Optuna sees it: draw the method, then that row's own parameters."""

from dataclasses import dataclass
from typing import cast

from optuna import Trial

from trainables.spec import Value
from vae_sweep.domains import Choice, Domain, FloatRange, IntRange, LogRange
from vae_sweep.spec import Draw, SweepSpec

METHOD = "method"


@dataclass(frozen=True)
class Cell:
    """A method with its values; `number` is its Optuna trial."""

    number: int
    method: str
    values: Draw

    def same_as(self, method: str, values: Draw) -> bool:
        """Say whether a draw is this cell."""
        return self.method == method and self.values == values


def draw(spec: SweepSpec, trial: Trial) -> tuple[str, Draw]:
    """Draw a method and its values from a live Optuna trial; a parameter is asked for under its row only."""
    method = trial.suggest_categorical(METHOD, list(spec.methods))
    return method, {
        name: _suggest(trial, f"{method}.{name}", domain) for name, domain in spec.methods[method].items()
    }


def _suggest(trial: Trial, name: str, domain: Domain) -> Value:
    match domain:
        case Choice():
            return cast(Value, trial.suggest_categorical(name, list(domain.choice)))
        case IntRange():
            return trial.suggest_int(name, *domain.ends)
        case FloatRange():
            return trial.suggest_float(name, *domain.ends)
        case LogRange():
            return trial.suggest_float(name, *domain.ends, log=True)
        case _:
            return domain


def as_params(spec: SweepSpec, method: str, values: Draw) -> Draw:
    """Return the Optuna parameters that draw this cell, for enqueuing it."""
    searched = (Choice, IntRange, FloatRange, LogRange)
    row = spec.methods[method]
    return {METHOD: method} | {
        f"{method}.{name}": value for name, value in values.items() if isinstance(row[name], searched)
    }
