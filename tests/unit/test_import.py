"""Importing tables: whole or not at all, the same bytes each time, and every row is accounted for."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.corpora import sentences
from tests.import_tables import BOTH, TEXT, refused, table, text, three
from tests.unit.test_import_rows import as_folder
from trainables.base import CorpusError
from trainables.text.importing.run import PRESETS, Imported, ImportRequest, import_corpus, title_of
from vae_sweep.cli.main import app


def test_the_names_of_files_say_the_splits(tmp_path: Path) -> None:
    done = import_corpus(three(tmp_path), BOTH, None, tmp_path / "out")
    assert (text(done.directory, "train"), text(done.directory, "valid")) == ("x\ta\nx\tb c\n", "x\td\n")
    assert sorted(path.name for path in done.directory.iterdir()) == [
        "IMPORT.json",
        "test.txt.gz",
        "train.txt.gz",
        "valid.txt.gz",
    ]
    train = done.record.splits["train"]
    assert (train.sentences, train.tokens, train.empty, train.mended) == (2, 3, 0, 0)


def test_a_file_may_be_given_its_split(tmp_path: Path) -> None:
    train, valid, test = three(tmp_path)
    given = [f"train={valid}", f"dev={train}", test]
    assert text(import_corpus(given, TEXT, None, tmp_path / "out").directory, "train") == "d\n"


def test_several_files_of_a_split_follow_each_other(tmp_path: Path) -> None:
    files = [*three(tmp_path), table(tmp_path, "b_train.jsonl", [("later", "y")])]
    assert text(import_corpus(files, TEXT, None, tmp_path / "out").directory, "train") == "a\nb c\nlater\n"


def test_twice_is_the_same_bytes_and_no_harm(tmp_path: Path) -> None:
    files = three(tmp_path)
    one = import_corpus(files, TEXT, None, tmp_path / "one")
    os.utime(files[0], (1, 1))
    again = import_corpus(files, TEXT, None, tmp_path / "one")
    other = import_corpus(files, TEXT, None, tmp_path / "deeper" / "other")
    assert [done.fresh for done in (one, again, other)] == [True, False, True]
    for path in one.directory.iterdir():
        assert path.read_bytes() == (other.directory / path.name).read_bytes()


def test_what_a_killed_import_left_is_cleared_and_no_living_one(tmp_path: Path) -> None:
    files = three(tmp_path)
    begin = (
        "import pathlib, signal, sys; from trainables.text.importing.staging import staging_folder\n"
        "with staging_folder(pathlib.Path(sys.argv[1])) as folder:\n"
        "    (folder / 'train.txt.gz').write_text('half'); print(folder, flush=True); signal.pause()\n"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", begin, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    killed, living = (Path(process.stdout.readline().strip()) for process in started if process.stdout)
    assert killed.is_dir()
    started[0].kill()
    started[0].wait()
    import_corpus(files, TEXT, None, tmp_path / "out")
    assert list(tmp_path.glob(".import.*")) == [living]
    assert (living / "train.txt.gz").read_text() == "half"
    started[1].kill()
    started[1].wait()
    import_corpus(files, TEXT, None, tmp_path / "out")
    assert list(tmp_path.glob(".import.*")) == []
    for process in started:
        process.communicate()


def test_nothing_of_another_content_is_replaced(tmp_path: Path) -> None:
    target = tmp_path / "out"
    target.mkdir()
    import_corpus(three(tmp_path), TEXT, None, target)
    before = (target / "train.txt.gz").read_bytes()
    with pytest.raises(CorpusError, match="holds something else; move it away, or give another with --to"):
        import_corpus(three(tmp_path), BOTH, None, target)
    assert (target / "train.txt.gz").read_bytes() == before
    (tmp_path / "file").write_text("mine")
    with pytest.raises(CorpusError, match="holds something else"):
        import_corpus(three(tmp_path), TEXT, None, tmp_path / "file")
    with pytest.raises(CorpusError, match="the directory must be writable"):
        import_corpus(three(tmp_path), TEXT, None, tmp_path / "file" / "below")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CorpusError, match="holds something else"):
        import_corpus(three(tmp_path), TEXT, None, tmp_path / "link")
    assert list(tmp_path.glob(".import.*")) == []


def test_every_text_is_kept_mended_or_counted(tmp_path: Path) -> None:
    rows = [("a\tb\nc", "x"), ("  d  e ", "y\tz"), ("", "x"), (" \n", "x"), ("f", ""), ("g\u2028h", "-")]
    files = [table(tmp_path, "train.jsonl", rows), *three(tmp_path)[1:]]
    done = import_corpus(files, ImportRequest(("text",), "label", unlabelled="-"), None, tmp_path / "out")
    assert text(done.directory, "train") == "x\ta b c\ny z\td e\n"
    train = done.record.splits["train"]
    assert (train.sentences, train.mended, train.empty, train.unlabelled) == (2, 2, 2, 2)
    assert train.sentences + train.empty + train.unlabelled == len(rows)


def test_labels_may_be_numbers(tmp_path: Path) -> None:
    lines = ['{"text": "a", "label": 1}', '{"text": "b", "label": 2.0}', '{"text": "c", "label": NaN}']
    (tmp_path / "train.jsonl").write_text("\n".join([*lines, '{"text": "d", "label": null}']))
    done = import_corpus([str(tmp_path / "train.jsonl"), *three(tmp_path)[1:]], BOTH, None, tmp_path / "out")
    assert text(done.directory, "train") == "1\ta\n2\tb\n"
    assert done.record.splits["train"].unlabelled == 2


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"text": 3, "label": ""}', "train.jsonl:2: text is int, expected text; choose another column"),
        ('{"text": "a", "label": ["x"]}', "train.jsonl:2: the label is list, expected text or a number"),
        ('{"text": "a\\u0000b", "label": "x"}', "train.jsonl:2: text holds a NUL character"),
        ('{"text": "a \\ud800", "label": "x"}', "train.jsonl:2: text holds half a character"),
        ('{"text": "' + "a " * 200_000 + '", "label": "x"}', "train.jsonl:2: text has 400,000 characters"),
    ],
)
def test_cells_that_are_no_text(line: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text(f'{{"text": "a", "label": "x"}}\n{line}\n')
    refused(said, [str(tmp_path / "train.jsonl"), *three(tmp_path)[1:]], BOTH, tmp_path / "out")


def test_a_folder_of_datasets_stands_for_its_splits(tmp_path: Path) -> None:
    for split in ("train", "validation", "test", "unsupervised"):
        as_folder(tmp_path / "saved" / split)
    names = ["train", "validation", "test", "unsupervised"]
    (tmp_path / "saved" / "dataset_dict.json").write_text(json.dumps({"splits": names}))
    done = import_corpus([str(tmp_path / "saved")], BOTH, None, tmp_path / "out")
    assert text(done.directory, "valid").splitlines()[0] == "0\ta dog runs ."
    assert done.ignored == (str(tmp_path / "saved" / "unsupervised"),)
    refused("name the folder of one of them", [f"train={tmp_path / 'saved'}"], TEXT, tmp_path / "other")
    (tmp_path / "saved" / "dataset_dict.json").write_text('{"splits": ["../saved"]}')
    refused("names no splits in its own folder", [str(tmp_path / "saved")], TEXT, tmp_path / "other")


def test_a_folder_that_the_library_itself_wrote(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets", reason="the library datasets is not installed")
    columns = {"text": ["a b", "c\nd"], "label": [0, 1]}
    labels = datasets.ClassLabel(names=["bad", "good"])
    features = datasets.Features({"text": datasets.Value("string"), "label": labels})
    part = datasets.Dataset.from_dict(columns, features=features)
    datasets.DatasetDict({"train": part, "validation": part, "test": part}).save_to_disk(tmp_path / "saved")
    done = import_corpus([str(tmp_path / "saved")], BOTH, None, tmp_path / "out")
    assert text(done.directory, "train") == "bad\ta b\ngood\tc d\n"


def snli(directory: Path, kind: str) -> list[str]:
    """Write three files as SNLI's makers do, the same three pairs in each."""
    names = ("gold_label", "sentence1_binary_parse", "sentence1", "sentence2", "pairID")
    pairs = [
        ("neutral", "( a )", "A man isn't here.", 'He said "no".', "1"),
        ("-", "( a )", "A man isn't here.", "Nobody.", "2"),
        ("entailment", "( a )", "A man isn't here.", "Nobody.", "3"),
    ]
    files = []
    for split in ("train", "dev", "test"):
        path = directory / f"snli_1.0_{split}.{kind}"
        if kind == "txt":
            path.write_text("".join("\t".join(row) + "\n" for row in [names, *pairs]))
        else:
            path.write_text("".join(json.dumps(dict(zip(names, row, strict=True))) + "\n" for row in pairs))
        files.append(str(path))
    return files


