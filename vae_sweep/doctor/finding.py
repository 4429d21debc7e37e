"""A finding of `vae-sweep doctor`, and the addresses that it asks from."""

import ipaddress
import socket
from contextlib import suppress
from typing import Literal, NamedTuple

Level = Literal["ok", "warning", "problem"]


class Finding(NamedTuple):
    """What was found where, and the usual fix; never a secret."""

    level: Level
    what: str
    where: str
    text: str
    fix: str = ""

    def __str__(self) -> str:
        fix = f"; {self.fix}" if self.fix else ""
        return f"{self.level:<7}  {self.what}: {self.where}: {self.text}{fix}"


def is_loopback(host: str) -> bool:
    """Say whether a host's name or address means this machine's own loopback and nothing else."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def outward_addresses() -> list[str]:
    """Return the addresses under which other machines may reach this one; nothing is sent."""
    found: set[str] = set()
    with suppress(OSError):
        found |= {str(each[4][0]) for each in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)}
    with suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("192.0.2.1", 9))
        found.add(probe.getsockname()[0])
    return sorted(address for address in found if not is_loopback(address))
