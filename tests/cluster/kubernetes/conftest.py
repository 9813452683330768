from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import mock_stack
import pytest
from mock_api import MockApi

from cluster.kubernetes.deployment import KubernetesDeployment


@pytest.fixture
def api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[MockApi]:
    """An empty API server; the kubeconfig's only context `mock` leads to it."""
    for variable in ("CONFIG", "STATE", "CACHE"):
        monkeypatch.setenv(f"XDG_{variable}_HOME", str(tmp_path / variable.lower()))
    with MockApi() as server:
        monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig(tmp_path / "kubeconfig")))
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