@pytest.mark.parametrize("kind", ["txt", "jsonl"])
def test_snli_as_it_is_handed_out(kind: str, tmp_path: Path) -> None:
    files = snli(tmp_path, kind)
    done = import_corpus(files, PRESETS["snli"], None, tmp_path / "out")
    assert text(done.directory, "train") == 'a man is n\'t here .\nhe said " no " .\nnobody .\n'
    assert done.record.splits["train"].repeated == 3
    labelled = ImportRequest(("sentence2",), "gold_label", unlabelled="-")
    done = import_corpus(files, labelled, None, tmp_path / "labelled")
    assert text(done.directory, "test") == 'neutral\tHe said "no".\nentailment\tNobody.\n'


@pytest.mark.parametrize(
    ("file", "title"),
    [
        ("/x/snli_1.0_train.jsonl", "snli_1_0"),
        ("train=/x/my reviews.csv.gz", "my_reviews"),
        ("/x/yelp/train.csv", "yelp"),
        ("../../train.csv", None),
        ("/train.csv", "corpus"),
    ],
)
def test_the_default_folder_is_a_plain_name(file: str, title: str | None) -> None:
    assert title is None or title_of([file]) == title
    assert "/" not in title_of([file])
    assert ".." not in title_of([file])


def run(*arguments: str) -> tuple[int, str]:
    ended = CliRunner().invoke(app, ["data", "import", *arguments], env={"COLUMNS": "200"})
    if isinstance(ended.exception, CorpusError):
        return 2, str(ended.exception)
    return ended.exit_code, ended.output


