"""The door to places: folders on S3, what is absent, what is refused, and that nothing secret is told."""

import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from tests.objects import BUCKET, KEY, SECRET, Objects, place, serving
from trainables.base import StateError
from trainables.s3_connection import TIMEOUT_VARIABLE, filesystem, request_timeout
from trainables.storage_paths import (
    PlaceError,
    contents,
    copied,
    delete,
    filesystem_of,
    is_file,
    is_folder,
    place_of,
    place_on,
    read,
    size,
    write,
)
from trainables.training.state import STATE_FILE, TENSOR_FILE, Counters, TrialState, load_state, save_state

STATE = TrialState(Counters(epoch=2), model={"w": torch.arange(3.0)})


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Objects]:
    """The server that the tests of this module share, each in a folder of its own."""
    with serving(tmp_path_factory.mktemp("moto")) as running:
        yield running


@pytest.fixture
def objects(server: Objects, monkeypatch: pytest.MonkeyPatch) -> Objects:
    """The server, with its names in this process's environment."""
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    return server


def test_places_are_told_by_their_text() -> None:
    far = place_of("s3://bucket/some/where")
    assert str(far / "x") == "s3://bucket/some/where/x"
    assert (far.name, str(far.parent), far.parts) == ("where", "s3://bucket/some", ("bucket", "some", "where"))
    assert str(far.with_name("y")) == "s3://bucket/some/y"
    assert place_of("/some/where") == Path("/some/where")
    assert filesystem_of(Path("/some/where")) == ("/some/where", None)


def test_a_file_is_written_read_and_deleted(objects: Objects) -> None:
    file = place("file/a")
    assert not is_file(file)
    write(file, b"content")
    assert (read(file), size(file), is_file(file), is_folder(file)) == (b"content", 7, True, False)
    assert objects.listing("file") == {"file/a": 7}
    delete(file)
    delete(file)
    assert not is_file(file)
    with pytest.raises(FileNotFoundError, match=f"s3://{BUCKET}/file/a"):
        read(file)


def test_a_folder_is_listed_sized_and_deleted(objects: Objects) -> None:
    folder = place("folder")
    assert (contents(folder), is_folder(folder), size(folder)) == ([], False, 0)
    for name, content in {"b": b"22", "a/x": b"1", "entry.json": b"333"}.items():
        write(place(f"folder/{name}"), content)
    assert [(found.name, found.kind, found.bytes) for found in contents(folder)] == [
        ("a", "folder", 0),
        ("b", "file", 2),
        ("entry.json", "file", 3),
    ]
    assert (is_folder(folder), size(folder)) == (True, 6)
    write(place("folder2/kept"), b"")
    delete(folder, first=("entry.json",))
    delete(folder)
    assert objects.listing("folder") == {}
    assert objects.listing("folder2") == {"folder2/kept": 0}


def test_a_local_folder_is_listed_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "a").write_text("x")
    (tmp_path / "c").symlink_to(tmp_path / "b")
    assert [(found.place, found.kind) for found in contents(tmp_path)] == [
        (tmp_path / "a", "file"),
        (tmp_path / "b", "folder"),
        (tmp_path / "c", "link"),
    ]
    assert contents(tmp_path / "none") == []
    with copied(tmp_path, ["a"]) as folder:
        assert folder == tmp_path


def test_files_are_copied_as_far_as_they_are_there(objects: Objects) -> None:
    write(place("copy/a"), b"x")
    with copied(place("copy"), ["a", "b"]) as folder:
        assert {path.name: path.read_bytes() for path in folder.iterdir()} == {"a": b"x"}
    assert not folder.exists()


def test_a_state_survives_and_damage_is_named(objects: Objects) -> None:
    folder = place("state/checkpoint_000001")
    save_state(folder, "key", STATE)
    found = load_state(folder, "key")
    assert found.counters == STATE.counters
    assert torch.equal(found.model["w"], STATE.model["w"])
    write(folder / TENSOR_FILE, b"damaged")
    with pytest.raises(
        StateError, match=rf"s3://{BUCKET}/state/checkpoint_000001/{TENSOR_FILE}: damaged \(sha256"
    ):
        load_state(folder, "key")
    delete(folder / TENSOR_FILE)
    with pytest.raises(StateError, match=rf"s3://{BUCKET}/state/checkpoint_000001: no readable state"):
        load_state(folder, "key")
    delete(folder / STATE_FILE)
    with pytest.raises(StateError, match="no readable state"):
        load_state(folder, "key")


def test_ray_gets_a_file_system_without_secrets_in_it(objects: Objects) -> None:
    path, files = filesystem_of(place("ray"))
    assert path == f"{BUCKET}/ray"
    assert files is not None
    carried = pickle.dumps(files)
    assert SECRET.encode() not in carried
    assert KEY.encode() not in carried
    assert place_on(files, path) == place("ray")


def test_a_server_out_of_reach_is_no_damage(objects: Objects, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://someone:private@127.0.0.1:9")
    with pytest.raises(PlaceError, match=r"127\.0\.0\.1:9 refuses or is out of reach.*AWS_ENDPOINT_URL") as raised:
        load_state(place("state"), "key")
    assert "private" not in str(raised.value)


def test_what_a_server_refuses_is_told_without_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(tmp_path, INITIAL_NO_AUTH_ACTION_COUNT="2") as strict:
        for name, value in strict.environment.items():
            monkeypatch.setenv(name, value)
        for act in (lambda: write(place("a"), b"x"), lambda: is_file(place("a")), lambda: contents(place("a"))):
            with pytest.raises(PlaceError, match="AWS Error") as raised:
                act()
            assert not any(secret in str(raised.value) for secret in (KEY, SECRET))


@pytest.mark.parametrize("given", ["soon", "0", "-1", "inf", "nan"])
def test_a_timeout_that_is_none_is_refused_in_words(given: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(TIMEOUT_VARIABLE, given)
    with pytest.raises(PlaceError, match=f"VAE_SWEEP_S3_TIMEOUT={given}: expected seconds above 0, such as 10"):
        filesystem()


def test_the_timeout_is_ten_seconds_or_what_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(TIMEOUT_VARIABLE, raising=False)
    assert request_timeout() == 10.0
    monkeypatch.setenv(TIMEOUT_VARIABLE, "2.5")
    assert request_timeout() == 2.5
