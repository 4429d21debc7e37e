"""Local files: written whole, for good, for colleagues; what cannot be read now is told from what is not there."""

import ast
import errno
import os
from pathlib import Path

import pytest

import trainables
import vae_sweep
from tests.fault_files import failing, watching
from tests.nobody import as_nobody, needs_root
from trainables.files import (
    StorageError,
    content,
    entries,
    is_file,
    is_folder,
    is_there,
    make_folder,
    move,
    move_folder,
    words,
    write_new,
    write_whole,
)

NOT_NOW = (errno.EIO, errno.EACCES, errno.ESTALE, errno.ENOTCONN, errno.ETIMEDOUT)
ROOTS = [Path(package.__path__[0]) for package in (trainables, vae_sweep)]
SOURCES = [path for root in ROOTS for path in root.rglob("*.py") if path != root / "files.py"]


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o002, 0o664), (0o077, 0o600)])
def test_a_file_has_the_rights_that_the_umask_leaves(tmp_path: Path, mask: int, mode: int) -> None:
    before = os.umask(mask)
    try:
        write_whole(tmp_path / "deeper" / "file", b"x")
    finally:
        os.umask(before)
    assert (tmp_path / "deeper" / "file").stat().st_mode & 0o777 == mode
    assert (tmp_path / "deeper").stat().st_mode & 0o777 == 0o777 & ~mask


def test_a_file_is_whole_or_not_there(tmp_path: Path) -> None:
    write_whole(tmp_path / "file", b"before")
    with failing(errno.ENOSPC, "*/file", "write"), pytest.raises(OSError, match="No space"):
        write_whole(tmp_path / "file", b"after")
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"before"]


def test_a_new_file_takes_nobody_elses_place(tmp_path: Path) -> None:
    write_new(tmp_path / "file", b"one")
    with pytest.raises(FileExistsError):
        write_new(tmp_path / "file", b"other")
    assert (tmp_path / "file").read_bytes() == b"one"


def test_each_rename_is_followed_by_a_sync_of_its_folders(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    for do in (
        lambda: write_whole(one / "file", b"x"),
        lambda: move(one / "file", one / "renamed"),
        lambda: make_folder(other),
        lambda: move_folder(one, other / "below"),
    ):
        with watching(f"{tmp_path}*") as seen:
            do()
        places = [number for number, (event, _) in enumerate(seen) if event in ("os.rename", "os.mkdir")]
        for place in places:
            synced = {path for event, path in seen[place + 1 :] if event == "open"}
            assert str(Path(seen[place][1]).parent) in synced, seen
        assert places


def test_no_other_module_renames_or_makes_files_of_its_own() -> None:
    """`Path.replace` has one argument; texts and dataclasses take more, or names."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            moves = node.func.attr == "replace" and len(node.args) == 1 and not node.keywords
            assert not moves, f"{path}:{node.lineno}"
            assert node.func.attr not in ("rename", "mkstemp", "NamedTemporaryFile"), f"{path}:{node.lineno}"


@pytest.mark.parametrize("code", NOT_NOW)
def test_what_cannot_be_read_now_is_not_taken_for_absent(tmp_path: Path, code: int) -> None:
    (tmp_path / "file").write_text("x")
    said = rf"{tmp_path}.*: cannot be read now, and is not taken for damaged \({os.strerror(code)}\); "
    with failing(code, f"{tmp_path}*"):
        for look in (lambda: content(tmp_path / "file"), lambda: entries(tmp_path)):
            with pytest.raises(StorageError, match=said):
                look()
    assert content(tmp_path / "file") == b"x"


def test_what_is_not_there_is_absent(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    (tmp_path / "loop").symlink_to("loop")
    for absent in (tmp_path / "none", tmp_path / "file" / "below", tmp_path, tmp_path / "loop"):
        with pytest.raises(FileNotFoundError):
            content(absent)
        assert not is_file(absent)
    assert (is_file(tmp_path / "file"), is_folder(tmp_path), is_there(tmp_path / "none")) == (True, True, False)


@needs_root
def test_what_lies_behind_a_closed_folder_cannot_be_told(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o700)
    (tmp_path / "closed" / "file").write_text("x")
    said = as_nobody(tmp_path, lambda: is_file(tmp_path / "closed" / "file"))
    assert "StorageError" in said
    assert "user nobody may not: ask its owner (chmod, umask), or give a place of yours" in said


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "/a/b"), "/a/b: No space left on device; make space;"),
        (OSError(errno.EROFS, "Read-only file system", "/a"), "/a: Read-only file system; mount it for writing"),
        (PermissionError(errno.EACCES, "Permission denied", b"/a"), "/a: Permission denied; user "),
        (OSError("[Errno 28] Error writing bytes. Detail: No space left on device"), "make space"),
        (OSError(errno.E2BIG, "Argument list too long"), "Argument list too long"),
        (OSError(), "OSError"),
    ],
)
def test_an_error_of_the_system_has_its_path_cause_and_fix(error: OSError, said: str) -> None:
    assert said in words(error)
