"""A survey of a cluster: every alive node looks at itself in a small task pinned to it."""

import secrets
import shutil
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from trainables.files import words
from trainables.storage_paths import write_file
from trainables.text.sources import SOURCES
from trainables.text.spec import CorpusSpec
from vae_sweep.errors import LaunchError
from vae_sweep.planning.allocation import NodeCapacity
from vae_sweep.running.nodes.node_checks import Expected, NodeFinding, check_node
from vae_sweep.running.nodes.self_check import (
    DRIVER_FILE,
    NodeFacts,
    SelfCheckRequest,
    answer,
    clock,
    fetch_corpus,
    self_check,
    source_digest,
    versions,
)

GRACE = 10.0
"""Seconds for which other nodes are waited for once one has answered; the first worker of each imports torch."""

CLOCK_PATIENCE = 20.0
FETCH_PATIENCE = 1800.0
"""Seconds that a node has to fetch a corpus."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class NodeRequirements:
    """What a survey is about: a folder of the storage, the corpus with its fingerprint, whether trials use GPUs.

    A corpus that is None is not looked at. A node has `timeout` seconds to look at itself; with `grace`, those
    that are later than the first by more are not waited for. `only` are the nodes to ask, None is all. `given_up`
    says that no answer is wanted any more.
    """

    folder: Path
    corpus: CorpusSpec | None
    data_directory: Path
    fingerprint: str | None
    uses_gpus: bool
    timeout: float
    objects: str | None = None
    grace: float | None = None
    only: Collection[str] | None = None
    given_up: Callable[[], bool] = lambda: False


def survey(wanted: NodeRequirements, joined: bool, say: Say) -> list[NodeFinding]:
    """Return what the alive nodes of the Ray session found; an absent corpus is fetched where that can be done.

    On one machine of our own this process looks itself.
    """
    nodes = alive_nodes()
    found = {node: unseen(info) for node, info in nodes.items() if wanted.only is None or node in wanted.only}
    with _token(wanted.folder) as (place, token):
        asks = {node: _ask(wanted, place, token, node) for node in found}
        if joined:
            _look_around(wanted, asks, found, wanted.grace)
            _fetch_where_absent(wanted, asks, found, say)
            _compare_clocks(found)
        else:
            for node, finding in found.items():
                finding.facts, finding.clock = NodeFacts.model_validate(self_check(asks[node])), 0.0
        _read_answers(place, token, found)
    expected = Expected(versions(), source_digest(), wanted.uses_gpus)
    for finding in found.values():
        check_node(finding, expected)
    return list(found.values())


def survey_this_machine(wanted: NodeRequirements) -> NodeFinding:
    """Return what this machine finds of itself, without Ray; Ray would offer the GPUs that torch sees."""
    with _token(wanted.folder) as (place, token):
        facts = NodeFacts.model_validate(self_check(_ask(wanted, place, token, "here")))
        finding = NodeFinding(
            "here", facts.host, "this machine", NodeCapacity(0, facts.gpus), clock=0.0, facts=facts
        )
        _read_answers(place, token, {"here": finding})
    check_node(finding, Expected(versions(), source_digest(), wanted.uses_gpus))
    return finding


def alive_nodes() -> dict[str, Mapping[str, Any]]:
    """Return Ray's description of every alive node by its id."""
    nodes: list[dict[str, Any]] = ray.nodes()  # type: ignore[no-untyped-call]
    return {node["NodeID"]: node for node in nodes if node["Alive"]}


def room_of(node: Mapping[str, Any]) -> NodeCapacity:
    return NodeCapacity(node["Resources"].get("CPU", 0.0), node["Resources"].get("GPU", 0.0))


def unseen(node: Mapping[str, Any]) -> NodeFinding:
    return NodeFinding(node["NodeID"], node["NodeManagerHostname"], node["NodeManagerAddress"], room_of(node))


def _ask(wanted: NodeRequirements, place: Path, token: str, node: str) -> dict[str, Any]:
    return SelfCheckRequest(
        node=node,
        folder=str(place),
        token=token,
        corpus=wanted.corpus,
        data_directory=str(wanted.data_directory),
        fingerprint=wanted.fingerprint,
        objects=wanted.objects,
    ).model_dump()


