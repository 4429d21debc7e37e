"""A sweep in Python: launch one, read one as pandas frames, draw its figures, use its models.

`import vae_sweep` gives what stands here; docs/python.md describes it, with every column. Nothing is computed
here: the numbers, figures and errors are those of the command line.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from trainables.base import VaeSweepError
from vae_sweep.cli.arguments import make_console
from vae_sweep.cli.launch import end_lines
from vae_sweep.cli.plan import plan_tables
from vae_sweep.cli.progress import LiveProgress
from vae_sweep.config.reader import read_spec, spec_of
from vae_sweep.config.sweep_spec import SweepSpec
from vae_sweep.errors import SpecError
from vae_sweep.journal.events import EpochEvent, FinalEvent, ScoredEvent, StoreEvent, TrialStarted
from vae_sweep.journal.fold import read_sweep
from vae_sweep.journal.records import SweepRecord
from vae_sweep.journal.stored_spec import existing_spec
from vae_sweep.models.load import trained_model
from vae_sweep.planning.plan import Plan, make_plan
from vae_sweep.report.frames import cell_frame, epoch_frame, short_frame, trial_frame
from vae_sweep.report.latent_summaries import LatentSummaryCache
from vae_sweep.report.page.page import page_figures
from vae_sweep.results.cells import CellResult, cell_results
from vae_sweep.running.ray_environment import prepare_environment
from vae_sweep.storage.layout import JOURNAL_FILE
from vae_sweep.storage.object_storage import check_objects

if TYPE_CHECKING:
    from pandas import DataFrame
    from plotly.graph_objects import Figure

    from trainables.text_vae import TextVae
    from vae_sweep.running.launch import Launched

__all__ = ["Sweep", "VaeSweepError", "launch", "load_sweep"]

FRONT = "front-validation"
"""The figure that `front` is short for."""

PROGRESS = (TrialStarted, EpochEvent, StoreEvent, FinalEvent, ScoredEvent)
"""Events that are shown only where progress is asked for; the others speak of trouble."""


class SweepError(VaeSweepError):
    """A sweep is asked for a figure or a trial that it cannot have."""


@dataclass(frozen=True, repr=False, eq=False)
class Sweep:
    """A sweep as its journal was when `load_sweep` or `launch` returned; load it again for what came since.

    `folder` is where it lies, `spec` what it was launched with last.
    """

    folder: Path
    spec: SweepSpec
    _record: SweepRecord
    _summaries: LatentSummaryCache = field(default_factory=LatentSummaryCache)

    @property
    def outcome(self) -> str | None:
        """How its last launch ended: complete, failed or stopped; None while it runs or where it was killed."""
        return self._record.ended

    @property
    def cells(self) -> "DataFrame":
        """A line for each cell of which a trial has ended: its values, and means over its ended seeds.

        `validation/perplexity_ci95` is half the width of a mean's 95 % interval, `front` whether the cell is on
        the validation front, `validation/unknown_likelihood` why its likelihood is not known, empty where it is.
        """
        return cell_frame(self._rows, self.spec.search.objectives)

    @property
    def trials(self) -> "DataFrame":
        """A line for each trial that has started, with the numbers that it ended with."""
        return trial_frame(self._record)

    @property
    def epochs(self) -> "DataFrame":
        """A line for each epoch of each phase of each trial; epochs count from 1, as in the figures."""
        return epoch_frame(self._record)

    def front(self) -> "DataFrame":
        """The lines of `cells` that are on the validation front, the best by the first objective first."""
        cells = self.cells
        first = f"validation/{self.spec.search.objectives[0]}"
        return cells[cells["front"]].sort_values(first, ignore_index=True)

    def model(self, trial: str | None = None) -> "TextVae":
        """Return a trial's trained model: it can encode, decode, reconstruct, interpolate and sample.

        `trial` is a trial's name or how it begins. Without one it is the best replicate of the front's best cell
        by the first objective, which stderr names. Raises VaeSweepError where there is none, or no weights.
        """
        if trial is not None and not (isinstance(trial, str) and trial):
            known = next(iter(self._record.trials), "0000-vae-s0")
            raise SweepError(f"model({trial!r}): expected the name of a trial, such as {known!r}, or nothing")
        return trained_model(str(self.folder), trial, None, _say)

    def figure(self, name: str) -> "Figure":
        """Return a figure of the report's page as a plotly figure.

        `front` is the front on validation; the others are front-test, rate-METRIC, epochs-PHASE-METRIC, units and
        map-CELL. Raises VaeSweepError, with those that the sweep has, for any other.
        """
        from vae_sweep.report.page.notebook import graph_figure

        exemplars = self._summaries.exemplars(self._record)
        plots = {plot.id: plot for plot in page_figures(self._record, self._rows, exemplars).all}
        plot = plots.get(FRONT if name == "front" else name)
        if plot is None:
            known = ", ".join(["front"] * (FRONT in plots) + [*plots])
            there = f"there are: {known}" if known else "there is none yet: no trial has reported an epoch"
            raise SweepError(f"sweep {self.spec.name} has no figure {name!r}; {there}")
        return graph_figure(plot, f"{self.spec.name}, {plot.id}")

    @cached_property
    def _rows(self) -> list[CellResult]:
        return cell_results(self._record, self.spec.search.objectives)

    def __repr__(self) -> str:
        trials = self._record.trials.values()
        ended = sum(trial.final is not None for trial in trials)
        return (
            f"<Sweep {self.spec.name} in {self.folder}: {len(self._record.cells)} cells, {ended} of {len(trials)} "
            f"started trials have ended, {self.outcome or 'not ended'}>"
        )

    def _repr_html_(self) -> str:
        return f"<p>{escape(repr(self)[1:-1])}</p>{short_frame(self.cells)}"


def load_sweep(path: str | os.PathLike[str]) -> Sweep:
    """Read the sweep in a folder, such as sweeps/quickstart, also while it runs; nothing is written.

    Raises VaeSweepError where no sweep is there, or its journal is damaged.
    """
    folder = Path(path).expanduser().absolute()
    return Sweep(folder, existing_spec(folder), read_sweep(folder / JOURNAL_FILE))


def launch(
    spec: str | os.PathLike[str] | Mapping[str, Any] | SweepSpec,
    overrides: Sequence[str] = (),
    *,
    extend: bool = False,
    progress: bool = False,
) -> Sweep:
    """Run a sweep as `vae-sweep launch` does, to its end; launched again, it runs what is missing.

    `spec` is the path of a sweep file, its fields as a dict (with `name`), or a loaded sweep's `spec`, which goes
    on with that sweep. `overrides` are what `--set` takes: ["search.trials=20", "model.latent_size=16"]; in a
    loaded spec `pretraining` has all its fields, so that one of `training` leaves it as it is. `extend` is
    `--extend`; with `progress` the plan and each trial's end are printed.

    Ctrl-C, or a notebook's interrupt, stops the trials and returns what there is, as `outcome` says; stderr says
    why a sweep is not complete. Raises VaeSweepError before any trial starts where it cannot run.
    """
    plan = make_plan(_spec(spec, overrides))
    check_objects(plan.spec)
    launched = _run(plan, extend, progress)
    for line in end_lines(launched, launched.folder):
        _say(line)
    return load_sweep(launched.folder)


def _spec(spec: str | os.PathLike[str] | Mapping[str, Any] | SweepSpec, overrides: Sequence[str]) -> SweepSpec:
    if isinstance(overrides, str):
        raise SpecError([f"overrides: expected a list, such as [{overrides!r}] (got one text)"])
    if isinstance(spec, Mapping | SweepSpec):
        return spec_of(spec, overrides)
    return read_spec(Path(spec).expanduser(), overrides)


def _run(plan: Plan, extend: bool, progress: bool) -> "Launched":
    prepare_environment()
    from vae_sweep.running.launch import launch as run

    if not progress:
        shown = LiveProgress(_stderr(), plan.trial_count)
        return run(plan, lambda event: None if isinstance(event, PROGRESS) else shown.watch(event), extend)
    console = make_console()
    for part in plan_tables(plan):
        console.print(part)
    with LiveProgress(console, plan.trial_count) as shown:
        return run(plan, shown.watch, extend)


def _stderr() -> Console:
    return Console(stderr=True)


def _say(text: str) -> None:
    print(text, file=sys.stderr)
