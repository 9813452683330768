"""The addresses of a cluster's telemetry: as configured, else by the service names of common charts."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from requests import Response

from cluster.deployment import DeploymentError
from cluster.http import Login, QueryError, Session, checked, without_secrets
from cluster.kubernetes.api import Api
from cluster.kubernetes.objects import map_of, maps
from cluster.kubernetes.resources import SERVICES, Object
from cluster.kubernetes.settings import Endpoint, Metrics, Settings, Traces

T = TypeVar("T")

# Service names (complete or as a suffix) and ports, best first. The operator creates prometheus-operated for every
# installation, whatever the name of the release.
_PROMETHEUS = (
    ("prometheus-operated", 9090),
    ("kube-prometheus-prometheus", 9090),
    ("prometheus-k8s", 9090),
    ("prometheus-server", 80),
    ("prometheus", 9090),
)
_LOKI = (("loki-gateway", 80), ("loki-query-frontend", 3100), ("loki", 3100))
_TRACES = (
    ("tempo", (("tempo-query-frontend", 3200), ("tempo", 3200))),
    ("jaeger", (("jaeger-query", 16686), ("jaeger", 16686))),
    ("deepflow", (("deepflow-server", 20416),)),
)


@dataclass(frozen=True)
class Sources:
    """The endpoints in use, None for a missing one. `notes`: why the cluster could not be searched."""

    prometheus: Metrics | None
    loki: Endpoint | None
    traces: Traces | None
    notes: tuple[str, ...] = ()


def locate(api: Api, settings: Settings) -> Sources:
    """The configured endpoints; for each other one, a service in the cluster with a common name."""
    prometheus, loki, traces = settings.prometheus, settings.loki, settings.traces
    if prometheus and loki and traces:
        return Sources(prometheus, loki, traces)
    try:
        services = api.list(SERVICES)
    except DeploymentError as error:
        configured = (("Prometheus", prometheus), ("Loki", loki), ("traces", traces))
        missing = ", ".join(name for name, endpoint in configured if endpoint is None)
        return Sources(prometheus, loki, traces, (f"{missing} could not be searched for: {error}",))
    if prometheus is None and (service := _find_service(services, _PROMETHEUS)):
        prometheus = Metrics(service=service)
    if loki is None and (service := _find_service(services, _LOKI)):
        loki = Endpoint(service=service)
    for kind, names in _TRACES:
        if traces is None and (service := _find_service(services, names)):
            traces = Traces.model_validate({"kind": kind, "service": service})
    return Sources(prometheus, loki, traces)


def _find_service(services: Sequence[Object], names: Sequence[tuple[str, int]]) -> str:
    """`namespace/name:port` of the first service that has one of the names and its port; empty for none."""
    for wanted, port in names:
        for service in services:
            name, namespace = str(service["metadata"]["name"]), str(service["metadata"]["namespace"])
            ports = [one.get("port") for one in maps(map_of(service, "spec"), "ports")]
            if (name == wanted or name.endswith(f"-{wanted}")) and port in ports:
                return f"{namespace}/{name}:{port}"
    return ""


def log_in(api: Api, endpoint: Endpoint) -> Login:
    """Read tokens and passwords again: they are renewed while we run. Raises DeploymentError where one is missing."""
    if not endpoint.service:
        return endpoint.login()
    namespace, _, rest = endpoint.service.partition("/")
    name, _, port = rest.partition(":")
    login = api.login(api.proxy_url(namespace, name, port) + endpoint.path)
    return replace(login, headers={**login.headers, **endpoint.tenancy()})


class JsonClient:
    """Reads JSON over HTTP from one endpoint. Failures are DeploymentErrors that name the server, never a secret."""

    def __init__(self, server: str, login: Login, deadline: float) -> None:
        self.server, self._login, self._deadline = server, login, deadline
        self._session = Session(login)

    def get(self, path: str, params: Mapping[str, str], timeout: float | None = None) -> Any:
        """The parsed answer. Raises DeploymentError."""
        return self.read(lambda: self._send("GET", path, timeout, params=params).json())

    def documents(self, path: str, params: Mapping[str, str], timeout: float | None = None) -> list[Any]:
        """The parsed answer of a server that sends several documents, one behind the other. Raises DeploymentError."""
        return self.read(lambda: list(_documents(self._send("GET", path, timeout, params=params).text)))

    def post(self, path: str, form: Mapping[str, str]) -> Any:
        """The parsed answer to a form. Raises DeploymentError."""
        return self.read(lambda: self._send("POST", path, None, data=form).json())

    def read(self, request: Callable[[], T]) -> T:
        """Return what the call returns. Raises DeploymentError, also for an answer of another form than expected."""
        try:
            return checked(request, self.server)
        except QueryError as error:
            raise DeploymentError(f"{self.server} at {self.address} gives no data: {error}") from error

    @property
    def address(self) -> str:
        return without_secrets(self._login.url)

    def close(self) -> None:
        self._session.close()

    def _send(self, method: str, path: str, timeout: float | None, **content: Any) -> Response:
        return self._session.request(
            method,
            self._login.url + path,
            headers={"Accept": "application/json", **self._login.headers},
            auth=self._login.auth,
            timeout=timeout or self._deadline,
            **content,
        )


def _documents(text: str) -> Iterator[Any]:
    decoder, at = json.JSONDecoder(), len(text) - len(text.lstrip())
    while at < len(text):
        found, at = decoder.raw_decode(text, at)
        yield found
        while text[at : at + 1].isspace():
            at += 1
