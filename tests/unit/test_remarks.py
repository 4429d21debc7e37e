"""What is odd about a corpus is said with its share, an example and a fix; what is in order gets no word."""

import json
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.corpora import plain, said, sentences, shares, write_corpus
from tests.helpers import CAPTIONS, LAW, NOWHERE
from trainables.text.corpus import load_with_remarks
from trainables.text.remarks.remark import SHOWN

IN_TRAIN, UNLEARNED = "lines that are in train, too", "<unk>, of which training has none"
COLUMNS, ROWS = "tab-separated columns", "comma-separated columns"
WHOLE: dict[str, tuple[Callable[[int, str], str], str]] = {
    "markers": (lambda number, line: f"<s> {line} </s>", "reserved words"),
    "padding": (lambda number, line: f"{line} <pad> <pad>", "reserved words"),
    "other markers": (lambda number, line: f"{line} <eos>", "markers of sentence ends"),
    "columns": (lambda number, line: f"{number % 2}\t{line}\tcaption {number}", COLUMNS),
    "CSV": (lambda number, line: f'{number % 2},"{line}"', ROWS),
    "CSV without quotes": (lambda number, line: f"{line},{'yes' if number % 2 else 'no'}", ROWS),
    "JSON": (lambda number, line: json.dumps({"text": line}), "JSON lines"),
    "fastText": (lambda number, line: f"__label__{number % 2} {line}", "labels as first words"),
    "label and blank": (lambda number, line: f"{'good' if number % 2 else 'bad'} {line}", "labels as first words"),
    "label last": (lambda number, line: f"{line}\t{number % 2}", "labels after the sentence"),
    "blank and label": (lambda number, line: f"{line} {number % 2}", "labels as last words"),
    "a number a line": (lambda number, line: f"{number}\t{line}", "a label of its own for each line"),
    "no blanks": (lambda number, line: line.replace(" ", ""), "no blanks between words"),
    "Chinese": (lambda number, line: "".join(chr(0x4E00 + ord(c)) for c in line), "no blanks between words"),
    "punctuation": (lambda number, line: line.replace(" .", "."), "punctuation stuck to words"),
    "another unknown": (lambda number, line: line.replace("dog", "_UNK"), "another spelling of <unk>"),
}


@pytest.mark.parametrize("name", WHOLE)
def test_lines_that_are_no_plain_sentences_are_named(name: str, tmp_path: Path) -> None:
    change, kind = WHOLE[name]
    splits = {stem: [change(i, line) for i, line in enumerate(lines)] for stem, lines in plain().items()}
    remarks = said(write_corpus(tmp_path, splits))
    assert remarks[0].kind == kind
    assert remarks[0].split == "train"
    assert remarks[0].example.startswith("train.txt:")
    assert len(remarks[0].example) < 2 * SHOWN + 30
    assert remarks[0].fix


def test_plain_sentences_get_no_remark(tmp_path: Path) -> None:
    assert said(write_corpus(tmp_path, plain())) == []
    labelled = {stem: [f"{i % 2}\t{s}" for i, s in enumerate(lines)] for stem, lines in plain().items()}
    assert said(write_corpus(tmp_path, labelled)) == []


def test_the_embedded_corpus_has_no_oddities() -> None:
    assert load_with_remarks(CAPTIONS, NOWHERE)[1] == []


def test_shares_and_lines_are_counted(tmp_path: Path) -> None:
    splits = plain(train=40, held_out=8)
    splits["valid"][3] = splits["train"][0]
    splits["valid"][5] = splits["train"][7]
    splits["test"] = splits["train"]
    found = said(write_corpus(tmp_path, splits))
    assert shares(found) == {(IN_TRAIN, "validation"): 2 / 8, (IN_TRAIN, "test"): 1.0}
    assert found[0].example == f"valid.txt:4: {splits['train'][0]}"
    assert [remark.warning for remark in found] == [True, True]


