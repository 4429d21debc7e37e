"""The checks of a node, and what a node finds of itself."""

from pathlib import Path
from typing import Any

import pytest

from trainables.text.spec import CorpusSpec
from vae_sweep.planning.allocation import NodeCapacity
from vae_sweep.running.nodes.node_checks import Expected, NodeFinding, check_node
from vae_sweep.running.nodes.self_check import (
    DRIVER_FILE,
    NodeFacts,
    SelfCheckRequest,
    answer,
    self_check,
    source_digest,
    versions,
)

EXPECTED = Expected({"python": "3.11.7", "torch": "2.13.0"}, "abc", uses_gpus=True)
FOUR_CORES = NodeCapacity(4, 0)
FACTS: dict[str, Any] = {
    "host": "far",
    "versions": dict(EXPECTED.versions),
    "source": "abc",
    "free": 90 * 10**9,
    "total": 100 * 10**9,
}


def judged(room: NodeCapacity = FOUR_CORES, clock: float | None = 0.0, **facts: Any) -> NodeFinding:
    found = NodeFinding("f" * 56, "?", "10.0.0.7", room, clock=clock)
    found.facts = NodeFacts.model_validate(FACTS | facts)
    check_node(found, EXPECTED)
    return found


def test_a_sound_node_is_good() -> None:
    found = judged()
    assert (found.good, found.problems, found.warnings, found.host) == (True, [], [], "far")


@pytest.mark.parametrize(
    ("facts", "start"),
    [
        ({"storage": "/s is not the driver's"}, "storage.directory: /s is not the driver's; every node"),
        ({"corpus": "snli is not, or not whole, in /d"}, "snli is not"),
        (
            {"versions": {"python": "3.11.7", "torch": "2.6.0"}},
            "libraries differ from the driver's: torch 2.6.0, here 2.13.0;",
        ),
        ({"versions": {"python": "3.11.7"}}, "libraries differ from the driver's: torch absent, here 2.13.0;"),
        ({"objects": "s3://bucket/x: no credentials"}, "storage.objects: s3://bucket/x: no credentials"),
        ({"source": "abd"}, "its vae-sweep is another source (sha256 abd, here abc)"),
    ],
)
def test_what_makes_a_node_bad(facts: dict[str, Any], start: str) -> None:
    found = judged(**facts)
    [problem] = found.problems
    assert problem.startswith(start)
    assert not found.good


def test_every_reason_is_named() -> None:
    assert len(judged(NodeCapacity(4, 2), storage="gone", corpus="gone", source="other").problems) == 4


def test_gpus_that_torch_lacks_are_a_problem_and_idle_ones_a_warning() -> None:
    assert judged(NodeCapacity(4, 2), gpus=1).problems == [
        "Ray offers 2 GPUs, torch sees 1; mend the driver, or start Ray with --num-gpus"
    ]
    assert judged(NodeCapacity(4, 1), gpus=2).warnings == ["torch sees 2 GPUs, Ray offers 1: the rest stays idle"]


@pytest.mark.parametrize(("clock", "way"), [(7.25, "7.2 s ahead of"), (-3.0, "3.0 s behind")])
def test_a_clock_that_is_off_is_a_warning(clock: float, way: str) -> None:
    found = judged(clock=clock)
    assert found.good
    assert found.warnings == [f"its clock is {way} the driver's; run a time service there"]


def test_a_nearly_full_storage_is_a_warning() -> None:
    [text] = judged(free=4 * 10**8).warnings
    assert text.startswith("storage.directory: 0.40 GB free")
    assert judged(free=2 * 10**8, total=3 * 10**8).warnings == [], "a small disk with room is none"


def test_a_node_that_never_answered_keeps_its_reason() -> None:
    found = NodeFinding("f" * 56, "h", "a", NodeCapacity(1, 0), problems=["it gave no answer within 120 s"])
    check_node(found, EXPECTED)
    assert found.problems == ["it gave no answer within 120 s"]


def ask(folder: Path, **changes: Any) -> dict[str, Any]:
    fields = {"node": "n1", "folder": str(folder), "token": "secret", "data_directory": str(folder)}
    return SelfCheckRequest.model_validate(fields | {"corpus": None, "fingerprint": None} | changes).model_dump()


def test_a_node_reads_the_token_and_answers(tmp_path: Path) -> None:
    (tmp_path / DRIVER_FILE).write_text("secret")
    facts = NodeFacts.model_validate(self_check(ask(tmp_path)))
    assert (facts.storage, facts.corpus) == (None, None)
    assert (tmp_path / "n1").read_bytes() == answer("n1", "secret")
    assert facts.versions == versions()
    assert facts.source == source_digest()
    assert facts.total > facts.free > 0


def test_another_storage_is_told(tmp_path: Path) -> None:
    absent = NodeFacts.model_validate(self_check(ask(tmp_path / "probe"))).storage
    assert absent == f"{tmp_path} is not the driver's: a file that the driver wrote there is not seen"
    (tmp_path / DRIVER_FILE).write_text("of another sweep")
    other = NodeFacts.model_validate(self_check(ask(tmp_path))).storage
    assert other == f"{tmp_path / DRIVER_FILE} holds another text than the driver wrote"


def test_a_storage_that_takes_no_file_is_told(tmp_path: Path) -> None:
    (tmp_path / DRIVER_FILE).write_text("secret")
    (tmp_path / "n1").mkdir()
    said = NodeFacts.model_validate(self_check(ask(tmp_path))).storage
    assert said is not None
    assert said.startswith(f"{tmp_path.parent} cannot be used (Is a directory")


def test_objects_out_of_reach_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    said = NodeFacts.model_validate(self_check(ask(tmp_path, objects="s3://bucket/x"))).objects
    assert said is not None
    assert "127.0.0.1:9 refuses or is out of reach" in said


def test_an_absent_corpus_says_what_to_run_there(tmp_path: Path) -> None:
    (tmp_path / DRIVER_FILE).write_text("secret")
    facts = NodeFacts.model_validate(self_check(ask(tmp_path, corpus=CorpusSpec(name="ptb"))))
    assert facts.absent
    assert facts.corpus is not None
    assert f"vae-sweep data fetch ptb --directory {tmp_path}" in facts.corpus


def test_another_corpus_is_told_by_its_fingerprint(tmp_path: Path) -> None:
    (tmp_path / DRIVER_FILE).write_text("secret")
    for stem in ("train", "valid", "test"):
        (tmp_path / f"{stem}.txt").write_text("a b\nb a\n")
    facts = NodeFacts.model_validate(
        self_check(ask(tmp_path, corpus=CorpusSpec(path=str(tmp_path)), fingerprint="0" * 64))
    )
    assert facts.corpus is not None
    assert "the driver's 000000000000: give every machine the same files" in facts.corpus
    assert not facts.absent
