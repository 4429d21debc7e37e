"""Fetching whole corpora from a real server: twice, damaged, hostile, interrupted."""

import gzip
import hashlib
import io
import json
import stat
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from tests.integration.corpora import fetched, ptb_source, snli_source, snli_zip, zipped
from tests.integration.web import Page, Web, cut
from trainables.base import CorpusError
from trainables.text.corpus import load_corpus
from trainables.text.prepare import Files, Texts
from trainables.text.spec import CorpusSpec


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir()}


def test_snli_from_the_archive_to_a_corpus(web: Web, tmp_path: Path) -> None:
    page = Page(snli_zip(), [cut(5_000)])
    found = fetched(snli_source(web, page), tmp_path)
    assert found.fresh
    assert sorted(contents(tmp_path / "snli")) == ["SOURCE.json", "test.txt.gz", "train.txt.gz", "valid.txt.gz"]
    corpus = load_corpus(CorpusSpec(name="snli"), tmp_path)
    sentences = {name: len(split.sentences) for name, split in corpus.splits.items()}
    assert sentences == {"train": 400, "validation": 40, "test": 40}
    for name, stem in (("train", "train"), ("validation", "valid"), ("test", "test")):
        split = corpus.splits[name]  # type: ignore[index]
        assert split.words == found.record.splits[stem].tokens + found.record.splits[stem].sentences
    texts = [
        gzip.decompress(contents(tmp_path / "snli")[f"{s}.txt.gz"]).decode() for s in ("train", "valid", "test")
    ]
    lines = "".join(texts).splitlines()
    assert len(set(lines)) == 480
    assert any(" is n't alone ( " in line for line in lines)
    assert any(line.startswith("a man near the man , number ") for line in lines)
    assert found.record.files[0].sha256 == hashlib.sha256(page.body).hexdigest()


def test_the_same_bytes_wherever_it_is_fetched(web: Web, tmp_path: Path) -> None:
    source = snli_source(web, Page(snli_zip()))
    for name in ("one", "two"):
        fetched(source, tmp_path / name)
    assert contents(tmp_path / "one" / "snli") == contents(tmp_path / "two" / "snli")
    assert contents(tmp_path / "one" / "snli")["train.txt.gz"][3:8] == bytes(5), "no name and no time in the gzip"


def test_twice_verifies_and_asks_nobody(web: Web, tmp_path: Path) -> None:
    source = snli_source(web, Page(snli_zip()))
    first = fetched(source, tmp_path)
    again = fetched(source, tmp_path)
    assert (first.fresh, again.fresh) == (True, False)
    assert again.record == first.record
    assert len(web.requests) == 1


@pytest.mark.parametrize("damage", ["flipped", "gone", "no record", "other version"])
def test_damaged_files_are_fetched_again(
    web: Web, tmp_path: Path, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    source = snli_source(web, Page(snli_zip()))
    fetched(source, tmp_path)
    sound, target = contents(tmp_path / "snli"), tmp_path / "snli"
    if damage == "flipped":
        (target / "valid.txt.gz").write_bytes(sound["valid.txt.gz"][:-1] + b"!")
    elif damage == "gone":
        (target / "train.txt.gz").unlink()
    elif damage == "no record":
        (target / "SOURCE.json").write_text('{"name": "snli"')
    else:
        record = json.loads(sound["SOURCE.json"])
        (target / "SOURCE.json").write_text(json.dumps(record | {"version": 0}))
    assert fetched(source, tmp_path).fresh
    assert contents(target) == sound
    assert "fetching snli again" in caplog.text
    assert list((tmp_path / ".fetch").iterdir()) == [tmp_path / ".fetch" / "snli.lock"]


def test_files_of_the_users_are_never_touched(web: Web, tmp_path: Path) -> None:
    source, target = snli_source(web, Page(snli_zip())), tmp_path / "snli"
    target.mkdir()
    (target / "train.txt").write_text("my own\n")
    with pytest.raises(CorpusError, match="holds files that `data fetch` did not write; move it away"):
        fetched(source, tmp_path)
    (target / "train.txt").unlink()
    fetched(source, tmp_path)
    (target / "notes.txt").write_text("mine")
    assert not fetched(source, tmp_path).fresh
    (target / "test.txt.gz").write_bytes(b"")
    with pytest.raises(CorpusError, match=r"also holds files of yours \(notes.txt\)"):
        fetched(source, tmp_path)
    assert (target / "notes.txt").read_text() == "mine"


def test_interrupted_while_it_prepares(web: Web, tmp_path: Path) -> None:
    source = snli_source(web, Page(snli_zip()))

    def interrupted(files: Files) -> Texts:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetched(replace(source, prepare=interrupted), tmp_path)
    assert not (tmp_path / "snli").exists()
    assert fetched(source, tmp_path).fresh
    assert len(web.requests) == 1, "the download was whole and is used"


def test_one_at_a_time(web: Web, tmp_path: Path) -> None:
    source = snli_source(web, Page(snli_zip()))

    def meanwhile(files: Files) -> Texts:
        with pytest.raises(CorpusError, match="snli is being fetched by another process"):
            fetched(source, tmp_path)
        return source.prepare(files)

    assert fetched(replace(source, prepare=meanwhile), tmp_path).fresh


def test_a_directory_that_cannot_be_written(web: Web, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CorpusError, match=f"{tmp_path}/file.*must be writable"):
        fetched(snli_source(web, Page(snli_zip())), tmp_path / "file")


def test_too_few_sentences(web: Web, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="distinct sentences, expected 480 or more"):
        fetched(snli_source(web, Page(snli_zip(100))), tmp_path)
    assert not (tmp_path / "snli").exists()


def link_member() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        info = zipfile.ZipInfo("ptb.train.txt")
        info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        file.writestr(info, "/etc/passwd")
    return packed.getvalue()


def lying_member() -> bytes:
    """A member that unpacks to more than its headers say."""
    honest = zipped({"ptb.train.txt": bytes(70_000)})
    return honest.replace((70_000).to_bytes(4, "little"), (700).to_bytes(4, "little"))


HOSTILE = {
    "points outside": zipped({"../../ptb.train.txt": b"a b\n"}),
    "points outside the": zipped({"/ptb.train.txt": b"a b\n"}),
    "outside the archive": zipped({"ptb.train.txt": b"a b\n", "C:\\x\\ptb.valid.txt": b"a b\n"}),
    "is a link": link_member(),
    "unpacks from": zipped({"ptb.train.txt": bytes(5_000_000)}),
    "not a sound zip": lying_member(),
    "not a sound zip archive": zipped({"ptb.train.txt": b"a b\n" * 99})[:-30],
    "zip archive": b"<html>not found</html>",
    "2 members called": zipped({"a/ptb.train.txt": b"a\n", "b/ptb.train.txt": b"b\n"}),
    "0 members called ptb.valid.txt": zipped({"ptb.train.txt": b"a\n"}),
    "not UTF-8": zipped({"ptb.train.txt": b"caf\xe9 " * 9}),
    "is not the known one": zipped({f"ptb.{stem}.txt": b" a b \n" for stem in ("train", "valid", "test")}),
}


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_and_wrong_archives_leave_nothing(web: Web, tmp_path: Path, words: str) -> None:
    directory = tmp_path / "deep" / "data"
    with pytest.raises(CorpusError, match=words):
        fetched(ptb_source(web, HOSTILE[words]), directory)
    left = [path.relative_to(directory) for path in tmp_path.rglob("*") if path.is_file()]
    assert left == [Path(".fetch/ptb.lock")]
