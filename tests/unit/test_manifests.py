"""What docker/ holds for an engine, Kubernetes and Slurm, checked without any of them."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from tests.helpers import script
from vae_sweep.cli.verbs import load
from vae_sweep.config.reader import read_spec
from vae_sweep.jobs.portability import refuse_local_paths

REPOSITORY = Path(__file__).parents[2]
DOCKER = REPOSITORY / "docker"
OVERLAYS = ("cpu", "gpu", "cpu-job", "gpu-job", "kueue")
KUBERNETES = "1.32"
OURS = ("ray.io/v1", "kueue.x-k8s.io/v1beta2")
PART = "app.kubernetes.io/part-of"

needs_kubectl = pytest.mark.skipif(
    shutil.which("kubectl") is None, reason="kustomize comes with kubectl, absent here"
)


def checked(tool: str, *words: str) -> None:
    """Run a checker of the extra dev, which must find nothing."""
    command = [script(tool), *words]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@cache
def built(overlay: str) -> list[dict[str, Any]]:
    """The resources that an overlay builds."""
    command = ["kubectl", "kustomize", str(DOCKER / "kubernetes" / "overlays" / overlay)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return [document for document in yaml.safe_load_all(done.stdout) if document]


def ray_cluster(overlay: str) -> dict[str, Any]:
    """The spec of the RayCluster of an overlay, or of that in its RayJob."""
    [found] = [each for each in built(overlay) if each["kind"] in ("RayCluster", "RayJob")]
    spec: dict[str, Any] = found["spec"]
    return spec if found["kind"] == "RayCluster" else spec["rayClusterSpec"]


def ray_templates(overlay: str) -> Iterator[dict[str, Any]]:
    spec = ray_cluster(overlay)
    yield spec["headGroupSpec"]["template"]
    yield from (group["template"] for group in spec["workerGroupSpecs"])


def templates(overlay: str) -> list[dict[str, Any]]:
    """Every pod template of an overlay."""
    plain = [each["spec"]["template"] for each in built(overlay) if each["kind"] in ("Deployment", "StatefulSet")]
    return [*plain, *ray_templates(overlay)]


def test_the_dockerfile_is_clean() -> None:
    checked("hadolint", "docker/Dockerfile")


def test_yaml_is_clean() -> None:
    checked("yamllint", "--strict", "docker", "search_spaces")


def test_scripts_are_clean() -> None:
    scripts = [str(path) for path in sorted(DOCKER.rglob("*.sh")) + sorted(DOCKER.rglob("*.sbatch"))]
    assert len(scripts) >= 3
    checked("shellcheck", *scripts)


def test_a_change_of_the_code_changes_none_of_the_images_large_layers() -> None:
    stages = re.split(r"^FROM ", (DOCKER / "Dockerfile").read_text(), flags=re.MULTILINE)[1:]
    dependencies, code, image = stages
    ours = ("COPY trainables", "COPY vae_sweep", "COPY README.md")
    assert not any(line in dependencies for line in ours)
    assert all(line in code for line in ours)
    assert "pip uninstall --yes vae-sweep" in dependencies
    copied = re.findall(r"^COPY --from=(\w+) (\S+) (\S+)$", image, flags=re.MULTILINE)
    assert copied == [
        ("dependencies", "/opt/vae-sweep", "/opt/vae-sweep"),
        ("code", "/code/opt/vae-sweep", "/opt/vae-sweep"),
    ]


@pytest.mark.parametrize("files", [["compose.yaml"], ["compose.yaml", "compose.gpu.yaml"]])
def test_compose_files_are_sound(files: list[str]) -> None:
    paths = [str(DOCKER / name) for name in files]
    checked("check-jsonschema", "--builtin-schema", "vendor.compose-spec", *paths)
    checked("docker-compose", *(word for path in paths for word in ("--file", path)), "config", "--quiet")


def test_compose_opens_loopback_alone_and_holds_no_secret() -> None:
    compose = yaml.safe_load((DOCKER / "compose.yaml").read_text())
    ports = [port for service in compose["services"].values() for port in service.get("ports", ())]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)
    assert all(set(secret) == {"file"} for secret in compose["secrets"].values())
    for service in compose["services"].values():
        secret = [name for name in service.get("environment", {}) if "PASSWORD" in name or "TOKEN" in name]
        assert all(name.endswith(("_FILE", "_PATH")) for name in secret)


def test_a_worker_of_compose_has_no_password_and_as_many_cores_as_its_gpus_take() -> None:
    compose, gpus = (yaml.safe_load((DOCKER / name).read_text()) for name in ("compose.yaml", "compose.gpu.yaml"))
    held = {name: service.get("secrets") for name, service in compose["services"].items()}
    assert {name for name, secrets in held.items() if "mlflow_password" in secrets} == {"head", "mlflow"}
    worker = gpus["services"]["worker"]
    cores = worker["environment"]["RAY_CPUS"]
    assert worker["deploy"]["resources"]["limits"]["cpus"] == cores == "${WORKER_CPUS:-8}"


@needs_kubectl
def test_the_operator_is_let_in_however_it_was_installed() -> None:
    [policy] = [each for each in built("cpu") if each["kind"] == "NetworkPolicy"]
    labels = [peer["podSelector"]["matchLabels"] for rule in policy["spec"]["ingress"] for peer in rule["from"]]
    assert {"app.kubernetes.io/component": "kuberay-operator"} in labels


@needs_kubectl
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_workers_hold_neither_a_password_nor_a_token_of_kubernetes(overlay: str) -> None:
    head, *workers = (template["spec"] for template in ray_templates(overlay))
    assert "mlflow_password" in json.dumps(head)
    for pod in workers:
        assert pod["automountServiceAccountToken"] is False
        assert "mlflow_password" not in json.dumps(pod)
    for pod in (head, *workers):
        [container] = pod["containers"]
        assert container["imagePullPolicy"] == "Always", "a tag may come to mean another image"
        assert "ephemeral-storage" in container["resources"]["requests"]


@needs_kubectl
def test_the_queue_covers_what_the_pods_ask_for() -> None:
    [queue] = [each for each in built("kueue") if each["kind"] == "ClusterQueue"]
    [group] = queue["spec"]["resourceGroups"]
    containers = [each for template in ray_templates("kueue") for each in template["spec"]["containers"]]
    asked = {kind for container in containers for kind in container["resources"]["requests"]}
    assert set(group["coveredResources"]) == asked
    assert {each["name"] for each in group["flavors"][0]["resources"]} == asked


@needs_kubectl
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_kinds_of_kubernetes_itself_are_strictly_valid(overlay: str) -> None:
    for document in built(overlay):
        if document["apiVersion"] not in OURS:
            kubernetes_validate.validate(document, KUBERNETES, strict=True)
    for template in templates(overlay):
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"} | template.get("metadata", {})}
        kubernetes_validate.validate(pod | {"spec": template["spec"]}, KUBERNETES, strict=True)


@needs_kubectl
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_pods_are_bounded_and_closed(overlay: str) -> None:
    for template in templates(overlay):
        pod = template["spec"]
        assert template["metadata"]["labels"][PART] == "vae-sweep", "the network policy is for those alone"
        assert pod["securityContext"]["runAsNonRoot"] is True
        for container in pod["containers"]:
            own = container["securityContext"]
            assert (own["allowPrivilegeEscalation"], own["capabilities"]) == (False, {"drop": ["ALL"]})
            assert container["resources"]["limits"] == container["resources"]["requests"]
            mounted = {mount["name"] for mount in container["volumeMounts"]}
            own_claims = {"database"}
            assert mounted <= {volume["name"] for volume in pod["volumes"]} | own_claims


@needs_kubectl
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_what_pods_refer_to_is_there_and_no_secret_is(overlay: str) -> None:
    documents = built(overlay)
    named = {(each["kind"], each["metadata"]["name"]) for each in documents}
    assert "Secret" not in {kind for kind, _ in named}
    kinds = {"persistentVolumeClaim": ("PersistentVolumeClaim", "claimName"), "configMap": ("ConfigMap", "name")}
    for template in templates(overlay):
        for volume in template["spec"]["volumes"]:
            for kind, (wanted, field) in kinds.items():
                assert kind not in volume or (wanted, volume[kind][field]) in named
            assert volume.get("secret", {}).get("secretName", "vae-sweep") == "vae-sweep"
    asked = set(re.findall(r'"(?:key|secret)": "(\w+_\w+)"', json.dumps(documents)))
    assert asked == {"mlflow_flask_secret", "mlflow_password", "postgres_password"}
    assert asked <= set(re.search(r"for name in ([\w ]+);", (DOCKER / "secrets.sh").read_text())[1].split())


@needs_kubectl
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_ray_asks_for_a_token_and_is_one_version(overlay: str) -> None:
    spec = ray_cluster(overlay)
    assert spec["authOptions"] == {"mode": "token", "secretName": "vae-sweep"}
    pinned = dict(
        line.split("==") for line in (REPOSITORY / "constraints.txt").read_text().splitlines() if "==" in line
    )
    assert spec["rayVersion"] == pinned["ray"]
    images = {
        container["image"] for template in ray_templates(overlay) for container in template["spec"]["containers"]
    }
    assert images == {"vae-sweep:cuda" if overlay.startswith("gpu") else "vae-sweep:latest"}
    [workers] = spec["workerGroupSpecs"]
    assert workers["minReplicas"] <= workers["replicas"] <= workers["maxReplicas"]
    assert spec["enableInTreeAutoscaling"] is (overlay != "kueue")


@needs_kubectl
def test_gpus_are_asked_for_by_the_workers_of_gpu_overlays_alone() -> None:
    for overlay in OVERLAYS:
        head, workers = (template["spec"] for template in ray_templates(overlay))
        asked = ["nvidia.com/gpu" in pod["containers"][0]["resources"]["limits"] for pod in (head, workers)]
        assert asked == [False, overlay.startswith("gpu")]
        assert ("nodeSelector" in workers) == overlay.startswith("gpu")


@needs_kubectl
@pytest.mark.parametrize("overlay", ["cpu-job", "gpu-job", "kueue"])
def test_the_job_launches_a_sound_sweep_on_the_storage(overlay: str, tmp_path: Path) -> None:
    [job] = [each for each in built(overlay) if each["kind"] == "RayJob"]
    program, verb, path, *settings = job["spec"]["entrypoint"].split()
    assert program == "vae-sweep"
    assert str(load(verb).make_context(verb, [path, *settings]).params["space"]) == path
    [spaces] = [each for each in built(overlay) if each["kind"] == "ConfigMap"]
    (tmp_path / "sweep.yaml").write_text(spaces["data"][Path(path).name])
    spec = read_spec(tmp_path / "sweep.yaml", settings[1::2])
    assert (spec.resources.gpu, spec.model.precision) == (
        (0.25, "bfloat16") if overlay == "gpu-job" else (0, "float32")
    ), "with workers that are not up, auto would be refused"
    refuse_local_paths(spec, "sweep.yaml")
    head = next(ray_templates(overlay))["spec"]
    assert head["containers"][0]["volumeMounts"][-1]["mountPath"] == str(Path(path).parent)
    mounts = {mount["mountPath"] for mount in head["containers"][0]["volumeMounts"]}
    assert spec.storage.directory in mounts
    variables = yaml.safe_load(job["spec"]["runtimeEnvYAML"])["env_vars"]
    assert int(variables["RAY_JOB_STOP_WAIT_TIME_S"]) <= head["terminationGracePeriodSeconds"]
    assert job["spec"].get("suspend", False) is (overlay == "kueue")
    assert ("kueue.x-k8s.io/queue-name" in json.dumps(job["metadata"])) is (overlay == "kueue")
