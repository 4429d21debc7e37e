"""Chaos in its long form: storms over grids and searches, seed after seed, until enough faults were survived.

`python -m tests.integration.long_chaos [faults] [first seed]`
"""

import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.integration.chaos import ADAPTIVE, SPACE, storm_over
from tests.integration.cluster import run
from tests.integration.sweeps import home_with, numbers_of, report_of, study_of
from tests.integration.test_chaos import check_order

BUDGET = 10


def main(faults: int = 50, seed: int = 1) -> None:
    """Run storms, odd seeds over a grid, even ones over TPE; fail at the first sweep that is not right."""
    survived: Counter[str] = Counter()
    sweeps = 0
    with tempfile.TemporaryDirectory(prefix="chaos") as name:
        calm = home_with(Path(name, "calm"), SPACE)
        assert run(calm, "launch", "tiny.yaml").returncode == 0
        while survived.total() < faults:
            started, grid = time.monotonic(), seed % 2 == 1
            with storm_over(Path(name, f"storm{seed}"), SPACE if grid else ADAPTIVE, seed, BUDGET) as storm:
                storm.rage()
                check_order(storm)
                if grid:
                    assert report_of(storm.home) == report_of(calm)
                    assert numbers_of(storm.home) == numbers_of(calm)
                else:
                    check_study(storm.home)
                    replay_all(storm.home)
                survived += storm.struck
            sweeps += 1
            kind, seconds = "grid" if grid else "tpe", time.monotonic() - started
            print(f"seed {seed}, {kind}: survived {dict(storm.struck)} in {seconds:.0f} s", flush=True)
            seed += 1
    print(f"{survived.total()} faults over {sweeps} sweeps survived: {dict(sorted(survived.items()))}")


def check_study(home: Path) -> None:
    """The study has each cell once and no trial that seems to run."""
    told = study_of(home).trials
    assert {trial.state.name for trial in told} <= {"COMPLETE", "FAIL"}
    of_cells = [trial.user_attrs["cell"] for trial in told if trial.state.name == "COMPLETE" and trial.user_attrs]
    assert sorted(of_cells) == list(range(8)), "each cell once; a repeated draw belongs to none"


def replay_all(home: Path) -> None:
    """Every trial gives the same bits when it is run again by itself."""
    for trial in numbers_of(home):
        done = run(home, "replay", "sweeps/tiny", trial)
        assert done.returncode == 0, done.stdout + done.stderr


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
