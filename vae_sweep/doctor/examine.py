"""The doctor: whether this machine, a sweep's places and a cluster are sound and closed to strangers."""

import os
from collections.abc import Iterator
from pathlib import Path

from trainables.base import VaeSweepError
from vae_sweep.config.environment import data_directory
from vae_sweep.config.resource_spec import ResourceSpec
from vae_sweep.config.sweep_spec import SweepSpec
from vae_sweep.doctor.cluster import examine_cluster, examine_dashboards, examine_mode, examine_token
from vae_sweep.doctor.files import examine_database, examine_secrets, examine_storage, read_mounts
from vae_sweep.doctor.finding import Finding
from vae_sweep.doctor.tracker import examine_mlflow
from vae_sweep.planning.plan import Plan, make_plan
from vae_sweep.running.nodes.auth_probe import can_be_asked
from vae_sweep.running.nodes.auto_gpus import may_use_gpus
from vae_sweep.running.nodes.node_checks import NodeFinding
from vae_sweep.running.ray_environment import prepare_environment
from vae_sweep.storage.layout import storage_directory
from vae_sweep.tracking.sweep_mirror import tracking_uri

DASHBOARDS = ("RAY_API_SERVER_ADDRESS", "RAY_DASHBOARD_ADDRESS")
"""Environment variables by which Ray's own commands find a dashboard."""


def examine(spec: SweepSpec | None, address: str | None, dashboard: str | None) -> Iterator[Finding]:
    """Yield what is found of a sweep file's places, or of the defaults, and of the cluster at `address`, if any.

    Call it before anything sets RAY_AUTH_MODE: it prepares the environment for Ray itself.
    """
    environment, home = dict(os.environ), Path.home()
    prepare_environment()
    yield examine_mode(environment)
    yield examine_token(home, environment, needed=bool(address))
    yield from examine_secrets(home, environment)
    named = [environment[name] for name in DASHBOARDS if environment.get(name)] + (
        [dashboard] if dashboard else []
    )
    host = address.rpartition("://")[2].rpartition(":")[0] if address else ""
    yield from examine_dashboards([*named, *([host] if host else [])])
    yield from _places(spec)
    plan, problem = _plan(spec)
    if problem is not None:
        yield problem
    yield from _nodes(spec, plan, address)


def _places(spec: SweepSpec | None) -> Iterator[Finding]:
    mounts = read_mounts()
    yield from examine_storage(_storage(spec))
    uri = tracking_uri(spec) if spec else os.environ.get("MLFLOW_TRACKING_URI", "")
    if uri.startswith(("http://", "https://")):
        yield from examine_mlflow(uri)
    yield from examine_database("MLflow's database", uri, mounts)
    if spec is not None and spec.storage.study:
        yield from examine_database("the study", spec.storage.study, mounts)


def _storage(spec: SweepSpec | None) -> Path:
    return storage_directory(spec) if spec else Path("sweeps").absolute()


def _plan(spec: SweepSpec | None) -> tuple[Plan | None, Finding | None]:
    if spec is None:
        return None, None
    try:
        return make_plan(spec), None
    except VaeSweepError as error:
        return None, Finding("problem", "plan", spec.name, str(error))


def _nodes(spec: SweepSpec | None, plan: Plan | None, address: str | None) -> Iterator[Finding]:
    """Yield what this machine, or each node of the cluster, finds of itself."""
    if address and can_be_asked(address):
        let_in, said = examine_cluster(address)
        yield said
        if not let_in:
            return
    from vae_sweep.running.nodes.survey import NodeRequirements, survey, survey_this_machine
    from vae_sweep.running.ray_session import ray_session

    storage = _storage(spec)
    while not storage.is_dir():
        storage = storage.parent
    wanted = NodeRequirements(
        storage,
        plan.spec.corpus if plan else None,
        plan.data_directory if plan else data_directory(None),
        plan.corpus.fingerprint if plan else None,
        uses_gpus=_uses_gpus(plan, address),
        timeout=(plan.spec.resources if plan else ResourceSpec()).node_timeout_seconds,
        objects=plan.spec.storage.objects if plan else None,
    )
    try:
        if not address:
            yield from _told(survey_this_machine(wanted))
            return
        with ray_session(address):
            findings = survey(wanted, True, lambda text: None)
        for finding in findings:
            yield from _told(finding)
    except VaeSweepError as error:
        yield Finding("problem", "nodes", address or "this machine", str(error))


def _uses_gpus(plan: Plan | None, address: str | None) -> bool:
    if plan is None or address:
        return plan is None or may_use_gpus(plan.spec)
    return any(share.gpus for share in plan.shares.values())


def _told(node: NodeFinding) -> Iterator[Finding]:
    where = node.host if node.node == "here" else f"{node.node[:8]} ({node.host}, {node.address})"
    yield from (Finding("problem", "node", where, text) for text in node.problems)
    yield from (Finding("warning", "node", where, text) for text in node.warnings)
    if node.good and not node.warnings:
        versions = node.facts.versions if node.facts else {}
        shown = ", ".join(f"{name} {versions.get(name)}" for name in ("python", "torch", "ray"))
        text = f"nothing of what was looked at speaks against it ({shown})"
        yield Finding("ok", "node", where, text)
