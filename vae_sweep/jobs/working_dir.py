"""What a submission sends: one resolved sweep file, and the code that is to run it."""

import hashlib
import importlib.metadata
import shutil
from collections.abc import Iterator
from pathlib import Path

import vae_sweep
from trainables.storage_paths import write_file
from vae_sweep.config.sweep_spec import SweepSpec
from vae_sweep.errors import LaunchError

SPACE_FILE = "sweep.yaml"
PACKAGES = ("vae_sweep", "trainables")
CACHES, LEAVINGS = ("__pycache__",), (".pyc", ".pyo", ".swp", ".swo", ".bak", ".orig", ".rej", ".tmp", ".log")


def resolved(spec: SweepSpec) -> bytes:
    """Return a sweep file, JSON and thereby YAML, that reads as this spec and extends nothing."""
    return spec.model_dump_json(indent=1, by_alias=True).encode()


def code_digest(spec: SweepSpec) -> str:
    """Return what names the spec: equal exactly where the resolved files are."""
    return hashlib.sha256(resolved(spec)).hexdigest()[:8]


def installed_code() -> Path:
    """Return the directory that holds the packages that run now."""
    return Path(vae_sweep.__file__).parents[1]


def code_files(root: Path) -> dict[Path, Path]:
    """Return the files of the packages below `root`, by their place there; no caches, hidden files or leavings.

    Raises LaunchError where a package is missing.
    """
    for package in PACKAGES:
        if not (root / package / "__init__.py").is_file():
            raise LaunchError(
                f"{root}: holds no package {package}; give the directory of a checkout of vae-sweep, the one with "
                "pyproject.toml, or leave --working-dir out to send the installed code"
            )
    return {path.relative_to(root): path for package in PACKAGES for path in sorted(_files(root / package))}


def write_working_dir(directory: Path, spec: SweepSpec | None, code: Path | None) -> None:
    """Write the resolved sweep file and the code found below `code`, if any, as a job's working directory."""
    if spec is not None:
        write_file(directory / SPACE_FILE, resolved(spec))
    if code is None:
        return
    for place, path in code_files(code).items():
        (directory / place).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, directory / place)
    version = importlib.metadata.version("vae-sweep")
    label = directory / f"vae_sweep-{version}.dist-info" / "METADATA"
    label.parent.mkdir()
    write_file(label, f"Metadata-Version: 2.1\nName: vae-sweep\nVersion: {version}\n".encode())


def _files(directory: Path) -> Iterator[Path]:
    for path in directory.iterdir():
        if path.name.startswith((".", "#")) or path.name.endswith("~"):
            continue
        if path.is_dir():
            if path.name not in CACHES:
                yield from _files(path)
        elif path.suffix not in LEAVINGS:
            yield path
