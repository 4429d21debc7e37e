"""A sweep's report on disk: the page, the figures for papers, what is shown beside the curves in MLflow."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from trainables.storage_paths import write_file
from vae_sweep.config.sweep_spec import SweepSpec
from vae_sweep.journal.records import SweepRecord
from vae_sweep.journal.sweep_log import SweepLog
from vae_sweep.report.files import as_csv
from vae_sweep.report.latent_summaries import LatentSummaryCache, label_names, unit_rows
from vae_sweep.results.results import compute_results
from vae_sweep.results.series import epoch_curves, fronts, rate_curves, widest_split
from vae_sweep.storage.layout import JOURNAL_FILE, REPORT_FOLDER
from vae_sweep.tracking.run_urls import run_addresses
from vae_sweep.tracking.sweep_mirror import tracking_uri

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FIGURES_FOLDER = "figures"
PAGE_FILE, CELLS_FILE = "report.html", "cells.csv"
SUMMARY_KINDS = ("png", "svg")


@dataclass(frozen=True)
class ReportFolder:
    """The report of the sweep in `folder`, written from its journal; every file is there whole or not at all.

    `summaries` keeps what was read of the trials' checkpoints for the next time.
    """

    folder: Path
    spec: SweepSpec
    summaries: LatentSummaryCache = field(default_factory=LatentSummaryCache)

    @cached_property
    def log(self) -> SweepLog:
        return SweepLog(self.folder / JOURNAL_FILE)

    @property
    def place(self) -> Path:
        return self.folder / REPORT_FOLDER

    def runs(self) -> dict[str, str]:
        """Return where the trials' runs stand in MLflow's pages. Raises TrackingError, JournalError."""
        return run_addresses(tracking_uri(self.spec), self.spec.tracking.experiment, self._record())

    def write_page(
        self,
        state: str | None = None,
        live: bool = False,
        runs: Mapping[str, str] = MappingProxyType({}),
        output: Path | None = None,
    ) -> Path:
        """Write the page and return where; state, `live` and `runs` as of `Moment`, without a state the journal's.

        Raises JournalError, OSError.
        """
        from vae_sweep.report.page.page import Moment, make_page

        record = self._record()
        moment = Moment(state or record.ended or "interrupted", live, runs)
        output = output or self.place / PAGE_FILE
        write_file(output, make_page(record, self.spec, self.summaries, moment).encode())
        return output

    def write_summary(self) -> None:
        """Write the front as PNG and SVG, and the cells as CSV. Raises JournalError, OSError."""
        record = self._record()
        report = compute_results(record, self.spec.search.objectives)
        write_file(self.place / CELLS_FILE, as_csv(report).encode())
        if found := fronts(record, report.rows):
            from vae_sweep.report import paper_figures

            with paper_figures.paper_style():
                figure = paper_figures.front_figure(found)
                for kind in SUMMARY_KINDS:
                    write_file(self.place / f"front.{kind}", paper_figures.saved(figure, kind))

    def write_figures(self, place: Path | None = None) -> list[Path]:
        """Write each figure that has something to show, in each kind; return the files. Raises as above."""
        from vae_sweep.report import paper_figures

        place = place or self.place / FIGURES_FOLDER
        written = []
        with paper_figures.paper_style():
            for name, figure in self._drawings(self._record()).items():
                for kind in paper_figures.KINDS:
                    path = place / f"{name}.{kind}"
                    write_file(path, paper_figures.saved(figure, kind))
                    written.append(path)
        return written

    def _drawings(self, record: SweepRecord) -> "dict[str, Figure]":
        from vae_sweep.report import paper_figures

        rows = compute_results(record, self.spec.search.objectives).rows
        exemplars, front = self.summaries.exemplars(record), {row.cell for row in rows if row.front}
        maps = [found for found in exemplars if found.trial.cell in front and found.mapped]
        drawings: dict[str, Figure | None] = {
            "front": paper_figures.front_figure(found) if (found := fronts(record, rows)) else None,
            "rates": paper_figures.rate_figure(rates)
            if (rates := rate_curves(record, rows, widest_split(rows)))
            else None,
            "epochs": paper_figures.epoch_figure(epochs) if (epochs := epoch_curves(record)) else None,
            "units": paper_figures.unit_figure(units) if (units := unit_rows(exemplars)) else None,
            "maps": paper_figures.map_figure(maps, label_names(maps)) if maps else None,
        }
        return {name: figure for name, figure in drawings.items() if figure is not None}

    def _record(self) -> SweepRecord:
        return self.log.refresh().record