def test_few_lines_in_train_are_a_note_and_fewer_are_nothing(tmp_path: Path) -> None:
    drawn = sentences(450)
    splits = {"train": drawn[:50], "valid": [*drawn[50:149], drawn[0]], "test": [*drawn[150:350], drawn[0]]}
    [note] = said(write_corpus(tmp_path, splits))
    assert (note.kind, note.split, note.share, note.warning) == (IN_TRAIN, "validation", 0.01, False)


def test_a_word_in_another_form_is_told_from_an_unknown_one(tmp_path: Path) -> None:
    splits = {
        "train": ["un café noir", "un café noir", "le niño", "rare"],
        "valid": ["un " + unicodedata.normalize("NFD", "café") + " noir", "le CAFÉ"],
        "test": ["le noir", "zebra noir"],
    }
    found = said(write_corpus(tmp_path, splits))
    assert shares(found) == {
        ("words that training has in another Unicode normalisation", "validation"): 1 / 5,
        ("words that training has in another case", "validation"): 1 / 5,
        (UNLEARNED, "validation"): 2 / 5,
        (UNLEARNED, "test"): 1 / 4,
    }
    last = found[-1]
    assert last.example == "test.txt:2: 'zebra' in: zebra noir"
    assert "corpus.vocabulary_size=7 keeps those that come twice" in last.fix, (
        "un, café, noir and the special four"
    )


def test_unknown_words_are_learned_where_training_has_some(tmp_path: Path) -> None:
    splits = plain()
    splits["valid"][0] = "a zebra sees a boat ."
    splits["test"][2] = "a <unk> sees a boat ."
    assert {remark.kind for remark in said(write_corpus(tmp_path, splits))} == {UNLEARNED}
    splits["train"][0] = "a <unk> sees a dog ."
    assert said(write_corpus(tmp_path, splits)) == []


def test_the_cap_makes_unknown_words_known_to_training(tmp_path: Path) -> None:
    splits = plain()
    splits["train"][0], splits["valid"][0] = "a zebra sees a boat .", "a lion sees a boat ."
    spec = write_corpus(tmp_path, splits)
    [remark] = said(spec)
    size = int(remark.fix.partition("vocabulary_size=")[2].split()[0])
    assert said(spec.model_copy(update={"vocabulary_size": size})) == []


@pytest.mark.parametrize(
    "word", ["_UNK", "<UNK>", "[UNK]", "UNK", "<unknown>", "_unk_", "<oov>", "{{unk}}", "unk_"]
)
def test_other_spellings_of_unknown(word: str, tmp_path: Path) -> None:
    splits = plain()
    splits["train"][4] = f"a {word} sees the dog ."
    [remark] = said(write_corpus(tmp_path, splits))
    assert (remark.kind, remark.warning) == ("another spelling of <unk>", False)
    assert remark.example == f"train.txt:5: {word!r} in: a {word} sees the dog ."


@pytest.mark.parametrize("word", ["unknown", "unk", "bunk", "Unknown", "oov", "<unkind>", "drunk_"])
def test_words_that_only_look_like_it(word: str, tmp_path: Path) -> None:
    splits = plain()
    splits["train"][4] = f"a {word} sees the dog ."
    assert said(write_corpus(tmp_path, splits)) == []


def test_words_that_open_sentences_are_no_labels(tmp_path: Path) -> None:
    splits = plain()
    splits["train"] = [f"{'so' if i % 2 else 'then'} {s}" for i, s in enumerate(splits["train"])]
    splits["train"][0] = "so the man sees so a dog ."
    splits["train"][1] = "then the man sees then a dog ."
    assert said(write_corpus(tmp_path, splits)) == []


@LAW
@given(st.data())
def test_any_readable_corpus_gets_sound_remarks(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    word = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=12)
    line = st.lists(st.one_of(word, st.sampled_from(["<unk>", "<s>", "{", "}", "a,b", "_UNK"])), min_size=1).map(
        " ".join
    )
    splits = {stem: data.draw(st.lists(line, min_size=1, max_size=30)) for stem in ("train", "valid", "test")}
    for remark in said(write_corpus(tmp_path_factory.mktemp("corpus"), splits)):
        assert 0 < remark.share <= 1
        assert remark.example
