"""Whether a Ray cluster lets us in, asked in a separate process: Ray reads its token mode once."""

import os
import subprocess
import sys
from typing import Literal

OPENED, REFUSED, ABSENT = 0, 3, 4
_PATIENCE = 20.0
"""Seconds within which a cluster answers, or is absent."""

AuthAnswer = Literal["open", "refused", "absent"]


def auth_probe(address: str, stranger: bool) -> AuthAnswer:
    """Return how the cluster at host:port answers: us with our token, or a `stranger` without one."""
    environment = dict(os.environ)
    if stranger:
        environment = {key: value for key, value in environment.items() if not key.startswith("RAY_AUTH_")}
        environment["RAY_AUTH_MODE"] = "disabled"
    command = [sys.executable, "-m", "vae_sweep.running.nodes.auth_probe", address]
    try:
        done = subprocess.run(command, env=environment, capture_output=True, timeout=_PATIENCE, check=False)
    except subprocess.TimeoutExpired:
        return "absent"
    return {OPENED: "open", REFUSED: "refused"}.get(done.returncode, "absent")  # type: ignore[return-value]


def can_be_asked(address: str) -> bool:
    """Say whether an address is a host:port, and not a word or a URL that Ray resolves itself."""
    return "://" not in address and address.rpartition(":")[2].isdigit()


def main() -> int:
    """Ask the address on the command line once."""
    from ray._raylet import GcsClient  # type: ignore[attr-defined]
    from ray.exceptions import AuthenticationError

    try:
        GcsClient(address=sys.argv[1]).check_alive([], timeout=_PATIENCE / 2)
    except AuthenticationError:
        return REFUSED
    return OPENED


if __name__ == "__main__":
    sys.exit(main())
