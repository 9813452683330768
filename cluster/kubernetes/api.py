"""One kubeconfig context: objects as plain dicts in and out, every call within a deadline, errors in one sentence.

The `kubernetes` client provides the login (tokens, certificates, exec plugins) and the connection. Its generated models
are not used, since custom resources have none.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlencode

from cluster import secrets
from cluster.deadline import Deadline, limited
from cluster.deployment import DeploymentError
from cluster.http import Login, of_certificate, unchecked_on_purpose
from cluster.kubernetes.answers import clean, describe, lines
from cluster.kubernetes.kubeconfig import OTHER_FORM, Kubeconfig
from cluster.kubernetes.login_plugin import is_token, log_kept, reason
from cluster.kubernetes.objects import map_of, maps, well_formed
from cluster.kubernetes.resources import SERVICES, Object, Objects, Resource
from cluster.paths import expanded
from cluster.text.plain import plain
from cluster.text.quantities import quantity

LARGEST_ANSWER = 256 << 20
_LOGIN_KEPT = 5.0  # s
PAGE = 500
_NOT_KUBERNETES = (
    "the answer is not Kubernetes' JSON; another server listens there, or a proxy answers with its login page"
)


class ApiError(DeploymentError):
    """A failed request, in one sentence. `status`: the HTTP status, None without an answer."""

    def __init__(self, sentence: str, status: int | None = None) -> None:
        super().__init__(sentence)
        self.status = status

    @property
    def passing(self) -> bool:
        return self.status is None or self.status == 429 or self.status >= 500

    @property
    def not_found(self) -> bool:
        return self.status == 404

    @property
    def forbidden(self) -> bool:
        return self.status == 403


class Api:
    """The API server of one context. Use as a context manager, or call `close`. Threads may share it.

    Attributes:
        context, server: the name and the URL in the kubeconfig.
        namespace: of the context, `default` where it names none.
        checked: whether the server's certificate is checked; not with `insecure-skip-tls-verify`.
    """

    def __init__(self, context: str | None = None, kubeconfig: Path | None = None, deadline: float = 10.0) -> None:
        """Read the kubeconfig; send nothing. Raises DeploymentError."""
        self._kubeconfig, self._wanted, self._deadline = kubeconfig, context, deadline
        self._lock, self._login_lock = threading.Lock(), threading.Lock()
        self._load()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._client.close()

    def get(self, resource: Resource, namespace: str, name: str) -> Object:
        """One object. Raises ApiError, as all calls do."""
        return self._checked(self._json("GET", resource.path(namespace, name)), resource)

    def list(self, resource: Resource, namespace: str = "", *, labels: str = "", fields: str = "") -> Objects:
        """All objects, page by page; without a namespace those of all namespaces."""
        return self.list_at(resource, namespace, labels=labels, fields=fields)[0]

    def list_at(
        self, resource: Resource, namespace: str = "", *, labels: str = "", fields: str = ""
    ) -> tuple[Objects, str]:
        """The objects, and the version from which a watch can continue."""
        query = {"limit": str(PAGE), "labelSelector": labels, "fieldSelector": fields}
        objects: Objects = []
        ends = time.monotonic() + self._deadline
        while True:
            parameters = urlencode({name: value for name, value in query.items() if value})
            page = self._json("GET", f"{resource.path(namespace)}?{parameters}", ends=ends)
            try:
                objects += [self._checked(one, resource) for one in page["items"] or []]
            except (KeyError, TypeError):
                raise ApiError(f"{self._shown}: {_NOT_KUBERNETES}") from None
            meta = map_of(page, "metadata")
            if not meta.get("continue"):
                return objects, str(meta.get("resourceVersion", ""))
            query["continue"] = meta["continue"]

    def watch(
        self, resource: Resource, namespace: str, version: str, seconds: float, *, labels: str = ""
    ) -> Iterator[tuple[str, Object]]:
        """(`ADDED` | `MODIFIED` | `DELETED`, object) for each change, for so many seconds.

        Raises ApiError with status 410 when the version is too old: list again.
        """
        query = {"watch": "true", "resourceVersion": version, "timeoutSeconds": str(max(1, round(seconds)))}
        path = f"{resource.path(namespace)}?{urlencode(query | ({'labelSelector': labels} if labels else {}))}"
        deadline = Deadline(self._deadline)
        try:
            with deadline.sending():
                response = self._send("GET", path, None, deadline, read=seconds + 5)
        except ApiError:
            deadline.close()
            raise
        try:
            if response.status != 200:
                raise self._refusal(response.status, self._read(response, deadline), "watch")
            deadline.move(seconds + 5)
            for line in lines(response):
                event = self._parsed(line)
                if event.get("type") == "ERROR":
                    said = map_of(event, "object")
                    code = said.get("code")
                    reason = clean(said.get("message") or said.get("reason") or "the server does not say why")
                    raise ApiError(f"{self._shown}: the watch ended: {reason}", code if type(code) is int else None)
                yield str(event.get("type")), self._checked(event.get("object"), resource)
        except ApiError:
            raise
        except Exception as error:
            raise self._failed(error) from error
        finally:
            deadline.close()
            response.release_conn()
            response.close()

    def create(self, resource: Resource, namespace: str, body: Object) -> Object:
        return self._json("POST", resource.path(namespace), body)

    def delete(self, resource: Resource, namespace: str, name: str, *, propagation: str = "Background") -> None:
        """Request the deletion; finalizers may delay it. An object that does not exist is not an error."""
        try:
            self._json("DELETE", resource.path(namespace, name), {"propagationPolicy": propagation})
        except ApiError as error:
            if not error.not_found:
                raise

    def allowed(self, verb: str, resource: Resource, namespace: str = "", subresource: str = "") -> bool:
        """Whether RBAC allows it; nothing is changed."""
        wanted = {"verb": verb, "group": resource.group, "resource": resource.plural, "subresource": subresource}
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": wanted | ({"namespace": namespace} if namespace else {})},
        }
        answer = self._json("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", review)
        return map_of(answer, "status").get("allowed") is True

    def serves(self, resource: Resource) -> bool:
        """Whether the server has the resource; for a custom resource, whether its CRD is installed."""
        root = f"/apis/{resource.api_version}" if resource.group else f"/api/{resource.version}"
        try:
            listed = maps(self._json("GET", root), "resources")
        except ApiError as error:
            if error.not_found:
                return False
            raise
        return any(one.get("name") == resource.plural for one in listed)

    def version(self) -> str:
        return str(self._json("GET", "/version").get("gitVersion", "unknown"))

    def clock(self) -> float | None:
        """The server's time in unix seconds, rounded down; None where its answer has no date."""
        with Deadline(self._deadline) as deadline:
            response = self._send("GET", "/version", None, deadline)
            stamp = response.headers.get("Date", "")
            self._read(response, deadline)
            response.release_conn()
        try:
            return parsedate_to_datetime(stamp).timestamp()
        except (TypeError, ValueError):
            return None

    def proxy_url(self, namespace: str, service: str, port: str | int, scheme: str = "http") -> str:
        """Base URL of a service, through the API server's proxy."""
        name = f"{'https:' if scheme == 'https' else ''}{service}:{port}"
        return f"{self.server}{SERVICES.path(namespace, name, 'proxy')}"

    def login(self, url: str) -> Login:
        """For requests to a `proxy_url`: as the API server itself is reached."""
        configuration = self._client.configuration
        return Login(
            url,
            self._headers(),
            verify=configuration.ssl_ca_cert or True if configuration.verify_ssl else False,
            cert=(configuration.cert_file, configuration.key_file) if configuration.cert_file else None,
            proxy=configuration.proxy or "",
            server_name=configuration.tls_server_name or "",
        )

    def websocket(self, path: str, seconds: float) -> Any:
        """A connected `kubernetes.stream.ws_client.WSClient`; the limit holds for connecting and for each read."""
        import websocket
        from kubernetes.stream.ws_client import WSClient

        websocket.setdefaulttimeout(seconds)  # the client has no other way to set it
        headers = {name.lower(): value for name, value in self._headers().items()}
        url = f"ws{self.server.removeprefix('http')}{path}"
        try:
            return WSClient(self._client.configuration, url, headers, capture_all=False)
        except websocket.WebSocketBadStatusException as error:
            raise self._refusal(error.status_code, bytes(error.resp_body or b""), path) from None
        except (websocket.WebSocketException, OSError) as error:
            raise self.lost(error) from error

    def lost(self, error: Exception) -> ApiError:
        """The error for a broken connection."""
        import websocket

        timed_out = isinstance(error, websocket.WebSocketTimeoutException | TimeoutError)
        return self._late() if timed_out else self._failed(OSError(str(error)))

    # -- one request --------------------------------------------------------------------------------------------

    def _load(self) -> None:
        found = Kubeconfig.read(self._kubeconfig and expanded(self._kubeconfig))
        name = found.choose(self._wanted)

        from kubernetes import config
        from kubernetes.client import ApiClient, Configuration

        try:
            configuration = Configuration()
            configuration.retries = False
            with log_kept() as logged:
                config.load_kube_config(os.pathsep.join(found.files), name, configuration, persist_config=False)
        except Exception as error:  # what the loader raises on entries of another form is in Python's words
            said = isinstance(error, config.ConfigException)
            why = clean(error) if said else OTHER_FORM
            raise DeploymentError(
                f"the kubeconfig {', '.join(found.files)} cannot be used: {why}; `kubectl config view` shows it"
            ) from error
        plugin = found.plugins.get(found.contexts[name].get("user", ""))
        logged_in = configuration.cert_file or any(is_token(str(one)) for one in configuration.api_key.values())
        if plugin is not None and not logged_in:
            raise DeploymentError(
                f"the login plugin {plain(plugin)!r} of the context {name!r} gave no login: {reason(logged)}; "
                f"`kubectl --context {name} get pods` shows more"
            )
        self.context = name
        self.namespace = found.contexts[name].get("namespace", "default")
        self.server = str(configuration.host).rstrip("/")
        self._client = ApiClient(configuration)
        self.checked = bool(configuration.verify_ssl)
        if not self.checked:
            unchecked_on_purpose()
        self._login_read: tuple[float, dict[str, str]] | None = None
        limited(self._client.rest_client.pool_manager)
        self._shown = f"the API server of {name}"

    def _headers(self) -> dict[str, str]:
        """What logs in. A short-lived token of an exec plugin is asked for once in `_LOGIN_KEPT` seconds at most."""
        now = time.monotonic()
        with self._login_lock:
            if self._login_read is None or now - self._login_read[0] > _LOGIN_KEPT:
                with log_kept():  # a token that runs out is asked for anew; without one the request is refused
                    settings = self._client.configuration.auth_settings().values()
                headers = {
                    # As kubectl does: a token file that an editor wrote ends in a newline.
                    str(one["key"]): str(one["value"]).strip()
                    for one in settings
                    if one.get("in") == "header" and one["value"]
                }
                secrets.hold_login(headers)
                self._login_read = now, headers
            headers = self._login_read[1]
        if not all(value.isascii() and value.isprintable() for value in headers.values()):
            raise ApiError(f"the token of {self.context} holds characters that no token has; log in again")
        return dict(headers)

    def _json(self, method: str, path: str, body: object = None, ends: float | None = None) -> Object:
        ends = time.monotonic() + self._deadline if ends is None else ends
        for attempt in (1, 2):
            with Deadline(ends - time.monotonic()) as deadline:
                response = self._send(method, path, body, deadline)
                try:
                    content = self._read(response, deadline)
                finally:
                    response.release_conn()
            if response.status == 401 and attempt == 1:
                # A person or another program may have renewed the token on disk since it was read.
                with self._lock:
                    self._load()
                continue
            if not 200 <= response.status < 300:
                raise self._refusal(response.status, content, path)
            return self._parsed(content)
        raise AssertionError("unreachable")

    def _send(
        self, method: str, path: str, body: object, deadline: Deadline, read: float | None = None
    ) -> Any:  # urllib3's response
        from urllib3 import Timeout

        headers = {"Accept": "application/json", "User-Agent": "rca-tui", **self._headers()}
        content = None
        if body is not None:
            headers["Content-Type"], content = "application/json", json.dumps(body).encode()
        try:
            return self._client.rest_client.pool_manager.request(
                method,
                self.server + path,
                body=content,
                headers=headers,
                timeout=Timeout(connect=self._deadline, read=self._deadline if read is None else read),
                preload_content=False,
                redirect=False,
            )
        except Exception as error:
            raise (self._late() if deadline.late else self._failed(error)) from error

    def _read(self, response: Any, deadline: Deadline) -> bytes:
        """The complete body."""
        body = bytearray()
        try:
            while block := response.read1(1 << 16, decode_content=True):
                body += block
                if len(body) > LARGEST_ANSWER:
                    response.close()
                    raise ApiError(f"{self._shown}: the answer is larger than {quantity(LARGEST_ANSWER, 'bytes')}")
        except DeploymentError:
            raise
        except Exception as error:
            raise (self._late() if deadline.late else self._failed(error)) from error
        if deadline.late:  # a body without a length of its own ends where the connection was shut down
            raise self._late()
        return bytes(body)

    def _parsed(self, content: bytes) -> Object:
        try:
            parsed = json.loads(content)
        except (ValueError, RecursionError):
            parsed = None
        if not isinstance(parsed, dict):
            raise ApiError(f"{self._shown}: {_NOT_KUBERNETES}")
        return parsed

    def _checked(self, found: object, resource: Resource) -> Object:
        if not well_formed(found, resource.namespaced):
            raise ApiError(f"{self._shown}: {_NOT_KUBERNETES}")
        return found

    def _late(self) -> ApiError:
        return ApiError(f"{self._shown} takes too long (over {self._deadline:.0f} s); it may be overloaded or far away")

    def _failed(self, error: Exception) -> ApiError:
        import urllib3.exceptions as raised

        # urllib3 counts a refused connection as a timeout.
        if isinstance(error, raised.TimeoutError) and not isinstance(error, raised.NewConnectionError):
            return self._late()
        if isinstance(error, raised.SSLError) and not of_certificate(error):
            return ApiError(f"{self._shown}: there is no TLS at {self.server}; another server or a proxy listens there")
        if isinstance(error, raised.SSLError):
            return ApiError(f"{self._shown}: its TLS certificate is not the kubeconfig's; the context may be outdated")
        if isinstance(error, raised.HTTPError | OSError):
            return ApiError(
                f"{self._shown} does not answer at {self.server}: the connection failed; "
                "check the network or VPN, and the context"
            )
        return ApiError(f"a request to {self._shown} failed: {clean(error)}")

    def _refusal(self, status: int, content: bytes, path: str) -> ApiError:
        reason = ""
        try:
            answer = json.loads(content)
            reason = str(answer["message"]) if isinstance(answer, dict) else ""
        except (ValueError, KeyError, RecursionError):
            pass  # an error page of a proxy in between: only its status is of use
        said = describe(status, clean(reason), path.partition("?")[0], self.context)
        return ApiError(f"{self._shown} {said}", status)
