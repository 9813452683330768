"""The manifests: their schemas, and what the telemetry and the page on installation need."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import schemas
import yaml

from cluster.prometheus.names import dcgm

ROOT = Path(__file__).parents[3]
MANIFESTS = ROOT / "cluster/kubernetes/manifests"
PAGE = (ROOT / "docs/how-to/kubernetes-install.md").read_text()
OVERLAYS = ("overlays/gpu", "overlays/cpu")
KUBECTL = shutil.which("kubectl", path=f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin")
_OWN = ("Kustomization", "Component")

Object = dict[str, Any]


def documents(text: str) -> list[Object]:
    return [made for made in yaml.safe_load_all(text) if made]


def sources(*folders: str) -> list[tuple[str, Object]]:
    """Every complete object in the files; patches are not complete."""
    found = []
    for folder in folders:
        for file in sorted((MANIFESTS / folder).rglob("*.yaml")):
            found += [(file.name, made) for made in documents(file.read_text()) if isinstance(made, dict)]
    return [(name, made) for name, made in found if "kind" in made and made["kind"] not in _OWN]


@pytest.fixture(scope="module", params=[*OVERLAYS, "rbac", "dcgm"])
def rendered(request: pytest.FixtureRequest) -> list[Object]:
    return render(request.param)


def render(folder: str) -> list[Object]:
    if KUBECTL is None:
        pytest.skip("kubectl is not installed")
    done = subprocess.run([KUBECTL, "kustomize", str(MANIFESTS / folder)], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return documents(done.stdout)


@pytest.mark.parametrize(
    "made", [made for _, made in sources("base", "overlays", "rbac", "dcgm")], ids=lambda m: f"{m['kind']}"
)
def test_every_object_is_one_that_the_api_knows(made: Object) -> None:
    schemas.check(made)


def test_every_rendered_object_is_one_that_the_api_knows(rendered: list[Object]) -> None:
    assert rendered
    for made in rendered:
        schemas.check(made)


@pytest.mark.parametrize("overlay", OVERLAYS)
def test_the_model_is_named_in_one_place_and_reaches_server_and_load(overlay: str) -> None:
    by_name = {(made["kind"], made["metadata"]["name"]): made for made in render(overlay)}
    model = by_name["ConfigMap", "model"]["data"]["MODEL"]
    serve = yaml.safe_load(by_name["RayService", "llm"]["spec"]["serveConfigV2"])
    config = serve["applications"][0]["args"]["llm_configs"][0]
    assert config["model_loading_config"] == {"model_id": model, "model_source": model}
    assert config["deployment_config"]["num_replicas"] == 4
    naming = [file for file in MANIFESTS.rglob("*") if file.is_file() and model in file.read_text()]
    assert naming == [MANIFESTS / overlay / "model.yaml"]
    load = by_name["Deployment", "load"]["spec"]["template"]["spec"]["containers"][0]["env"]
    assert {"name": "MODEL", "valueFrom": {"configMapKeyRef": {"name": "model", "key": "MODEL"}}} in load


@pytest.mark.parametrize(("overlay", "gpus"), [("overlays/gpu", 4), ("overlays/cpu", 0)])
def test_four_pods_serve_the_head_among_them(overlay: str, gpus: int) -> None:
    service = next(made for made in render(overlay) if made["kind"] == "RayService")
    cluster = service["spec"]["rayClusterConfig"]
    groups = [(cluster["headGroupSpec"], 1), *((group, group["replicas"]) for group in cluster["workerGroupSpecs"])]
    limits = [group["template"]["spec"]["containers"][0]["resources"]["limits"] for group, _ in groups]
    assert sum(count for _, count in groups) == 4
    wanted = [int(limit.get("nvidia.com/gpu", 0)) * count for limit, (_, count) in zip(limits, groups, strict=True)]
    assert sum(wanted) == gpus


def test_every_image_has_a_version(rendered: list[Object]) -> None:
    images = re.findall(r"image: (\S+)", yaml.safe_dump(rendered))
    for image in images:
        assert re.search(r":v?[0-9][^/]*$", image), image


def test_the_gateway_and_the_monitors_find_their_pods() -> None:
    made = {(m["kind"], m["metadata"]["name"]): m for _, m in sources("base")}
    pod = made["Deployment", "gateway"]["spec"]["template"]
    assert made["Service", "gateway"]["spec"]["selector"].items() <= pod["metadata"]["labels"].items()
    monitor = made["PodMonitor", "gateway"]["spec"]
    assert monitor["selector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    ports = {port["name"] for container in pod["spec"]["containers"] for port in container.get("ports", ())}
    assert {endpoint["port"] for endpoint in monitor["podMetricsEndpoints"]} <= ports
    ray = made["RayService", "llm"]["spec"]["rayClusterConfig"]["headGroupSpec"]["template"]["spec"]["containers"][0]
    assert {"name": "metrics", "containerPort": 8080} in ray["ports"]


def test_dcgm_collects_the_throttle_counters() -> None:
    lines = [
        line for line in (MANIFESTS / "dcgm/dcgm-metrics.csv").read_text().splitlines() if line[:1] not in ("", "#")
    ]
    rows = [[cell.strip() for cell in line.split(",")] for line in lines]
    assert all(len(row) == 3 and row[1] in ("gauge", "counter") and row[2] for row in rows)
    kinds = {name: kind for name, kind, _ in rows}
    assert len(kinds) == len(rows)
    read = {metric for spelling in dcgm.SPELLINGS for metric in spelling.metrics}
    # Of other releases: before 3.3, and from 4.1 beside the violations.
    counted = ("SW_POWER_CAP", "HW_THERM_SLOWDOWN", "SW_THERM_SLOWDOWN")
    others = {"CLOCK_THROTTLE_REASONS", *(f"CLOCKS_EVENT_REASON_{one}_NS" for one in counted)}
    assert read and read - {f"DCGM_FI_DEV_{one}" for one in others} <= kinds.keys()
    for name in ("POWER_VIOLATION", "THERMAL_VIOLATION"):
        assert kinds[f"DCGM_FI_DEV_{name}"] == "counter"
    for name in ("CLOCKS_EVENT_REASONS", "POWER_MGMT_LIMIT", "SM_CLOCK", "POWER_USAGE", "XID_ERRORS"):
        assert kinds[f"DCGM_FI_DEV_{name}"] == "gauge"


def test_reading_changes_nothing_and_drills_cannot_force_a_finalizer() -> None:
    roles = {
        (file, made["kind"], made["metadata"]["name"]): made["rules"]
        for file, made in sources("rbac")
        if made["kind"] in ("Role", "ClusterRole")
    }
    assert len(roles) == 4
    for (file, _, name), granted in roles.items():
        verbs = {verb for rule in granted for verb in rule["verbs"]}
        resources = {resource for rule in granted for resource in rule["resources"]}
        assert not {"*", "update", "patch", "deletecollection"} & verbs, name
        assert not {"*", "secrets"} & resources, name
        if file == "view.yaml":
            assert verbs <= {"get", "list", "watch"} and "pods/exec" not in resources, name


def test_the_page_installs_every_chart_in_one_version_with_our_values() -> None:
    lines = [line for line in PAGE.replace("\\\n", " ").splitlines() if line.lstrip("$ ").startswith("helm install")]
    assert len(lines) >= 10
    values = set()
    for line in lines:
        words = shlex.split(line.lstrip("$ "))
        assert re.fullmatch(r"v?[0-9]+\.[0-9]+\.[0-9]+", words[words.index("--version") + 1]), line
        assert "--namespace" in words, line
        values |= {words[at + 1] for at, word in enumerate(words) if word == "--values"}
    there = {f"cluster/kubernetes/manifests/helm/{file.name}" for file in (MANIFESTS / "helm").iterdir()}
    assert values == there
    assert all(isinstance(yaml.safe_load((ROOT / name).read_text()), dict) for name in values)


def test_the_page_applies_folders_that_exist() -> None:
    applied = re.findall(r"kubectl apply -k (\S+)", PAGE)
    assert {"overlays/gpu", "overlays/cpu", "rbac", "dcgm"} <= {
        a.removeprefix(f"{MANIFESTS.relative_to(ROOT)}/") for a in applied
    }
    assert all((ROOT / folder / "kustomization.yaml").is_file() for folder in applied)


def test_nginx_takes_the_gateways_configuration(tmp_path: Path) -> None:
    """A real NGINX reads it, less what needs the OpenTelemetry module, which Debian does not have."""
    nginx = shutil.which("nginx", path="/usr/sbin:/usr/bin:/sbin")
    if nginx is None:
        pytest.skip("nginx is not installed")
    text = (MANIFESTS / "base/gateway/nginx.conf").read_text()
    text = re.sub(r"^\s*(load_module|otel_\w+)\b.*\n", "", text, flags=re.MULTILINE).replace("$otel_trace_id", "")
    text = text.replace("kube-dns.kube-system.svc.cluster.local", "127.0.0.1").replace("/tmp/", f"{tmp_path}/")
    text = text.replace("/var/log/gateway", str(tmp_path)).replace("/dev/stderr", f"{tmp_path}/error.log")
    (tmp_path / "nginx.conf").write_text(text)
    done = subprocess.run([nginx, "-t", "-c", str(tmp_path / "nginx.conf")], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
