"""A Ray session ends while other threads work, and the process outlives it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.exhaustive]

REPOSITORY = Path(__file__).parents[2]
SCRIPT = """
import gc, threading, time
from vae_sweep.running.ray_environment import prepare_environment
prepare_environment()
import ray
from vae_sweep.running.ray_session import ray_session

class Circle:
    pass

over = False
with ray_session():
    references = [ray.put(number) for number in range(20000)]
    gc.set_threshold(40)

    def litter():
        while references and not over:
            circle = Circle()
            circle.itself, circle.reference = circle, references.pop()
            del circle
            time.sleep(0.00002)

    thread = threading.Thread(target=litter)
    thread.start()
    time.sleep(0.05)
over = True
thread.join()
print("outlived")
"""


def test_garbage_of_another_thread_does_not_end_the_process_with_ray(tmp_path: Path) -> None:
    """Ray ends a process that frees a reference of its own while it goes down, as a collection of garbage may."""
    assert _run(SCRIPT, tmp_path).splitlines()[-1:] == ["outlived"]


ALONE = """
import psutil
from vae_sweep.running.ray_environment import prepare_environment
prepare_environment()
import ray
from ray._private.worker import global_worker
from vae_sweep.running.ray_session import ray_session

start = ray.init

def start_and_lose_the_autoscaler(**settings):
    start(**settings)
    [autoscaler] = global_worker.node.all_processes["monitor"]
    autoscaler.process.kill()
    autoscaler.process.wait()

ray.init = start_and_lose_the_autoscaler
with ray_session():
    print(ray.get(ray.remote(lambda: "works").remote()))
    for child in psutil.Process().children(recursive=True):
        print(*(word.rpartition("/")[2] for word in child.cmdline()[:4]))
"""


def test_a_ray_of_our_own_keeps_no_process_that_serves_nobody(tmp_path: Path) -> None:
    """No monitor of logs, no autoscaler, no API server: two cores feel them. One that died is no harm."""
    kept = _run(ALONE, tmp_path).split()
    assert {"works", "gcs_server", "raylet"} <= set(kept)
    assert not {"log_monitor.py", "monitor.py", "dashboard.py"} & set(kept)


def _run(script: str, home: Path) -> str:
    env = {key: value for key, value in os.environ.items() if not key.startswith("RAY_")}
    env |= {"HOME": str(home), "PYTHONPATH": str(REPOSITORY)}
    done = subprocess.run(
        [sys.executable, "-c", script], env=env, capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout
