"""Sending a sweep once: ids, attempts, races, other people's jobs, short jobs beside it."""

from pathlib import Path

import pytest

from tests.jobserver import FakeServer
from vae_sweep.config.reader import read_spec
from vae_sweep.config.sweep_spec import SweepSpec
from vae_sweep.errors import LaunchError
from vae_sweep.jobs.job_server import IncrementalLog, Job
from vae_sweep.jobs.submit import (
    CodeBundle,
    Preface,
    Submission,
    Submitted,
    ask,
    decide,
    exit_code,
    folder_there,
    job_advice,
    submit,
)

TEXT = "corpus: {name: captions}\nmethods: {vae: }\nstorage: {directory: /shared/sweeps}\n"
NO_CODE = CodeBundle(None, "/opt/venv/bin/python")


@pytest.fixture
def space(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.yaml"
    path.write_text(TEXT)
    return path


@pytest.fixture
def spec(space: Path) -> SweepSpec:
    return read_spec(space)


def test_the_id_comes_from_name_storage_and_spec(space: Path, spec: SweepSpec) -> None:
    first = decide(Submission(spec), []).job
    assert first.startswith("tiny-")
    assert first.endswith("-1")
    assert decide(Submission(read_spec(space)), []).job == first
    for change in ("name=other", "storage.directory=/shared/more", "seeds=[0, 1]", "resources.max_concurrent=2"):
        assert decide(Submission(read_spec(space, [change])), []).job != first
    assert decide(Submission(read_spec(space, ["seeds=[0]"])), []).job == first


def test_a_sweep_is_sent_once(spec: SweepSpec) -> None:
    server = FakeServer()
    sent = submit(Submission(spec), server, NO_CODE)
    assert (sent.sent, sent.attempt, sent.before) == ("new", 1, None)
    again = submit(Submission(spec), server, NO_CODE)
    assert (again.sent, again.job) == ("there", sent.job)
    server.end(sent.job, "SUCCEEDED", 0)
    assert submit(Submission(spec), server, NO_CODE) == Submitted(sent.job, "complete", 1, None)
    assert len(server.orders) == 1


@pytest.mark.parametrize("status", ["FAILED", "STOPPED"])
@pytest.mark.parametrize("own", [None, "nightly.7"])
def test_what_did_not_end_complete_is_sent_as_the_next_attempt(
    spec: SweepSpec, status: str, own: str | None
) -> None:
    server = FakeServer()
    first = submit(Submission(spec, id=own), server, NO_CODE)
    server.end(first.job, status)
    second = submit(Submission(spec, id=own), server, NO_CODE)
    server.end(second.job, status)
    third = submit(Submission(spec, id=own), server, NO_CODE)
    stem = own or first.job.removesuffix("-1")
    assert [first.job, second.job, third.job] == [own or f"{stem}-1", f"{stem}-2", f"{stem}-3"]
    assert (third.attempt, third.before) == (3, server.job(second.job))


def test_a_new_head_knows_no_job_and_gets_the_first_again(spec: SweepSpec) -> None:
    assert submit(Submission(spec), FakeServer(), NO_CODE) == submit(Submission(spec), FakeServer(), NO_CODE)


def test_of_two_at_once_one_is_sent_and_the_other_finds_it(spec: SweepSpec) -> None:
    alone = FakeServer()
    submit(Submission(spec), alone, NO_CODE)
    server = FakeServer(rivals=[*alone.found])
    loser = submit(Submission(spec), server, NO_CODE)
    assert (loser.sent, loser.job) == ("there", alone.found[0].id)
    assert server.orders == []


def test_an_id_that_a_stranger_took_meanwhile_is_refused(spec: SweepSpec) -> None:
    stranger = Job(decide(Submission(spec), []).job, "RUNNING")
    with pytest.raises(LaunchError, match="not this sweep's; name one with --submission-id"):
        submit(Submission(spec), FakeServer(rivals=[stranger]), NO_CODE)


def test_the_id_of_anothers_job_is_refused(spec: SweepSpec) -> None:
    with pytest.raises(LaunchError, match=r"is not this sweep's .*; choose another"):
        decide(Submission(spec, id="mine"), [Job("mine", "SUCCEEDED")])
    with pytest.raises(LaunchError, match="at most 120 letters"):
        decide(Submission(spec, id="a/b"), [])


def test_a_sweep_that_runs_from_another_spec_is_not_sent_beside_it(space: Path, spec: SweepSpec) -> None:
    server = FakeServer()
    first = submit(Submission(spec), server, NO_CODE)
    more = read_spec(space, ["seeds=[0, 1]"])
    with pytest.raises(LaunchError, match=f"runs as job {first.job}, from another spec"):
        submit(Submission(more, extend=True), server, NO_CODE)
    server.end(first.job, "SUCCEEDED", 0)
    second = submit(Submission(more, extend=True), server, NO_CODE)
    assert (second.sent, second.attempt) == ("new", 2)
    assert server.orders[-1].command.endswith("launch sweep.yaml --extend")


def test_an_id_of_ones_own_passes_by_a_job_whose_head_is_gone(spec: SweepSpec) -> None:
    server = FakeServer()
    submit(Submission(spec), server, NO_CODE)
    assert submit(Submission(spec, id="by-hand"), server, NO_CODE).job == "by-hand"


def test_a_resume_takes_the_stored_spec_and_sends_none(spec: SweepSpec) -> None:
    server = FakeServer()
    first = submit(Submission(spec), server, NO_CODE)
    assert submit(Submission(spec, stored=True), server, NO_CODE).sent == "there"
    server.end(first.job, "FAILED", 1)
    second = submit(Submission(spec, stored=True), server, NO_CODE)
    assert (second.sent, second.attempt) == ("new", 2)
    assert server.orders[-1].command.endswith("resume /shared/sweeps/tiny")
    assert server.files == [{"sweep.yaml"}, set()]


def test_nothing_of_this_machine_goes_along(spec: SweepSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAY_AUTH_TOKEN", "s3cret")
    monkeypatch.setenv("VAE_SWEEP_DATA", "/home/me/data")
    server = FakeServer()
    submit(Submission(spec), server, CodeBundle(None, "python", "c0ffee"))
    order = server.orders[0]
    assert order.variables == {"RAY_JOB_STOP_WAIT_TIME_S": "120", "VAE_SWEEP_COMMIT": "c0ffee"}
    assert order.command == "exec python -m vae_sweep.cli.main launch sweep.yaml"
    assert set(order.metadata) == {"vae_sweep", "vae_sweep_folder", "vae_sweep_spec", "vae_sweep_attempt"}
    assert "s3cret" not in repr(order)


def test_a_short_job_says_what_its_command_says_and_is_forgotten(spec: SweepSpec) -> None:
    server, said = FakeServer(logs={"": ["one\n", "two\n"]}, codes=[3]), list[str]()
    words = ["report", folder_there(spec), "--format", "a b"]
    assert ask(spec, words, server, NO_CODE, said.append) == 3
    assert "".join(said) == "one\ntwo\n"
    assert server.orders[0].command.endswith("report /shared/sweeps/tiny --format 'a b'")
    assert server.found == []


def test_a_short_job_that_never_ran_is_an_error(spec: SweepSpec) -> None:
    with pytest.raises(LaunchError, match="did not run: FAILED"):
        ask(spec, ["report"], FakeServer(codes=[None]), NO_CODE, lambda text: None)


def test_short_jobs_are_no_attempts(spec: SweepSpec) -> None:
    server = FakeServer(codes=[None])
    with pytest.raises(LaunchError):
        ask(spec, ["report", folder_there(spec)], server, NO_CODE, lambda text: None)
    assert decide(Submission(spec), server.jobs()).attempt == 1


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_the_preface_is_left_out_however_it_comes(size: int) -> None:
    said: list[str] = []
    preface = Preface("x", said.append)
    text = "setting up\nRunning entrypoint for job x: exec python\nfirst\nRunning entrypoint for job x: y\n"
    for start in range(0, len(text), size):
        preface.hear(text[start : start + size])
    assert "".join(said) == "first\nRunning entrypoint for job x: y\n"


def test_a_log_heard_again_from_its_beginning_is_said_once() -> None:
    said: list[str] = []
    news = IncrementalLog(said.append)
    for parts in (["ab", "cd"], ["abc"], ["abcd", "ef"], ["a", "bcdefg"]):
        news.from_the_beginning()
        for part in parts:
            news.hear(part)
    assert "".join(said) == "abcdefg"


@pytest.mark.parametrize(
    ("job", "code"),
    [(Job("a", "SUCCEEDED", exit_code=0), 0), (Job("a", "FAILED", exit_code=2), 2), (Job("a", "STOPPED"), 1)],
)
def test_exit_codes(job: Job, code: int) -> None:
    assert exit_code(job) == code


@pytest.mark.parametrize(
    ("job", "helps"),
    [
        (Job("a", "FAILED", exit_code=127), True),
        (Job("a", "FAILED", exit_code=1, message="python: No module named 'vae_sweep'"), True),
        (Job("a", "FAILED", exit_code=1, message="the sweep is not complete"), False),
        (Job("a", "SUCCEEDED", exit_code=0, message="No module named x"), False),
    ],
)
def test_an_environment_without_our_code_is_told_apart(job: Job, helps: bool) -> None:
    assert (job_advice(job) is not None) == helps
