"""What several integration tests stand on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.sweeps import launch_undisturbed
from tests.integration.web import Web, serving
from tests.run import made_once


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    """A real HTTP server on loopback."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with serving() as running:
        yield running


@pytest.fixture(scope="session")
def undisturbed() -> Path:
    """A home in which the sweep ran to its end with nobody in its way, and was launched again; not to be changed.

    `once.jsonl` is the journal as the first launch left it.
    """
    return made_once("undisturbed", launch_undisturbed)
