"""Tables of `benchmarks.estimators`, from its lines alone."""

import math
import statistics
from typing import Any

from rich.table import Table

Line = dict[str, Any]


def by_cell(lines: list[Line], reference: str) -> Table:
    """Return each estimator beside the reference, mean over seeds; intervals are over sentences."""
    table = Table("cell", "estimator", "NLL", f"above {reference}", "± 95 %", "PPL off", "k > 0.7", "passes", "s")
    for line_group in grouped(lines, ("corpus", "latent", "method", "rate", "sentences")).values():
        long = {line["seed"]: line["nll"] for line in line_group if line["estimator"] == reference}
        for name, found in grouped(line_group, ("estimator",)).items():
            nll, own = mean_over_seeds(found), [line for line in found if line["seed"] in long]
            row = [label(found[0]), name[0], f"{statistics.fmean(nll):.3f}"]
            if own:
                above = [
                    a - b
                    for a, b in zip(mean_over_seeds(own), mean_of([long[x["seed"]] for x in own]), strict=True)
                ]
                off = math.expm1(sum(above) / found[0]["words"])
                row += [f"{statistics.fmean(above):+.3f}", f"{interval(above):.3f}", f"{off:+.2%}"]
            else:
                row += ["", "", ""]
            bad = [line["k_bad"] for line in found if line["k_bad"] is not None]
            row.append(f"{statistics.fmean(bad):.1%}" if bad else "")
            row += [f"{statistics.fmean(line[word] for line in found):.0f}" for word in ("passes", "seconds")]
            table.add_row(*row)
    return table


def by_rate(lines: list[Line]) -> Table:
    """Return what each rate costs against the lowest by each estimator, paired by sentence, seeds averaged."""
    table = Table("corpus, units", "method", "λ", "against", "estimator", "NLL difference", "± 95 %", "seeds")
    rated = [line for line in lines if line["rate"] is not None]
    for key, found in grouped(rated, ("corpus", "latent", "method", "sentences", "estimator")).items():
        rates = grouped(found, ("rate",))
        [lowest] = min(rates)
        for [rate] in sorted(rates):
            pairs = seeds_of(rates[(rate,)]).keys() & seeds_of(rates[(lowest,)]).keys()
            if rate == lowest or not pairs:
                continue
            one, other = (
                mean_of([seeds_of(rates[(each,)])[seed] for seed in sorted(pairs)]) for each in (rate, lowest)
            )
            difference = [a - b for a, b in zip(one, other, strict=True)]
            corpus, latent, method, _, name = key
            cells_of_row = (f"{corpus}, {latent}", method, f"{rate:g}", f"{lowest:g}", name)
            table.add_row(
                *cells_of_row,
                f"{statistics.fmean(difference):+.3f}",
                f"{interval(difference):.3f}",
                str(len(pairs)),
            )
    return table


def grouped(lines: list[Line], by: tuple[str, ...]) -> dict[tuple[Any, ...], list[Line]]:
    """Return lines that agree in some words, by these."""
    found: dict[tuple[Any, ...], list[Line]] = {}
    for line in lines:
        found.setdefault(tuple(line[word] for word in by), []).append(line)
    return found


def seeds_of(lines: list[Line]) -> dict[int, list[float]]:
    """Return the NLLs of each training seed."""
    return {line["seed"]: line["nll"] for line in lines}


def mean_over_seeds(lines: list[Line]) -> list[float]:
    """Return each sentence's NLL, mean over training seeds."""
    return mean_of([line["nll"] for line in lines])


def mean_of(values: list[list[float]]) -> list[float]:
    """Return the mean of equally long lists, place by place."""
    return [statistics.fmean(each) for each in zip(*values, strict=True)]


def interval(values: list[float]) -> float:
    """Return half the width of a 95 % interval of the mean over sentences."""
    return 1.96 * statistics.stdev(values) / math.sqrt(len(values))


def label(line: Line) -> str:
    """Return a cell in few words."""
    rate = "" if line["rate"] is None else f" λ={line['rate']:g}"
    return f"{line['corpus']} {line['latent']} units, {line['method']}{rate}"
