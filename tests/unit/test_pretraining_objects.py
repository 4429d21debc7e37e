"""The pretraining store and gc on object storage do what they do on a disk."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.handmade import Handmade, ended_sweep, names, pretraining, progress, put, spec_in, stored, tree
from tests.objects import Objects, place, serving, upload
from tests.shared_trials import TRIALS, claim_of, ran, same_trial
from trainables.storage_paths import S3Place, delete, is_file, write
from vae_sweep.config.sweep_spec import SweepSpec
from vae_sweep.errors import LaunchError
from vae_sweep.gc.collect import collect
from vae_sweep.storage.layout import SPEC_FILE
from vae_sweep.storage.object_storage import check_objects
from vae_sweep.storage.pretraining_store import PretrainedStore

SPEC = TRIALS["adam-tail"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Objects]:
    """The server that the tests of this module share."""
    with serving(tmp_path_factory.mktemp("moto")) as running:
        yield running


@pytest.fixture
def objects(server: Objects, monkeypatch: pytest.MonkeyPatch) -> Objects:
    """The server, with its names in this process's environment."""
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    return server


def store(leases: Path, folder: S3Place, trial: str = "a") -> PretrainedStore:
    return PretrainedStore(leases, f"sweep/{trial}", objects=folder)


def test_a_miss_and_a_hit_are_the_trial_itself(tmp_path: Path, objects: Objects) -> None:
    folder = place("hit/pretrained")
    alone, miss, hit = (
        ran(SPEC, None),
        ran(SPEC, store(tmp_path, folder)),
        ran(SPEC, store(tmp_path, folder, "b")),
    )
    assert (miss.events, hit.events) == (["miss"], ["hit"])
    assert same_trial(miss, alone)
    assert same_trial(hit, alone)
    assert sorted(key.split("/")[-1] for key in objects.listing("hit")) == ["entry.json", "weights.safetensors"]
    assert not list(tmp_path.iterdir()), "the leases are gone, and nothing else lay there"


def test_a_training_goes_on_from_its_stored_progress(tmp_path: Path, objects: Objects) -> None:
    folder = place("progress/pretrained")
    first = ran(SPEC, store(tmp_path, folder), enough=lambda so_far: len(so_far.epochs) == 2)
    assert len(first.epochs) == 2
    assert {key.split("/")[-2] for key in objects.listing("progress")} == {"000002"}
    second = ran(SPEC, store(tmp_path, folder, "b"))
    assert (second.events, second.stored) == (["miss"], [0, 1])
    assert same_trial(second, ran(SPEC, None))


@pytest.mark.parametrize("damage", ["half", "weights", "absent"])
def test_what_is_not_whole_is_never_taken(tmp_path: Path, objects: Objects, damage: str) -> None:
    folder = place(f"{damage}/pretrained")
    ran(SPEC, store(tmp_path, folder))
    with claim_of(SPEC, store(tmp_path, folder)) as claim:
        entry = claim.folder
    assert isinstance(entry, S3Place)
    if damage == "half":
        delete(entry / "entry.json")
    elif damage == "weights":
        write(entry / "weights.safetensors", b"damaged")
    else:
        delete(entry / "weights.safetensors")
    again = ran(SPEC, store(tmp_path, folder, "b"))
    assert again.events == ["miss"]
    assert same_trial(again, ran(SPEC, None))
    [said] = [" ".join(report.damaged) for report in again.stores]
    words = {"half": "", "weights": f"{entry}/weights.safetensors: damaged (sha256", "absent": "cannot be read"}
    assert words[damage] in said
    aside = entry.with_name(f"{entry.name}.damaged.1")
    assert is_file(aside / "entry.json") == (damage != "half")
    assert ran(SPEC, store(tmp_path, folder, "c")).events == ["hit"]


def test_the_first_entry_counts(tmp_path: Path, objects: Objects) -> None:
    folder = place("first/pretrained")
    ran(SPEC, store(tmp_path, folder))
    before = objects.listing("first")
    with claim_of(SPEC, store(tmp_path, folder, "late")) as claim:
        assert claim.attempt() is None
        assert claim.found is not None
        claim.publish(claim.found[0])
    assert objects.listing("first") == before


