"""Garbage collection in a sweep's folder: what stays, and what goes."""

from pathlib import Path

import pytest

from tests.handmade import OUTPUTS, Handmade, ended_sweep, names, put, spec_in, taken, tree
from trainables.training.state import load_state
from vae_sweep.gc.collect import collect
from vae_sweep.models.probe import probe_sweep
from vae_sweep.results.retention import COLLECTED_FILE, front_to_be, why_collected


@pytest.fixture
def ended(tmp_path: Path) -> Handmade:
    return ended_sweep(tmp_path / "sweeps")


def test_the_front_and_the_best_of_each_cell_keep_their_outputs(ended: Handmade) -> None:
    found = collect(ended.folder, dry_run=False)
    assert found.wanted == {"0000-vae-s0": "front", "0000-vae-s1": "front", "0001-ours-s1": "best"}
    for name in found.wanted:
        assert names(ended.last(name)) == set(OUTPUTS)
        assert (ended.last(name) / "weights.safetensors").read_text() == f"weights.safetensors of {name}"
    assert names(ended.last("0001-ours-s0")) == {"trial.json", "samples.txt", COLLECTED_FILE}
    assert {path.name for path in ended.folder.glob("ray/*/*/*")} == {"checkpoint_000003"}
    assert {kind: tally.count for kind, tally in found.kinds.items()} == {
        "epochs": 12,
        "resuming": 3,
        "weights": 1,
        "snapshots": 3,
    }
    assert any("vae-sweep sync" in remark for remark in found.remarks)


def test_a_dry_run_deletes_nothing_and_counts_what_a_gc_then_frees(ended: Handmade) -> None:
    before, bytes_before = tree(ended.folder), taken(ended.folder / "ray")
    foretold = collect(ended.folder, dry_run=True)
    assert tree(ended.folder) == before
    done = collect(ended.folder, dry_run=False)
    assert done == foretold.model_copy(update={"dry_run": False})
    assert bytes_before - taken(ended.folder / "ray") == done.freed > 0
    assert taken(ended.folder / "ray") == done.kept


def test_a_second_gc_has_nothing_to_do_and_the_journal_has_no_new_line(ended: Handmade) -> None:
    journal = (ended.folder / "journal.jsonl").read_bytes()
    first = collect(ended.folder, dry_run=False)
    after = tree(ended.folder)
    second = collect(ended.folder, dry_run=False)
    assert (second.kinds, second.freed, second.kept, second.wanted) == ({}, 0, first.kept, first.wanted)
    assert tree(ended.folder) == after
    assert (ended.folder / "journal.jsonl").read_bytes() == journal


def test_a_collected_trial_says_so_and_names_the_best_of_its_cell(ended: Handmade) -> None:
    assert why_collected(ended.spec, ended.record, ended.record.trials["0001-ours-s0"]) is None
    collect(ended.folder, dry_run=False)
    said = why_collected(ended.spec, ended.record, ended.record.trials["0001-ours-s0"])
    assert said is not None
    assert said.endswith("the best replicate of cell 1 has its weights: 0001-ours-s1")
    assert why_collected(ended.spec, ended.record, ended.record.trials["0001-ours-s1"]) is None


def test_a_probe_of_a_collected_trial_says_so(ended: Handmade) -> None:
    collect(ended.folder, dry_run=False)
    said: list[str] = []
    probed = probe_sweep(ended.folder, ["0001-ours-s0"], ["bleu"], said.append)
    assert (probed.done, probed.failed) == (0, 1)
    [line] = said
    assert line.startswith("1 of 1: 0001-ours-s0: not probed: its weights were collected by vae-sweep gc")


def test_the_best_is_among_those_whose_weights_are_still_there(ended: Handmade) -> None:
    (ended.last("0001-ours-s1") / "weights.safetensors").unlink()
    assert collect(ended.folder, dry_run=False).wanted["0001-ours-s0"] == "best"
    assert set(OUTPUTS) <= names(ended.last("0001-ours-s0"))


def test_a_second_copy_stays_where_the_first_is_gone(ended: Handmade) -> None:
    (ended.last("0000-vae-s0") / "weights.safetensors").unlink()
    collect(ended.folder, dry_run=False)
    assert names(ended.last("0000-vae-s0")) == {"trial.json", "samples.txt", "state.json", "tensors.safetensors"}


