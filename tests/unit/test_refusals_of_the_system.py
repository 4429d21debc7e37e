"""What the system refuses (a full disk, storage to read alone, files of another user) ends each verb in words."""

import errno
import io
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.fault_files import failing
from tests.handmade import Handmade, ended_sweep, tree
from tests.helpers import epochs_and_end, put_files, tiny_corpus
from tests.import_tables import three
from tests.journal_writer import Scribe, command
from tests.nobody import as_nobody, let_through, needs_root
from tests.shared_trials import TRIALS, entry_of, ran
from tests.trained_sweep import trained_sweep
from trainables.outputs import outputs
from trainables.text.tokenised import write_tokenised
from trainables.text.vocabulary import SPECIAL, Vocabulary
from vae_sweep.cli.main import main
from vae_sweep.errors import LaunchError
from vae_sweep.monitoring.status import sweep_status
from vae_sweep.monitoring.stop import stop_sweep
from vae_sweep.storage.driver_lock import driver_lock
from vae_sweep.storage.lease import Watch
from vae_sweep.storage.pretraining_store import PretrainedStore
from vae_sweep.storage.stop_request import request_stop
from vae_sweep.tracking.client import open_client, translated_errors
from vae_sweep.tracking.mirror import only_mirror

BEST = "0001-ours-s0"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Handmade:
    """A complete sweep with real weights."""
    return trained_sweep(tmp_path_factory.mktemp("trained"))


WRITING = {
    "resume": ("resume", "{folder}"),
    "gc": ("gc", "{folder}"),
    "probe": ("probe", "{folder}"),
    "score": ("score", "{folder}"),
    "sync": ("sync", "{folder}"),
    "register": ("register", "{folder}", BEST),
    "report": ("report", "{folder}", "--format", "html"),
    "figures": ("report", "{folder}", "--format", "figures"),
    "encode": ("encode", "{folder}", BEST, "--text", "a man", "--output", "{folder}/codes.npy"),
    "import": ("data", "import", "{tables}", "--text", "text", "--split", "40/30/30", "--to", "{folder}/corpus"),
    "fetch": ("data", "fetch", "ptb", "--directory", "{folder}/data"),
}
"""Verbs that write below a sweep's folder."""


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EROFS, errno.EACCES])
@pytest.mark.parametrize("verb", WRITING)
def test_a_verb_that_cannot_write_says_so(
    trained: Handmade,
    tmp_path: Path,
    verb: str,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = tree(trained.folder)
    known = {"folder": trained.folder, "tables": three(tmp_path)[0]}
    with failing(code, f"{trained.folder}/*", "write") as fault:
        end, _, said = command(monkeypatch, capsys, *(word.format(**known) for word in WRITING[verb]))
    assert fault.struck
    assert end in (1, 2)
    assert os.strerror(code) in said
    assert str(trained.folder) in said
    assert "Traceback" not in said
    assert {path: digest for path, digest in tree(trained.folder).items() if not path.startswith("data")} == before


@pytest.mark.parametrize("verb", ["status", "list", "report", "explain", "replay", "compare", "gc", "stop"])
def test_a_verb_that_cannot_read_says_so(
    trained: Handmade, verb: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    what = [str(trained.folder.parent if verb == "list" else trained.folder)]
    what += {"explain": [BEST], "replay": [BEST], "compare": [str(trained.folder.parent / "other")]}.get(verb, [])
    with failing(errno.EACCES, f"{trained.folder}/journal.jsonl"):
        end, out, said = command(monkeypatch, capsys, verb, *what)
    assert end == (0 if verb == "list" else 2)
    assert "journal.jsonl: the journal cannot be read (Permission denied); user " in "".join((out, said))
    assert "may not: ask its owner (chmod, umask)" in "".join((out, said)).replace("\n", " ")


def test_a_request_to_stop_that_cannot_be_written_names_the_other_way(tmp_path: Path) -> None:
    scribe = Scribe(tmp_path)
    with driver_lock(scribe.folder):
        scribe.launch()
        with (
            failing(errno.ENOSPC, "*/stop.json", "write"),
            pytest.raises(
                LaunchError, match=rf"stop\.json: the request cannot be written .*kill -INT {os.getpid()} on "
            ),
        ):
            stop_sweep(scribe.folder, "epoch", lambda text: None)


def test_a_full_disk_under_the_lock_names_what_can_go(tmp_path: Path) -> None:
    sweep = ended_sweep(tmp_path)
    (sweep.folder / "report").mkdir()
    with (
        failing(errno.ENOSPC, "*/driver.1", "write"),
        pytest.raises(LaunchError, match=r"make space, or delete .*/one/report, which is made anew"),
        driver_lock(sweep.folder),
    ):
        pass


def test_a_stdout_that_takes_no_more_is_told_once() -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full on this system")
    with full.open("w") as out:
        done = subprocess.run(
            [sys.executable, "-m", "vae_sweep.cli.main", "schema"],
            stdout=out,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "No space left on device; make space; vae-sweep gc frees what a sweep needs no more"
    ]


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252"])
@pytest.mark.parametrize(
    "arguments",
    [
        ("status", "{folder}"),
        ("report", "{folder}"),
        ("explain", "{folder}", BEST),
        ("gc", "{folder}", "--dry-run"),
        ("data", "list"),
        ("plan", "{space}", "--no-estimate"),
        ("--help",),
    ],
    ids=lambda words: words[0],
)
def test_an_encoding_that_lacks_our_signs_stops_no_verb(
    trained: Handmade, tmp_path: Path, encoding: str, arguments: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "space.yaml").write_text(
        "corpus: {name: captions}\nmethods: {ours: {target_rate: {choice: [2, 4]}}}\n"
    )
    known = {"folder": trained.folder, "space": tmp_path / "space.yaml"}
    out = io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True)
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "argv", ["vae-sweep", *(word.format(**known) for word in arguments)])
    with pytest.raises(SystemExit) as end:
        main()
    assert not end.value.code
    assert out.buffer.getvalue().decode(encoding)  # type: ignore[attr-defined]


