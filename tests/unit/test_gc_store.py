"""Garbage collection in the pretraining store: what a sweep refers to or somebody trains stays."""

from pathlib import Path
from typing import Any

import pytest

from tests.handmade import FINGERPRINT, Handmade, names, pretraining, progress, put, spec_in, stored
from vae_sweep.config.sweep_spec import SweepSpec
from vae_sweep.gc.collect import collect
from vae_sweep.gc.garbage import Waste
from vae_sweep.gc.references import references, sweep_references
from vae_sweep.gc.store_garbage import remove_stored
from vae_sweep.storage.lease import Watch


@pytest.fixture
def sweep(tmp_path: Path) -> Handmade:
    return Handmade(spec_in(tmp_path))


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "pretrained"


def test_what_any_sweep_of_the_storage_refers_to_stays(tmp_path: Path, sweep: Handmade, store: Path) -> None:
    other = Handmade(spec_in(tmp_path, name="two", seeds=[7]))
    kept = [stored(store, pretraining(sweep.spec, 0)), stored(store, pretraining(other.spec, 7))]
    kept.append(progress(store, pretraining(sweep.spec, 1)))
    orphans = [stored(store, pretraining(sweep.spec, 9)), progress(store, pretraining(sweep.spec, 8))]
    foretold = collect(sweep.folder, dry_run=True)
    found = collect(sweep.folder, dry_run=False)
    assert names(store) == {path.name for path in kept}
    assert not any(path.exists() for path in orphans)
    counts = {kind: tally.count for kind, tally in found.kinds.items()}
    assert (counts["orphans"], counts["progress"]) == (1, 1)
    assert (foretold.kinds, foretold.freed) == (found.kinds, found.freed)


def test_progress_of_what_is_finished_and_halves_and_damaged_ones_go(sweep: Handmade, store: Path) -> None:
    entry = stored(store, pretraining(sweep.spec, 0))
    progress(store, pretraining(sweep.spec, 0))
    put(store / f"{entry.name}.damaged.1" / "weights.safetensors", "damaged")
    put(store / f"{entry.name}.new.0123456789abcdef" / "weights.safetensors", "half of it")
    put(store / f"{'a' * 64}" / "entry.json", "no manifest")
    put(store / ".gc.0123.old" / "entry.json", "half deleted")
    dead = Watch(store / f"{entry.name}.lease").take("dead trial")
    assert dead is not None
    dead.release()
    mine = put(store / "notes.txt", "mine")
    found = collect(sweep.folder, dry_run=False)
    assert names(store) == {entry.name, mine.name}
    counts = {kind: tally.count for kind, tally in found.kinds.items()}
    wanted = {"progress": 1, "damaged": 2, "halves": 1, "leases": 1, "leftovers": 1}
    assert {kind: counts[kind] for kind in wanted} == wanted


def test_what_a_living_lease_stands_on_stays(sweep: Handmade, store: Path) -> None:
    phase = pretraining(sweep.spec, 9)
    entry, going_on = stored(store, phase), progress(store, phase)
    half = put(store / f"{entry.name}.new.0123456789abcdef" / "entry.json", "being written")
    with Watch(store / f"{entry.name}.lease").take("a living trial") or pytest.fail("not taken"):
        before = names(store)
        assert collect(sweep.folder, dry_run=True).kinds.keys() == {"snapshots"}
        collect(sweep.folder, dry_run=False)
        assert names(store) == before
    collect(sweep.folder, dry_run=False)
    assert not any(path.exists() for path in (entry, going_on, half))
    assert names(store) == set()


def test_what_comes_into_use_between_look_and_deletion_stays(sweep: Handmade, store: Path) -> None:
    entry = stored(store, pretraining(sweep.spec, 9))
    waste = [Waste("orphans", entry, 1, address=entry.name)]
    with Watch(store / f"{entry.name}.lease").take("a living trial") or pytest.fail("not taken"):
        assert remove_stored(waste) == waste
    assert entry.is_dir()
    assert remove_stored(waste) == []
    assert names(store) == set()


