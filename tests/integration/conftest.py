"""What several integration tests stand on."""

from collections.abc import Iterator

import pytest

from tests.integration.web import Web, serving


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    """A real HTTP server on loopback."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving() as running:
        yield running
