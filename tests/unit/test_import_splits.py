"""Which rows go to which split: by the names of files, or dealt by the text alone."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.corpora import sentences
from tests.helpers import LAW
from tests.import_tables import TEXT, refused, table, text, three
from trainables.text.importing.parts import Deal, stem_of
from trainables.text.importing.run import import_corpus


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("snli_1.0_train.jsonl", "train"),
        ("val.csv", "valid"),
        ("validation-00000-of-00001.parquet", "valid"),
        ("Dev.tsv", "valid"),
        ("testing", "test"),
        ("trains.csv", None),
        ("latest.csv", None),
        ("train_test.csv", None),
        ("all.csv", None),
    ],
)
def test_what_a_name_says(name: str, stem: str | None) -> None:
    assert stem_of(name) == stem


def test_splits_are_dealt_by_the_text_alone(tmp_path: Path) -> None:
    drawn = [(line, "x") for line in sentences(100)]
    files = [table(tmp_path, "all.jsonl", drawn * 2)]
    done = import_corpus(files, TEXT, "80/10/10", tmp_path / "out")
    found = {stem: text(done.directory, stem).splitlines() for stem in ("train", "valid", "test")}
    assert {stem: len(lines) for stem, lines in found.items()} == {"train": 160, "valid": 20, "test": 20}
    assert sorted(line for lines in found.values() for line in lines) == sorted(line for line, _ in drawn * 2)
    assert all(count == 2 for lines in found.values() for count in Counter(lines).values())
    shuffled = [table(tmp_path, "all.jsonl", sorted(drawn))]
    again = import_corpus(shuffled, TEXT, "8/1/1", tmp_path / "again")
    assert set(text(again.directory, "valid").splitlines()) == set(found["valid"])


def test_train_is_dealt_to_the_splits_that_have_no_file(tmp_path: Path) -> None:
    train = table(tmp_path, "train.jsonl", [(line, "x") for line in sentences(40)])
    test = three(tmp_path)[2]
    done = import_corpus([train, test], TEXT, "90/10/0", tmp_path / "out")
    assert [done.record.splits[stem].sentences for stem in ("train", "valid", "test")] == [36, 4, 1]


@pytest.mark.parametrize(
    ("files", "split", "said"),
    [
        (["train"], None, "no file for valid and test: name one with valid=PATH, or draw from train with --split"),
        (["train", "test"], None, "or draw from train with --split 90/10/0"),
        (["valid", "test"], None, "no file for train; name one train=PATH"),
        (["train", "all"], None, "all.jsonl: its name does not say its split, as others do; write train="),
        (["all"], "80-20", "--split 80-20: expected shares of train/valid/test, such as 80/10/10"),
        (["all"], "80/20/0", "--split 80/20/0: test would be empty; give it a share"),
        (["train", "test"], "80/10/10", "--split 80/10/10: test has a file of its own; give it the share 0"),
        (["all"], "98/1/1", "valid and test would have no sentence; nothing was written"),
        (["gone"], None, "gone.jsonl: no such file"),
        (["x" * 300], None, "File name too long"),
    ],
)  # fmt: skip
def test_splits_that_cannot_be_made(files: list[str], split: str | None, said: str, tmp_path: Path) -> None:
    for name in ("train", "valid", "test", "all"):
        table(tmp_path, f"{name}.jsonl", [(line, "x") for line in sentences(4)])
    refused(said, [str(tmp_path / f"{name}.jsonl") for name in files], TEXT, tmp_path / "out", split)


@LAW
@given(st.lists(st.text(max_size=5), min_size=1, max_size=60), st.tuples(*[st.integers(0, 9)] * 2))
def test_a_deal_gives_each_split_its_share_of_the_distinct_texts(
    texts: list[str], held_out: tuple[int, int]
) -> None:
    shares = (10, *held_out)
    deal, distinct = Deal.of(texts, shares), set(texts)
    found = Counter(deal.stem(text) for text in distinct)
    for stem, share in zip(("train", "valid", "test"), shares, strict=True):
        assert abs(found[stem] - len(distinct) * share / sum(shares)) <= 1
