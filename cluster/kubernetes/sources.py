"""Where a cluster's telemetry answers: as configured, else by what common charts call their services."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from cluster.deployment import DeploymentError
from cluster.http import QueryError, Session, checked, without_secrets
from cluster.kubernetes.api import Api
from cluster.kubernetes.resources import SERVICES, Object
from cluster.kubernetes.settings import Endpoint, Metrics, Settings, Traces

T = TypeVar("T")

# Service names (whole or as an ending) and the port, best first. prometheus-operated and its like stand behind every
# installation by the operator, whatever the release is called.
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
    """The endpoints in use; None for what there is not. `found`: by name in the cluster, not by the settings."""

    prometheus: Metrics | None
    loki: Endpoint | None
    traces: Traces | None
    found: frozenset[str] = frozenset()
    notes: tuple[str, ...] = ()


def locate(api: Api, settings: Settings) -> Sources:
    """The configured endpoints, and of the others those that stand in the cluster under a common name."""
    prometheus, loki, traces = settings.prometheus, settings.loki, settings.traces
    if prometheus and loki and traces:
        return Sources(prometheus, loki, traces)
    try:
        services = api.list(SERVICES)
    except DeploymentError as error:
        missing = [n for n, there in (("Prometheus", prometheus), ("Loki", loki), ("traces", traces)) if not there]
        return Sources(prometheus, loki, traces, notes=(f"{', '.join(missing)} could not be looked for: {error}",))
    found = set()
    if prometheus is None and (service := _named(services, _PROMETHEUS)):
        prometheus = Metrics(service=service)
        found.add("prometheus")
    if loki is None and (service := _named(services, _LOKI)):
        loki = Endpoint(service=service)
        found.add("loki")
    for kind, names in _TRACES:
        if traces is None and (service := _named(services, names)):
            traces = Traces.model_validate({"kind": kind, "service": service})
            found.add("traces")
    return Sources(prometheus, loki, traces, frozenset(found))


def _named(services: Sequence[Object], names: Sequence[tuple[str, int]]) -> str:
    for wanted, port in names:
        for one in services:
            name, namespace = str(one["metadata"]["name"]), str(one["metadata"]["namespace"])
            ports = {p.get("port") for p in (one.get("spec") or {}).get("ports") or []}
            if (name == wanted or name.endswith(f"-{wanted}")) and port in ports:
                return f"{namespace}/{name}:{port}"
    return ""


@dataclass(frozen=True)
class Login:
    """What a request to an endpoint needs."""

    url: str
    headers: Mapping[str, str]
    auth: tuple[str, str] | None
    verify: bool | str
    cert: tuple[str, str] | None


def log_in(api: Api, endpoint: Endpoint) -> Login:
    """Reads tokens and passwords anew: they are renewed while we run. Raises DeploymentError where one is missing."""
    headers: dict[str, str] = {}
    verify: bool | str = str(endpoint.ca_file.expanduser()) if endpoint.ca_file else endpoint.verify
    if endpoint.service:
        namespace, _, rest = endpoint.service.partition("/")
        name, _, port = rest.partition(":")
        headers, verify, cert = api.login()
        url, auth = api.proxy_url(namespace, name, port), None
    else:
        url, cert = endpoint.url.rstrip("/"), None
        auth = (endpoint.username, endpoint.password()) if endpoint.username else None
        if token := endpoint.token():
            headers["Authorization"] = f"Bearer {token}"
    if endpoint.tenant:
        headers["X-Scope-OrgID"] = endpoint.tenant
    return Login(url, headers, auth, verify, cert)


class Asker:
    """JSON over HTTP from one endpoint; what fails is a DeploymentError that names the server and never a secret."""

    def __init__(self, server: str, login: Login, deadline: float) -> None:
        self.server, self._login, self._deadline = server, login, deadline
        self._session = Session(login.url)
        self._session.verify, self._session.cert = login.verify, login.cert

    def get(self, path: str, params: Mapping[str, str], timeout: float | None = None) -> Any:
        """Raises DeploymentError."""
        return self.read(lambda: self._ask("GET", path, timeout, params=params))

    def post(self, path: str, form: Mapping[str, str]) -> Any:
        return self.read(lambda: self._ask("POST", path, None, data=form))

    def read(self, ask: Callable[[], T]) -> T:
        """What the call returns; for what it raises over an answer of another form, too, the error names the server."""
        try:
            return checked(ask, self.server)
        except QueryError as error:
            raise DeploymentError(f"{self.server} at {self.address} gives no data: {error}") from error

    @property
    def address(self) -> str:
        return without_secrets(self._login.url)

    def close(self) -> None:
        self._session.close()

    def _ask(self, method: str, path: str, timeout: float | None, **what: Any) -> Any:
        answer = self._session.request(
            method,
            self._login.url + path,
            headers={"Accept": "application/json", **self._login.headers},
            auth=self._login.auth,
            timeout=timeout or self._deadline,
            **what,
        )
        return answer.json()
