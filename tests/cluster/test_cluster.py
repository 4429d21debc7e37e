"""A sweep on three hosts, one killed, one cut off, its driver stopped: it ends as the undisturbed one.

`make cluster-test` runs it and shows what was measured; plain pytest leaves it out.
"""

import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.hosts import why_not
from tests.cluster.observed import Fading, mid, running_on, tell_what_was_redone, wait_for, watch_recovery
from tests.cluster.rays import HEAD, USER, WORKERS, Cluster, ray_cluster, say
from tests.integration.chaos import SPACE as SMALL
from tests.integration.cluster import lines, run
from tests.integration.sweeps import home_with, journal_of, kinds_of, numbers_of, report_of

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(1200)]

SPACE = SMALL.replace("train: 600", "train: 8000").replace("epochs: 4,", "epochs: 8,")
"""Eight trials of four methods, long enough to be hit in the middle."""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    if (reason := why_not()) is not None:
        pytest.skip(f"a cluster needs hosts of its own: {reason}")
    shared = home_with(tmp_path_factory.mktemp("shared"), SPACE)
    with ray_cluster(shared) as running:
        yield running


def test_without_the_right_token_nobody_gets_in(cluster: Cluster) -> None:
    wrong = cluster.home(USER) / "wrong_token"
    wrong.touch(0o600)
    wrong.write_text("of-another-cluster")
    assert cluster.token.stat().st_mode & 0o777 == 0o600
    job = ["ray.scripts.scripts", "job", "submit", "--address", cluster.url, "--", "true"]
    ours = ["vae_sweep.cli.main", "submit", str(cluster.shared / "tiny.yaml"), "--address", cluster.url]
    ours += ["--set", f"storage.directory={cluster.shared / 'sweeps'}"]
    off = {"RAY_AUTH_MODE": "disabled"}
    for words, token, more, code, wanted in (
        (job, wrong, {}, 1, "Forbidden: Invalid authentication token"),
        (job, None, {}, 1, "Token authentication is enabled but Ray couldn't find an authentication token"),
        (job, None, off, 1, "Unauthorized: Missing authentication token"),
        (ours, wrong, {}, 2, "is not the cluster's"),
        (ours, None, {}, 2, "the cluster asks for a token and none is here"),
    ):
        done, text = cluster.ask(words, token, **more)
        assert (done, wanted in text) == (code, True), text
        assert "of-another-cluster" not in text
    codes = [_status(cluster, token) for token in ("", "of-another-cluster", cluster.token.read_text())]
    assert codes == ["401", "403", "200"]
    stranger = ["ray.scripts.scripts", "start", f"--address={cluster.hosts[HEAD].address}:6379"]
    began = time.monotonic()
    done, text = cluster.ask(stranger, wrong)
    assert done != 0, text
    assert "Invalid" in text or "Unauthenticated" in text.title(), text
    say(f"tokens: missing 401, wrong 403; a node with a wrong one was refused in {time.monotonic() - began:.1f} s")


def _status(cluster: Cluster, token: str) -> str:
    """Return with which status the job server answers a token."""
    code = (
        "import sys, httpx\n"
        "held = {'Authorization': 'Bearer ' + sys.argv[2]} if sys.argv[2] else {}\n"
        "print(httpx.get(sys.argv[1], headers=held, trust_env=False).status_code)"
    )
    user = cluster.hosts[USER]
    done = user.run(
        [sys.executable, "-c", code, f"{cluster.url}/api/jobs/", token],
        cluster.environment(USER, None),
        cluster.home(USER),
    )
    return done.stdout.strip()


def test_a_sweep_over_dying_hosts_ends_as_the_undisturbed_one(cluster: Cluster, tmp_path: Path) -> None:
    calm = home_with(tmp_path / "calm", SPACE)
    began = time.monotonic()
    assert run(calm, "launch", "tiny.yaml").returncode == 0
    say(f"undisturbed on this machine: {time.monotonic() - began:.0f} s")
    began = time.monotonic()
    submit_by_hand(cluster)
    kill_one(cluster)
    cut_one(cluster)
    submit_again(cluster)
    say(f"the sweep under faults: {time.monotonic() - began:.0f} s")
    home = cluster.shared
    assert report_of(home) == report_of(calm)
    assert numbers_of(home) == numbers_of(calm)
    assert [line["outcome"] for line in kinds_of(home, "end")] == ["stopped", "complete"]
    finals = Counter(line["trial"] for line in kinds_of(home, "final"))
    assert set(finals.values()) == {1}
    assert len(finals) == 8
    hosts = {line["host"] for line in kinds_of(home, "epoch")}
    assert hosts == set(WORKERS)
    tell_what_was_redone(cluster)


