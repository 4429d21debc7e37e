"""Broken sweep files as files: YAML, `extends`, overrides, and the command that reads them."""

import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.helpers import LAW
from tests.unit.broken_spaces import GOOD, Broken, check, problems_of
from vae_sweep.config.reader import read_spec
from vae_sweep.errors import SpecError

ROOT = Path(__file__).parents[2]

BROKEN: Broken = {
    "an empty file": (
        "",
        "space.yaml: expected fields at the top, such as `corpus:` and `methods:` (got nothing)",
    ),
    "a comment alone": ("# later\n", "space.yaml: expected fields at the top", "(got nothing)"),
    "a list at the top": ("- corpus\n", "space.yaml: expected fields at the top", "(got a list)"),
    "a word at the top": ("hello\n", "space.yaml: expected fields at the top", "(got a single value)"),
    "a key given twice": (
        f"{GOOD}model:\n  latent_size: 8\n  latent_size: 16\n",
        "space.yaml:5: model.latent_size: given twice (first in line 4); keep one",
    ),
    "a key given twice in a line": (
        f"{GOOD}model: {{latent_size: 8, latent_size: 8}}\n",
        "space.yaml:3: model.latent_size: given twice (first in line 3); keep one",
    ),
    "a tab": (f"{GOOD}model:\n\tlatent_size: 8\n", "space.yaml:4: not valid YAML: a tab; indent with spaces"),
    "a bracket left open": (
        f"{GOOD}seeds: [0, 1\n",
        "space.yaml:",
        "not valid YAML: expected ',' or ']', but the file ends",
    ),
    "two colons": (f"{GOOD}name: a: b\n", "space.yaml:3: not valid YAML: a second `:` in one line"),
    "an unknown anchor": (f"{GOOD}model: *sizes\n", "space.yaml:3: not valid YAML: found undefined alias 'sizes'"),
    "an anchor in itself": (
        f"{GOOD}model: &m {{training: *m}}\n",
        "space.yaml: not valid YAML: model.training: an anchor that contains itself",
    ),
    "two documents": (f"{GOOD}---\n{GOOD}", "space.yaml:3: not valid YAML: expected a single document"),
    "a control character": (f"{GOOD}name: a\x00b\n", "space.yaml: not valid YAML: unacceptable character"),
    "too deep": ("[" * 5000, "space.yaml:1: not valid YAML: nested too deeply"),
    "a date that is none": (
        f"{GOOD}name: 2024-13-45\n",
        "space.yaml:3: not valid YAML: 2024-13-45 is no value",
        "put text in quotes",
    ),
    "an endless number": (f"{GOOD}seeds: [{'9' * 5000}]\n", "space.yaml:3: not valid YAML: 99999999"),
    "a Python object": (
        f"{GOOD}model: !!python/object:os.system x\n",
        "space.yaml:3: a tag `!..`; plain values need none",
    ),
    # extends
    "a missing parent": (
        f"{GOOD}extends: snil.yaml\n",
        "space.yaml:3: extends: no file ",
        "did you mean ",
        "snli.yaml?",
    ),
    "a parent that is a number": (
        f"{GOOD}extends: 3\n",
        "space.yaml:3: extends: expected the path of one sweep file (got 3)",
    ),
    "two parents": (f"{GOOD}extends: [a, b]\n", "space.yaml:3: extends: expected the path of one sweep file"),
    "its own parent": (
        f"{GOOD}extends: space.yaml\n",
        "space.yaml: extends itself: space.yaml -> space.yaml; break the circle",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_one_mistake_gives_one_problem_with_its_place_and_what_is_allowed(name: str, tmp_path: Path) -> None:
    check(tmp_path, *BROKEN[name])


def test_the_text_of_the_error_lists_all_and_says_that_nothing_was_started() -> None:
    error = SpecError(["a.yaml:1: x: wrong", "a.yaml:2: y: wrong"])
    assert str(error).splitlines() == [*error.problems, "2 errors; nothing was started"]
    assert str(SpecError(["x"])).endswith("\n1 error; nothing was started")


def test_inherited_mistakes_are_told_at_the_file_and_line_that_made_them(tmp_path: Path) -> None:
    base = "corpus: {name: snli}\nmodel:\n  latent_size: 0\n  encoder_size: 0\nmethods: {vea: }\n"
    middle = "extends: base.yaml\nmodel: {encoder_size: 64}\ntraining: {epochs: -1}\n"
    problems = problems_of(tmp_path, "extends: middle.yaml\nmethods:\n  vae: {x: 1}\n", base=base, middle=middle)
    assert [": ".join(problem.split(": ")[:2]) for problem in problems] == [
        "base.yaml:3: model.latent_size",
        "middle.yaml:3: training.epochs",
        "space.yaml:3: methods.vae.x",
    ]


def test_a_circle_of_files_is_shown(tmp_path: Path) -> None:
    [problem] = problems_of(tmp_path, "extends: a.yaml\n", a="extends: b.yaml\n", b="extends: a.yaml\n")
    assert problem == "a.yaml: extends itself: a.yaml -> b.yaml -> a.yaml; break the circle"


def test_a_broken_parent_is_told_under_its_own_name(tmp_path: Path) -> None:
    assert problems_of(tmp_path, "extends: a.yaml\n", a="seeds: [\n")[0].startswith("a.yaml:2: not valid YAML")
    assert problems_of(tmp_path, "extends: a.yaml\n", a="extends: b.yaml\n") == [
        "a.yaml:1: extends: no file b.yaml; did you mean a.yaml?"
    ]


def test_a_file_that_is_not_utf8_is_told_with_the_line(tmp_path: Path) -> None:
    [problem] = problems_of(tmp_path, f"{GOOD}name: caf\xe9\n".encode("latin-1"))
    assert problem.startswith("space.yaml:3: not UTF-8 text")


def test_an_absent_file_and_a_directory_are_told(tmp_path: Path) -> None:
    (tmp_path / "snli.yaml").write_text(GOOD, encoding="utf-8")
    with pytest.raises(SpecError, match=r"snil\.yaml: cannot be read .*did you mean .*snli\.yaml\?"):
        read_spec(tmp_path / "snil.yaml")
    with pytest.raises(SpecError, match="give the path of a sweep file"):
        read_spec(tmp_path)
    with pytest.raises(SpecError, match="give the path of a sweep file"):
        read_spec(tmp_path / "nowhere" / "snli.yaml")


def test_the_name_of_a_file_that_is_no_folder_is_told(tmp_path: Path) -> None:
    path = tmp_path / "my sweep.yaml"
    path.write_text(GOOD, encoding="utf-8")
    with pytest.raises(SpecError, match=r"my sweep\.yaml \(its name\): name: it names a folder"):
        read_spec(path)
    assert read_spec(path, ["name=mine"]).name == "mine"


def test_the_command_tells_a_broken_file_without_a_traceback_and_starts_nothing(tmp_path: Path) -> None:
    path = tmp_path / "space.yaml"
    path.write_text(f"{GOOD}model: {{latent_sise: 16}}\n", encoding="utf-8")
    command = [sys.executable, "-m", "vae_sweep.cli.main", "launch", str(path), "--set", "seeds=3"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.splitlines()[-1] == "2 errors; nothing was started"
    assert f"{path}:3: model.latent_sise: unknown key" in done.stderr
    assert "Traceback" not in done.stderr


@LAW
@given(
    st.integers(0, 900),
    st.integers(0, 12),
    st.sampled_from(["", "~", "[]", "{a: ", "!!x", "*a", "\t", "9e999", "- "]),
)
def test_a_mutilated_file_is_read_or_told_but_never_crashes(start: int, length: int, put: str) -> None:
    text = (ROOT / "search_spaces" / "snli.yaml").read_text(encoding="utf-8")
    problems: tuple[str, ...] = ()
    with TemporaryDirectory() as directory:
        path = Path(directory) / "space.yaml"
        path.write_text(text[:start] + put + text[start + length :], encoding="utf-8")
        try:
            read_spec(path)
        except SpecError as error:
            problems = error.problems
    assert [
        problem for problem in problems if not problem.startswith(f"{path}") or "Input should" in problem
    ] == []


OVERRIDES = {
    "latent_size": "--set latent_size: expected path=value, such as model.latent_size=16",
    "=3": "--set =3: expected path=value",
    "model..latent_size=3": "--set model..latent_size=3: expected path=value",
    "model.latent_size=[3": "--set model.latent_size=[3: the value '[3' is not valid YAML",
    "model.latent_size=small": (
        "--set model.latent_size=small: model.latent_size: expected a whole number (got 'small')"
    ),
    "model.latent_size=": "--set model.latent_size=: model.latent_size: expected a whole number (got nothing)",
    "model.latnt_size=3": "--set model.latnt_size=3: model.latnt_size: unknown key",
    "modle.latent_size=3": "--set modle.latent_size=3: modle: unknown key",
    "corpus=snli": "--set corpus=snli: corpus: expected fields below it (got 'snli')",
    "seeds.0=3": "--set seeds.0=3: seeds: expected a list [..]",
    "methods.ours.target_rate=-1": (
        "--set methods.ours.target_rate=-1: methods.ours.target_rate: must be above 0 (got -1)"
    ),
    "methods.ours.target_rate.choice=[2]": (
        "--set methods.ours.target_rate.choice=[2]: methods.ours.target_rate.choice: expected a value"
    ),
    "name=2024-13-45": "--set name=2024-13-45: the value '2024-13-45' is not valid YAML",
    "model={latent_size: 1, latent_size: 2}": "--set model={latent_size: 1, latent_size: 2}: the value ",
    "seeds=!!set x": "--set seeds=!!set x: the value '!!set x' is not valid YAML",
    "methods={vea: }": "--set methods={vea: }: methods.vea: unknown method",
    "search.kind=tpe": "--set search.kind=tpe: search.trials: tpe needs trials",
    "extends=snli.yaml": "--set extends=snli.yaml: extends stands in files only",
    "name=2024": "--set name=2024: name: expected text in quotes (got 2024)",
}


@pytest.mark.parametrize("override", OVERRIDES)
def test_a_wrong_override_is_told_as_it_was_typed(override: str, tmp_path: Path) -> None:
    [problem] = problems_of(tmp_path, GOOD, override)
    assert problem.startswith(OVERRIDES[override])


def test_wrong_overrides_and_the_mistakes_of_the_file_are_told_together(tmp_path: Path) -> None:
    problems = problems_of(tmp_path, f"{GOOD}seeds: []\n", "x", "model.latent_size=0", "training.epochs=0")
    assert len(problems) == 4
