"""The page: a record, its report and latent summaries in the template, with all that it needs inline."""

import base64
import gzip
import hashlib
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from vae_sweep.config.sweep_spec import SweepSpec
from vae_sweep.journal.metrics import METRICS
from vae_sweep.journal.records import SweepRecord
from vae_sweep.report.findings import finding_sentences
from vae_sweep.report.latent_summaries import CellExemplar, LatentSummaryCache, label_names, unit_rows
from vae_sweep.report.likelihood_table import LIKELIHOOD_NOTE, likelihood_head
from vae_sweep.report.page import empty
from vae_sweep.report.page.cells import BESIDE_HEADINGS, beside_table, cell_tables, evidence_table
from vae_sweep.report.page.code_plots import map_plot, unit_plot
from vae_sweep.report.page.facts import as_yaml, corpus_facts, launch_facts, moment, span, trial_facts
from vae_sweep.report.page.plot import Plot, methods_of
from vae_sweep.report.page.plots import PHASE_TITLES, epoch_plots, front_plot, rate_plots
from vae_sweep.report.page.thinning import thinned_sentence, whole_trials
from vae_sweep.report.palette import label_style, style_of
from vae_sweep.report.terminal import LEGEND, incomparable_reasons
from vae_sweep.results.cells import CellResult
from vae_sweep.results.costs import by_method, driven_seconds, together, trial_costs
from vae_sweep.results.results import Results, compute_results
from vae_sweep.results.series import PHASES, epoch_curves, fronts, rate_curves, widest_split

REFRESH = 60
"""Seconds after which the page of a running sweep loads itself again."""

SLOWEST = 10
"""Trials in the table of the longest trainings."""


@dataclass(frozen=True)
class Moment:
    """What a record alone does not say: the sweep's state, and where its runs are in MLflow.

    `runs` has the address of each trial's run, as far as they are known; a `live` page loads itself again.
    """

    state: str
    live: bool
    runs: Mapping[str, str]


def make_page(record: SweepRecord, spec: SweepSpec, summaries: LatentSummaryCache, now: Moment) -> str:
    """Return the report as one HTML document that asks nothing of any network."""
    report = compute_results(record, spec.search.objectives)
    exemplars = summaries.exemplars(record)
    figures = page_figures(record, report.rows, exemplars)
    whole = set(whole_trials(record, report.rows))
    code = _resource("page.js")
    page: str = _template().render(
        record=record,
        now=now,
        refresh=REFRESH,
        made=moment(time.time()),
        policy=_policy((plotly_js(), code)),
        style=Markup(_resource("page.css")),  # noqa: S704  a file of ours
        plotly=_packed(),
        code=Markup(code),  # noqa: S704  a file of ours
        thinned=thinned_sentence(len(whole), len(record.trials)),
        data={plot.id: plot.spec for plot in figures.all},
        figures=figures,
        head=_head(record, spec, report),
        evidence=evidence_table(report),
        empty=empty.empty_reasons(record, report, exemplars),
        headings=BESIDE_HEADINGS,
        likelihood_head=likelihood_head(),
        likelihood_note=LIKELIHOOD_NOTE,
        tables=cell_tables(record, report),
        beside=beside_table(report),
        measured={row.cell for row in report.rows},
        remarks=[LEGEND, *incomparable_reasons(report.comparisons)] if report.comparisons else [],
        exemplars=exemplars,
        labels=[(name, *label_style(number)) for number, name in enumerate(label_names(exemplars))],
        costs=_costs(record),
        facts=[
            trial_facts(record, record.trials[name], now.runs, name in whole) for name in sorted(record.trials)
        ],
        launches=[launch_facts(launch) for launch in record.launches],
        corpus=corpus_facts(record),
        yaml=as_yaml(record.spec),
    )
    return page


