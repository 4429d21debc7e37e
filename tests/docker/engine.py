"""A container engine for the tests, found or started; base images, or local stand-ins for them."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.helpers import script

STANDINS = Path(__file__).parent / "standins"
BASES = {"python:3.11-slim-bookworm": "python.Dockerfile", "postgres:15-bookworm": "postgres.Dockerfile"}
PACKAGES = ("docker.io", "runc", "iptables", "debootstrap")
MIRROR = "http://deb.debian.org/debian"
PATIENCE = 60.0


class NoEngineError(Exception):
    """No engine can be had here, and why."""


@dataclass(frozen=True)
class Engine:
    """A running engine."""

    host: str | None

    @property
    def environment(self) -> dict[str, str]:
        """What docker's commands find it by; the classic builder, which every engine has."""
        own = {"DOCKER_HOST": self.host} if self.host else {}
        return os.environ | {"DOCKER_BUILDKIT": "0", "COMPOSE_BAKE": "false"} | own

    def docker(self, *words: str, check: bool = True, **more: str) -> str:
        """Run a docker command; return what it printed."""
        done = subprocess.run(
            ["docker", *words], env=self.environment | more, capture_output=True, text=True, check=False
        )
        assert not check or done.returncode == 0, (
            f"docker {' '.join(words)}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
        )
        return done.stdout

    def has(self, image: str) -> bool:
        """Say whether an image is there."""
        return bool(self.docker("images", "--quiet", image).strip())


@contextmanager
def engine(place: Path) -> Iterator[Engine]:
    """Yield the engine that answers, or one started below `place` and ended by its pid. Raises NoEngineError."""
    if shutil.which("docker") and _run("docker", "info").returncode == 0:
        yield Engine(os.environ.get("DOCKER_HOST"))
        return
    if os.geteuid() != 0:
        raise NoEngineError("no docker engine answers, and starting one needs root")
    _install()
    socket = place / "docker.sock"
    own = [f"--host=unix://{socket}", f"--data-root={place / 'data'}", f"--exec-root={place / 'exec'}"]
    with (place / "dockerd.log").open("w") as log:
        process = subprocess.Popen(
            ["dockerd", *own, f"--pidfile={place / 'pid'}", "--mtu=1400"], stdout=log, stderr=log
        )
    try:
        found = Engine(f"unix://{socket}")
        end = time.monotonic() + PATIENCE
        while subprocess.run(
            ["docker", "info"], env=found.environment, capture_output=True, check=False
        ).returncode:
            if process.poll() is not None or time.monotonic() > end:
                raise NoEngineError(f"dockerd does not start here: {(place / 'dockerd.log').read_text()[-500:]}")
            _wait(process)
        yield found
    finally:
        process.terminate()
        process.wait(PATIENCE)


def provide_bases(found: Engine, place: Path) -> list[str]:
    """Pull the base images, or make stand-ins under their names; return the names of the stand-ins."""
    absent = [name for name in BASES if not found.has(name) and not _pulled(found, name)]
    if absent and not found.has("debian:bookworm-slim") and not _pulled(found, "debian:bookworm-slim"):
        _import_debian(found, place / "debian")
    if absent:
        context = place / "standins"
        shutil.copytree(STANDINS, context, dirs_exist_ok=True)
        _copy_machine(context / "machine")
        for name in absent:
            found.docker("build", "--quiet", "--file", str(context / BASES[name]), "--tag", name, str(context))
    return absent


def _pulled(found: Engine, name: str) -> bool:
    done = subprocess.run(
        ["docker", "pull", "--quiet", name], env=found.environment, capture_output=True, check=False
    )
    return done.returncode == 0


def _install() -> None:
    """Install Debian's engine where it is absent."""
    if shutil.which("dockerd") and shutil.which("debootstrap"):
        return
    if not shutil.which("apt-get"):
        raise NoEngineError("no dockerd here, and no apt-get to install it with")
    _run("apt-get", "update")
    done = _run("apt-get", "install", "-y", "--no-install-recommends", *PACKAGES)
    if done.returncode:
        raise NoEngineError(f"apt-get install {' '.join(PACKAGES)} failed: {done.stderr.strip()[-300:]}")


def _import_debian(found: Engine, root: Path) -> None:
    done = _run("debootstrap", "--variant=minbase", "bookworm", str(root), MIRROR)
    if done.returncode:
        raise NoEngineError(f"debootstrap failed: {done.stdout.strip()[-300:]}")
    with subprocess.Popen(["tar", "-C", str(root), "-c", "."], stdout=subprocess.PIPE) as packed:
        subprocess.run(
            ["docker", "import", "-", "debian:bookworm-slim"],
            stdin=packed.stdout,
            env=found.environment,
            check=True,
        )


def _copy_machine(target: Path) -> None:
    """Copy this machine's way to its package index: certificates, and wheels that lie on its disk."""
    target.mkdir()
    certificates, wheels = Path("/etc/ssl/certs/ca-certificates.crt"), Path(os.environ.get("PIP_FIND_LINKS", ""))
    settings = ["[global]", "retries = 0"]
    if certificates.is_file():
        (target / "etc/ssl/certs").mkdir(parents=True)
        shutil.copy(certificates, target / "etc/ssl/certs")
        settings.append(f"cert = {certificates}")
    if wheels.is_absolute() and wheels.is_dir():
        shutil.copytree(wheels, target / wheels.relative_to("/"))
        settings.append(f"find-links = {wheels}")
    (target / "etc").mkdir(exist_ok=True)
    (target / "etc/pip.conf").write_text("\n".join(settings) + "\n")


def _run(*command: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _wait(process: "subprocess.Popen[bytes]") -> None:
    try:
        process.wait(0.2)
    except subprocess.TimeoutExpired:
        return


def compose_command(files: Sequence[Path]) -> list[str]:
    """Return the command of Docker's compose, the engine's plugin or that of the extra dev."""
    plugin = _run("docker", "compose", "version").returncode == 0
    base = ["docker", "compose"] if plugin else [script("docker-compose")]
    return [*base, *(word for file in files for word in ("--file", str(file)))]
