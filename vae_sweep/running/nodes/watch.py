"""Nodes that answer late, or join after the first trial: asked on a thread, used once they are good."""

import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from vae_sweep.journal.events import NodesEvent
from vae_sweep.running.nodes.node_checks import NodeFinding

PERIOD, AGAIN = 10.0, 60.0
"""Seconds between two looks for new nodes, and until a node that gave no answer is asked again, at least."""


class Places(Protocol):
    """Where trials may run, as far as the watch changes it."""

    def leave_out(self, nodes: Iterable[str]) -> None:
        """Keep trials off nodes."""

    def take_in(self, nodes: Iterable[str]) -> None:
        """Let trials run on nodes."""


class NodeWatch:
    """Asks nodes that are not known yet and those that gave no answer; until they are good they are left out.

    `alive` names the nodes that are up, `ask` has some of them look at themselves until no answer is wanted. What
    is found is written where it is news.
    """

    def __init__(
        self,
        found: Iterable[NodeFinding],
        places: Places,
        alive: Callable[[], Iterable[str]],
        ask: Callable[[Sequence[str], Callable[[], bool]], list[NodeFinding]],
        write: Callable[[NodesEvent], None],
        say: Callable[[str], None],
    ) -> None:
        self._found = {finding.node: finding for finding in found}
        self._places, self._alive, self._ask, self._write, self._say = places, alive, ask, write, say
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._work, name="watch of nodes", daemon=True)

    def start(self) -> None:
        """Start the thread; call once, before `close`."""
        self._thread.start()

    def close(self) -> None:
        """Ask no more; an answer that is still out is not waited for. Call it before Ray is shut down."""
        self._closing.set()
        if self._thread.ident is not None:
            self._thread.join()

    def look(self, again: bool) -> None:
        """Ask the nodes that joined, and with `again` those that gave no answer."""
        up = set(self._alive())
        joined = up - self._found.keys()
        self._places.leave_out(joined)
        late = {node for node in up if again and node in self._found and not self._found[node].answered}
        if not joined | late:
            return
        news = []
        for finding in self._ask(sorted(joined | late), self._closing.is_set):
            if self._closing.is_set():
                return
            before = self._found.get(finding.node)
            self._found[finding.node] = finding
            if finding.good:
                self._places.take_in([finding.node])
                self._say(f"{finding} is good and gets trials")
            if before is None or before.problems != finding.problems:
                news.append(finding.plain())
        if news:
            self._write(NodesEvent(nodes=news, warnings=[]))

    def _work(self) -> None:
        since = 0.0
        while not self._closing.wait(PERIOD):
            since += PERIOD
            try:
                self.look(again=since >= AGAIN)
            except Exception as error:  # noqa: BLE001  the sweep must not feel even a bug in here; it is shown
                if not self._closing.is_set():
                    self._say(f"nodes that joined could not be asked: {error or type(error).__name__}")
            if since >= AGAIN:
                since = 0.0
