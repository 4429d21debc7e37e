"""The doctor's look at files: who may read secrets, what a storage lies on, how much room it has."""

import os
import re
import shutil
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from vae_sweep.config.paths import sqlite_path
from vae_sweep.doctor.finding import Finding
from vae_sweep.running.nodes.mlflow_reachability import CREDENTIALS
from vae_sweep.running.nodes.node_checks import GIGABYTE, LEAST_FREE, LEAST_FREE_SHARE

SECRET = re.compile(r"SECRET|TOKEN|PASS|CREDENTIAL|AUTH|PRIVATE|API_?KEY|ACCESS_?KEY|KUBECONFIG")
"""Names of environment variables that hold a secret, or name the file that does."""

KNOWN = (Path(".ray", "auth_token"), CREDENTIALS, Path(".pgpass"), Path(".aws", "credentials"), Path(".netrc"))
"""Files of a home that hold secrets of this house."""

MOUNTED = Path("/run/secrets")
NETWORKED = re.compile(
    r"nfs\d?|cifs|smb\d?|smbfs|afs|9p|lustre|gpfs|beegfs|ceph|glusterfs|fuse\.(sshfs|glusterfs|ceph.*|s3fs|gcsfuse|rclone)"
)
ALMOST_NONE = 0.1 * GIGABYTE


def secret_files(home: Path, environment: Mapping[str, str]) -> dict[Path, str]:
    """Return the files here that hold secrets, with how we know of them."""
    found = {home / path: "by its name" for path in KNOWN}
    if MOUNTED.is_dir():
        found |= dict.fromkeys(MOUNTED.iterdir(), f"in {MOUNTED}")
    for name, value in environment.items():
        if SECRET.search(name.upper()) and value.startswith("/"):
            found[Path(value)] = f"by {name}"
    return {path: how for path, how in sorted(found.items()) if path.is_file()}


def examine_secrets(home: Path, environment: Mapping[str, str]) -> Iterator[Finding]:
    """Yield who may read each file that holds secrets."""
    for path, how in secret_files(home, environment).items():
        mode = path.stat().st_mode
        fix = f"chmod 600 {path}"
        if mode & stat.S_IROTH and _open_to_all(path):
            yield Finding("problem", "secret", str(path), f"every user of this machine may read it ({how})", fix)
        elif mode & (stat.S_IROTH | stat.S_IRGRP):
            closed = "closed off by a folder above, but " if mode & stat.S_IROTH else ""
            text = f"{closed}readable beyond its owner ({how}, mode {stat.S_IMODE(mode):03o})"
            yield Finding("warning", "secret", str(path), text, fix)
        else:
            yield Finding("ok", "secret", str(path), "its owner alone may read it")


def examine_storage(storage: Path) -> Iterator[Finding]:
    """Yield whether the storage, or the folder that it would be made in, can be written and has room."""
    near = storage
    while not near.exists():
        near = near.parent
    shown = str(storage)
    if not near.is_dir() or not os.access(near, os.W_OK | os.X_OK):
        fix = "give a directory of yours with --set storage.directory=PATH"
        yield Finding("problem", "storage", shown, f"{near} cannot be written", fix)
        return
    usage = shutil.disk_usage(near)
    text = f"{usage.free / GIGABYTE:.1f} GB free ({usage.free / max(usage.total, 1):.0%})"
    if usage.free < ALMOST_NONE:
        yield Finding("problem", "storage", shown, f"full: {text}", "make space")
    elif usage.free < LEAST_FREE or usage.free < LEAST_FREE_SHARE * usage.total:
        yield Finding("warning", "storage", shown, f"nearly full: {text}", "make space, or look at vae-sweep gc")
    else:
        yield Finding("ok", "storage", shown, f"writable, {text}")


def examine_database(what: str, url: str, mounts: str) -> Iterator[Finding]:
    """Yield what a sqlite database lies on; others are not looked at. `mounts` is /proc/self/mountinfo."""
    found = sqlite_path(url)
    if found is None:
        return
    path = found.absolute()
    kind = file_system(path, mounts)
    if NETWORKED.fullmatch(kind):
        text = f"sqlite on {kind}: its locks do not hold there, and it breaks for good"
        yield Finding("problem", what, str(path), text, "put it on a local disk, or use a server")
    else:
        yield Finding("ok", what, str(path), f"sqlite on {kind or 'an unknown file system'}")


def read_mounts() -> str:
    """Return what this process has mounted; empty where that is not known."""
    path = Path("/proc/self/mountinfo")
    return path.read_text() if path.is_file() else ""


def file_system(path: Path, mounts: str) -> str:
    """Return the type of the file system that holds a path, by the text of a mountinfo; empty where unknown."""
    best, kind = -1, ""
    real = path.resolve()
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        point = Path(_unescaped(before.split()[4]))
        if real.is_relative_to(point) and len(point.parts) >= best:
            best, kind = len(point.parts), after.split()[0]
    return kind


def _unescaped(text: str) -> str:
    return re.sub(r"\\(\d{3})", lambda found: chr(int(found[1], 8)), text)


def _open_to_all(path: Path) -> bool:
    """Say whether every folder above lets everybody through."""
    return all(above.stat().st_mode & stat.S_IXOTH for above in path.resolve().parents)
