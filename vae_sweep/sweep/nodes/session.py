"""A Ray session: one of our own on this machine, or the cluster that an address names."""

import gc
import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, cast

import ray
from ray._private.node import Node
from ray._private.worker import global_worker
from ray.exceptions import AuthenticationError

from vae_sweep.errors import LaunchError
from vae_sweep.sweep.nodes.knock import can_be_asked, knock

LOCAL = "local"
REASONS = {
    "absent": "no Ray cluster answers there; is it up, is the address that of its head, host:port?",
    "refused": "the cluster refuses our token; copy the head's to ~/.ray/auth_token, or name its file with "
    "RAY_AUTH_TOKEN_PATH, and set RAY_AUTH_MODE=token",
}
"""What `knock` tells -> why a cluster cannot be joined."""


@contextmanager
def ray_session(address: str | None = None) -> Iterator[bool]:
    """Join the cluster at `address`, else RAY_ADDRESS, else start Ray here; yield whether a cluster was joined.

    SIGTERM ends like Ctrl-C. Raises LaunchError where no cluster answers.
    """
    address = address or os.environ.get("RAY_ADDRESS") or LOCAL
    if can_be_asked(address) and (answer := knock(address, stranger=False)) != "open":
        raise LaunchError(f"RAY_ADDRESS={address}: {REASONS[answer]}")
    try:
        ray.init(address=address, include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR)
    except AuthenticationError as error:
        raise LaunchError(f"RAY_ADDRESS={address}: the cluster's token is not right here: {error}") from None
    except (ConnectionError, RuntimeError) as error:
        raise LaunchError(f"RAY_ADDRESS={address}: no Ray cluster can be joined there ({error})") from None
    if address == LOCAL:
        _dismiss_idlers()
    for name in ("ray.tune", "ray.train"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    before = _on_sigterm(like_ctrl_c)
    try:
        yield address != LOCAL
    finally:
        _on_sigterm(before)
        _shut_down()


def _dismiss_idlers() -> None:
    """End what a Ray of our own started for nobody.

    No log goes to the driver, no node is added, and the API server shows no page. Ray has no switch for it.
    One that has died already, or never started, is none to end.
    """
    node = cast(Node, global_worker.node)
    node.kill_log_monitor(check_alive=False)
    node.kill_monitor(check_alive=False)
    node.kill_dashboard(check_alive=False)


def _shut_down() -> None:
    """End Ray, with no collection of garbage meanwhile.

    A thread that then collects one of Ray's references makes Ray end the whole process, without a word of ours.
    """
    gc.collect()
    gc.disable()
    try:
        ray.shutdown()
    finally:
        gc.enable()


def like_ctrl_c(number: int, frame: FrameType | None) -> None:
    """Do what Ctrl-C does now, also where SIGINT is blocked or ignored, as Ray does to the jobs of a cluster."""
    interrupt = signal.getsignal(signal.SIGINT)
    if not callable(interrupt):
        raise KeyboardInterrupt
    interrupt(signal.SIGINT, frame)


def _on_sigterm(handler: Any) -> Callable[[int, FrameType | None], Any] | int | None:
    if threading.current_thread() is not threading.main_thread():
        return None
    return signal.signal(signal.SIGTERM, handler or signal.SIG_DFL)
