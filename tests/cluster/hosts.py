"""Hosts that are network namespaces on a switch of their own: each with a name, killed and cut one by one.

Nothing is made in the machine's own namespace: the switch is a bridge inside one more, so that whatever is
left goes with the namespaces.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

SUBNET = "10.77.0"
PATIENCE = 30.0
"""Seconds in which a killed host has no process left."""


@dataclass(frozen=True)
class Host:
    """A namespace `space` with one interface, whose other end is `port` at the switch."""

    name: str
    space: str
    address: str
    switch: str
    port: str

    def start(self, command: Sequence[str], env: dict[str, str], log: Path) -> "subprocess.Popen[bytes]":
        """Start a command on the host, its output appended to `log`."""
        with log.open("ab") as out:
            return subprocess.Popen(
                self._here(command), env=env, cwd=log.parent, stdout=out, stderr=out, start_new_session=True
            )

    def run(
        self, command: Sequence[str], env: dict[str, str], cwd: Path, timeout: float = 200
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command on the host to its end."""
        return subprocess.run(
            self._here(command), env=env, cwd=cwd, capture_output=True, text=True, timeout=timeout, check=False
        )

    def _here(self, command: Sequence[str]) -> list[str]:
        named = ["unshare", "--uts", "sh", "-c", 'hostname "$0" && exec "$@"', self.name]
        return ["ip", "netns", "exec", self.space, *named, *command]

    def pids(self) -> list[int]:
        """Return the processes on the host."""
        return _pids(self.space)

    def kill(self) -> None:
        """SIGKILL every process on the host, as a power failure would."""
        _kill(self.space)

    def cut(self) -> None:
        """Take the host off the network: packets are lost without a word to either side."""
        _ip("-n", self.switch, "link", "set", self.port, "down")

    def mend(self) -> None:
        """Put the host back on the network."""
        _ip("-n", self.switch, "link", "set", self.port, "up")


@contextmanager
def network(names: Sequence[str]) -> Iterator[dict[str, Host]]:
    """Hosts of these names that see each other and nothing else; killed and removed at the end."""
    mark = f"vs{os.getpid()}"
    switch = f"{mark}-switch"
    with ExitStack() as held:
        _space(held, switch)
        _ip("-n", switch, "link", "add", "bridge", "type", "bridge")
        _ip("-n", switch, "link", "set", "bridge", "up")
        hosts = {}
        for number, name in enumerate(names, 1):
            space, port = f"{mark}-{name}", f"port{number}"
            _space(held, space)
            _ip("-n", switch, "link", "add", port, "type", "veth", "peer", "name", "eth0", "netns", space)
            _ip("-n", switch, "link", "set", port, "master", "bridge", "up")
            _ip("-n", space, "address", "add", f"{SUBNET}.{number}/24", "dev", "eth0")
            _ip("-n", space, "link", "set", "eth0", "up")
            _ip("-n", space, "link", "set", "lo", "up")
            hosts[name] = Host(name, space, f"{SUBNET}.{number}", switch, port)
        yield hosts


def why_not() -> str | None:
    """Say why this machine cannot make such hosts, or None where it can: it is tried."""
    if missing := [tool for tool in ("ip", "unshare", "hostname") if shutil.which(tool) is None]:
        return f"no {', '.join(missing)} here (packages iproute2, util-linux, hostname)"
    if os.geteuid() != 0:
        return "network namespaces need root"
    try:
        with network(("probe",)) as hosts:
            done = hosts["probe"].run(["hostname"], dict(os.environ), Path("/"))
    except subprocess.CalledProcessError as error:
        return f"network namespaces cannot be made here: {error.stderr.strip()}"
    return None if done.stdout.strip() == "probe" else f"a namespace cannot be entered here: {done.stderr.strip()}"


def _space(held: ExitStack, name: str) -> None:
    _ip("netns", "add", name)
    held.callback(_remove, name)


def _remove(name: str) -> None:
    try:
        _kill(name)
    finally:
        _ip("netns", "delete", name)


def _kill(space: str) -> None:
    end = time.monotonic() + PATIENCE
    while pids := _pids(space):
        assert time.monotonic() < end, f"{space}: {pids} outlive SIGKILL"
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.02)


def _pids(space: str) -> list[int]:
    return [int(word) for word in _ip("netns", "pids", space).split()]


def _ip(*words: str) -> str:
    return subprocess.run(["ip", *words], check=True, capture_output=True, text=True).stdout
