"""A sweep's journal, read once and then only what it gained."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from trainables.files import is_file
from vae_sweep.errors import CompareError, LaunchError
from vae_sweep.journal.events import JournalEvent
from vae_sweep.journal.fold import JournalFold
from vae_sweep.journal.history import History
from vae_sweep.journal.journal import JournalTail, Position
from vae_sweep.journal.records import Numbers, SweepRecord
from vae_sweep.storage.layout import JOURNAL_FILE


class SweepLog:
    """A journal folded as far as it was read; `refresh` reads what was added, or all of one that was replaced.

    `history` and `record` grow with it. For one thread alone: who works beside the driver holds a log of its own.
    """

    def __init__(self, path: Path) -> None:
        self._tail = JournalTail(path)
        self._begin()

    def _begin(self) -> None:
        self._replaced, self._fold = self._tail.replaced, JournalFold(self._tail.path)
        self._history = History(self._fold.record())

    def _notice(self) -> None:
        """Begin anew where the journal was replaced since."""
        if self._replaced != self._tail.replaced:
            self._begin()

    @property
    def folder(self) -> Path:
        return self._tail.path.parent

    @property
    def record(self) -> SweepRecord:
        return self._fold.record()

    @property
    def history(self) -> History:
        self._history.record = self.record
        return self._history

    @property
    def position(self) -> Position:
        return self._tail.position

    def refresh(self) -> "SweepLog":
        """Read what was added. Raises JournalError where the journal is absent, damaged or contradicts itself."""
        for _ in self.read():
            pass
        return self

    def read(self) -> Iterator[tuple[JournalEvent, Numbers]]:
        """Yield what was added, each event once it is folded, with its numbers that none before had reported.

        Where the journal was replaced the first one of it comes again. Raises as `refresh`.
        """
        for event in self._tail.read():
            self._notice()
            numbers = self._fold.add(event)
            self._history.note(event)
            yield event, numbers
        self._notice()

    def unread(self) -> int:
        """Return how many lines are there to read, damaged or not."""
        return self._tail.unread()


def sweep_log(folder: Path) -> SweepLog:
    """Return the log of the sweep in `folder`, not yet read. Raises LaunchError where no sweep is there."""
    path = folder / JOURNAL_FILE
    if not is_file(path):
        raise LaunchError(
            f"{folder}: no sweep there ({JOURNAL_FILE} is absent); give the folder that launch printed, "
            "vae-sweep list shows those of a storage directory"
        )
    return SweepLog(path)


def read_history(folder: Path) -> History:
    """Read the journal of the sweep in `folder`, also while it grows; nothing is written.

    Raises LaunchError where no sweep is there, JournalError where its journal is damaged.
    """
    return sweep_log(folder).refresh().history


def read_records(folders: Sequence[Path]) -> dict[str, SweepRecord]:
    """Read several sweeps; each is called as its folder, or as the whole path where two are called alike.

    Raises CompareError for fewer than two or one that is named twice, else as `read_history`.
    """
    whole = [folder.resolve() for folder in folders]
    if len(folders) < 2 or len(set(whole)) < len(folders):
        said = "named twice" if len(folders) > 1 else "only one"
        raise CompareError(
            f"{said}: {', '.join(map(str, folders))}; give the folders of two different sweeps or more"
        )
    plain = [folder.name for folder in whole]
    names = plain if len(set(plain)) == len(plain) else [str(folder) for folder in folders]
    return {name: read_history(folder).record for name, folder in zip(names, folders, strict=True)}
