from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import mock_stack
import prometheus_data
import pytest
from cluster_series import Reference
from mock_api import MockApi
from mock_stack import SECRET
from mock_telemetry import Telemetry, requests, serving
from prometheus_data import Exposition

from cluster import paths
from cluster.kubernetes.deployment import KubernetesDeployment

PAST, SINCE, AHEAD = 900, 240, 900  # s of telemetry up to now, of trouble at its end, and of what is still to come


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MockApi]:
    """An empty API server; the kubeconfig's only context `mock` leads to it."""
    for variable in ("CONFIG", "STATE", "CACHE"):
        monkeypatch.setenv(f"XDG_{variable}_HOME", str(tmp_path / variable.lower()))
    with MockApi() as server:
        monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig(tmp_path / "kubeconfig")))
        _configure("[contexts.mock]\n")
        yield server


@pytest.fixture
def stack(api: MockApi) -> MockApi:
    """The same with the reference deployment in it."""
    mock_stack.reference(api)
    return api


@pytest.fixture
def deployment(stack: MockApi) -> Iterator[KubernetesDeployment]:
    found = KubernetesDeployment.connect("mock")
    yield found
    found.close()


@pytest.fixture
def configure(api: MockApi) -> Callable[[str], None]:
    """Writes kubernetes.toml, with a deadline that a busy machine keeps."""
    return _configure


def _configure(text: str) -> None:
    if "[contexts.mock" in text and "[contexts.mock]" not in text:
        text = f"[contexts.mock]\n{text}"
    file = paths.config_home() / "kubernetes.toml"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text.replace("[contexts.mock]\n", "[contexts.mock]\ndeadline = 120\n"))


@pytest.fixture(scope="module")
def telemetry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Addresses of Prometheus, and of Loki and Tempo: ray-replicas-1 has been in trouble for four minutes."""
    if missing := prometheus_data.missing_binaries():
        pytest.skip(f"not installed here: {', '.join(missing)} (Debian's package prometheus has both)")
    # Some of it lies ahead: there is still something new when a slow machine comes to ask.
    start = int(time.time()) - PAST
    onset = PAST - SINCE
    out = Exposition(start, PAST + AHEAD)
    Reference(out, lambda component, second: component == "ray-replicas-1" and second >= onset)
    held = Telemetry()
    requests(held, start, PAST + AHEAD, lambda component, at: component == "ray-replicas-1" and at >= start + onset)
    with (
        prometheus_data.prometheus(tmp_path_factory.mktemp("prometheus"), out) as prometheus,
        serving(held) as others,
    ):
        yield prometheus, others


@pytest.fixture
def whole(
    stack: MockApi,
    telemetry: tuple[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    configure: Callable[[str], None],
) -> MockApi:
    prometheus, others = telemetry
    monkeypatch.setenv("PROMETHEUS_TOKEN", SECRET)
    monkeypatch.chdir(tmp_path)
    configure(
        f'[contexts.mock.prometheus]\nurl = "{prometheus}"\ntoken_env = "PROMETHEUS_TOKEN"\n'
        f'[contexts.mock.loki]\nurl = "{others}"\n'
        f'[contexts.mock.traces]\nkind = "tempo"\nurl = "{others}"\n'
    )
    return stack