def test_documents_are_utf_8_whatever_the_encoding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    storage = tmp_path / "Größe λ"
    ended_sweep(storage)
    out = io.TextIOWrapper(io.BytesIO(), encoding="latin-1", write_through=True)
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "argv", ["vae-sweep", "list", str(storage), "--json"])
    with pytest.raises(SystemExit):
        main()
    assert json.loads(out.buffer.getvalue().decode("utf-8"))["storage"] == str(storage)  # type: ignore[attr-defined]


def test_sentences_are_utf_8_whatever_the_encoding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sweep = trained_sweep(tmp_path)
    corpus = tiny_corpus()
    spec = sweep.spec.trial("ours", {"target_rate": 4}, 0, corpus.fingerprint)
    words = [
        *corpus.vocabulary.words[: len(SPECIAL)],
        *(f"ß{word}λ" for word in corpus.vocabulary.words[len(SPECIAL) :]),
    ]
    put_files(
        sweep.last(BEST), outputs(spec, replace(corpus, vocabulary=Vocabulary(words)), epochs_and_end(spec)[2])
    )
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii", write_through=True)
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "argv", ["vae-sweep", "generate", str(sweep.folder), BEST, "-n", "3"])
    with pytest.raises(SystemExit):
        main()
    assert "λ ß" in out.buffer.getvalue().decode("utf-8")  # type: ignore[attr-defined]


def test_all_files_of_a_sweep_follow_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o002)
    try:
        sweep = ended_sweep(tmp_path / "sweeps")
        lease = Watch(tmp_path / "sweeps" / "name").take("sweep/a")
        assert lease is not None
        request_stop(sweep.folder, "epoch")
        entry_of(TRIALS["reference"], tmp_path / "sweeps" / "pretrained")
        write_tokenised(tmp_path / "sweeps" / "tokenised", tiny_corpus())
        with only_mirror(sweep.folder / "journal.jsonl"), translated_errors("sqlite"):
            open_client(f"sqlite:///{tmp_path}/sweeps/mlflow.db")
        lease.release()
    finally:
        os.umask(before)
    modes = {(path.is_dir(), path.stat().st_mode & 0o777) for path in (tmp_path / "sweeps").rglob("*")}
    assert modes == {(True, 0o775), (False, 0o664)}


@needs_root
def test_a_colleague_reads_the_status_and_the_store(tmp_path: Path) -> None:
    sweep, store = ended_sweep(tmp_path), tmp_path / "pretrained"
    entry = entry_of(TRIALS["reference"], store)
    lease = Watch(store / f"{entry.name}.lease").take("sweep/a")
    assert lease is not None
    let_through(tmp_path)
    assert as_nobody(tmp_path, lambda: sweep_status(sweep.folder).state) == "complete"
    assert as_nobody(tmp_path, lambda: Watch(store / f"{entry.name}.lease").look() is not None) == "True"
    assert (
        as_nobody(tmp_path, lambda: ran(TRIALS["reference"], PretrainedStore(store, "sweep/b")).events)
        == "['hit']"
    )
    lease.release()
