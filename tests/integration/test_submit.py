"""A sweep sent to a real head with token auth: once, stopped in two ways, resumed, the same in the end."""

import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.integration.cluster import SPACE as TINY
from tests.integration.cluster import environment, run
from tests.integration.head import Head, running_head
from tests.integration.mlflow_seen import wait_until
from tests.integration.sweeps import home_with, kinds_of, numbers_of, report_of

pytestmark = [pytest.mark.slow, pytest.mark.in_order]

SPACE = TINY.replace("train: 400", "train: 1500").replace("epochs: 3", "epochs: 5").replace("[2, 4]", "[2, 4, 6]")


@pytest.fixture(scope="module")
def head(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Head]:
    with running_head(tmp_path_factory.mktemp("head")) as running:
        yield running


class Client:
    """A user at another machine, who has the cluster's token or `token`, or none."""

    def __init__(self, home: Path, head: Head, token: str | None = None) -> None:
        self.home = home_with(home, SPACE)
        self.words = ("--address", head.url, "--set", f"storage.directory={home / 'sweeps'}")
        self.words += ("--python", sys.executable)
        (home / ".ray").mkdir()
        if token is None:
            shutil.copy(head.token, home / ".ray" / "auth_token")
        elif token:
            (home / ".ray" / "auth_token").write_text(token)
        self.env = {name: value for name, value in environment(home).items() if name != "RAY_AUTH_MODE"}
        self.env["NO_PROXY"] = "127.0.0.1"

    def run(self, *verb: str, options: tuple[str, ...] = ()) -> tuple[int, str]:
        """Run a command on the sweep file to its end; `verb` may have words after the file.

        Return its exit code and what it said.
        """
        at = 2 if verb[0] == "job" else 1
        words = [*verb[:at], "tiny.yaml", *verb[at:], *self.words, *options]
        done = run(self.home, *words, env=self.env)
        assert "Traceback" not in done.stderr
        return done.returncode, done.stdout + done.stderr

    def wait_for_epochs(self, count: int) -> None:
        """Wait until the journal has so many epochs."""
        wait_until(lambda: len(kinds_of(self.home, "epoch")) >= count, timeout=300)


def test_without_the_right_token_nothing_is_sent(tmp_path: Path, head: Head) -> None:
    code, said = Client(tmp_path / "none", head, "").run("submit")
    assert code == 2
    assert "the cluster asks for a token and none is here" in said
    code, said = Client(tmp_path / "wrong", head, "an-old-token").run("submit")
    assert code == 2
    assert "is not the cluster's" in said
    assert "an-old-token" not in said
    code, said = Client(tmp_path / "port", head).run(
        "submit", options=("--address", f"127.0.0.1:{head.meeting_port}")
    )
    assert code == 2
    assert "speaks no HTTP" in said
    code, said = Client(tmp_path / "unknown", head).run("job", "status")
    assert code == 2
    assert "the cluster knows no job of this sweep" in said


def test_a_sweep_is_sent_once_stopped_twice_and_ends_as_if_undisturbed(tmp_path: Path, head: Head) -> None:
    client = Client(tmp_path / "user", head)
    with ThreadPoolExecutor() as pool:
        codes, said = zip(*pool.map(lambda _: client.run("submit"), range(2)), strict=True)
    assert codes == (0, 0)
    assert sorted(text.startswith("sent: job tiny-") for text in said) == [False, True], said
    assert sum("nothing was sent" in text for text in said) == 1
    assert list(head.folder.glob("session_2*/runtime_resources/working_dir_files/*/vae_sweep/cli/main.py"))

    client.wait_for_epochs(1)
    code, text = client.run("job", "stop", options=("--now",))
    assert (code, text.count("STOPPED")) == (0, 1), text
    assert kinds_of(client.home, "end")[-1]["outcome"] == "stopped", "the driver had time to write its end"

    before = len(kinds_of(client.home, "epoch"))
    code, text = client.run("submit")
    assert "attempt 2, which goes on from job tiny-" in text, text
    client.wait_for_epochs(before + 1)
    code, text = client.run("job", "stop")
    assert code == 0, text
    assert "the sweep has ended: stopped: vae-sweep stop" in text

    code, text = client.run("submit", options=("--wait",))
    assert code == 0, text
    assert "attempt 3" in text
    code, text = client.run("submit")
    assert (code, "ended complete" in text) == (0, True), text
    code, text = client.run("job", "status")
    assert code == 0, text
    assert [word for word in text.split() if word in ("STOPPED,", "FAILED,", "SUCCEEDED,")] == [
        "STOPPED,",
        "FAILED,",
        "SUCCEEDED,",
    ]
    assert "sweep tiny: complete" in text
    code, text = client.run("job", "run", "report", options=("--", "--format", "csv"))
    assert len(text.splitlines()) == 9, text

    alone = home_with(tmp_path / "alone", SPACE)
    assert run(alone, "launch", "tiny.yaml").returncode == 0
    assert numbers_of(client.home) == numbers_of(alone)
    assert report_of(client.home) == report_of(alone)
    times = Counter((line["trial"], line["phase"], line["epoch"]) for line in kinds_of(client.home, "epoch"))
    assert set(times.values()) == {1}, "an epoch that was journaled is not run again"
    commits = {line["git_commit"] for line in kinds_of(client.home, "launch")}
    here = run_git("rev-parse", "HEAD")
    assert commits == {here}


def run_git(*words: str) -> str | None:
    done = subprocess.run(["git", *words], cwd=Path(__file__).parent, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None
