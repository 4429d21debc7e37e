"""The batch script for Slurm with stand-ins for srun, scontrol and the programs that it starts."""

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "docker" / "slurm" / "vae-sweep.sbatch"
SRUN = """#!/bin/bash
echo "srun $*" >>"$HOME/calls.txt"
for word; do
    case $word in --nodelist=*) node=${word#--nodelist=} ;; --*) ;; *) break ;; esac
    shift
done
case "$*" in
"hostname --all-ip-addresses") echo "192.168.9.1 10.0.0.1" ;;
*getent*) echo "10.0.0.1 STREAM n1" ;;
*ray.scripts.scripts*) exec sleep 60 ;;
*) exec "$@" ;;
esac
"""
SCONTROL = """#!/bin/bash
echo "scontrol $*" >>"$HOME/calls.txt"
[ "$1" != show ] || echo "$3" | tr , '\\n'
"""
PYTHON = """#!/bin/bash
echo "python $*" >>"$HOME/calls.txt"
[ "$1" != -c ] || exit "${ALL_THERE:-0}"
"""


def job(tmp_path: Path, **more: str) -> "subprocess.Popen[str]":
    """Start the script as Slurm does, on two nodes."""
    (tmp_path / "bin").mkdir()
    for name, text in (("srun", SRUN), ("scontrol", SCONTROL), ("python", PYTHON)):
        (tmp_path / "bin" / name).write_text(text)
        (tmp_path / "bin" / name).chmod(0o755)
    slurm = {"SLURM_JOB_ID": "417", "SLURM_JOB_NODELIST": "n1,n2", "SLURM_CPUS_PER_TASK": "8"}
    own = {"HOME": str(tmp_path), "PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
    return subprocess.Popen(
        ["bash", str(SCRIPT), "space.yaml"], env=slurm | own | more, stderr=subprocess.PIPE, text=True
    )


def calls(tmp_path: Path, part: str) -> list[str]:
    path = tmp_path / "calls.txt"
    return [line for line in path.read_text().splitlines() if part in line] if path.exists() else []


def ended(tmp_path: Path, **more: str) -> tuple[int, str]:
    """Run the script to its end; return its code and what it said."""
    started = job(tmp_path, **more)
    said = started.communicate(timeout=60)[1]
    return started.returncode, said


def test_a_job_runs_the_driver_and_leaves_nothing(tmp_path: Path) -> None:
    assert ended(tmp_path) == (0, "")
    assert calls(tmp_path, "launch space.yaml") == ["python -m vae_sweep.cli.main launch space.yaml"]
    removed = [line for line in calls(tmp_path, "rm -rf") if line.endswith(" -- /tmp/vae-sweep-417")]
    assert [re.findall(r"nodelist=(\w+)", line) for line in removed] == [["n1"], ["n2"]]
    assert not list((tmp_path / ".vae-sweep").iterdir())


@pytest.mark.parametrize("cores", [1, 8, 128])
def test_ports_are_enough_for_the_cores_and_below_those_of_the_system(tmp_path: Path, cores: int) -> None:
    ended(tmp_path, SLURM_CPUS_PER_TASK=str(cores))
    ephemeral = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    for line in calls(tmp_path, "ray.scripts.scripts"):
        ports = [int(port) for port in re.findall(r"port=(\d+)", line)]
        least, most = (int(re.findall(rf"--{end}-worker-port=(\d+)", line)[0]) for end in ("min", "max"))
        assert most - least + 1 >= 4 * cores
        assert 20000 <= min(ports) <= max(ports) == most < (ephemeral if ephemeral > 21000 else 32768)
        assert len(set(ports)) == len(ports)


def test_the_heads_address_is_the_one_that_other_nodes_know(tmp_path: Path) -> None:
    ended(tmp_path)
    [head], [other] = (calls(tmp_path, word) for word in ("start --head ", "start --address="))
    assert "--node-ip-address=10.0.0.1 " in head
    assert "--address=10.0.0.1:" in other


def test_the_heads_address_can_be_given(tmp_path: Path) -> None:
    ended(tmp_path, VAE_SWEEP_HEAD_ADDRESS="192.168.9.1")
    assert "--node-ip-address=192.168.9.1 " in calls(tmp_path, "start --head ")[0]


@pytest.mark.parametrize(
    "memory", [{"SLURM_MEM_PER_NODE": "8000"}, {"SLURM_MEM_PER_CPU": "1000"}, {"SLURM_MEM_PER_NODE": "0"}]
)
def test_ray_gets_the_memory_that_slurm_gave(tmp_path: Path, memory: dict[str, str]) -> None:
    ended(tmp_path, **memory)
    found = re.findall(r"--(?:object-store-)?memory=(\d+)", calls(tmp_path, "ray.scripts.scripts")[0])
    bound = 0 if "0" in memory.values() else 8000 * 2**20
    assert bound - 10**6 < sum(map(int, found)) <= bound or sum(map(int, found)) == bound == 0


@pytest.mark.parametrize(("gpus", "warned"), [("4", True), ("2", False), ("0", False)])
def test_too_few_cores_for_the_gpus_are_told(tmp_path: Path, gpus: str, warned: bool) -> None:
    code, said = ended(tmp_path, SLURM_GPUS_ON_NODE=gpus)
    assert code == 0
    assert ("warning: 8 cores for 4 GPUs" in said and "--cpus-per-task=16" in said) == warned


def test_nodes_that_do_not_join_end_the_job_in_words(tmp_path: Path) -> None:
    code, said = ended(tmp_path, ALL_THERE="1", VAE_SWEEP_START_SECONDS="0")
    assert code == 1
    assert "not all of n1 n2 joined Ray at 10.0.0.1:" in said
    assert not calls(tmp_path, "launch")


def test_preempted_while_it_starts_it_is_requeued(tmp_path: Path) -> None:
    started = job(tmp_path, ALL_THERE="1")
    until = time.monotonic() + 60
    while not calls(tmp_path, "python -c") and time.monotonic() < until:
        time.sleep(0.05)
    started.send_signal(signal.SIGTERM)
    started.communicate(timeout=60)
    assert started.returncode == 1
    assert calls(tmp_path, "requeue") == ["scontrol requeue 417"]
    assert not calls(tmp_path, "launch")
