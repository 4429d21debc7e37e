"""The image and compose.yaml as a user runs them: a sweep on two workers, one killed in mid-trial.

`make docker-test` runs it and shows what was measured; plain pytest leaves it out.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.docker.engine import Engine, NoEngineError, compose_command, engine, provide_bases
from tests.integration.chaos import SPACE
from tests.integration.mlflow_seen import free_port

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(2400)]

REPOSITORY = Path(__file__).parents[2]
LONG = SPACE.replace("train: 600", "train: 4000").replace("epochs: 4,", "epochs: 6,")
"""Eight trials of four methods, long enough to be hit in the middle."""

PROJECT = "vae-sweep-test"
IMAGE = "vae-sweep:test"
PLACES = ("--set", "storage.directory=/storage", "--set", "tracking.uri=http://mlflow:5000")


@dataclass(frozen=True)
class Stack:
    """The services of compose.yaml, up; `tree` is a copy of the checkout with secrets of its own."""

    engine: Engine
    tree: Path
    ports: dict[str, int]

    @property
    def environment(self) -> dict[str, str]:
        own = {"VAE_SWEEP_IMAGE": IMAGE, "WORKER_CPUS": "1", "COMPOSE_PROJECT_NAME": PROJECT}
        return self.engine.environment | own | {name: str(port) for name, port in self.ports.items()}

    def compose(self, *words: str) -> str:
        """Run a compose command; return what it printed."""
        command = [*compose_command([self.tree / "docker" / "compose.yaml"]), *words]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{' '.join(words)}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done.stdout

    def secret(self, name: str) -> str:
        return (self.tree / "docker" / "secrets" / name).read_text()

    def ours(self, token: str | None, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run `vae-sweep` outside of the containers, with a token in a file or with none."""
        home = self.tree / "home"
        home.mkdir(exist_ok=True)
        held = {key: value for key, value in os.environ.items() if not key.startswith("RAY_")}
        held |= {"HOME": str(home), "PYTHONPATH": str(REPOSITORY)}
        if token is not None:
            (home / "token").write_text(token)
            held["RAY_AUTH_TOKEN_PATH"] = str(home / "token")
        command = [sys.executable, "-m", "vae_sweep.cli.main", *words]
        return subprocess.run(command, cwd=home, env=held, capture_output=True, text=True, check=False)

    @property
    def head(self) -> str:
        return f"http://127.0.0.1:{self.ports['DASHBOARD_PORT']}"

    @property
    def mlflow(self) -> str:
        return f"http://127.0.0.1:{self.ports['MLFLOW_PORT']}"

    def journal(self) -> list[dict[str, Any]]:
        """The whole lines of the sweep's journal, read in the head."""
        text = self.compose("exec", "-T", "head", "sh", "-c", "cat /storage/tiny/journal.jsonl || true")
        return [json.loads(line) for line in text.split("\n")[:-1] if line]


def say(text: str) -> None:
    print(f"docker-test: {text}", flush=True)


@contextmanager
def timed(what: str) -> Iterator[None]:
    began = time.monotonic()
    yield
    say(f"{what}: {time.monotonic() - began:.0f} s")


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    place = tmp_path_factory.mktemp("d")
    try:
        with engine(place) as running:
            with timed("base images"):
                say(f"stand-ins for {', '.join(provide_bases(running, place)) or 'none'}")
            tree = place / "tree"
            shutil.copytree(REPOSITORY, tree, ignore=shutil.ignore_patterns(".*", "secrets", "*.egg-info"))
            shutil.copy(REPOSITORY / ".dockerignore", tree)
            running.docker("rmi", "--force", IMAGE, check=False)
            found = Stack(running, tree, {"MLFLOW_PORT": free_port(), "DASHBOARD_PORT": free_port()})
            subprocess.run([tree / "docker" / "secrets.sh"], check=True, capture_output=True)
            try:
                with timed("image"):
                    found.compose("build")
                running.docker("tag", IMAGE, f"{IMAGE}-kept")
                running.docker("rmi", IMAGE)
                with timed("up as documented, the layers at hand: healthy, two workers"):
                    found.compose("up", "--build", "--detach", "--wait")
                say(f"image of {int(running.docker('inspect', '-f', '{{.Size}}', IMAGE)) / 1e9:.2f} GB")
                yield found
            finally:
                with timed("down"):
                    found.compose("down", "--volumes", "--timeout", "20")
    except NoEngineError as reason:
        pytest.skip(f"the image needs a container engine: {reason}")


def test_nothing_secret_is_in_the_image(stack: Stack) -> None:
    held = stack.engine.docker("history", "--no-trunc", IMAGE) + stack.engine.docker("inspect", IMAGE)
    for name in ("ray_token", "mlflow_password", "postgres_password", "mlflow_flask_secret"):
        assert stack.secret(name) not in held
    assert stack.compose("exec", "-T", "head", "id", "-u").strip() == "1000"
    assert json.loads(stack.engine.docker("inspect", "-f", "{{json .Config.User}}", IMAGE)) == "1000:1000"


