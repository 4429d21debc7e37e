"""Which parameters move an objective: fANOVA over the cells of a journal (Hutter et al. 2014), by Optuna."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from optuna.importance import FanovaImportanceEvaluator, get_param_importances
from optuna.trial import create_trial

from trainables.spec import Value
from vae_sweep.journal.records import CellRecord
from vae_sweep.search.sampling import METHOD

LEAST, LEAST_EACH = 10, 3
"""Fewest cells for which shares are given, and fewest for each parameter; a forest on fewer splits on chance."""

Params = dict[str, Value]


@dataclass(frozen=True)
class ParameterImportance:
    """How much of an objective's variance over cells each parameter accounts for; the shares add to 1.

    `method` is the one within which its own parameters are weighed, None for the method and all of them over the
    whole sweep. Where `why` says that nothing can be said, there are no shares.
    """

    method: str | None
    objective: str
    cells: int
    shares: dict[str, float]
    why: str = ""


def importances(
    cells: Mapping[int, CellRecord], values: Mapping[int, Sequence[float]], objectives: Sequence[str]
) -> list[ParameterImportance]:
    """Return the importances over all methods, if several, then within each that varies two parameters or more.

    `values` are the mean objectives of the complete cells. A number enters by its rank among the values that were
    drawn, so that linear and logarithmic domains are weighed alike; another method's parameter counts as resting
    at the middle of its own. Shares are of the part of the domains that was drawn.
    """
    chosen = {number: cells[number] for number in sorted(values)}
    groups = {None: {number: _flat(cell) for number, cell in chosen.items()}} | {
        method: {number: dict(cell.values) for number, cell in chosen.items() if cell.method == method}
        for method in dict.fromkeys(cell.method for cell in chosen.values())
    }
    found = []
    for method, params in groups.items():
        domains = _domains(list(params.values()))
        if len(domains) < 2 or (method is None and METHOD not in domains):
            continue
        for place, objective in enumerate(objectives):
            level = {number: values[number][place] for number in params}
            found.append(_weighed(method, objective, params, domains, level))
    return found


def _flat(cell: CellRecord) -> Params:
    return {METHOD: cell.method} | {f"{cell.method}.{name}": value for name, value in cell.values.items()}


def _domains(params: Sequence[Params]) -> dict[str, list[Value]]:
    """Return the values drawn of each parameter that varies: numbers in their order."""
    drawn: dict[str, list[Value]] = {}
    for one in params:
        for name, value in one.items():
            known = drawn.setdefault(name, [])
            known += [value] if value not in known else []
    ordered = {name: sorted(found) if _numeric(found) else found for name, found in drawn.items()}
    return {name: found for name, found in ordered.items() if len(found) > 1}


def _numeric(found: Sequence[Value]) -> bool:
    return all(isinstance(value, int | float) and not isinstance(value, bool) for value in found)


def _weighed(
    method: str | None,
    objective: str,
    params: Mapping[int, Params],
    domains: Mapping[str, list[Value]],
    level: Mapping[int, float],
) -> ParameterImportance:
    count, least = len(params), max(LEAST, LEAST_EACH * len(domains))
    if count < least:
        return ParameterImportance(
            method, objective, count, {}, f"too few cells ({count}, from {least} on) to say"
        )
    if len(set(level.values())) == 1:
        return ParameterImportance(method, objective, count, {}, f"all {count} cells gave the same")
    spaces: dict[str, BaseDistribution] = {
        name: IntDistribution(0, len(found) - 1) if _numeric(found) else CategoricalDistribution(found)
        for name, found in domains.items()
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        study = optuna.create_study()
        for number, drawn in params.items():
            placed = {name: _placed(drawn.get(name), found) for name, found in domains.items()}
            study.add_trial(create_trial(value=level[number], params=placed, distributions=spaces))
        shares = get_param_importances(study, evaluator=FanovaImportanceEvaluator(seed=0))
    return ParameterImportance(method, objective, count, {name: float(share) for name, share in shares.items()})


def _placed(value: Value | None, found: list[Value]) -> Value:
    """Return a parameter as the forest sees it: a number's rank, a name itself, the middle one where absent."""
    place = len(found) // 2 if value is None else found.index(value)
    return place if _numeric(found) else found[place]
