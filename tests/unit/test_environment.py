"""The environment that Ray gets, the token, and SIGTERM where SIGINT does not work."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from vae_sweep.errors import LaunchError
from vae_sweep.running.ray_environment import find_token, prepare_environment

SECRET = "s3cret-of-the-cluster"  # noqa: S105


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty home and no variable of Ray."""
    for name in [*os.environ]:
        if name.startswith("RAY_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    before = dict(os.environ)
    yield tmp_path
    os.environ.clear()
    os.environ.update(before)


def keep(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_the_token_is_looked_for_where_ray_looks_and_never_shown(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert find_token() is None
    default = keep(home / ".ray" / "auth_token", f"{SECRET}\n")
    found = find_token()
    assert found is not None
    assert (found.value, found.source) == (SECRET, str(default))
    assert SECRET not in repr(found)
    named = keep(home / "other", "other-token")
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(named))
    assert (found := find_token()) is not None
    assert (found.value, found.source) == ("other-token", f"RAY_AUTH_TOKEN_PATH={named}")
    monkeypatch.setenv("RAY_AUTH_TOKEN", "third")
    assert (found := find_token()) is not None
    assert found.value == "third"


@pytest.mark.parametrize("text", [f"{SECRET} {SECRET}", f"{SECRET}\n{SECRET}", f"{SECRET}\x07", f"{SECRET}é"])
def test_what_cannot_be_a_token_is_refused_without_being_shown(home: Path, text: str) -> None:
    keep(home / ".ray" / "auth_token", text)
    with pytest.raises(LaunchError, match="holds no token") as refused:
        find_token()
    assert SECRET not in str(refused.value)


def test_a_named_token_that_is_not_there_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(home / "none"))
    with pytest.raises(LaunchError, match=r"RAY_AUTH_TOKEN_PATH=.*none: no such file"):
        find_token()


@pytest.mark.parametrize(
    ("address", "token", "mode"),
    [
        (None, False, "token"),
        ("local", False, "token"),
        ("10.0.0.1:6379", False, None),
        ("10.0.0.1:6379", True, "token"),
        ("auto", False, None),
    ],
)
def test_a_cluster_without_a_token_is_joined_without_one(
    home: Path, monkeypatch: pytest.MonkeyPatch, address: str | None, token: bool, mode: str | None
) -> None:
    if address:
        monkeypatch.setenv("RAY_ADDRESS", address)
    if token:
        keep(home / ".ray" / "auth_token", SECRET)
    prepare_environment()
    assert os.environ.get("RAY_AUTH_MODE") == mode


@pytest.mark.parametrize(("address", "collects"), [(None, "60000"), ("10.0.0.1:6379", None)])
def test_only_a_ray_of_our_own_collects_no_figures(
    home: Path, monkeypatch: pytest.MonkeyPatch, address: str | None, collects: str | None
) -> None:
    if address:
        monkeypatch.setenv("RAY_ADDRESS", address)
    prepare_environment()
    assert os.environ.get("REPORTER_UPDATE_INTERVAL_MS") == collects


def test_what_the_user_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    prepare_environment()
    assert os.environ["RAY_AUTH_MODE"] == "disabled"
