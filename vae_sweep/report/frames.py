"""A sweep as pandas frames: a line a cell, a trial, an epoch.

Numbers stand in columns named as in the journal, `split/metric`. Those of the paper's tables are always there,
NaN where they were not measured; other columns where some line has them.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import pandas as pd

from trainables.methods import METHODS
from vae_sweep.journal.metrics import metric_of
from vae_sweep.journal.records import SweepRecord, TrialRecord
from vae_sweep.report.terminal import outcome
from vae_sweep.results.cells import FLOOR_METRICS, MAIN_METRICS, SHOWN, TRUST_METRICS, CellResult
from vae_sweep.results.series import EPOCH_METRICS, PHASES

_SPLITS = ("validation", "test")
CELL = ("cell", "method")
CELL_STATE = ("seeds", "outcome", "front")
TRIAL = ("trial", *CELL)
TRIAL_STATE = ("seed", "outcome", "reason", "attempts", "started", "ended")
EPOCH_STATE = ("seed", "phase", "epoch", "time")
INTERVAL, SAMPLING, UNKNOWN = "_ci95", "_sampling_ci95", "unknown_likelihood"

_Line = dict[str, Any]


def cell_frame(found: Sequence[CellResult], objectives: Sequence[str]) -> pd.DataFrame:
    """Return the cells of a report, the numbers of both splits on one line."""
    lines: dict[int, _Line] = {}
    values: dict[str, None] = {}
    for row in sorted(found, key=lambda row: row.cell):
        values |= dict.fromkeys(row.values)
        about = {"seeds": row.seeds, "outcome": outcome(row), "front": row.front}
        line = lines.setdefault(row.cell, {"cell": row.cell, "method": row.method, **row.values, **about})
        line |= dict(_row_numbers(row))
    metrics = dict.fromkeys((*MAIN_METRICS, *objectives, *TRUST_METRICS, *FLOOR_METRICS))
    numbers = [
        f"{split}/{metric}{kind}" for split in _SPLITS for metric in metrics for kind in ("", INTERVAL, SAMPLING)
    ]
    always = {f"{split}/{metric}" for split in _SPLITS for metric in (*MAIN_METRICS, *objectives)}
    state = [*CELL_STATE, *(f"{split}/{UNKNOWN}" for split in _SPLITS)]
    frame = _frame(lines.values(), [*CELL, *values, *state], _kept(numbers, lines.values(), always))
    return frame.astype({"front": bool})


def trial_frame(record: SweepRecord) -> pd.DataFrame:
    """Return the trials with what they ended with: validation, test, and what probes found."""
    trials = [record.trials[name] for name in sorted(record.trials)]
    lines = [_trial_line(trial) for trial in trials]
    always = [f"{split}/{metric}" for split in _SPLITS for metric in MAIN_METRICS]
    numbers = dict.fromkeys([*always, *(key for trial in trials for key in _trial_numbers(trial))])
    frame = _frame(lines, [*TRIAL, *_value_names(trials), *TRIAL_STATE], list(numbers))
    return _with_times(frame, "started", "ended")


def epoch_frame(record: SweepRecord) -> pd.DataFrame:
    """Return the epochs of all trials, without metrics that are undefined for a trial's method."""
    trials = [record.trials[name] for name in sorted(record.trials)]
    lines = [line for trial in trials for line in _epoch_lines(trial)]
    always = [f"validation/{metric}" for metric in EPOCH_METRICS]
    keys = (key for trial in trials for epoch in trial.epochs for key in epoch.numbers)
    columns = [*TRIAL, *_value_names(trials), *EPOCH_STATE]
    return _with_times(_frame(lines, columns, list(dict.fromkeys([*always, *keys]))), "time")


def short_frame(cells: pd.DataFrame) -> str:
    """Return the main columns of a frame of cells as an HTML table; every text in it is escaped."""
    numbers = [f"validation/{metric}" for metric in SHOWN]
    before = list(cells.columns[: cells.columns.get_loc("front") + 1])
    html: str = cells[[*before, *numbers]].to_html(index=False, na_rep="", float_format="{:.4g}".format)
    return html


def _row_numbers(row: CellResult) -> Iterator[tuple[str, Any]]:
    for numbers, kind in ((row.numbers, ""), (row.half_widths, INTERVAL), (row.sampling, SAMPLING)):
        for metric, value in numbers.items():
            yield f"{row.split}/{metric}{kind}", value
    yield f"{row.split}/{UNKNOWN}", row.unknown_likelihood


def _trial_line(trial: TrialRecord) -> _Line:
    final = trial.final
    return {
        "trial": trial.id,
        "cell": trial.cell,
        "method": trial.method,
        **trial.values,
        "seed": trial.seed,
        "outcome": final.outcome if final else None,
        "reason": final.reason if final else None,
        "attempts": trial.attempts,
        "started": trial.started_at,
        "ended": trial.ended_at,
        **_trial_numbers(trial),
    }


def _trial_numbers(trial: TrialRecord) -> dict[str, float | None]:
    return {**(trial.final.numbers if trial.final else {}), **trial.scored, **trial.probed}


def _epoch_lines(trial: TrialRecord) -> Iterator[_Line]:
    lacks = METHODS[trial.method].undefined_metrics
    for epoch in sorted(trial.epochs, key=lambda epoch: (PHASES.index(epoch.phase), epoch.epoch)):
        yield {
            "trial": trial.id,
            "cell": trial.cell,
            "method": trial.method,
            **trial.values,
            "seed": trial.seed,
            "phase": epoch.phase,
            "epoch": epoch.epoch + 1,
            "time": epoch.time,
            **{key: value for key, value in epoch.numbers.items() if metric_of(key) not in lacks},
        }


def _value_names(trials: Sequence[TrialRecord]) -> list[str]:
    return list(dict.fromkeys(name for trial in trials for name in trial.values))


def _kept(columns: Sequence[str], lines: Any, always: set[str]) -> list[str]:
    known = {name for line in lines for name in line}
    return [name for name in columns if name in always or name in known]


def _frame(lines: Any, columns: Sequence[str], numbers: Sequence[str]) -> pd.DataFrame:
    found = list(lines)
    about = pd.DataFrame([{name: line.get(name) for name in columns} for line in found], columns=list(columns))
    rows = [[line.get(name) for name in numbers] for line in found]
    return about.join(pd.DataFrame(rows, columns=list(numbers), index=about.index, dtype="float64"))


def _with_times(frame: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """Return a frame with unix seconds as UTC times."""
    times = {name: pd.to_datetime(frame[name].astype("float64"), unit="s", utc=True) for name in columns}
    return frame.assign(**times)
