"""Paths of a sweep file: `~` and variables are what they are here; a URL is none; --set takes text whole."""

from pathlib import Path

import pytest

from tests.unit.broken_spaces import GOOD, problems_of
from trainables.base import CorpusError
from vae_sweep.config.environment import data_directory
from vae_sweep.config.paths import expanded
from vae_sweep.config.reader import read_spec
from vae_sweep.config.sweep_spec import SweepSpec
from vae_sweep.errors import SpecError
from vae_sweep.jobs.portability import refuse_local_paths

MINE = "corpus: {path: mine}\nmethods: {vae: }\n"
FIELDS = ("corpus.path", "data.directory", "storage.directory", "search.warm_start")


def read(directory: Path, text: str, *overrides: str, here: bool = True) -> SweepSpec:
    (directory / "space.yaml").write_text(text, encoding="utf-8")
    return read_spec(directory / "space.yaml", overrides, here)


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("$SCRATCH/sweeps", "/scratch/me/sweeps"),
        ("${SCRATCH}-2/$USER", "/scratch/me-2/me"),
        ("sqlite:///$SCRATCH/x.db", "sqlite:////scratch/me/x.db"),
        ("a$ b", "a$ b"),
        ("plain", "plain"),
    ],
)
def test_variables_stand_for_their_values(text: str, path: str) -> None:
    assert expanded(text, {"SCRATCH": "/scratch/me", "USER": "me"}) == path


def test_homes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    assert expanded("~/x", {}) == "/home/me/x"
    assert expanded("sqlite:///~/x.db", {}) == "sqlite:////home/me/x.db"
    assert expanded("a~b/~", {}) == "a~b/~"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("$SCRATHC/x", "the environment variable SCRATHC is not set; set it, or write the path"),
        ("${EMPTY}/x", "the environment variable EMPTY is empty"),
        ("${oc.env:HOME}/x", r"\$\{oc\.env:HOME\} is no variable; write \$NAME or \$\{NAME\}"),
        ("${}/x", "is no variable"),
        ("~nobody-of-this-name/x", "~nobody-of-this-name: no such user here"),
    ],
)
def test_what_is_not_known_is_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        expanded(text, {"HOME": "/home/me", "EMPTY": ""})


def test_every_path_of_a_file_is_settled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLACE", "/place")
    text = (
        "corpus: {path: $PLACE/c}\ndata: {directory: '${PLACE}/d'}\nmethods: {vae: }\n"
        "storage: {directory: $PLACE/s, study: 'sqlite:///$PLACE/study.db'}\n"
        "search: {kind: tpe, trials: 2, warm_start: $PLACE/w}\ntracking: {uri: 'sqlite:///$PLACE/m.db'}\n"
    )
    spec = read(tmp_path, text)
    assert (spec.corpus.path, spec.data.directory, spec.storage.directory) == ("/place/c", "/place/d", "/place/s")
    assert (spec.search.warm_start, spec.tracking.uri) == ("/place/w", "sqlite:////place/m.db")
    assert spec.storage.study == "sqlite:////place/study.db"
    assert read(tmp_path, MINE, "storage.directory=$PLACE/set").storage.directory == "/place/set"
    assert list(tmp_path.iterdir()) == [tmp_path / "space.yaml"]


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("url", ["s3://bucket/x", "gs://bucket/x", "https://host/x", "hdfs://x", "sqlite:///x.db"])
def test_a_url_is_no_directory(field: str, url: str, tmp_path: Path) -> None:
    search = ("search.kind=tpe", "search.trials=2") if field.startswith("search") else ()
    [problem] = problems_of(tmp_path, MINE, f"{field}={url}", *search)
    assert problem.startswith(f"--set {field}={url}: {field}: expected a directory, not a URL; ")
    if field == "storage.directory":
        assert "by storage.objects: s3://bucket/prefix (got 's3" in problem.replace(url, "s3")


def test_the_path_of_a_file_url_is_told(tmp_path: Path) -> None:
    [problem] = problems_of(tmp_path, f"{MINE}storage:\n  directory: file:///shared/sweeps\n")
    assert problem == (
        "space.yaml:4: storage.directory: expected a path, not a URL: /shared/sweeps (got 'file:///shared/sweeps')"
    )


def test_every_wrong_path_is_told_at_once_with_the_files_other_mistakes(tmp_path: Path) -> None:
    text = (
        "corpus: {path: $NOT_SET_1}\nmethods: {vea: }\nstorage: {directory: 's3://b/x'}\n"
        "tracking:\n  uri: gs://b/mlflow\n"
    )
    assert [problem.split(": ")[:2] for problem in problems_of(tmp_path, text)] == [
        ["space.yaml:1", "corpus.path"],
        ["space.yaml:2", "methods.vea"],
        ["space.yaml:3", "storage.directory"],
        ["space.yaml:5", "tracking.uri"],
    ]


def test_a_password_in_a_variable_is_refused_like_any(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WHO", "me:hush")
    [problem] = problems_of(tmp_path, f"{GOOD}tracking: {{uri: 'http://$WHO@mlflow:5000'}}\n")
    assert "holds a password" in problem
    assert "hush" not in problem


def test_what_is_sent_to_another_machine_keeps_no_variables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLACE", "/place")
    text = f"{GOOD}storage: {{directory: $PLACE/s}}\ntracking: {{uri: 'sqlite:///$PLACE/m.db'}}\n"
    spec = read(tmp_path, text, here=False)
    with pytest.raises(SpecError) as error:
        refuse_local_paths(spec, "space.yaml")
    assert [problem.split(": ")[1] for problem in error.value.problems] == ["storage.directory", "tracking.uri"]
    assert all("holds a variable, which may be another there" in problem for problem in error.value.problems)


def test_the_data_directory_is_no_url(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CorpusError, match="expected a directory, not a URL"):
        data_directory(Path("s3://bucket/x"))
    monkeypatch.setenv("VAE_SWEEP_DATA", "s3://bucket/x")
    with pytest.raises(CorpusError, match="expected a directory, not a URL"):
        data_directory(None)


@pytest.mark.parametrize("text", ["x #2", "#2", "a&b", "&a x", "~", "--- x", "x ...", "3 #4", "a:b", "x, y"])
def test_text_of_an_override_is_taken_whole(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    path = read(tmp_path, MINE, f"corpus.path={text}").corpus.path
    assert path == ("/home/me" if text == "~" else text)


@pytest.mark.parametrize("text", ["[1, 2] #3", "'x' #2", "{train: 5} # few", "&a [1]", "*x", "%x"])
def test_what_would_be_cut_off_an_override_is_refused(text: str, tmp_path: Path) -> None:
    [problem] = problems_of(tmp_path, MINE, f"seeds={text}")
    assert problem.startswith(f"--set seeds={text}: the value {text!r} is not valid YAML; put text in quotes")


def test_values_of_an_override_are_yaml_as_before(tmp_path: Path) -> None:
    spec = read(tmp_path, MINE, "seeds=[3, 4]", "corpus.limit={train: 5}", "name='x1'", "data.directory=")
    assert (spec.seeds, spec.corpus.limit.train, spec.name, spec.data.directory) == ((3, 4), 5, "x1", None)