@pytest.mark.parametrize("damage", ["spec", "journal", "no launch"])
def test_a_sweep_that_cannot_be_read_keeps_every_pretraining(
    tmp_path: Path, sweep: Handmade, store: Path, damage: str
) -> None:
    other = Handmade(spec_in(tmp_path, name="two"))
    if damage == "journal":
        put(other.folder / "journal.jsonl", '{"kind": "of another version"}\n{}\n')
    else:
        put(other.folder / "journal.jsonl", "")
    if damage == "spec":
        put(other.folder / "sweep.json", "{")
    orphan = stored(store, pretraining(sweep.spec, 9))
    aside = put(store / f"{orphan.name}.damaged.1" / "weights.safetensors", "damaged")
    found = collect(sweep.folder, dry_run=False)
    assert orphan.is_dir()
    assert not aside.exists()
    assert any(str(other.folder) in remark and "all are kept" in remark for remark in found.remarks)
    assert references(tmp_path).keys == sweep_references(sweep.folder)


def test_a_store_behind_a_link_is_left(tmp_path: Path, sweep: Handmade, store: Path) -> None:
    real = tmp_path / "elsewhere"
    orphan = stored(real, pretraining(sweep.spec, 9))
    store.symlink_to(real)
    found = collect(sweep.folder, dry_run=False)
    assert orphan.is_dir()
    assert any("other storage directories may share it" in remark for remark in found.remarks)


def keys_of(spec: SweepSpec, *models: dict[str, int]) -> set[str]:
    return {pretraining(spec, seed, **model).key() for seed in spec.seeds for model in models or ({},)}


def test_a_sweep_refers_to_what_it_has_not_started_yet(sweep: Handmade) -> None:
    assert sweep_references(sweep.folder) == keys_of(sweep.spec)
    sweep.start(0, 0, "vae")
    assert sweep_references(sweep.folder) == keys_of(sweep.spec)


def test_a_trial_that_ran_under_another_spec_is_referred_to(sweep: Handmade) -> None:
    values: dict[str, Any] = {"model.latent_size": 8}
    spec = sweep.spec.trial("ours", values, 0, FINGERPRINT)
    about = {"trial": "0000-ours-s0", "cell": 0, "seed": 0, "method": "ours", "values": values, "attempt": 1}
    sweep.write("trial", **about, spec=spec.model_dump(mode="json"))
    assert sweep_references(sweep.folder) == keys_of(sweep.spec) | {spec.phases()[0].key()}


def test_values_that_change_the_pretraining_are_referred_to_each(tmp_path: Path) -> None:
    methods = {"ours": {"target_rate": {"float": [2, 9]}, "model.latent_size": {"choice": [8, 16]}}, "vae": {}}
    sweep = Handmade(spec_in(tmp_path, methods=methods, search={"kind": "random", "trials": 3}))
    assert sweep_references(sweep.folder) == keys_of(sweep.spec, {"latent_size": 8}, {"latent_size": 16})


def test_of_values_that_cannot_be_listed_those_drawn_are_referred_to(tmp_path: Path) -> None:
    methods = {"ours": {"pretraining.learning_rate": {"log": [0.1, 1]}}}
    sweep = Handmade(spec_in(tmp_path, methods=methods, search={"kind": "random", "trials": 3}))
    assert sweep_references(sweep.folder) == set()
    sweep.start(0, 0, "ours", **{"pretraining.learning_rate": 0.25})
    drawn = {
        sweep.spec.trial("ours", {"pretraining.learning_rate": 0.25}, seed, FINGERPRINT).phases()[0].key()
        for seed in (0, 1)
    }
    assert sweep_references(sweep.folder) == drawn


def test_an_autoencoder_row_shares_the_pretraining_of_the_others(tmp_path: Path) -> None:
    sweep = Handmade(spec_in(tmp_path, methods={"ae": {}}))
    assert sweep_references(sweep.folder) == keys_of(sweep.spec)


def test_a_pretraining_that_the_journal_names_is_referred_to(sweep: Handmade) -> None:
    name = sweep.start(0, 0, "ours", target_rate=2)
    sweep.write("store", trial=name, key="of an older version", event="hit", seconds=0.0, saved=1.0)
    assert sweep_references(sweep.folder) == keys_of(sweep.spec) | {"of an older version"}
