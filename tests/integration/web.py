"""A real HTTP server on loopback that can be told to misbehave."""

import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

Act = Callable[["Handler", "Page"], None]


@dataclass
class Page:
    """A file on the server; `acts` answer the first requests, one each, before it is served as it should be."""

    body: bytes
    acts: list[Act] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=lambda: {"ETag": '"one"'})
    ranges: bool = True


@dataclass
class Web:
    """A running server: its pages, and the Range and If-Range of every request in order."""

    url: str
    pages: dict[str, Page] = field(default_factory=dict)
    requests: list[tuple[str, str | None, str | None]] = field(default_factory=list)

    def add(self, path: str, page: Page) -> str:
        """Put a page up and return its URL."""
        self.pages[path] = page
        return f"{self.url}{path}"

    @property
    def ranges(self) -> list[str | None]:
        """The Range header of every request."""
        return [wanted for _, wanted, _ in self.requests]


class Handler(BaseHTTPRequestHandler):
    """Serves `Web.pages`."""

    protocol_version = "HTTP/1.1"
    web: Web

    def do_GET(self) -> None:
        self.web.requests.append((self.path, self.headers["Range"], self.headers["If-Range"]))
        page = self.web.pages.get(self.path)
        if page is None:
            self.send_error(404)
        elif page.acts:
            page.acts.pop(0)(self, page)
        else:
            self.serve(page)

    def serve(self, page: Page, cut: int | None = None) -> None:
        """Send the page, or the asked-for rest of it; with `cut` only so many bytes before the line goes dead."""
        wanted, condition = self.headers["Range"], self.headers["If-Range"]
        start = 0
        if page.ranges and wanted and condition in page.headers.values():
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
        rest = page.body[start:]
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(page.body) - 1}/{len(page.body)}")
        for name, value in page.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        self.wfile.write(rest[:cut])
        if cut is not None:
            self.hang_up()

    def hang_up(self) -> None:
        """Close the connection in the middle of whatever it was."""
        self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def cut(after: int) -> Act:
    """Send so many bytes of what was asked for, then hang up."""
    return lambda handler, page: handler.serve(page, cut=after)


def status(code: int, **headers: str) -> Act:
    """Answer with a status and no file."""

    def act(handler: Handler, page: Page) -> None:
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return act


def endless(handler: Handler, page: Page) -> None:
    """Send the file over and over without ever saying how long it is."""
    handler.send_response(200)
    handler.send_header("Connection", "close")
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(page.body)
    except OSError:
        handler.close_connection = True


def other_range(handler: Handler, page: Page) -> None:
    """Answer a request for the rest with the beginning, called a part."""
    handler.send_response(206)
    handler.send_header("Content-Range", f"bytes 0-{len(page.body) - 1}/{len(page.body)}")
    handler.send_header("Content-Length", str(len(page.body)))
    handler.end_headers()
    handler.wfile.write(page.body)


class Steps:
    """What a download told: every piece of progress, and every pause instead of sleeping through it."""

    def __init__(self) -> None:
        self.progress: list[tuple[str, int, int | None]] = []
        self.pauses: list[float] = []

    def __call__(self, name: str, done: int, total: int | None) -> None:
        self.progress.append((name, done, total))

    def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)


@contextmanager
def serving() -> Iterator[Web]:
    """Run a server for the length of a with block."""

    class ThisHandler(Handler):
        pass

    with ThreadingHTTPServer(("127.0.0.1", 0), ThisHandler) as server:
        web = Web(f"http://127.0.0.1:{server.server_address[1]}")
        ThisHandler.web = web
        server.daemon_threads = True
        thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield web
        finally:
            server.shutdown()
            thread.join()
