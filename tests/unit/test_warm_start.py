"""What a search may learn from an earlier sweep: cells of its space whose numbers are known and mean the same."""

from pathlib import Path
from typing import Any

import pytest

from tests.replicated import EVALUATION, journal
from vae_sweep.config.sweep_spec import SweepSpec
from vae_sweep.errors import LaunchError
from vae_sweep.planning.plan import Plan, make_plan
from vae_sweep.planning.warm_start import warm_cells

KNOWN = ("ours", {"target_rate": 2}, {0: (30.0, 5.0)})
UNKNOWN = ("ours", {"target_rate": 4}, {0: (20.0, 4.0)})
ELSEWHERE = ("ours", {"target_rate": 9}, {0: (10.0, 3.0)})


def planned(folder: Path, **changes: Any) -> Plan:
    """A search beside a sweep called `earlier`."""
    fields: dict[str, Any] = {
        "name": "one",
        "corpus": {"name": "captions", "limit": {"train": 50, "validation": 5, "test": 5}},
        "methods": {"ours": {"target_rate": {"choice": [2, 4, 8]}}},
        "search": {"kind": "tpe", "trials": 3, "warm_start": "earlier"},
        "evaluation": EVALUATION,
        "storage": {"directory": str(folder)},
    }
    return make_plan(SweepSpec.model_validate(fields | changes))


def earlier(plan: Plan, *cells: Any, **more: Any) -> None:
    folder = Path(plan.spec.storage.directory) / "earlier"
    journal(folder, cells, fingerprint=plan.corpus.fingerprint, **more)


def test_cells_of_the_space_that_are_known_are_learned_from(tmp_path: Path) -> None:
    plan = planned(tmp_path)
    earlier(plan, KNOWN, UNKNOWN, ELSEWHERE, more={1: {"pareto_k_bad": 0.9}})
    found = warm_cells(planned(tmp_path))
    assert found is not None
    assert [cell["values"] for cell in found.cells] == [{"target_rate": 2}]
    assert found.cells[0]["objectives"] == [30.0, 5.0]
    assert found.others == 2


def test_a_sweep_whose_cells_cannot_be_ranked_says_how_to_measure_them(tmp_path: Path) -> None:
    plan = planned(tmp_path)
    earlier(plan, UNKNOWN, more={0: {"pareto_k_bad": 0.9}})
    with pytest.raises(LaunchError, match=r"1 cannot be ranked \(cell 0: .*k > 0\.7.*vae-sweep score"):
        warm_cells(planned(tmp_path))


def test_none_in_this_space_is_said(tmp_path: Path) -> None:
    plan = planned(tmp_path)
    earlier(plan, ELSEWHERE)
    with pytest.raises(LaunchError, match=r"none of the 1 cells .* widen methods"):
        warm_cells(planned(tmp_path))


def test_another_evaluation_means_other_numbers(tmp_path: Path) -> None:
    plan = planned(tmp_path)
    earlier(plan, KNOWN, evaluation=EVALUATION | {"search_samples": 50})
    with pytest.raises(LaunchError, match=r"evaluation\.search_samples: 50 there, 100 here"):
        warm_cells(planned(tmp_path))
