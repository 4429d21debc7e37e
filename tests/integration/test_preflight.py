"""A cluster with a bad node: it is named and left out, or the launch is refused; nothing waits for ever."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.integration.sweeps import home_with, kinds_of, numbers_of
from tests.integration.two_nodes import head, joined, nodes_of_trials, sweep, write_token

pytestmark = [pytest.mark.slow, pytest.mark.exhaustive, pytest.mark.in_order]


class Two(NamedTuple):
    """A head of one core, and a larger node that sees another directory where the storage is."""

    home: Path
    address: str


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Two]:
    home = home_with(tmp_path_factory.mktemp("two"))
    (home / "sweeps").mkdir()
    write_token(home)
    with (
        head(home, "--num-cpus", "1") as address,
        joined(home, address, "--num-cpus", "2", hidden=home / "sweeps"),
    ):
        yield Two(home, address)


def test_a_bad_node_is_named_and_gets_no_trial(two: Two) -> None:
    done = sweep(two.home, two.address, "launch", "tiny.yaml")
    assert done.returncode == 0, done.stderr + done.stdout
    [line] = kinds_of(two.home, "nodes")
    [bad] = [node for node in line["nodes"] if not node["good"]]
    [good] = [node for node in line["nodes"] if node["good"]]
    assert (bad["cpus"], good["cpus"]) == (2, 1)
    [reason] = bad["problems"]
    assert reason.startswith(f"storage.directory: {two.home}/sweeps/tiny is not the driver's")
    assert f"node {bad['node'][:8]}" in done.stdout
    assert "1 of 2 nodes left out" in done.stdout
    assert set(nodes_of_trials(two.home, two.address)) == {good["node"]}
    assert len(numbers_of(two.home)) == 3
    assert len(kinds_of(two.home, "trial")) == 3
    assert len(kinds_of(two.home, "scored")) == 3
    assert abs(good["clock"]) < 1


def test_a_bad_node_is_refused_where_the_spec_says_so(two: Two) -> None:
    setting = ["--set", "resources.bad_nodes=refuse", "--set", "name=other"]
    done = sweep(two.home, two.address, "launch", "tiny.yaml", *setting)
    assert done.returncode == 2
    assert "1 of 2 nodes cannot run trials" in done.stderr
    assert "is not the driver's" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_trial_that_only_the_bad_node_could_hold_is_refused(two: Two) -> None:
    setting = ["--set", "resources.methods.ours.cpu=2", "--set", "name=large"]
    done = sweep(two.home, two.address, "launch", "tiny.yaml", *setting)
    assert done.returncode == 2
    assert "resources.methods.ours.cpu: a trial of ours asks for 2 cores, which no node has" in done.stderr
    assert "1 cores, 0 GPUs" in done.stderr


def test_auto_is_refused_where_nodes_with_gpus_may_come(two: Two) -> None:
    setting = ["--set", "resources.autoscaling=true", "--set", "name=scaled"]
    done = sweep(two.home, two.address, "launch", "tiny.yaml", *setting)
    assert done.returncode == 2
    assert "resources.gpu: auto: no node that is up has a GPU, and the autoscaler may bring nodes" in done.stderr


def test_auto_is_refused_where_torch_sees_none_of_the_gpus_that_ray_offers(two: Two) -> None:
    with joined(two.home, two.address, "--num-cpus", "1", "--num-gpus", "2"):
        done = sweep(two.home, two.address, "launch", "tiny.yaml", "--set", "name=blind")
    assert done.returncode == 2
    assert "resources.gpu: auto: all nodes that offer GPUs cannot run trials:" in done.stderr
    assert "Ray offers 2 GPUs, torch sees 0; mend the driver" in done.stderr