@contextmanager
def _token(folder: Path) -> Iterator[tuple[Path, str]]:
    """Put a token into a fresh folder of the storage for the length of a with block."""
    place, token = folder / f".nodes.{secrets.token_hex(8)}", secrets.token_hex(16)
    try:
        write_file(place / DRIVER_FILE, token.encode())
    except OSError as error:
        shutil.rmtree(place, ignore_errors=True)
        said = words(error, folder, "cannot be written")
        raise LaunchError(
            f"storage.directory: {said}; --set storage.directory=PATH sets another directory"
        ) from None
    try:
        yield place, token
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _look_around(
    wanted: NodeRequirements,
    asks: Mapping[str, dict[str, Any]],
    found: Mapping[str, NodeFinding],
    grace: float | None = None,
) -> None:
    each = {node: (ask,) for node, ask in asks.items()}
    for node, result in on_nodes(self_check, each, wanted.timeout, grace, wanted.given_up):
        if isinstance(result, str):
            found[node].problems.append(result)
        else:
            found[node].facts = NodeFacts.model_validate(result)


def _fetch_where_absent(
    wanted: NodeRequirements, asks: Mapping[str, dict[str, Any]], found: Mapping[str, NodeFinding], say: Say
) -> None:
    """Fetch the corpus where it is absent, once a node; what fails is added to what is said of the corpus."""
    name = wanted.corpus.name if wanted.corpus else None
    lacking = [node for node, finding in found.items() if finding.facts and finding.facts.absent]
    if name not in SOURCES or not lacking:
        return
    say(f"fetching {name} on {', '.join(str(found[node]) for node in lacking)}")
    places = {node: (name, asks[node]["data_directory"]) for node in lacking}
    results = on_nodes(fetch_corpus, places, FETCH_PATIENCE, given_up=wanted.given_up)
    failed = {node: result for node, result in results if result is not None}
    _look_around(wanted, {node: asks[node] for node in lacking if node not in failed}, found)
    for node, why in failed.items():
        facts = found[node].facts
        if facts is not None:
            found[node].facts = facts.model_copy(update={"corpus": f"{facts.corpus}\n  fetching it failed: {why}"})


def _compare_clocks(found: Mapping[str, NodeFinding]) -> None:
    """Compare all clocks with this one's at once, each by the middle of an exchange with the node's worker."""
    before = time.time()
    running = _begun(clock, {node: () for node, finding in found.items() if finding.facts})
    until = time.monotonic() + CLOCK_PATIENCE
    while running and (left := until - time.monotonic()) > 0:
        for each in ray.wait(list(running), num_returns=1, timeout=left)[0]:
            now, node = time.time(), running.pop(each)
            if isinstance(result := _result(each), float):
                found[node].clock = round(result - (before + now) / 2, 3)
    for each in running:
        ray.cancel(each, force=True)


def _read_answers(place: Path, token: str, found: Mapping[str, NodeFinding]) -> None:
    """Add to each node's storage whether the driver sees what the node wrote."""
    for node, finding in found.items():
        if finding.facts is None or finding.facts.storage:
            continue
        try:
            seen = (place / node).read_bytes() == answer(node, token)
        except OSError:
            seen = False
        if not seen:
            text = (
                f"{place.parent} is not the driver's: a file that the node wrote there is not seen by the driver"
            )
            finding.facts = finding.facts.model_copy(update={"storage": text})


def on_nodes(
    function: Callable[..., Any],
    arguments: Mapping[str, Sequence[Any]],
    patience: float,
    grace: float | None = None,
    given_up: Callable[[], bool] = lambda: False,
) -> list[tuple[str, Any]]:
    """Run a function on nodes at the same time; return each result, or in words why there is none.

    With `grace`, those that are later than the first by more are not waited for, and go on. `given_up` is asked
    every second.
    """
    running, results = _begun(function, arguments), list[tuple[str, Any]]()
    began = time.monotonic()
    while running and not given_up() and (left := began + patience - time.monotonic()) > 0:
        for each in ray.wait(list(running), num_returns=1, timeout=min(left, 1.0))[0]:
            if grace is not None and not results:
                patience = min(patience, time.monotonic() - began + grace)
            results.append((running.pop(each), _result(each)))
    for each in running if grace is None else ():
        ray.cancel(each, force=True)
    return results + [(node, f"it gave no answer within {patience:.0f} s") for node in running.values()]


def _begun(function: Callable[..., Any], arguments: Mapping[str, Sequence[Any]]) -> dict[Any, str]:
    """Start a function on nodes; return the node of each task."""
    task = ray.remote(num_cpus=0, max_retries=0)(function)
    pinned = ((node, NodeAffinitySchedulingStrategy(node, soft=False)) for node in arguments)
    return {task.options(scheduling_strategy=there).remote(*arguments[node]): node for node, there in pinned}


def _result(task: Any) -> Any:
    """Return what a task gave, or in words why it failed."""
    try:
        return ray.get(task)
    except RayError as error:
        cause = getattr(error, "cause", None) or error
        last = str(cause).strip().splitlines()[-1:] or [type(cause).__name__]
        return f"a task there failed: {last[0]}"