@dataclass(frozen=True)
class Figures:
    """The page's figures by section; `rate_split` is the split of those over λ.

    `published`: the fronts show the paper's points.
    """

    fronts: list[Plot]
    published: bool
    rates: list[Plot]
    rate_split: str
    epochs: dict[str, list[Plot]]
    units: Plot | None
    maps: list[Plot]

    @property
    def all(self) -> list[Plot]:
        """Return every figure, in the page's order."""
        epochs = [plot for plots in self.epochs.values() for plot in plots]
        return [*self.fronts, *self.rates, *epochs, *([self.units] if self.units else []), *self.maps]


def page_figures(record: SweepRecord, rows: list[CellResult], exemplars: list[CellExemplar]) -> Figures:
    """Return the figures of a sweep; those that have nothing to show are not there."""
    split, labels, found = widest_split(rows), label_names(exemplars), fronts(record, rows)
    whole = set(whole_trials(record, rows))
    epochs = epoch_plots([curve for curve in epoch_curves(record) if curve.trial in whole])
    front = {row.cell for row in rows if row.front}
    maps = [map_plot(exemplar, labels) for exemplar in exemplars if exemplar.trial.cell in front]
    return Figures(
        fronts=[front_plot(each) for each in found],
        published=any(each.published for each in found),
        rates=rate_plots(rate_curves(record, rows, split), split),
        rate_split=split,
        epochs={
            PHASE_TITLES[phase]: shown
            for phase in PHASES
            if (shown := [plot for plot in epochs if plot.id.startswith(f"epochs-{phase}-")])
        },
        units=unit_plot(unit_rows(exemplars)),
        maps=[plot for plot in maps if plot is not None],
    )


def _head(record: SweepRecord, spec: SweepSpec, report: Results) -> dict[str, Any]:
    points = spec.points()
    planned = spec.search.trials or (len(points) if points is not None else None)
    ended = sum(trial.final is not None for trial in record.trials.values())
    outcomes: dict[str, int] = {}
    for trial in record.trials.values():
        name = trial.final.outcome if trial.final else "open"
        outcomes[name] = outcomes.get(name, 0) + 1
    objectives = " and ".join(METRICS[metric].symbol for metric in spec.search.objectives)
    return {
        "facts": [
            ("corpus", spec.corpus.title),
            ("search", f"{spec.search.kind}, for {objectives} on validation"),
            ("cells", f"{len(record.cells)}{'' if planned is None else f' of {planned}'}"),
            ("seeds", ", ".join(map(str, spec.seeds))),
            ("trials ended", f"{ended}{'' if planned is None else f' of {planned * len(spec.seeds)}'}"),
            ("outcomes", ", ".join(f"{count} {name}" for name, count in sorted(outcomes.items())) or "none yet"),
        ],
        "answers": finding_sentences(report.rows, spec.search.objectives),
        "alarms": [
            *(f"Invariant broken: {found.trial}, {found}" for found in report.violations),
            *(f"Warning: {warning}" for warning in report.warnings),
        ],
    }


def _costs(record: SweepRecord) -> dict[str, Any]:
    costs = trial_costs(record)
    return {
        "whole": together(costs),
        "methods": by_method(costs),
        "slowest": costs[:SLOWEST],
        "driven": driven_seconds(record),
    }


@cache
def plotly_js() -> str:
    """Return plotly.js, the build that plotly.py brings."""
    from plotly.offline import get_plotlyjs

    source: str = get_plotlyjs()
    return source


@cache
def _packed() -> str:
    """Return plotly.js packed, as text; the page unpacks it."""
    return base64.b64encode(gzip.compress(plotly_js().encode(), mtime=0)).decode()


@cache
def _template() -> Any:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters |= {"span": span, "look": style_of}
    environment.globals["methods_of"] = methods_of
    return environment.from_string(_resource("page.html.j2"))


@cache
def _resource(name: str) -> str:
    return files("vae_sweep.report.page").joinpath(name).read_text(encoding="utf-8")


def _policy(scripts: Iterable[str]) -> str:
    """Return what the browser may load: the page's own scripts by their hashes, and nothing from anywhere."""
    hashes = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts)
    allowed = " ".join(f"'sha256-{found}'" for found in hashes)
    return f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:"
