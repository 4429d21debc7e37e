"""What the tests of broken sweep files share: sound beginnings, and reading that must fail."""

from pathlib import Path

import pytest

from vae_sweep.config.reader import read_spec
from vae_sweep.errors import SpecError

CORPUS = "corpus: {name: captions}\n"
GOOD = f"{CORPUS}methods: {{vae: , ours: {{target_rate: 4}}}}\n"
TPE = f"{CORPUS}search: {{kind: tpe, trials: 8}}\n"
PYTHONISMS = ("Traceback", "pydantic", "Input should", "None", "True", "False", "tuple", "Value error", "<")

Broken = dict[str, tuple[str, str, *tuple[str, ...]]]
"""Name -> what the file holds, how its one problem starts, and further parts of it."""


def problems_of(directory: Path, text: str | bytes, *overrides: str, **others: str) -> list[str]:
    """Read a text as `space.yaml` beside `others`, which must fail; return its problems without the directory."""
    for name, other in {"snli": GOOD, **others}.items():
        (directory / f"{name}.yaml").write_text(other, encoding="utf-8")
    path = directory / "space.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(SpecError) as caught:
        read_spec(path, overrides)
    return [problem.replace(f"{directory}/", "") for problem in caught.value.problems]


def check(directory: Path, text: str, start: str, *parts: str) -> None:
    """Check that a broken file gives exactly one problem, in one line, with these parts and nothing of Python."""
    [problem] = problems_of(directory, text)
    assert problem.startswith(start)
    assert [part for part in parts if part not in problem] == []
    assert [word for word in PYTHONISMS if word in problem.replace("<field>", "")] == []
    assert "\n" not in problem
