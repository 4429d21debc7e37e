"""`vae-sweep data` as a process, and its progress bar on a real download."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.integration.corpora import snli_source, snli_zip
from tests.integration.web import Page, Web
from trainables.text import sources
from vae_sweep.cli.data import app


def vae_sweep(*arguments: str, data: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "vae_sweep.cli.main", "data", *arguments]
    environment = os.environ | {"VAE_SWEEP_DATA": str(data), "COLUMNS": "200"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def test_yahoo_is_explained(tmp_path: Path) -> None:
    ended = vae_sweep("fetch", "yahoo", data=tmp_path)
    assert ended.returncode == 2
    assert f"as  {tmp_path}/yahoo/train.txt" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_unknown_names_and_foreign_files_are_refused(tmp_path: Path) -> None:
    ended = vae_sweep("fetch", "bible", data=tmp_path)
    assert ended.returncode == 2
    assert "'snli', 'ptb', 'yelp', 'yahoo'" in ended.stderr
    (tmp_path / "ptb").mkdir()
    (tmp_path / "ptb" / "train.txt").write_text("mine\n")
    ended = vae_sweep("fetch", "ptb", data=tmp_path)
    assert ended.returncode == 2
    assert ended.stderr.startswith(f"{tmp_path}/ptb holds files that `data fetch` did not write")


def test_list(tmp_path: Path) -> None:
    for stem in ("train", "valid", "test"):
        (tmp_path / "ptb").mkdir(exist_ok=True)
        (tmp_path / "ptb" / f"{stem}.txt").write_text("a b\n")
    ended = vae_sweep("list", data=tmp_path)
    assert ended.returncode == 0
    cells = [line.split("│") for line in ended.stdout.splitlines() if "│" in line]
    states = {line[1].strip(): line[2].strip() for line in cells}
    assert states == {
        "captions": "embedded",
        "ptb": "here, not fetched by us",
        "snli": "absent: vae-sweep data fetch snli",
        "yahoo": "absent, no download: docs/own_corpus.md",
        "yelp": "absent: vae-sweep data fetch yelp",
    }


def test_fetch_shows_what_it_did(web: Web, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sources.SOURCES, "snli", snli_source(web, Page(snli_zip())))
    arguments = ["fetch", "snli", "--directory", str(tmp_path)]
    first = CliRunner().invoke(app, arguments)
    assert first.exit_code == 0, first.output
    assert "snli_1.0.zip" in first.output
    assert f"snli is written to {tmp_path}/snli" in first.output
    assert "train       400 sentences" in first.output
    assert "CC BY-SA 4.0" in first.output
    again = CliRunner().invoke(app, arguments)
    assert f"snli is in {tmp_path}/snli already, every file as SOURCE.json says" in again.output


def test_help_loads_nothing_heavy() -> None:
    heavy = "{'torch', 'ray', 'mlflow', 'optuna', 'httpx', 'numpy'}"
    code = f"import sys, vae_sweep.cli.data; print(sorted({heavy} & sys.modules.keys()))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"
