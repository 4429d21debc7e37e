"""Tables to import, and what became of them."""

import gzip
import json
from pathlib import Path

import pytest

from trainables.base import CorpusError
from trainables.text.importing.run import ImportRequest, import_corpus

TEXT = ImportRequest(("text",))
BOTH = ImportRequest(("text",), "label")


def table(directory: Path, name: str, rows: list[tuple[str, str]]) -> str:
    """Write JSON lines of texts and labels."""
    lines = (json.dumps({"text": text, "label": label}) for text, label in rows)
    (directory / name).write_text("".join(f"{line}\n" for line in lines))
    return str(directory / name)


def three(directory: Path) -> list[str]:
    """Write a table for each split."""
    parts = (("a_train.jsonl", ["a", "b c"]), ("a_dev.jsonl", ["d"]), ("a_test.jsonl", ["e f"]))
    return [table(directory, name, [(text, "x") for text in texts]) for name, texts in parts]


def text(directory: Path, stem: str) -> str:
    """Return the text of an imported split."""
    return gzip.decompress((directory / f"{stem}.txt.gz").read_bytes()).decode()


def refused(said: str, files: list[str], wanted: ImportRequest, target: Path, split: str | None = None) -> None:
    """Check that nothing is imported, in these words, and nothing left."""
    with pytest.raises(CorpusError) as error:
        import_corpus(files, wanted, split, target)
    assert said in str(error.value)
    assert not target.exists() or target.is_file()
    assert list(target.parent.glob(".import.*")) == []
