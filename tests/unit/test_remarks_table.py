"""A plan shows what is odd about its corpus, warnings first, every kind once."""

from io import StringIO
from pathlib import Path

from rich.console import Console

from tests.corpora import plain, write_corpus
from vae_sweep.cli.plan import plan_tables
from vae_sweep.cli.remarks import remarks_table
from vae_sweep.config.sweep_spec import SweepSpec
from vae_sweep.planning.plan import make_plan


def shown(*parts: object) -> str:
    """Return what a terminal of 200 columns shows."""
    console = Console(width=200, record=True, file=StringIO())
    for part in parts:
        console.print(part)
    return console.export_text()


def sweep(directory: Path, splits: dict[str, list[str]]) -> SweepSpec:
    corpus = write_corpus(directory / "corpus", splits)
    storage = {"directory": str(directory / "sweeps")}
    return SweepSpec(name="x", corpus=corpus, methods={"vae": {}}, storage=storage)


def test_the_plan_of_a_plain_corpus_has_no_table_of_remarks(tmp_path: Path) -> None:
    text = shown(*plan_tables(make_plan(sweep(tmp_path, plain()))))
    assert "remarks" not in text
    assert "0 (0.00%)" in text


def test_the_plan_shows_shares_examples_and_fixes(tmp_path: Path) -> None:
    splits = plain()
    splits["train"][2] = "a [UNK] sees a dog ."
    splits["valid"][:3] = splits["train"][:3]
    splits["test"][0] = "a zebra sees a zebra ."
    made = make_plan(sweep(tmp_path, splits))
    text = shown(*plan_tables(made))
    assert "remarks on the corpus: warnings 2, notes 1" in text
    assert "2 (2.78%)" in text, "of the words alone: 12 sentences of 6 words"
    table = shown(remarks_table(made.remarks))
    assert table.index("lines that are in train") < table.index("another spelling of <unk>")
    assert "validation 25% of lines" in table
    assert "train 0.28% of words" in table
    assert "train.txt:3: '[UNK]' in: a [UNK] sees a dog ." in " ".join(table.split())
    assert table.count("usual fix") == 1