def submit_by_hand(cluster: Cluster) -> None:
    """Send the sweep as docs/submit.md shows for Ray's own command."""
    launch = [sys.executable, "-m", "vae_sweep.cli.main", "launch", str(cluster.shared / "tiny.yaml")]
    launch += ["--set", f"storage.directory={cluster.shared / 'sweeps'}", "--set", "resources.max_concurrent=2"]
    patience = '{"env_vars": {"RAY_JOB_STOP_WAIT_TIME_S": "120"}}'
    began = time.monotonic()
    words = ("--submission-id", "by-hand", "--no-wait", "--runtime-env-json", patience, "--", *launch)
    code, text = cluster.job("submit", *words)
    assert code == 0, text
    wait_for(cluster, lambda line: line["kind"] == "epoch", "the first epoch")
    say(f"ray job submit: the first epoch after {time.monotonic() - began:.1f} s")


def kill_one(cluster: Cluster) -> None:
    """SIGKILL a host in the middle of a trial, watch its trials go on elsewhere, start it again."""
    line = wait_for(cluster, lambda line: mid(line, "vae"), "a trial in its middle")
    name, struck = line["host"], time.time()
    hit = running_on(cluster, name)
    cluster.hosts[name].kill()
    say(f"killed {name} in {line['trial']} after epoch {line['epoch']}; it ran {', '.join(sorted(hit))}")
    watch_recovery(cluster, name, hit, struck)
    cluster.start_node(name)


def cut_one(cluster: Cluster) -> None:
    """Cut a host off while it pretrains what others wait for, see its trials go on elsewhere; stop; mend it."""
    line = wait_for(cluster, lambda line: mid(line, "pretrain"), "a pretraining")
    name, struck = line["host"], time.time()
    host = cluster.hosts[name]
    host.cut()
    fading, hit = Fading(host), running_on(cluster, name)
    what = f"{line['trial']} after {line['phase']} epoch {line['epoch']}"
    say(f"cut {name} in {what}; it ran {', '.join(sorted(hit))}")
    watch_recovery(cluster, name, hit, struck)
    stop(cluster)
    fading.wait(150)
    say(
        f"on the cut {name} trials ended themselves after {fading.trials:.1f} s, all else after {fading.all:.1f} s"
    )
    say(f"the last there: {fading.last}")
    host.mend()
    cluster.start_node(name)


def stop(cluster: Cluster) -> None:
    """Stop the job by Ray's command in the middle of a trial."""
    known = len(lines(journal_of(cluster.shared)))
    wait_for(cluster, lambda line: mid(line, "vae"), "a trial to stop", known)
    began = time.monotonic()
    code, text = cluster.job("stop", "by-hand")
    assert (code, "was stopped" in text) == (0, True), text
    assert kinds_of(cluster.shared, "end")[-1]["outcome"] == "stopped"
    assert not list((cluster.shared / "sweeps" / "tiny").glob("driver.*")), (
        "the stopped driver let go of the sweep"
    )
    left = {line["trial"] for line in kinds_of(cluster.shared, "trial")}
    left -= {line["trial"] for line in kinds_of(cluster.shared, "final")}
    assert left
    say(f"ray job stop: {time.monotonic() - began:.1f} s; in the middle of {', '.join(sorted(left))}")


def submit_again(cluster: Cluster) -> None:
    """Go on by `vae-sweep submit`, which sends the code along, until the sweep is complete."""
    began = time.monotonic()
    words = ["submit", str(cluster.shared / "tiny.yaml"), "--address", cluster.url, "--python", sys.executable]
    words += ["--set", f"storage.directory={cluster.shared / 'sweeps'}", "--set", "resources.max_concurrent=2"]
    code, text = cluster.ask(["vae_sweep.cli.main", *words, "--wait"], cluster.token)
    assert code == 0, text
    say(f"vae-sweep submit --wait: complete after {time.monotonic() - began:.1f} s more")
