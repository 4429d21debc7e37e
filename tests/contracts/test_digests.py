"""Digests: types count, the order of keys does not; a key leaves out fields that came later."""

from typing import Annotated

from trainables.base import Later, Spec, derived_seed, digest
from trainables.objective.bound import Iwae
from trainables.training.training_spec import Plateau


class Inner(Spec):
    old: int = 1
    new: Annotated[int, Later(5)] = 5


class Outer(Spec):
    inner: Inner = Inner()
    late: Annotated[str | None, Later(None)] = None
    name: str = "a"


def test_a_key_leaves_out_a_later_field_at_what_was_meant_before() -> None:
    assert Outer().keyed() == {"inner": {"old": 1}, "name": "a"}
    assert Outer(late="b", inner=Inner(new=6)).keyed() == {"inner": {"old": 1, "new": 6}, "late": "b", "name": "a"}
    assert Outer().model_dump() == {"inner": {"old": 1, "new": 5}, "late": None, "name": "a"}


def test_digest_sees_types_and_order_of_lists_but_not_of_keys() -> None:
    assert digest({"a": 1, "b": 2}) == digest({"b": 2, "a": 1})
    assert len({digest(value) for value in ([1, 2], [2, 1], ["1", 2], [1, 2.5], {"1": 2}, "12", 12)}) == 7


def test_derived_seeds_differ_by_every_part_and_fit_a_generator() -> None:
    seeds = [
        derived_seed(*parts) for parts in ((1, "a"), (1, "b"), (2, "a"), ("1", "a"), (1, "a", 0), (1, "a", 1))
    ]
    assert len(set(seeds)) == 6
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert derived_seed(1, "a") == seeds[0]


def test_fields_that_came_later_leave_the_keys_of_stored_weights_as_they_were() -> None:
    assert "first_reference" not in Plateau().keyed()
    assert Plateau(first_reference=1e4).keyed()["first_reference"] == 1e4
    assert "selection" not in Iwae().keyed()
    assert Iwae(selection="iw_bound").keyed()["selection"] == "iw_bound"
