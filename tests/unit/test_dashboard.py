"""The address of a job server, on real servers on loopback: what is wrong is said in words, the token never."""

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Thread

import pytest

from tests.integration.web import Act, Page, Web, serving
from vae_sweep.errors import LaunchError
from vae_sweep.jobs.dashboard import PATIENCE, checked_url, find_dashboard

SECRET = "s3cret-of-the-cluster"  # noqa: S105
VERSION = Page(json.dumps({"version": "4", "ray_version": "2.60.0"}).encode(), headers={})


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [*os.environ]:
        if name.startswith("RAY_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def web() -> Iterator[Web]:
    with serving() as running:
        yield running


def status(code: int, **headers: str) -> Act:
    def act(handler: "object", page: Page) -> None:
        handler.send_response(code)  # type: ignore[attr-defined]
        for name, value in headers.items():
            handler.send_header(name, value)  # type: ignore[attr-defined]
        handler.send_header("Content-Length", "0")  # type: ignore[attr-defined]
        handler.end_headers()  # type: ignore[attr-defined]

    return act


def answer(web: Web, *acts: Act, body: bytes = VERSION.body) -> str:
    web.add("/api/version", Page(body, list(acts), headers={}))
    return web.url


def refusal(url: str, patience: float = PATIENCE) -> str:
    with pytest.raises(LaunchError) as refused:
        find_dashboard(url, patience)
    assert SECRET not in str(refused.value)
    return str(refused.value)


@contextmanager
def silent(reply: bytes | None) -> Iterator[str]:
    """A server that takes one connection, says `reply` and closes, or with None says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                connection.recv(4096)
                if reply is None:
                    connection.recv(4096)
                else:
                    connection.sendall(reply)

        thread = Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join()


def test_a_dashboard_is_found_with_and_without_a_token(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    found = find_dashboard(answer(web) + "/")
    assert (found.url, found.ray_version, found.headers, found.shell) == (web.url, "2.60.0", {}, "")
    monkeypatch.setenv("RAY_AUTH_TOKEN", SECRET)
    found = find_dashboard(answer(web))
    assert found.headers == {"Authorization": f"Bearer {SECRET}"}
    assert found.shell == "RAY_AUTH_MODE=token "
    assert SECRET not in repr(found)
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    assert find_dashboard(answer(web)).shell == ""
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    assert find_dashboard(answer(web)).headers == {}


def test_a_missing_token_is_explained(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    said = refusal(answer(web, status(401)))
    assert "asks for a token and none is here" in said
    assert "RAY_AUTH_TOKEN_PATH=FILE" in said
    monkeypatch.setenv("RAY_AUTH_TOKEN", SECRET)
    assert "does not see the one of RAY_AUTH_TOKEN; a proxy" in refusal(answer(web, status(401)))
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    assert "export RAY_AUTH_MODE=token" in refusal(answer(web, status(401)))


def test_a_wrong_token_is_explained(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "refuses without asking for a token (403)" in refusal(answer(web, status(403)))
    monkeypatch.setenv("RAY_AUTH_TOKEN", SECRET)
    assert "the token of RAY_AUTH_TOKEN is not the cluster's" in refusal(answer(web, status(403)))


@pytest.mark.parametrize(
    ("acts", "body", "said"),
    [
        ((status(404),), b"", "is no Ray dashboard (/api/version gives 404"),
        ((), b"<html>", "is no Ray dashboard (/api/version gives 200"),
        ((), b"[1]", "is no Ray dashboard"),
        ((), b'{"version": "1"}', "is no Ray dashboard"),
        ((status(302, Location="https://sso.example/login"),), b"", "sends on to https://sso.example/login"),
        ((status(502),), b"", "answers with error 502"),
    ],
)
def test_other_servers_are_told_apart(web: Web, acts: tuple[Act, ...], body: bytes, said: str) -> None:
    assert said in refusal(answer(web, *acts, body=body))


def test_a_port_that_speaks_no_http_is_named_so() -> None:
    with silent(b"\x00\x00\x00\x04\x00\x00\x00\x00\x00") as url:
        assert "speaks no HTTP" in refusal(url)


def test_silence_ends() -> None:
    with silent(None) as url:
        assert "says nothing for 0.2 s" in refusal(url, patience=0.2)


def test_nobody_there_is_told_with_what_helps() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        free = listener.getsockname()[1]
    said = refusal(f"http://127.0.0.1:{free}")
    assert "nothing answers there" in said
    assert "ssh -L 8265:localhost:8265" in said
    with silent(b"HTTP/1.1 400 Bad Request\r\n\r\n") as url:
        assert "speaks no https" in refusal(url.replace("http:", "https:"))


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("ray://head:10001", "ray:// is no address of a job server"),
        ("head:6379", "port 6379 is the one where Ray's nodes meet"),
        ("http://head:10001", "port 10001 is the one of Ray's client"),
        ("auto", "expected host and port"),
        ("", "expected host and port"),
        ("http://", "expected host and port"),
        ("http://head:8265/?token=x", "expected host and port"),
        ("http://me:s3cret@head:8265", "holds a user or a password"),
        ("http://me:s3cret@head:99999", "holds a user or a password"),
        ("http://head:99999", "not an address"),
        ("http://[::1", "not an address"),
    ],
)
def test_what_is_no_address_is_refused(address: str, said: str) -> None:
    with pytest.raises(LaunchError) as refused:
        checked_url(address)
    assert said in str(refused.value)
    assert "s3cret" not in str(refused.value)


@pytest.mark.parametrize(
    ("address", "url"),
    [
        ("head:8265", "http://head:8265"),
        ("http://head:8265/", "http://head:8265"),
        ("https://ray.example/cluster/", "https://ray.example/cluster"),
        ("[::1]:8265", "http://[::1]:8265"),
    ],
)
def test_addresses_are_made_whole(address: str, url: str) -> None:
    assert checked_url(address) == url
