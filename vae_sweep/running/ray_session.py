"""A Ray session: one of our own on this machine, or the cluster that an address names."""

import gc
import logging
import os
import signal
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, cast

import ray
from ray._private.node import Node
from ray._private.worker import global_worker
from ray.exceptions import AuthenticationError

from vae_sweep.errors import LaunchError
from vae_sweep.planning.memory import memory_limit
from vae_sweep.running.detached_processes import children_apart
from vae_sweep.running.interrupts import interruptible
from vae_sweep.running.nodes.auth_probe import auth_probe, can_be_asked
from vae_sweep.storage.process_identity import process_birth

LOCAL = "local"
_REASONS = {
    "absent": "no Ray cluster answers there; is it up, is the address that of its head, host:port?",
    "refused": "the cluster refuses our token; copy the head's to ~/.ray/auth_token, or name its file with "
    "RAY_AUTH_TOKEN_PATH, and set RAY_AUTH_MODE=token",
}
"""Answer of `auth_probe` -> why a cluster cannot be joined."""


@contextmanager
def ray_session(address: str | None = None) -> Iterator[bool]:
    """Join the cluster at `address`, else RAY_ADDRESS, else start Ray here; yield whether a cluster was joined.

    SIGTERM ends like Ctrl-C. Raises LaunchError where no cluster answers, or Ray does not start.
    """
    address = address or os.environ.get("RAY_ADDRESS") or LOCAL
    if can_be_asked(address) and (answer := auth_probe(address, stranger=False)) != "open":
        raise LaunchError(f"RAY_ADDRESS={address}: {_REASONS[answer]}")
    with interruptible() as take_signals:
        _begin(address)
        take_signals()
        groups = _dismiss_idlers() if address == LOCAL else {}
        for name in ("ray.tune", "ray.train"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        try:
            yield address != LOCAL
        finally:
            _shut_down(groups)


def _begin(address: str) -> None:
    try:
        with children_apart():
            ray.init(
                address=address,
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.ERROR,
                **_memory(address),
            )
    except SystemExit:
        raise KeyboardInterrupt from None  # Ray's own answer to a SIGTERM
    except AuthenticationError as error:
        raise LaunchError(f"RAY_ADDRESS={address}: the cluster's token is not right here: {error}") from None
    except Exception as error:  # noqa: BLE001 - of a Ray that does not start within its time, Exception is all it is
        said = " ".join(str(error).split()) or type(error).__name__
        if address != LOCAL:
            raise LaunchError(f"RAY_ADDRESS={address}: no Ray cluster can be joined there ({said})") from None
        logs = f"{os.environ.get('RAY_TMPDIR') or tempfile.gettempdir()}/ray/session_latest/logs"
        raise LaunchError(
            f"Ray did not start on this machine ({said}); is it short of memory, disk or processor time? "
            f"Its logs are in {logs}. Nothing is lost: start again"
        ) from None


def _memory(address: str) -> dict[str, Any]:
    """Return what a Ray of our own may take where a control group bounds ours: Ray looks at the whole machine."""
    bound = memory_limit() if address == LOCAL else None
    return {"object_store_memory": bound.store, "_memory": bound.heap} if bound else {}


def _dismiss_idlers() -> dict[int, str | None]:
    """End what a Ray of our own started for nobody; return the process groups of what stays, leader and its birth.

    No log goes to the driver, no node is added, and the API server shows no page. Ray has no switch for it.
    One that has died already, or never started, is none to end.
    """
    node = cast(Node, global_worker.node)
    node.kill_log_monitor(check_alive=False)
    node.kill_monitor(check_alive=False)
    node.kill_dashboard(check_alive=False)
    leaders = [each.process.pid for kind in node.all_processes.values() for each in kind]
    return {leader: process_birth(leader) for leader in leaders}


def _shut_down(groups: Mapping[int, str | None]) -> None:
    """End Ray, and what is left in the process groups of a Ray of our own.

    No garbage is collected meanwhile: a thread that then collects one of Ray's references makes Ray end the whole
    process, without a message of ours.
    """
    gc.collect()
    gc.disable()
    try:
        ray.shutdown()
    finally:
        gc.enable()
    end_groups(groups)


def end_groups(groups: Mapping[int, str | None]) -> None:
    """Kill what is left in process groups; one whose number another process has by now, born later, is let be."""
    for group, birth in groups.items():
        if process_birth(group) in (None, birth):
            with suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)
