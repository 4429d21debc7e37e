"""PTB and Yelp as fetched are the known texts, sentence by sentence; their sources are rebuilt from real data."""

import gzip
import os
import random
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from tests.integration.corpora import fetched, ptb_source, zipped
from tests.integration.web import Page, Web
from trainables.base import CorpusError
from trainables.text.prepare import SAMPLE_SEED, YELP_LINES
from trainables.text.sources import SOURCES, CorpusSource, RemoteFile

DATA = Path(os.environ.get("VAE_SWEEP_DATA") or Path(__file__).parents[3] / "shared" / "data")


def real(name: str, stem: str) -> list[str]:
    """The lines of a split of the real corpus; skips where it is not on this machine."""
    path = DATA / name / f"{stem}.txt.gz"
    if not path.is_file():
        pytest.skip(f"no {path}: set VAE_SWEEP_DATA to a directory with the real {name}")
    return gzip.decompress(path.read_bytes()).decode().splitlines()


def test_ptb_is_the_known_text(web: Web, tmp_path: Path) -> None:
    members = {
        f"ptb.{stem}.txt": "".join(f" {line} \n" for line in real("ptb", stem)).encode()
        for stem in ("train", "valid", "test")
    }
    record = fetched(ptb_source(web, zipped(members)), tmp_path).record
    assert {stem: split.text_sha256 for stem, split in record.splits.items()} == SOURCES["ptb"].text_sha256
    assert [(s.sentences, s.tokens) for s in record.splits.values()] == [
        (42_068, 887_521),
        (3_370, 70_390),
        (3_761, 78_669),
    ]


def yelp_files() -> dict[str, list[str]]:
    """The four source files, as far as the known sample determines them: what was not drawn is filler."""
    files = {name: ["filler"] * count for name, count in YELP_LINES.items()}
    drawn: dict[str, list[tuple[str, int]]] = {"train": [], "valid": [], "test": []}
    draw = random.Random(SAMPLE_SEED)
    for label in "01":
        names = f"sentiment.test.{label}", f"sentiment.dev.{label}"
        train = draw.sample(range(YELP_LINES[names[0]]), 50_000)
        held_out = draw.sample(range(YELP_LINES[names[1]]), 10_000)
        drawn["train"] += [(names[0], index) for index in train]
        drawn["valid"] += [(names[1], index) for index in held_out[:5_000]]
        drawn["test"] += [(names[1], index) for index in held_out[5_000:]]
    for stem, places in drawn.items():
        draw.shuffle(places)
        for (name, index), line in zip(places, real("yelp", stem), strict=True):
            assert line[0] == name[-1], "the label sequence is the known one"
            files[name][index] = line.split("\t")[1] + " "
    return files


def yelp_source(web: Web, files: Mapping[str, list[str]]) -> CorpusSource:
    pages = {name: Page("".join(f"{line}\n" for line in lines).encode()) for name, lines in files.items()}
    remote = tuple(RemoteFile(name, web.add(f"/{name}", page), 8_000_000) for name, page in pages.items())
    return replace(SOURCES["yelp"], files=remote)


def test_yelp_is_the_known_text(web: Web, tmp_path: Path) -> None:
    record = fetched(yelp_source(web, yelp_files()), tmp_path).record
    assert {stem: split.text_sha256 for stem, split in record.splits.items()} == SOURCES["yelp"].text_sha256
    assert [(s.sentences, s.tokens) for s in record.splits.values()] == [
        (100_000, 902_734),
        (10_000, 91_218),
        (10_000, 90_284),
    ]


def test_yelp_with_another_count_is_refused(web: Web, tmp_path: Path) -> None:
    files = {name: ["a b"] * count for name, count in YELP_LINES.items()}
    files["sentiment.dev.1"].append("one more")
    with pytest.raises(CorpusError, match=r"sentiment.dev.1: 38,206 lines came, expected 38,205"):
        fetched(yelp_source(web, files), tmp_path)
