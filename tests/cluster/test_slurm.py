"""The batch script for Slurm on two hosts: ended before its time it is requeued, and goes on; Slurm is played."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.hosts import Host, network, why_not
from tests.integration.chaos import SPACE as SMALL
from tests.integration.cluster import environment, run, wait_for
from tests.integration.sweeps import home_with, journal_of, kinds_of, numbers_of, report_of

pytestmark = [pytest.mark.cluster, pytest.mark.slow, pytest.mark.timeout(1200)]

SPACE = SMALL.replace("train: 600", "train: 2000")
REPOSITORY = Path(__file__).parents[2]
SRUN = """#!/bin/sh
for word; do
    case $word in
    --nodelist=*) node=${word#--nodelist=} ;;
    --*) ;;
    *) break ;;
    esac
    shift
done
exec ip netns exec "$SPACES-$node" unshare --uts sh -c 'hostname "$0" && exec "$@"' "$node" "$@"
"""
SCONTROL = """#!/bin/sh
case $1 in
show) echo "$3" | tr , '\\n' ;;
requeue) echo "$2" >>"$HOME/requeued.txt" ;;
esac
"""


@pytest.fixture
def hosts() -> Iterator[dict[str, Host]]:
    if (reason := why_not()) is not None:
        pytest.skip(f"two nodes need hosts of their own: {reason}")
    with network(("n1", "n2")) as made:
        yield made


def sbatch(hosts: dict[str, Host], home: Path, log: Path) -> "subprocess.Popen[bytes]":
    """Start the script on the first host, as Slurm does."""
    first = hosts["n1"]
    slurm = {"SLURM_JOB_ID": "417", "SLURM_JOB_NODELIST": "n1,n2", "SLURM_CPUS_PER_TASK": "1"}
    own = {"PATH": f"{home / 'bin'}:{os.environ['PATH']}", "PYTHONPATH": str(REPOSITORY)}
    own |= {"SPACES": first.space.removesuffix("-n1"), "VAE_SWEEP_PYTHON": sys.executable}
    own |= {"VAE_SWEEP_START_SECONDS": "900"}  # on a busy machine
    script = str(REPOSITORY / "docker" / "slurm" / "vae-sweep.sbatch")
    held = {key: value for key, value in environment(home).items() if not key.startswith("RAY_")}
    return first.start(["bash", script, str(home / "tiny.yaml")], held | slurm | own, log)


def test_a_preempted_job_is_requeued_and_goes_on(hosts: dict[str, Host], tmp_path: Path) -> None:
    calm = home_with(tmp_path / "calm", SPACE)
    assert run(calm, "launch", "tiny.yaml").returncode == 0
    home = home_with(tmp_path / "job", SPACE)
    (home / "bin").mkdir()
    for name, text in (("srun", SRUN), ("scontrol", SCONTROL)):
        (home / "bin" / name).write_text(text)
        (home / "bin" / name).chmod(0o755)
    log = home / "out.txt"
    listen = "import socket, time; held = socket.create_server(('', 10001)); time.sleep(3600)"
    other = hosts["n1"].start([sys.executable, "-c", listen], environment(home), home / "other.txt")
    job = sbatch(hosts, home, log)
    wait_for(job, journal_of(home), lambda line: line["kind"] == "epoch" and line["phase"] == "vae")
    job.send_signal(signal.SIGTERM)
    assert job.wait(120) != 0, log.read_text()
    assert [line["outcome"] for line in kinds_of(home, "end")] == ["stopped"]
    assert (home / "requeued.txt").read_text() == "417\n"
    assert [host.pids() for host in hosts.values()] == [[other.pid], []], "its steps are gone, another's are not"
    assert not list((home / ".vae-sweep").iterdir()), "its token is gone"
    again = sbatch(hosts, home, log)
    assert again.wait(600) == 0, log.read_text()[-3000:]
    assert [line["outcome"] for line in kinds_of(home, "end")] == ["stopped", "complete"]
    assert {line["host"] for line in kinds_of(home, "epoch")} == {"n1", "n2"}
    assert report_of(home) == report_of(calm)
    assert numbers_of(home) == numbers_of(calm)
