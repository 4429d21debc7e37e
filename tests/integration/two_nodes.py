"""Ray nodes as `ray start` makes them, each ended by its pid; a node may have a mount namespace of its own."""

import json
import re
import secrets
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import MappingProxyType

import pytest

from tests.integration.cluster import environment, kill_tree
from tests.integration.mlflow_seen import wait_until

REPOSITORY = Path(__file__).parents[2]
HIDDEN = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs tmpfs "$0" && exec "$@"']
"""Starts a process that sees an empty directory of its own in place of its first argument."""

ACTORS = """
import json, ray
ray.init(address="{address}", log_to_driver=False, logging_level="ERROR")
actors = ray._private.state.actors().values()
print(json.dumps([actor["Address"]["NodeID"] for actor in actors if "ImplicitFunc" in actor["ActorClassName"]]))
"""


def env(home: Path, **more: str) -> dict[str, str]:
    """The environment of a user of the cluster, whose token lies in `home`."""
    return environment(home) | {"PYTHONPATH": str(REPOSITORY), **more}


def write_token(home: Path) -> str:
    """Give a home a Ray token that only its owner can read."""
    path = home / ".ray" / "auth_token"
    path.parent.mkdir(exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(token := secrets.token_hex(32))
    return token


@contextmanager
def head(home: Path, *options: str, **more: str) -> Iterator[str]:
    """Run a head node with the token of `home`; yield its address."""
    with tempfile.TemporaryDirectory(prefix="r", ignore_cleanup_errors=True) as short:
        own = ["--head", "--port", "0", "--include-dashboard", "false", "--temp-dir", short, *options]
        with _node(home, "head", own, (), more) as said:
            found = re.search(r"--address='([^']+)'", said)
            assert found, said
            yield found[1]


@contextmanager
def joined(home: Path, address: str, *options: str, hidden: Path | None = None, **more: str) -> Iterator[None]:
    """Run a further node; with `hidden` it sees an empty directory there. Skips where that may not be done."""
    if hidden is not None:
        tried = subprocess.run([*HIDDEN, str(hidden), "true"], capture_output=True, text=True, check=False)
        if tried.returncode:
            pytest.skip(f"no mount namespace can be made here: {tried.stderr.strip()}")
    before = [*HIDDEN, str(hidden)] if hidden else []
    with _node(home, "joined", ["--address", address, *options], before, more):
        yield


@contextmanager
def _node(
    home: Path,
    name: str,
    options: Sequence[str],
    before: Sequence[str] = (),
    more: Mapping[str, str] = MappingProxyType({}),
) -> Iterator[str]:
    command = [*before, sys.executable, "-m", "ray.scripts.scripts", "start", "--block", *options]
    command += ["--min-worker-port", "0", "--max-worker-port", "0", "--object-store-memory", str(100 * 2**20)]
    log = home / f"{name}.txt"
    with ExitStack() as held, log.open("w") as out:
        given = env(home, RAY_USAGE_STATS_ENABLED="0", **more)
        process = subprocess.Popen(
            command, cwd=home, env=given, stdout=out, stderr=out, text=True, start_new_session=True
        )
        held.callback(kill_tree, process)
        wait_until(lambda: "Ray runtime started" in log.read_text() or process.poll() is not None, 120)
        assert process.poll() is None, log.read_text()
        yield log.read_text()


def sweep(home: Path, address: str, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run `vae-sweep` on the cluster to its end."""
    command = [sys.executable, "-m", "vae_sweep.cli.main", *arguments]
    given = env(home, RAY_ADDRESS=address)
    return subprocess.run(command, cwd=home, env=given, capture_output=True, text=True, timeout=500, check=False)


def nodes_of_trials(home: Path, address: str) -> list[str]:
    """The ids of the nodes on which trials ran, by Ray's own account of actors, dead ones too."""
    command = [sys.executable, "-c", ACTORS.format(address=address)]
    done = subprocess.run(command, env=env(home), capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    found: list[str] = json.loads(done.stdout.splitlines()[-1])
    return found
