"""The doctor before servers of our own that are open, closed, or something else."""

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from vae_sweep.doctor.cluster import examine_dashboard, examine_dashboards
from vae_sweep.doctor.finding import outward_addresses
from vae_sweep.doctor.tracker import DEFAULTS, examine_mlflow
from vae_sweep.running.nodes.mlflow_reachability import SEARCH, bare, credentials, unreachable_reason

OWN = "not-a-public-one"
RAY = json.dumps({"version": "4", "ray_version": "2.60.0"})


class Door(BaseHTTPRequestHandler):
    """Answers like MLflow and like Ray's dashboard, as closed as `password` says."""

    password: str | None = None
    ray: str | None = None

    def do_GET(self) -> None:
        if self.path.startswith("/api/version") or self.path.startswith("/api/jobs"):
            self._say(404 if self.ray is None else 401 if self.ray != RAY else 200, self.ray or "")
        elif self.path.startswith(SEARCH):
            self._say(200 if self._known() else 401, "{}")
        else:
            self._say(404, "")

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def _known(self) -> bool:
        wanted = base64.b64encode(f"admin:{self.password}".encode()).decode()
        return self.password is None or self.headers["Authorization"] == f"Basic {wanted}"

    def _say(self, status: int, text: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def door(host: str = "127.0.0.1", password: str | None = None, ray: str | None = None) -> Iterator[str]:
    """Run a server for the length of a with block; yield host:port."""

    class This(Door):
        pass

    This.password, This.ray = password, ray
    with ThreadingHTTPServer((host, 0), This) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield f"{host}:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A user without passwords or proxies."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NO_PROXY", "*")
    for name in ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD", "MLFLOW_TRACKING_TOKEN"):
        monkeypatch.delenv(name, raising=False)


def outward() -> str:
    found = outward_addresses()
    if not found:
        pytest.skip("this machine has no address but loopback")
    return found[0]


def test_a_public_password_is_a_problem() -> None:
    with door(password=DEFAULTS[0][1]) as place:
        found = list(examine_mlflow(f"http://{place}"))
    assert [each.text for each in found if each.level == "problem"] == [
        "the user admin has a password that stands in public pages"
    ]
    assert "password1234" not in "".join(map(str, found))


def test_on_loopback_alone_no_password_is_no_problem_but_foreign_pages_are() -> None:
    with door() as place:
        found = list(examine_mlflow(f"http://{place}"))
    assert [each.text for each in found if each.level == "ok"][1] == "no password, but on loopback alone"
    assert [each.text.split(":")[0] for each in found if each.level == "problem"] == [
        "takes a foreign Host header",
        "takes a POST from a foreign page",
    ]


def test_beyond_loopback_no_password_is_a_problem() -> None:
    with door(outward()) as place:
        problems = [each.text for each in examine_mlflow(f"http://{place}") if each.level == "problem"]
    assert problems[0] == "shows and takes everything without a password"


def test_a_loopback_address_of_a_server_that_listens_everywhere_is_seen_through() -> None:
    outward()
    with door("0.0.0.0") as place:  # noqa: S104
        found = list(examine_mlflow(f"http://127.0.0.1:{place.rpartition(':')[2]}"))
    assert "shows other machines everything without a password" in [each.text for each in found]


def test_passwords_in_the_clear_are_a_warning() -> None:
    with door(outward(), password=OWN) as place:
        found = list(examine_mlflow(f"http://admin:{OWN}@{place}"))
    assert "passwords cross the network without encryption" in [e.text for e in found if e.level == "warning"]
    assert OWN not in "".join(map(str, found))


def test_the_ways_to_a_password(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert credentials("http://h") is None
    (tmp_path / ".mlflow").mkdir()
    kept = "[mlflow]\nmlflow_tracking_username = file\nmlflow_tracking_password = 50%\n"
    (tmp_path / ".mlflow" / "credentials").write_text(kept)
    assert credentials("http://h") == ("file", "50%")
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "env")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "x")
    assert credentials("http://h") == ("env", "x")
    assert credentials("http://uri:a%40b@h:5000/mlflow") == ("uri", "a@b")
    assert bare("http://uri:a%40b@h:5000/mlflow") == "http://h:5000/mlflow"


@pytest.mark.parametrize("password", [None, "mine"])
def test_whether_the_driver_reaches_it(password: str | None) -> None:
    with door(password=password) as place:
        said = unreachable_reason(f"http://{place}")
        assert unreachable_reason(f"http://admin:{password}@{place}") is None
    assert (said is None) is (password is None)
    gone = unreachable_reason(f"http://{place}")
    assert gone is not None
    assert "does not answer" in gone


def test_whether_a_database_can_be_written(tmp_path: Path) -> None:
    assert unreachable_reason(f"sqlite:///{tmp_path}/not/yet/mlflow.db") is None
    assert unreachable_reason("postgresql://u:p@h/db") is None
    said = unreachable_reason("sqlite:////proc/mlflow.db")
    assert said is None or "cannot be written" in said


@pytest.mark.parametrize(
    ("ray", "level"), [(RAY, "problem"), ("Unauthorized: Missing authentication token", "ok"), ("hello", None)]
)
def test_a_dashboard_on_loopback(ray: str, level: str | None) -> None:
    with door(ray=ray) as place:
        found = examine_dashboard(f"http://{place}")
    assert (found.level if found else None) == level


def test_a_dashboard_that_listens_everywhere_is_found_by_its_loopback_address() -> None:
    address = outward()
    with door("0.0.0.0", ray="Unauthorized: Missing authentication token") as place:  # noqa: S104
        port = place.rpartition(":")[2]
        found = list(examine_dashboards([f"127.0.0.1:{port}"]))
    levels = {each.where: each.level for each in found}
    assert levels[f"http://127.0.0.1:{port}"] == "ok"
    assert levels[f"http://{address}:{port}"] == "warning"