def test_the_command_shows_what_came_of_each_split_and_what_is_odd(tmp_path: Path) -> None:
    lines = [f"{line.replace(' .', '.')}" for line in sentences(60)]
    files = [table(tmp_path, "all.jsonl", [(line, "x") for line in lines])]
    code, output = run(*files, "--text", "text", "--split", "80/10/10", "--to", str(tmp_path / "out"))
    assert code == 0
    assert f"{tmp_path / 'out'} is written" in output
    assert "warning: punctuation" in output
    assert f'corpus: {{path: "{tmp_path / "out"}"}}' in output
    code, output = run(*files, "--text", "text", "--split", "80/10/10", "--to", str(tmp_path / "out"))
    assert "is there already, byte for byte" in output
    code, output = run(
        *files, "--text", "text", "--tokenise", "--split", "80/10/10", "--to", str(tmp_path / "two")
    )
    assert "punctuation" not in output
    assert run(*files)[0] == 2
    assert run(*files, "--text", "txt", "--split", "8/1/1", "--to", str(tmp_path / "no"))[1].endswith(
        "all.jsonl:1: no column 'txt'; there are: text, label; did you mean text?"
    )


def test_the_result_is_the_normal_layout(tmp_path: Path) -> None:
    done: Imported = import_corpus(three(tmp_path), BOTH, None, tmp_path / "out")
    assert done.directory.stat().st_mode & 0o777 == 0o777 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
