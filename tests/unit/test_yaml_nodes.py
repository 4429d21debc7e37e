"""YAML as sweep files have it: bounded, whatever stands in it, and with the line of every value and oddity."""

import json
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ruamel.yaml.error import YAMLError

from tests.helpers import LAW
from tests.unit.broken_spaces import CORPUS, GOOD, problems_of
from vae_sweep.config.domains import Choice
from vae_sweep.config.reader import read_spec
from vae_sweep.config.yaml_nodes import LEVELS, Tree, compose

NINE = "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n" for before, name in zip("abcde", "bcdef", strict=True)
)
BOMB = f"{CORPUS}a: &a [x, x, x, x, x, x, x, x, x]\n{NINE}methods: {{vae: }}\n"


def tree(text: str) -> Tree:
    return Tree(compose(text), len(text), "f")


def test_aliases_that_unfold_without_end_are_refused_before_they_do(tmp_path: Path) -> None:
    assert len(BOMB) < 300
    tracemalloc.start()
    [problem] = problems_of(tmp_path, BOMB)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert problem.endswith(
        "not valid YAML: aliases (`*name`) that unfold to more than 100,000 values; write them out"
    )
    assert peak < 100e6
    [problem] = problems_of(
        tmp_path, GOOD, f"methods={{a: &a [{'x, ' * 400}], b: &b [{'*a, ' * 400}], c: [*b, *b]}}"
    )
    assert "is not valid YAML" in problem


def test_few_aliases_are_as_good_as_written_out() -> None:
    found = tree("a: &a {x: [1, 2]}\nb: *a\nc: {<<: *a, y: 3}\nd: {<<: [{x: 4, z: 5}, *a], z: 6}\n")
    assert found.values == {
        "a": {"x": (1, 2)},
        "b": {"x": (1, 2)},
        "c": {"x": (1, 2), "y": 3},
        "d": {"x": 4, "z": 6},
    }
    assert found.places["c", "x"] == ("f", 3)
    assert found.places["d", "z"] == ("f", 4)
    assert found.problems == []


DEEP = {
    "lists": "[" * 2000 + "]" * 2000,
    "mappings": "{a: " * 2000 + "1" + "}" * 2000,
    "blocks": "".join(f"{' ' * level}a:\n" for level in range(2000)),
    "items": "- " * 2000 + "1",
    "keys": "? " * 2000 + "1",
}


@pytest.mark.parametrize("kind", DEEP)
def test_two_thousand_levels_are_refused(kind: str, tmp_path: Path) -> None:
    [problem] = problems_of(tmp_path, DEEP[kind])
    line = LEVELS + 1 if kind == "blocks" else 1
    assert problem == f"space.yaml:{line}: not valid YAML: nested too deeply"


def test_brackets_in_text_and_comments_nest_nothing() -> None:
    text = "".join(f"a{n}: '[[' # [[\nb{n}: \"{{{{\"\n" for n in range(200))
    assert len(tree(text).values) == 400
    assert len(tree("".join(f"a{n}:\n  b:\n    c: [1]\n" for n in range(500))).values) == 500


def test_twenty_thousand_choices_are_read(tmp_path: Path) -> None:
    values = tuple(range(1, 20_001))
    rows = f"methods: {{ours: {{target_rate: {{choice: {list(values)}}}}}}}\n"
    text = f"{CORPUS}search: {{kind: tpe, trials: 2}}\n{rows}"
    (tmp_path / "space.yaml").write_text(text)
    spec = read_spec(tmp_path / "space.yaml")
    assert spec.methods["ours"]["target_rate"] == Choice(choice=values)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("mo\u00a0del: {}", "mo del: the key holds a no-break space (U+00A0); use plain blanks"),
        ("model\u00a0: {}", "model: the key holds a no-break space (U+00A0); use plain blanks"),
        ("model: {\u200blatent_size: 8}", "model.latent_size: the key holds a zero width space (U+200B); use"),
        ("'model\t': {}", "model: the key holds a control character (U+0009); use plain blanks"),
    ],
)
def test_what_nobody_sees_in_a_key_is_named(text: str, said: str, tmp_path: Path) -> None:
    assert problems_of(tmp_path, f"{GOOD}{text}\n")[0].startswith(f"space.yaml:3: {said}")


def test_a_line_indented_by_no_break_spaces_is_named(tmp_path: Path) -> None:
    problems = problems_of(tmp_path, f"{GOOD}model:\n\u00a0\u00a0latent_size: 8\n")
    assert "space.yaml:4: latent_size: the key holds a no-break space (U+00A0); use plain blanks" in problems


TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Zl", "Zp")))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc", min_size=1), inner, max_size=4),
    max_leaves=12,
)


def listed(value: object) -> object:
    """Return a value with lists for tuples."""
    if isinstance(value, tuple):
        return [listed(item) for item in value]
    return {key: listed(item) for key, item in value.items()} if isinstance(value, dict) else value


@LAW
@given(VALUES)
def test_json_is_yaml(value: object) -> None:
    found = tree(json.dumps(value, ensure_ascii=False))
    assert listed(found.values) == value
    assert found.problems == []


@LAW
@given(st.text("ab:-[]{}&*!#'\"|>%@ \n\t\u00a0,?<0", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        tree(text)
    except (YAMLError, RecursionError):
        return
