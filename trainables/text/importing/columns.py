"""Columns of a table: what a row is, and whether a column is there."""

import difflib
from collections.abc import Sequence
from typing import Any

from trainables.base import CorpusError

Row = tuple[str, tuple[Any, ...]]
"""Where a row stands, and its cells in the order of the columns that were asked for."""


def require_column(where: str, column: str, names: Sequence[str]) -> None:
    """Raise CorpusError where a table has not exactly one column of a name."""
    if names.count(column) == 1:
        return
    if column in names:
        raise CorpusError(f"{where}: {names.count(column)} columns are called {column!r}; rename one")
    shown = ", ".join(name if len(name) <= 40 else f"{name[:39]}…" for name in names[:20])
    near = difflib.get_close_matches(column, names, 1)
    raise CorpusError(
        f"{where}: no column {column!r}; there are: {shown}{f'; did you mean {near[0]}?' if near else ''}"
    )
