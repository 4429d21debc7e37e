"""The check of a GPU, on the CPU and with tiny sizes: what it writes, and that it needs no service."""

import json
import subprocess
import sys
from pathlib import Path

from tests.documented.pages import REPOSITORY
from trainables.methods import METHODS

WITHOUT = """
import runpy, sys
for name in ("ray", "mlflow", "optuna", "typer", "rich", "plotly", "vae_sweep"):
    sys.modules[name] = None
sys.argv = ["gpu_check", *sys.argv[1:]]
runpy.run_module("benchmarks.gpu_check", run_name="__main__")
"""


def test_methods_agree_and_a_row_ends_without_the_service(tmp_path: Path) -> None:
    folder = tmp_path / "ptb"
    folder.mkdir()
    for stem, count in (("train", 12), ("valid", 6), ("test", 5)):
        lines = [" ".join(["a", "bird", *["sings"] * (1 + number % 3)]) for number in range(count)]
        (folder / f"{stem}.txt").write_text("\n".join(lines) + "\n")
    out = tmp_path / "out"
    small = ["--hidden", "8", "--epochs", "1", "--rate", "3", "--device", "cpu", "--precision", "float32"]
    command = [sys.executable, "-c", WITHOUT, "--data", str(tmp_path), "--out", str(out), *small]
    run = subprocess.run(
        [*command, "--parts", "agreement", "row"], cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    agreed = json.loads((out / "agreement.json").read_text())["methods"]
    assert {line["method"] for line in agreed} == METHODS.keys()
    assert all(line["agrees"] and line["gradient"] == 0 for line in agreed), "the CPU agrees with itself"
    row = json.loads((out / "row.json").read_text())
    assert row["ended"] is True
    assert [epoch["phase"] for epoch in row["epochs"]] == ["pretrain", "vae"]
    assert row["test"]["test/nll"] > 0
    assert row["test"]["test/iw_nll"] > 0
    assert (out / "weights.safetensors").is_file()
