"""What a process computes to read a corpus: its text files, or its tokenised copy.

python benchmarks/corpus_reading.py data/ptb
"""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer

from trainables.text.corpus import load_corpus
from trainables.text.planned import Corpora
from trainables.text.spec import CorpusSpec

TIMES = 3


def reading(path: Path) -> list[dict[str, Any]]:
    """Return seconds of CPU to read the corpus in a directory, best of three; the copy is written once."""
    spec, remarks = CorpusSpec(path=str(path)), list[str]()
    fingerprint = load_corpus(spec, Path()).fingerprint
    with tempfile.TemporaryDirectory(prefix="reading.") as name:

        def planned() -> None:
            Corpora(Path(name)).planned(spec, fingerprint, Path(), remarks)

        text = min(_cpu(lambda: load_corpus(spec, Path())) for _ in range(TIMES))
        both = _cpu(planned)
        tokenised = min(_cpu(planned) for _ in range(TIMES))
    if remarks:
        raise RuntimeError("; ".join(remarks))
    found = {"text": text, "text, copy written": both, "tokenised copy": tokenised}
    return [{"corpus": path.name, "read": what, "seconds": seconds} for what, seconds in found.items()]


def _cpu(act: Callable[[], object]) -> float:
    started = time.process_time()
    act()
    return time.process_time() - started


def main(path: Path) -> None:
    """Print what reading the corpus in a directory takes."""
    for row in reading(path):
        print(f"{row['corpus']}  {row['read']:20} {row['seconds']:.3f} s of CPU")


if __name__ == "__main__":
    typer.run(main)
