"""The CPU variant of the reference deployment on a cluster of kind: docs/how-to/kubernetes-install.md as commands."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

NAME = "rca"
CONTEXT = f"kind-{NAME}"
IMAGE = "rca-tui/ray-vllm-cpu:2.58.0"
ROOT = Path(__file__).parents[3]
"""The repository: its commands are run there."""
MANIFESTS = "cluster/kubernetes/manifests"
_GATEWAY_API = "https://github.com/kubernetes-sigs/gateway-api/releases/download/v1.4.0/standard-install.yaml"
_REPOSITORIES = {
    "kuberay": "https://ray-project.github.io/kuberay-helm",
    "prometheus-community": "https://prometheus-community.github.io/helm-charts",
    "grafana": "https://grafana.github.io/helm-charts",
    "open-telemetry": "https://open-telemetry.github.io/opentelemetry-helm-charts",
    "istio": "https://istio-release.storage.googleapis.com/charts",
    "chaos-mesh": "https://charts.chaos-mesh.org",
}
# (release, chart, version, namespace, further arguments), in the order of the page.
_CHARTS = (
    (
        *("kube-prometheus-stack", "prometheus-community/kube-prometheus-stack", "79.1.0", "monitoring"),
        f"--values {MANIFESTS}/helm/kube-prometheus-stack.yaml",
    ),
    ("loki", "grafana/loki", "6.49.0", "monitoring", f"--values {MANIFESTS}/helm/loki.yaml"),
    ("tempo", "grafana/tempo", "1.24.4", "monitoring", f"--values {MANIFESTS}/helm/tempo.yaml"),
    (
        *("opentelemetry-collector", "open-telemetry/opentelemetry-collector", "0.145.0", "monitoring"),
        f"--values {MANIFESTS}/helm/opentelemetry-collector.yaml",
    ),
    ("istio-base", "istio/base", "1.29.2", "istio-system", ""),
    ("istiod", "istio/istiod", "1.29.2", "istio-system", "--set profile=ambient"),
    ("istio-cni", "istio/cni", "1.29.2", "istio-system", "--set profile=ambient"),
    ("ztunnel", "istio/ztunnel", "1.29.2", "istio-system", ""),
    (
        *("chaos-mesh", "chaos-mesh/chaos-mesh", "2.8.3", "chaos-mesh"),
        f"--values {MANIFESTS}/helm/chaos-mesh.yaml --set chaosDaemon.socketPath=/run/containerd/containerd.sock",
    ),
    ("kuberay-operator", "kuberay/kuberay-operator", "1.7.0", "kuberay", ""),
)
NEEDS = ("kind", "docker", "helm", "kubectl")


def make() -> tuple[str, ...]:
    """The commands that make it, to be run in the root of the repository. They leave other clusters alone."""
    charts = (
        f"helm --kube-context {CONTEXT} install {release} {chart} --version {version} --namespace {namespace} "
        f"--create-namespace {more} --wait --timeout 20m".replace("  ", " ")
        for release, chart, version, namespace, more in _CHARTS
    )
    return (
        f"kind create cluster --name {NAME}",
        f"docker build --tag {IMAGE} {MANIFESTS}/components/cpu",
        f"kind load docker-image {IMAGE} --name {NAME}",
        *(f"helm repo add --force-update {name} {url}" for name, url in _REPOSITORIES.items()),
        f"kubectl --context {CONTEXT} apply --server-side -f {_GATEWAY_API}",
        *charts,
        f"kubectl --context {CONTEXT} apply -k {MANIFESTS}/overlays/cpu",
        f"kubectl --context {CONTEXT} --namespace llm wait --for=condition=Ready rayservice/llm --timeout=40m",
    )


def exists() -> bool:
    """Whether a cluster of that name is there, which is somebody's. Raises OSError and subprocess.SubprocessError."""
    asked = ("kind", "get", "clusters")
    listed = subprocess.run(
        asked, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=60, check=True
    )
    return NAME in listed.stdout.split()


def delete() -> str:
    return shlex.join(("kind", "delete", "cluster", "--name", NAME))