def test_strangers_are_refused(stack: Stack) -> None:
    for token, status in ((None, 401), ("wrong" * 10, 403), (stack.secret("ray_token"), 200)):
        held = {"Authorization": f"Bearer {token}"} if token else {}
        assert httpx.get(f"{stack.head}/api/jobs/", headers=held, trust_env=False).status_code == status
    search, one = f"{stack.mlflow}/api/2.0/mlflow/experiments/search", {"max_results": "1"}
    admin = ("admin", stack.secret("mlflow_password"))
    foreign = {"Host": "foreign.example"}
    for auth, headers, status in (
        (None, {}, 401),
        (("admin", "password1234"), {}, 401),
        (admin, {}, 200),
        (admin, foreign, 403),
    ):
        reply = httpx.get(search, params=one, auth=auth, headers=headers, trust_env=False)
        assert reply.status_code == status, (auth and auth[0], headers, reply.text)
    origin = {"Origin": "http://foreign.example"}
    assert httpx.post(search, json={}, auth=admin, headers=origin, trust_env=False).status_code == 403
    refused = stack.ours(
        "wrong" * 10,
        "submit",
        str(stack.tree / "search_spaces" / "quickstart.yaml"),
        *PLACES,
        "--address",
        stack.head,
    )
    assert refused.returncode == 2
    assert "is not the cluster's" in refused.stderr


def test_a_sweep_outlives_a_worker(stack: Stack) -> None:
    space = stack.tree / "tiny.yaml"
    space.write_text(LONG)
    with timed("vae-sweep submit"):
        sent = stack.ours(stack.secret("ray_token"), "submit", str(space), *PLACES, "--address", stack.head)
        assert sent.returncode == 0, sent.stdout + sent.stderr
    with timed("the sweep, a worker killed in its middle"):
        line = wait_for(
            stack, lambda line: line["kind"] == "epoch" and line["phase"] == "vae" and line["epoch"] > 0
        )
        hosts = {host["host"] for host in stack.journal() if host["kind"] == "epoch"}
        stack.engine.docker("kill", line["host"])
        say(f"killed worker {line['host']} in {line['trial']} after epoch {line['epoch']}")
        end = wait_for(stack, lambda line: line["kind"] == "end")
    assert end["outcome"] == "complete"
    journal = stack.journal()
    hosts |= {host["host"] for host in journal if host["kind"] == "epoch"}
    assert len(hosts) >= 2, "trials ran on both workers"
    finals = [line for line in journal if line["kind"] == "final"]
    assert len(finals) == 8
    assert {line["outcome"] for line in finals} <= {"finished", "collapsed"}
    starts = [other["trial"] for other in journal if other["kind"] == "trial"]
    assert starts.count(line["trial"]) == 2, "the trial of the killed worker went on elsewhere"
    assert set(runs_of(stack)) == {line["trial"] for line in finals}


def test_a_sweep_is_sent_from_inside(stack: Stack) -> None:
    small = SPACE.partition("methods:")[0].replace("epochs: 4,", "epochs: 1,") + "methods: {vae: }\n"
    (stack.tree / "search_spaces" / "small.yaml").write_text(small)
    with timed("run --rm submit"):
        said = stack.compose("run", "--rm", "submit", "submit", "/spaces/small.yaml")
    assert "1 trials" in said or "complete" in said, said


def wait_for(stack: Stack, wanted: Callable[[dict[str, Any]], bool], seconds: float = 900) -> dict[str, Any]:
    """Return the first line of the journal of this kind; looks once a second, since it lies in a volume."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for line in stack.journal():
            if wanted(line):
                return line
        time.sleep(1)
    raise AssertionError(f"no such line: {stack.journal()[-3:]} {stack.compose('logs', '--tail', '30')}")


def runs_of(stack: Stack) -> list[str]:
    """The trials that MLflow has ended runs of, asked for with the password until all are there."""
    end = time.monotonic() + 90
    while True:
        with httpx.Client(
            base_url=f"{stack.mlflow}/api/2.0/mlflow",
            auth=("admin", stack.secret("mlflow_password")),
            trust_env=False,
        ) as client:
            [own] = [
                each["experiment_id"]
                for each in client.get("/experiments/search", params={"max_results": 100}).json()["experiments"]
                if each["name"] == "vae-sweep"
            ]
            query = {"experiment_ids": [own], "filter": "attributes.status = 'FINISHED'", "max_results": 100}
            runs = client.post("/runs/search", json=query).json().get("runs", [])
        tags = [{tag["key"]: tag["value"] for tag in each["data"]["tags"]} for each in runs]
        found = [each["vae_sweep.trial"] for each in tags if "vae_sweep.trial" in each]
        if len(found) >= 8 or time.monotonic() > end:
            return found
        time.sleep(1)
