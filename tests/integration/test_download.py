"""Downloads from a real server that misbehaves."""

import hashlib
from pathlib import Path

import pytest

from tests.integration.web import Page, Steps, Web, cut, endless, other_range, status
from trainables.base import CorpusError
from trainables.text.download import PAUSES, download
from trainables.text.sources import RemoteFile

BODY = b"".join(hashlib.sha256(bytes([number % 256, number // 256])).digest() for number in range(20_000))
HALF = len(BODY) // 2


@pytest.fixture
def steps() -> Steps:
    return Steps()


def remote(url: str, limit: int = len(BODY), sha256: str | None = hashlib.sha256(BODY).hexdigest()) -> RemoteFile:
    return RemoteFile("file.bin", url, limit, sha256)


def loaded(file: RemoteFile, folder: Path, steps: Steps) -> bytes:
    path = download(file, folder, steps, steps.pause)
    assert [entry.name for entry in folder.iterdir()] == [path.name]
    return path.read_bytes()


def test_whole_file_with_progress(web: Web, steps: Steps, tmp_path: Path) -> None:
    file = remote(web.add("/file.bin", Page(BODY)))
    assert loaded(file, tmp_path, steps) == BODY
    done = [piece[1] for piece in steps.progress]
    assert done == sorted(done)
    assert (done[0], done[-1]) == (0, len(BODY))
    assert {(name, total) for name, _, total in steps.progress} == {("file.bin", len(BODY))}
    assert steps.pauses == []
    assert loaded(file, tmp_path, steps) == BODY
    assert len(web.requests) == 1


def test_cut_connections_are_resumed(web: Web, steps: Steps, tmp_path: Path) -> None:
    file = remote(web.add("/file.bin", Page(BODY, [cut(HALF), cut(1000), cut(0)])))
    assert loaded(file, tmp_path, steps) == BODY
    assert web.ranges == [None, f"bytes={HALF}-", f"bytes={HALF + 1000}-", f"bytes={HALF + 1000}-"]
    assert {condition for _, _, condition in web.requests[1:]} == {'"one"'}
    assert steps.pauses == [1.0, 2.0, 4.0]


def test_an_attempt_that_brings_much_costs_nothing(web: Web, steps: Steps, tmp_path: Path) -> None:
    body = BODY * 20
    file = remote(
        web.add("/file.bin", Page(body, [cut(1_500_000)] * 8)), len(body), hashlib.sha256(body).hexdigest()
    )
    assert loaded(file, tmp_path, steps) == body
    assert steps.pauses == [1.0] * 8


@pytest.mark.parametrize(
    "headers", [{"ETag": 'W/"weak"', "Last-Modified": "Mon, 09 Sep 2019 00:00:00 GMT"}, {}, {"ETag": 'W/"weak"'}]
)
def test_resumes_only_by_a_strong_validator(
    web: Web, steps: Steps, tmp_path: Path, headers: dict[str, str]
) -> None:
    file = remote(web.add("/file.bin", Page(BODY, [cut(HALF)], headers)))
    assert loaded(file, tmp_path, steps) == BODY
    assert web.requests[1][1:] == (
        (f"bytes={HALF}-", headers["Last-Modified"]) if len(headers) == 2 else (None, None)
    )


def test_server_without_range_starts_anew(web: Web, steps: Steps, tmp_path: Path) -> None:
    file = remote(web.add("/file.bin", Page(BODY, [cut(HALF)], ranges=False)))
    assert loaded(file, tmp_path, steps) == BODY
    assert web.ranges == [None, f"bytes={HALF}-"]


def test_a_file_that_changed_meanwhile_is_never_joined(web: Web, steps: Steps, tmp_path: Path) -> None:
    page = Page(b"x" * len(BODY), [cut(HALF)] + [status(503)] * len(PAUSES))
    file = remote(web.add("/file.bin", page))
    with pytest.raises(CorpusError):
        download(file, tmp_path, steps, steps.pause)
    page.body, page.headers = BODY, {"ETag": '"two"'}
    assert loaded(file, tmp_path, steps) == BODY
    assert web.requests[-1][1:] == (f"bytes={HALF}-", '"one"')


@pytest.mark.parametrize("act", [other_range, status(416)])
def test_a_wrong_range_starts_anew(web: Web, steps: Steps, tmp_path: Path, act: object) -> None:
    page = Page(BODY, [cut(HALF), act])  # type: ignore[list-item]
    assert loaded(remote(web.add("/file.bin", page)), tmp_path, steps) == BODY
    assert web.ranges == [None, f"bytes={HALF}-", None]


def test_the_next_run_goes_on_where_the_last_one_gave_up(web: Web, steps: Steps, tmp_path: Path) -> None:
    file = remote(web.add("/file.bin", Page(BODY, [cut(HALF), *[cut(0)] * len(PAUSES)])))
    with pytest.raises(CorpusError, match=f"given up after 5 attempts.*\n.*{HALF:,} bytes are kept"):
        download(file, tmp_path, steps, steps.pause)
    assert steps.pauses == list(PAUSES)
    assert loaded(file, tmp_path, steps) == BODY
    assert web.ranges[-1] == f"bytes={HALF}-"


def test_killed_before_the_last_rename(web: Web, steps: Steps, tmp_path: Path) -> None:
    file = remote(web.add("/file.bin", Page(BODY)))
    path = download(file, tmp_path, steps, steps.pause)
    path.replace(tmp_path / "file.bin.part")
    origin = f'{{"url": "{file.url}", "validator": null, "total": {len(BODY)}}}'
    (tmp_path / "file.bin.part.json").write_text(origin)
    assert loaded(file, tmp_path, steps) == BODY
    assert len(web.requests) == 1


def test_a_busy_server_is_asked_again(
    web: Web, steps: Steps, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = remote(web.add("/file.bin", Page(BODY, [status(503), status(429)])))
    assert loaded(file, tmp_path, steps) == BODY
    assert steps.pauses == [1.0, 2.0]
    assert "answered 503" in caplog.text


def test_an_absent_file_is_not_asked_for_again(web: Web, steps: Steps, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=rf"{web.url}/gone: the server answered 404"):
        download(remote(f"{web.url}/gone"), tmp_path, steps, steps.pause)
    assert len(web.requests) == 1


def test_nobody_there(web: Web, steps: Steps, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="given up after 5 attempts"):
        download(remote("http://127.0.0.1:9/file.bin"), tmp_path, steps, steps.pause)


def test_wrong_checksum(web: Web, steps: Steps, tmp_path: Path) -> None:
    page = Page(b"<html>log in first</html>")
    expected, got = hashlib.sha256(BODY).hexdigest(), hashlib.sha256(page.body).hexdigest()
    with pytest.raises(CorpusError, match=rf"deleted\n  sha256 expected {expected}\n  sha256 got      {got}"):
        download(remote(web.add("/file.bin", page)), tmp_path, steps, steps.pause)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("acts", [[], [endless]])
def test_too_large(web: Web, steps: Steps, tmp_path: Path, acts: list[object]) -> None:
    file = remote(web.add("/file.bin", Page(BODY, acts)), limit=len(BODY) - 1)  # type: ignore[arg-type]
    with pytest.raises(CorpusError, match=rf"expected at most {len(BODY) - 1:,}"):
        download(file, tmp_path, steps, steps.pause)
    assert list(tmp_path.iterdir()) == []


def test_redirects_on_loopback(web: Web, steps: Steps, tmp_path: Path) -> None:
    web.add("/file.bin", Page(BODY, [cut(HALF)]))
    file = remote(web.add("/old", Page(b"", [status(302, Location="/file.bin")] * 2)))
    assert loaded(file, tmp_path, steps) == BODY
    assert web.ranges == [None, None, f"bytes={HALF}-", f"bytes={HALF}-"]


@pytest.mark.parametrize("away", ["http://example.org/x", "ftp://127.0.0.1/x", "file://127.0.0.1/etc/passwd"])
def test_redirects_away_from_https_are_refused(web: Web, steps: Steps, tmp_path: Path, away: str) -> None:
    file = remote(web.add("/old", Page(b"", [status(302, Location=away)])))
    with pytest.raises(CorpusError, match=f"leads to {away}, which is not HTTPS"):
        download(file, tmp_path, steps, steps.pause)


def test_plain_http_is_for_loopback_only(steps: Steps, tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="is not HTTPS"):
        download(remote("http://example.org/file.bin"), tmp_path, steps, steps.pause)


def test_a_circle_of_redirects_ends(web: Web, steps: Steps, tmp_path: Path) -> None:
    file = remote(web.add("/old", Page(b"", [status(302, Location="/old")] * 9)))
    with pytest.raises(CorpusError, match="more than 5 redirects"):
        download(file, tmp_path, steps, steps.pause)
