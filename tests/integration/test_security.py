"""Doors that must be closed: MLflow with passwords, and a Ray head with a token; the doctor says so."""

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest

from tests.integration.mlflow_seen import free_port, server
from tests.integration.two_nodes import env, head, sweep, write_token
from vae_sweep.doctor.cluster import examine_dashboard
from vae_sweep.doctor.tracker import examine_mlflow
from vae_sweep.running.nodes.auth_probe import auth_probe
from vae_sweep.running.nodes.mlflow_reachability import SEARCH, unreachable_reason

pytestmark = [pytest.mark.slow, pytest.mark.exhaustive, pytest.mark.in_order]

PASSWORD = "a password of the tests alone"  # noqa: S105
OWN = ("admin", PASSWORD)


class Tracker(NamedTuple):
    """A running MLflow server with passwords, and where a client finds it."""

    uri: str

    def search(self, auth: tuple[str, str] | None = OWN, method: str = "GET", **headers: str) -> int:
        """Return the status of a search for experiments."""
        body = {"params": {"max_results": 1}} if method == "GET" else {"json": {"max_results": 1}}
        return httpx.request(method, self.uri + SEARCH, auth=auth, headers=headers, timeout=30, **body).status_code  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def tracker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tracker]:
    pytest.importorskip("flask_wtf", reason="MLflow's passwords need Flask-WTF, which the extra dev installs")
    directory, port = tmp_path_factory.mktemp("auth"), free_port()
    with server(directory, port, "--app-name", "basic-auth", **auth_environment(directory, PASSWORD)):
        yield Tracker(f"http://127.0.0.1:{port}")


def auth_environment(directory: Path, password: str) -> dict[str, str]:
    """What MLflow needs to keep users and passwords in a directory."""
    config = directory / "auth.ini"
    text = f"""[mlflow]
default_permission = NO_PERMISSIONS
database_uri = sqlite:///{directory}/auth.db
admin_username = admin
admin_password = {password}
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
"""
    config.write_text(text)
    return {"MLFLOW_AUTH_CONFIG_PATH": str(config), "MLFLOW_FLASK_SERVER_SECRET_KEY": "of the tests alone"}


def test_mlflow_lets_in_who_has_the_password_alone(tracker: Tracker) -> None:
    assert tracker.search() == 200
    assert tracker.search(None) == 401
    assert tracker.search(("admin", "password1234")) == 401
    assert tracker.search(("stranger", PASSWORD)) == 401


def test_mlflow_refuses_a_foreign_host_with_the_right_password_too(tracker: Tracker) -> None:
    assert tracker.search(Host="foreign.example") == 403


def test_mlflow_refuses_a_post_from_a_foreign_page_with_the_right_password_too(tracker: Tracker) -> None:
    assert tracker.search(method="POST") == 200
    assert tracker.search(method="POST", Origin="http://foreign.example") == 403


def test_the_doctor_finds_nothing_open(tracker: Tracker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "admin")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", PASSWORD)
    found = list(examine_mlflow(tracker.uri))
    assert {each.level for each in found} == {"ok"}, found
    assert len(found) == 5
    assert PASSWORD not in "".join(map(str, found))


def test_a_wrong_password_is_told_in_words(
    tracker: Tracker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("MLFLOW_TRACKING_USERNAME", raising=False)
    uri = tracker.uri.replace("http://", "http://admin:wrong@")
    said = unreachable_reason(uri)
    assert said is not None
    assert said.startswith(f"MLflow at {tracker.uri} does not let us in")
    assert "wrong" not in said


def test_the_doctor_finds_an_mlflow_open_to_all(tmp_path: Path) -> None:
    port = free_port()
    options = ["--host", "0.0.0.0", "--allowed-hosts", "*", "--cors-allowed-origins", "*"]  # noqa: S104
    with server(tmp_path, port, *options):
        found = list(examine_mlflow(f"http://127.0.0.1:{port}"))
    problems = [each.text for each in found if each.level == "problem"]
    assert problems == [
        "shows other machines everything without a password",
        "takes a foreign Host header: a page in a browser can reach it",
        "takes a POST from a foreign page: a page in a browser can reach it",
    ]


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A head with a token, and the home that has it."""
    home = tmp_path_factory.mktemp("closed")
    write_token(home)
    with head(home, "--num-cpus", "1") as address:
        yield home, address


def test_a_head_refuses_a_missing_and_a_wrong_token(
    closed: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home, address = closed
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    assert auth_probe(address, stranger=False) == "open"
    assert auth_probe(address, stranger=True) == "refused"
    write_token(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert auth_probe(address, stranger=False) == "refused"


def test_a_launch_with_a_wrong_token_ends_in_words(closed: tuple[Path, str], tmp_path: Path) -> None:
    _, address = closed
    write_token(tmp_path)
    (tmp_path / "one.yaml").write_text("corpus: {name: captions}\nmethods: {vae: }\n")
    done = sweep(tmp_path, address, "launch", "one.yaml")
    assert done.returncode == 2
    assert f"RAY_ADDRESS={address}: the cluster refuses our token" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_doctor_joins_and_probes_the_nodes(closed: tuple[Path, str]) -> None:
    home, address = closed
    command = [sys.executable, "-m", "vae_sweep.cli.main", "doctor", "--address", address, "--json"]
    done = subprocess.run(command, cwd=home, env=env(home), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = {(each["what"], each["level"]) for each in json.loads(done.stdout)}
    assert {("cluster", "ok"), ("node", "ok"), ("Ray's token", "ok"), ("Ray's token mode", "ok")} <= found
    assert (home / ".ray" / "auth_token").read_text() not in done.stdout
    assert not (home / "sweeps").exists(), "the doctor leaves nothing behind"


@pytest.mark.parametrize(("mode", "level"), [("token", "ok"), ("disabled", "problem")])
def test_the_doctor_sees_whether_a_dashboard_asks_for_a_token(tmp_path: Path, mode: str, level: str) -> None:
    pytest.importorskip("aiohttp_cors", reason="Ray's dashboard needs the packages of ray[default]")
    write_token(tmp_path)
    port = free_port()
    options = ["--include-dashboard", "true", "--dashboard-host", "127.0.0.1", "--dashboard-port", str(port)]
    with head(tmp_path, *options, RAY_AUTH_MODE=mode):
        found = examine_dashboard(f"http://127.0.0.1:{port}")
    assert found is not None
    assert found.level == level


def test_no_dashboard_is_no_finding() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        assert examine_dashboard(f"http://127.0.0.1:{silent.getsockname()[1]}") is None
