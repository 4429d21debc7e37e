"""`python -m tests.integration.attacks [WORD...]`: run the attacks, or those whose name holds a word.

Ends with 1 where one failed; one that this machine cannot make is named as left out.
"""

import shutil
import sys
import time
import traceback

from rich.console import Console
from rich.table import Table

from tests import run
from tests.integration.attacks import clocks, faults, signals, storage
from tests.integration.attacks.attack import ATTACKS, Attack, NotHere, Target
from tests.integration.sweeps import launch_undisturbed
from tests.run import made_once

PARTS = (storage, faults, signals, clocks)
PATIENCE = 90.0


def main(words: list[str]) -> int:
    """Run the attacks one after the other."""
    chosen = [each for each in ATTACKS if not words or any(word in each.name for word in words)]
    run.begin()
    table = Table("attack", "expected", "seen", "ok", title="attacks on small sweeps", show_lines=True)
    failed = 0
    try:
        undisturbed = made_once("undisturbed", launch_undisturbed)
        for number, each in enumerate(chosen):
            began = time.monotonic()
            target = Target(run.folder() / f"attack-{number}", undisturbed)
            target.place.mkdir()
            ok = _attempt(each, target)
            failed += ok == "NO"
            table.add_row(each.name, each.expected, "; ".join([*target.wrong, *target.seen]), ok)
            said = [f"{each.name}: {ok} ({time.monotonic() - began:.0f} s)", *target.wrong]
            print("\n  ".join(said), file=sys.stderr, flush=True)
    finally:
        run.end_warm()
        for process in run.end_processes(PATIENCE):
            failed += 1
            table.add_row("(all)", "no process left", process, "NO")
        shutil.rmtree(run.folder(), ignore_errors=True)
    Console(width=160).print(table)
    return int(failed > 0)


def _attempt(each: Attack, target: Target) -> str:
    """Run one attack; return yes, NO, or left out."""
    try:
        each.run(target)
    except NotHere as reason:
        target.seen = [str(reason)]
        return "left out"
    except Exception as error:  # noqa: BLE001 - one attack that breaks does not keep the others from being made
        traceback.print_exc()
        target.see(f"broke off: {type(error).__name__}: {str(error)[-300:]}", False)
    finally:
        target.clear()
    return "NO" if target.wrong else "yes"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