def test_reference_rows_keep_their_best_too(tmp_path: Path) -> None:
    methods: dict[str, dict[str, str]] = {"ae": {}, "lstm_lm": {}, "vae": {}}
    sweep = Handmade(spec_in(tmp_path, methods=methods, search={"objectives": ["perplexity", "reconstruction"]}))
    for cell, method in enumerate(methods):
        for seed in (0, 1):
            name = sweep.start(cell, seed, method)
            numbers = {"reconstruction": 5.0 - seed} if method == "ae" else {"perplexity": 5.0 + seed}
            if method == "vae":
                numbers["reconstruction"] = 8.0
            sweep.end(name, "finished", **numbers)
            sweep.score(name)
    best = {name: why for name, why in collect(sweep.folder, dry_run=False).wanted.items() if why == "best"}
    assert best == {"0000-ae-s1": "best", "0001-lstm_lm-s0": "best"}


def test_an_open_trial_keeps_what_it_may_start_from(tmp_path: Path) -> None:
    sweep = Handmade(spec_in(tmp_path))
    name = sweep.start(0, 0)
    first = sweep.epochs(name, 0, 1)
    sweep.launch(attempt=2)
    sweep.start(0, 0)
    second = sweep.epochs(name, 2, 3)
    unjournaled = put(second[0].with_name("checkpoint_000009") / "state.json", "{}").parent
    (second[1] / "tensors.safetensors").write_bytes(b"damaged")
    found = collect(sweep.folder, dry_run=False)
    assert [path.is_dir() for path in (*first, *second, unjournaled)] == [False, True, True, True, False]
    assert load_state(second[0], sweep.trial(0, 0).key()).counters.epoch == 3
    assert {kind: tally.count for kind, tally in found.kinds.items()} == {"earlier": 2, "snapshots": 6}


def test_a_failed_trial_is_open_and_a_diverged_one_is_not(tmp_path: Path) -> None:
    sweep = Handmade(spec_in(tmp_path))
    failed, diverged = sweep.start(0, 0), sweep.start(0, 1)
    places = {name: sweep.epochs(name, 0, 1) for name in (failed, diverged)}
    sweep.end(failed, "failed")
    sweep.end(diverged, "diverged")
    collect(sweep.folder, dry_run=False)
    assert all(path.is_dir() for path in places[failed])
    assert not places[diverged][0].parent.exists()


def test_a_trial_that_is_still_to_be_scored_stays_whole(ended: Handmade) -> None:
    name = ended.start(2, 0, "vae", **{"training.learning_rate": 0.5})
    ended.epochs(name, 0)
    place = ended.end(name, perplexity=99.0)
    assert place is not None
    assert collect(ended.folder, dry_run=False).wanted[name] == "unscored"
    assert names(place) == {*OUTPUTS, "state.json", "tensors.safetensors"}
    ended.score(name)
    ended.whole(2, 1, 98.0)
    assert name not in collect(ended.folder, dry_run=False).wanted
    assert names(place) == {"trial.json", "samples.txt", COLLECTED_FILE}


def test_the_front_is_not_judged_before_the_replicates_are_there(tmp_path: Path) -> None:
    methods = {"vae": {"training.learning_rate": {"choice": [0.1, 0.2]}}}
    sweep = Handmade(spec_in(tmp_path, methods=methods, evaluation={"final": "front"}))
    for cell, seed, perplexity in ((0, 0, 10.0), (0, 1, 10.0), (1, 0, 5.0)):
        name = sweep.start(cell, seed, "vae", **{"training.learning_rate": 0.1 + cell / 10})
        sweep.end(name, perplexity=perplexity)
    assert front_to_be(sweep.spec, sweep.record) == {0, 1}
    found = collect(sweep.folder, dry_run=False)
    assert found.wanted == dict.fromkeys(("0000-vae-s0", "0000-vae-s1", "0001-vae-s0"), "unscored")
    sweep.whole(1, 1, 6.0)
    assert front_to_be(sweep.spec, sweep.record) == {1}
