"""The memory that a control group leaves, and what Ray gets of it."""

from pathlib import Path

import pytest

from vae_sweep.planning.memory import STORE_LEAST, MemoryLimit, memory_limit

GB = 1 << 30
UNLIMITED = "9223372036854771712"


def machine_with(tmp_path: Path, own: str, bounds: dict[str, str]) -> MemoryLimit | None:
    """Read a machine of 64 GB whose groups have these bounds."""
    (tmp_path / "own").write_text(own)
    for name, text in bounds.items():
        path = tmp_path / "cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")
    return memory_limit(tmp_path / "cgroup", tmp_path / "own", 64 * GB)


@pytest.mark.parametrize(
    ("own", "bounds", "limit", "file"),
    [
        ("0::/job/step\n", {"job/memory.max": f"{8 * GB}", "job/step/memory.max": "max"}, 8, "job/memory.max"),
        ("0::/\n", {"memory.max": f"{2 * GB}"}, 2, "memory.max"),
        (
            "5:cpu,cpuacct:/x\n4:memory:/slurm/job_7\n0::/\n",
            {
                "memory/slurm/job_7/memory.limit_in_bytes": f"{4 * GB}",
                "memory/slurm/memory.limit_in_bytes": f"{16 * GB}",
                "memory/memory.limit_in_bytes": UNLIMITED,
                "memory/memory.max": "1",
            },
            4,
            "memory/slurm/job_7/memory.limit_in_bytes",
        ),
    ],
)
def test_the_tightest_bound_of_all_groups_above_counts(
    tmp_path: Path, own: str, bounds: dict[str, str], limit: int, file: str
) -> None:
    found = machine_with(tmp_path, own, bounds)
    assert found is not None
    assert (found.limit, found.file) == (limit * GB, tmp_path / "cgroup" / file)


@pytest.mark.parametrize(
    ("own", "bounds"),
    [
        ("0::/job\n", {"memory.max": "max"}),
        ("4:memory:/\n", {"memory/memory.limit_in_bytes": UNLIMITED}),
        ("0::/\n", {"memory.max": f"{64 * GB}"}),
        ("0::/gone\n", {}),
    ],
)
def test_no_bound_below_the_machines_is_none(tmp_path: Path, own: str, bounds: dict[str, str]) -> None:
    assert machine_with(tmp_path, own, bounds) is None


def test_where_there_are_no_control_groups_there_is_no_bound(tmp_path: Path) -> None:
    assert memory_limit(tmp_path, tmp_path / "own", 64 * GB) is None


def test_store_and_heap_are_of_the_bound() -> None:
    found = MemoryLimit(1 * GB, Path("/c/memory.max"), 64 * GB)
    assert STORE_LEAST <= found.store <= 0.3 * GB
    assert found.store + found.heap == GB
    assert MemoryLimit(100_000_000, Path("/c/memory.max"), GB).store == STORE_LEAST
    assert str(found).startswith("memory: 1.0 GB of the machine's 64.0 GB, by /c/memory.max: ")