def test_gc_collects_on_objects_what_it_collects_on_a_disk(tmp_path: Path, objects: Objects) -> None:
    near, far = _twin(tmp_path / "near"), _twin(tmp_path / "far")
    prefix = place("gc")
    _move_to(far, prefix)
    foretold = collect(far.folder, dry_run=True)
    before = objects.listing("gc")
    here, there = collect(near.folder, dry_run=False), collect(far.folder, dry_run=False)
    after = objects.listing("gc")
    assert foretold.model_copy(update={"dry_run": False}) == there
    assert {kind: tally.count for kind, tally in there.kinds.items()} == {
        kind: tally.count for kind, tally in here.kinds.items()
    }
    assert there.wanted == here.wanted
    assert sum(before.values()) - sum(after.values()) == there.freed == here.freed
    left = tree(near.folder / "ray").keys()
    files = {name for name in left if (near.folder / "ray" / name).is_file()}
    assert {key.removeprefix("gc/one/ray/") for key in after if key.startswith("gc/one/ray/")} == files
    assert {key.split("/")[2] for key in after if "/pretrained/" in key} == names(tmp_path / "near" / "pretrained")
    assert collect(far.folder, dry_run=False).freed == 0


def test_objects_of_another_directory_are_left(tmp_path: Path, objects: Objects) -> None:
    far = _twin(tmp_path / "far")
    _move_to(far, place("theirs"))
    (tmp_path / "far" / "objects.json").unlink()
    before = objects.listing("theirs")
    found = collect(far.folder, dry_run=False)
    assert any("belongs to the storage directory" in remark for remark in found.remarks)
    assert objects.listing("theirs") == before
    with pytest.raises(LaunchError, match="give each storage directory a prefix of its own"):
        check_objects(far.spec)


def test_a_moved_storage_directory_keeps_its_objects(tmp_path: Path, objects: Objects) -> None:
    far = _twin(tmp_path / "far")
    _move_to(far, place("moved"))
    (tmp_path / "far").rename(tmp_path / "new")
    assert collect(tmp_path / "new" / "one", dry_run=False).freed > 0


def test_a_copied_storage_directory_has_no_right_to_the_originals_objects(
    tmp_path: Path, objects: Objects
) -> None:
    far = _twin(tmp_path / "far")
    _move_to(far, place("original"))
    shutil.copytree(tmp_path / "far", tmp_path / "copy")
    with pytest.raises(LaunchError, match=f"belongs to the storage directory {tmp_path}/far"):
        check_objects(_in(far.spec, tmp_path / "copy", place("original")))
    before = objects.listing("original")
    collect(tmp_path / "copy" / "one", dry_run=False)
    assert objects.listing("original") == before
    check_objects(_in(far.spec, tmp_path / "copy", place("own")))
    check_objects(far.spec)


def _in(spec: SweepSpec, storage: Path, objects: S3Place) -> SweepSpec:
    changes = {"directory": str(storage), "objects": str(objects)}
    return spec.model_copy(update={"storage": spec.storage.model_copy(update=changes)})


def _twin(storage: Path) -> Handmade:
    """A complete sweep with pretrainings: wanted, orphaned, in progress though finished."""
    sweep = ended_sweep(storage)
    stored(storage / "pretrained", pretraining(sweep.spec, 0))
    stored(storage / "pretrained", pretraining(sweep.spec, 9))
    progress(storage / "pretrained", pretraining(sweep.spec, 0))
    put(storage / "pretrained" / f"{'a' * 64}.damaged.1" / "weights.safetensors", "damaged")
    return sweep


def _move_to(sweep: Handmade, prefix: S3Place) -> None:
    """Move a sweep's checkpoints and pretrainings to object storage, and claim it."""
    storage = sweep.folder.parent
    upload(sweep.folder / "ray", prefix / "one" / "ray")
    upload(storage / "pretrained", prefix / "pretrained")
    for folder in (sweep.folder / "ray", storage / "pretrained"):
        for path in sorted(folder.rglob("*"), reverse=True):
            path.rmdir() if path.is_dir() else path.unlink()
    fields = {"directory": str(storage), "objects": str(prefix)}
    sweep.spec = spec_in(storage, storage=fields)
    (sweep.folder / SPEC_FILE).write_text(sweep.spec.model_dump_json(by_alias=True))
    journal = sweep.folder / "journal.jsonl"
    journal.write_text(journal.read_text().replace(str(sweep.folder / "ray"), f"{prefix}/one/ray"))
    check_objects(sweep.spec)
