"""The doctor: files and their modes, mounts, tokens, on real files and by the text of a mount table."""

import secrets
from pathlib import Path

import pytest

from vae_sweep.doctor.cluster import examine_mode, examine_token
from vae_sweep.doctor.files import examine_database, examine_secrets, examine_storage, file_system
from vae_sweep.doctor.finding import Finding, is_loopback
from vae_sweep.running.nodes.auth_probe import can_be_asked

MOUNTS = r"""22 1 254:0 / / rw,relatime - ext4 /dev/vda1 rw
30 22 0:35 / /data rw shared:1 - nfs4 server:/export rw,vers=4.2
31 30 0:36 / /data/local rw - xfs /dev/vdb rw
32 22 0:37 / /with\040blank rw - fuse.sshfs host:/x rw
33 22 0:38 / /mem rw - tmpfs tmpfs rw
"""


def put(path: Path, mode: int, text: str = "hidden words") -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


@pytest.mark.parametrize(
    ("mode", "level", "part"),
    [
        (0o600, "ok", "its owner alone may read it"),
        (0o640, "warning", "readable beyond its owner"),
        (0o644, "warning", "closed off by a folder above, but readable beyond its owner"),
    ],
)
def test_who_may_read_a_secret_in_a_closed_folder(tmp_path: Path, mode: int, level: str, part: str) -> None:
    tmp_path.chmod(0o700)
    path = put(tmp_path / ".ray" / "auth_token", mode)
    [found] = examine_secrets(tmp_path, {})
    assert (found.level, found.where) == (level, str(path))
    assert part in found.text
    assert "hidden words" not in str(found)


def test_a_secret_that_all_may_read_is_a_problem() -> None:
    folder = Path("/dev/shm")  # noqa: S108
    if not folder.is_dir():
        pytest.skip("needs a folder that lets everybody through")
    path = put(folder / f"vae-sweep-test-{secrets.token_hex(8)}", 0o644)
    try:
        found = list(examine_secrets(Path("/nonexistent"), {"DB_PASSWORD_FILE": str(path), "EDITOR": str(path)}))
    finally:
        path.unlink()
    assert [(each.level, each.where) for each in found] == [("problem", str(path))]
    assert found[0].text == "every user of this machine may read it (by DB_PASSWORD_FILE)"
    assert found[0].fix == f"chmod 600 {path}"


def test_only_variables_that_name_secrets_are_followed(tmp_path: Path) -> None:
    paths = {
        name: put(tmp_path / name, 0o600)
        for name in ("MLFLOW_AUTH_CONFIG_PATH", "RAY_AUTH_TOKEN_PATH", "KUBECONFIG", "SSL_CERT_FILE", "HISTFILE")
    }
    found = {Path(each.where).name for each in examine_secrets(tmp_path, {k: str(v) for k, v in paths.items()})}
    assert found == {"MLFLOW_AUTH_CONFIG_PATH", "RAY_AUTH_TOKEN_PATH", "KUBECONFIG"}


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/home/x/mlflow.db", "ext4"),
        ("/data/sweeps/mlflow.db", "nfs4"),
        ("/data/local/mlflow.db", "xfs"),
        ("/datas/mlflow.db", "ext4"),
        ("/with blank/a", "fuse.sshfs"),
        ("/mem/a", "tmpfs"),
    ],
)
def test_the_file_system_of_a_path(path: str, kind: str) -> None:
    assert file_system(Path(path), MOUNTS) == kind
    assert file_system(Path(path), "") == ""


def test_sqlite_over_a_network_is_a_problem() -> None:
    levels = {
        url: [each.level for each in examine_database("the study", url, MOUNTS)]
        for url in ("sqlite:////data/a.db", "sqlite:////data/local/a.db?x=1", "postgresql://u:p@h/db")
    }
    assert list(levels.values()) == [["problem"], ["ok"], []]


def test_a_storage_that_is_a_file_or_below_one_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert [each.level for each in examine_storage(tmp_path / "file" / "sweeps")] == ["problem"]
    [found] = examine_storage(tmp_path / "not" / "yet")
    assert found.level != "problem"
    assert not (tmp_path / "not").exists()


@pytest.mark.parametrize(("mode", "level"), [("token", "ok"), ("", "warning"), ("disabled", "problem")])
def test_the_token_mode(mode: str, level: str) -> None:
    assert examine_mode({"RAY_AUTH_MODE": mode} if mode else {}).level == level


def test_the_token(tmp_path: Path) -> None:
    own, named = put(tmp_path / ".ray" / "auth_token", 0o600, "a" * 64), put(tmp_path / "short", 0o600, "abc")
    findings = [
        examine_token(tmp_path, environment, needed=True)
        for environment in (
            {},
            {"RAY_AUTH_TOKEN_PATH": str(named)},
            {"RAY_AUTH_TOKEN": "b" * 40},
            {"RAY_AUTH_TOKEN_PATH": str(tmp_path / "gone")},
        )
    ]
    assert [(each.level, each.where) for each in findings] == [
        ("ok", str(own)),
        ("problem", str(named)),
        ("ok", "RAY_AUTH_TOKEN"),
        ("problem", str(tmp_path / "gone")),
    ]
    assert "abc" not in str(findings[1])
    assert examine_token(tmp_path / "nobody", {}, needed=False).level == "ok"


def test_a_finding_is_one_line() -> None:
    assert (
        str(Finding("problem", "secret", "/s", "open", "chmod 600 /s"))
        == "problem  secret: /s: open; chmod 600 /s"
    )


def test_loopback_is_by_address() -> None:
    assert [is_loopback(host) for host in ("127.0.0.1", "127.1.2.3", "::1", "localhost")] == [True] * 4
    assert [is_loopback(host) for host in ("0.0.0.0", "10.0.0.1", "localhost.example", "")] == [False] * 4  # noqa: S104


def test_which_addresses_can_be_asked_for_their_token_mode() -> None:
    assert [can_be_asked(each) for each in ("h:6379", "auto", "ray://h:10001", "local")] == [
        True,
        False,
        False,
        False,
    ]
