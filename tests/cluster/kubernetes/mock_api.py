"""A Kubernetes API server over HTTP that keeps state: for tests of what talks to one.

    with MockApi() as api:
        api.create("pods", "llm", {"metadata": {"name": "ray-head"}, ...})
        kubeconfig = api.kubeconfig(tmp_path / "config", context="mock")
        api.forbid("create", "stresschaos")          # by RBAC; SelfSubjectAccessReview says the same
        api.drop = 1                                 # the next request loses its connection
        api.backends["monitoring", "prometheus"] = "http://127.0.0.1:9090"      # behind the service proxy

Get, list (selectors, pages), watch, create, delete, finalizers, commands in pods, the service proxy, discovery.
What the real server checks of an object's schema it does not.
"""

from __future__ import annotations

import json
import threading
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Callable
from email.utils import formatdate
from hashlib import sha1
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

from mock_store import CHAOS_MESH, CORE, KUBERAY, Kind, Object, Refusal, Store

TOKEN = "mock-token-5f2a9c"


class MockApi:
    """The server, in a thread. What a test changes while it runs takes effect with the next request.

    Attributes:
        tokens: bearer tokens that are let in; everyone else gets 401.
        forbidden: (verb, resource or resource/subresource) pairs refused with 403; `*` stands for any.
        delay: seconds before each answer.
        drop: so many requests lose their connection before an answer.
        broken: (status, content type, body) that every request gets instead of an answer.
        skew: seconds that the server's clock is ahead.
        backends: (namespace, service) -> base URL behind the service proxy.
        execute: what a command in a pod does: (namespace, pod, container, argv) -> (exit code, stdout, stderr).
        requests: (method, path with query) of every request, in order.
    """

    def __init__(self, chaos_mesh: bool = True) -> None:
        self.store = Store()
        self.store.know(*CORE, *KUBERAY, *(CHAOS_MESH if chaos_mesh else ()))
        self.tokens = {TOKEN}
        self.forbidden: set[tuple[str, str]] = set()
        self.delay = 0.0
        self.drop = 0
        self.broken: tuple[int, str, bytes] | None = None
        self.skew = 0.0
        self.backends: dict[tuple[str, str], str] = {}
        self.execute: Callable[[str, str, str, list[str]], tuple[int, str, str]] = lambda *_: (0, "", "")
        self.requests: list[tuple[str, str]] = []
        self._port = 0
        self._server: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self.up()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.down()

    def up(self) -> None:
        """Listen, after `down` on the same port."""
        handler = type("Handler", (_Handler,), {"api": self})
        self._server = _Server(("127.0.0.1", self._port), handler)
        self._port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    def down(self) -> None:
        """Refuse connections; the state is kept."""
        if self._server is None or self._thread is None:
            return
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._server = self._thread = None

    @property
    def listening(self) -> bool:
        return self._server is not None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def kubeconfig(self, path: Path, context: str = "mock", namespace: str = "llm", token: str = TOKEN) -> Path:
        """Writes a kubeconfig (JSON is YAML) whose only context leads here."""
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": context,
            "clusters": [{"name": "mock", "cluster": {"server": self.url}}],
            "users": [{"name": "mock", "user": {"token": token}}],
            "contexts": [{"name": context, "context": {"cluster": "mock", "user": "mock", "namespace": namespace}}],
        }
        path.write_text(json.dumps(config))
        return path

    # What a test does to the cluster.

    def create(self, plural: str, namespace: str, body: Object) -> Object:
        """An object as it would be in the cluster, its status included. `namespace` is empty for nodes and the like."""
        return self.store.create(self.store.kind_of(plural), namespace, body)

    def get(self, plural: str, namespace: str, name: str) -> Object:
        return self.store.get(self.store.kind_of(plural), namespace, name)

    def delete(self, plural: str, namespace: str, name: str) -> Object:
        return self.store.delete(self.store.kind_of(plural), namespace, name)

    def set_status(self, plural: str, namespace: str, name: str, status: Object) -> Object:
        return self.store.replace(self.store.kind_of(plural), namespace, name, {"status": status}, status=True)

    def replace_pod(self, namespace: str, name: str, new_name: str, ip: str) -> Object:
        """As its controller does it: another pod with another uid and address."""
        old = self.delete("pods", namespace, name)
        meta = {key: old["metadata"][key] for key in ("labels", "ownerReferences") if key in old["metadata"]}
        status = {**old["status"], "podIP": ip, "podIPs": [{"ip": ip}]}
        return self.create("pods", namespace, {**old, "metadata": {**meta, "name": new_name}, "status": status})

    def forbid(self, verb: str, resource: str) -> None:
        self.forbidden.add((verb, resource))

    def allows(self, verb: str, resource: str) -> bool:
        return not self.forbidden & {(verb, resource), ("*", resource), (verb, "*")}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False


class _Handler(BaseHTTPRequestHandler):
    api: MockApi
    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        api = self.api
        api.requests.append((self.command, self.path))
        if api.drop > 0 or not api.listening:
            api.drop = max(0, api.drop - 1)
            self.close_connection = True
            return
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        time.sleep(api.delay)
        try:
            if api.broken:
                status, kind, content = api.broken
                self._reply(status, content, kind)
                return
            if self.headers.get("Authorization", "").removeprefix("Bearer ") not in api.tokens:
                raise Refusal(401, "Unauthorized", "Unauthorized")
            self._answer(body)
        except Refusal as refusal:
            self._json(refusal.status(), refusal.code)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    do_GET = do_POST = do_DELETE = _serve

    @property
    def _query(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}

    def _answer(self, body: bytes) -> None:
        parts = [unquote(part) for part in urlsplit(self.path).path.strip("/").split("/")]
        if parts == ["version"]:
            self._json({"major": "1", "minor": "33", "gitVersion": "v1.33.1+mock"})
        elif parts[0] == "api" and len(parts) > 2:
            self._resource("", parts[1], parts[2:], body)
        elif parts[0] == "apis" and len(parts) > 3:
            self._resource(parts[1], parts[2], parts[3:], body)
        elif parts[0] in ("api", "apis"):
            self._discovery(parts)
        else:
            raise Refusal(404, "NotFound", "the server could not find the requested resource")

    def _discovery(self, parts: list[str]) -> None:
        kinds = self.api.store.kinds.values()
        group, version = (parts[1], parts[2]) if len(parts) == 3 else ("", parts[1] if len(parts) == 2 else "")
        found = [k for k in kinds if (k.group, k.version) == (group, version)]
        if not found:
            raise Refusal(404, "NotFound", "the server could not find the requested resource")
        resources = [{"name": k.plural, "kind": k.kind, "namespaced": k.namespaced, "verbs": []} for k in found]
        self._json({"kind": "APIResourceList", "groupVersion": found[0].api_version, "resources": resources})

    def _resource(self, group: str, version: str, rest: list[str], body: bytes) -> None:
        namespace = ""
        if rest[0] == "namespaces" and len(rest) > 2:
            namespace, rest = rest[1], rest[2:]
        plural, name, sub = rest[0], rest[1] if len(rest) > 1 else "", rest[2] if len(rest) > 2 else ""
        if plural == "selfsubjectaccessreviews" and self.command == "POST":
            self._review(json.loads(body))
            return
        kind = self.api.store.kinds.get((group, version, plural))
        if kind is None:
            raise Refusal(404, "NotFound", "the server could not find the requested resource")
        self._insist(_verb(self.command, name, sub, self._query), kind, namespace, f"/{sub}" if sub else "")
        if kind.plural == "services" and sub == "proxy":
            self._proxy(namespace, name, "/".join(rest[3:]), body)
        elif kind.plural == "pods" and sub == "exec":
            self.api.store.get(kind, namespace, name)
            self._exec(namespace, name)
        elif self.command == "GET" and not name and self._query.get("watch") in ("true", "1"):
            self._watch(kind, namespace)
        elif self.command == "GET" and not name:
            self._list(kind, namespace)
        else:
            self._one(kind, namespace, name, body)

    def _one(self, kind: Kind, namespace: str, name: str, body: bytes) -> None:
        store = self.api.store
        if self.command == "GET":
            self._json(store.get(kind, namespace, name))
        elif self.command == "DELETE":
            self._json(store.delete(kind, namespace, name))
        else:
            self._json(store.create(kind, namespace, json.loads(body)), 201)

    def _list(self, kind: Kind, namespace: str) -> None:
        found = [o for o in self.api.store.list(kind, namespace) if _selected(o, self._query)]
        start, limit = int(self._query.get("continue") or 0), int(self._query.get("limit") or 0)
        page = found[start : start + limit] if limit else found[start:]
        meta = {"resourceVersion": str(self.api.store.version)}
        if start + len(page) < len(found):
            meta["continue"] = str(start + len(page))
        self._json({"kind": f"{kind.kind}List", "apiVersion": kind.api_version, "metadata": meta, "items": page})

    def _watch(self, kind: Kind, namespace: str) -> None:
        query = self._query
        after = int(query.get("resourceVersion") or self.api.store.version)
        seconds = float(query.get("timeoutSeconds") or 30)
        events = self.api.store.events(kind, namespace, after, seconds, lambda: self.api.listening)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        for event, made in events:
            if _selected(made, query):
                self.wfile.write(json.dumps({"type": event, "object": made}).encode() + b"\n")
                self.wfile.flush()

    def _review(self, asked: Object) -> None:
        wanted = asked["spec"]["resourceAttributes"]
        resource = "/".join(filter(None, (wanted["resource"], wanted.get("subresource"))))
        allowed = self.api.allows(wanted["verb"], resource)
        self._json({**asked, "status": {"allowed": allowed}}, 201)

    def _insist(self, verb: str, kind: Kind, namespace: str, sub: str) -> None:
        if not self.api.allows(verb, kind.plural + sub):
            where = f'in the namespace "{namespace}"' if namespace else "at the cluster scope"
            message = f'User "mock" cannot {verb} resource "{kind.plural}{sub}" in API group "{kind.group}" {where}'
            raise Refusal(403, "Forbidden", f"{kind.plural} is forbidden: {message}")

    def _proxy(self, namespace: str, name: str, path: str, body: bytes) -> None:
        service = name.split(":")[1] if name.count(":") == 2 else name.split(":")[0]
        base = self.api.backends.get((namespace, service))
        if base is None:
            raise Refusal(503, "ServiceUnavailable", f'no endpoints available for service "{service}"')
        query = urlsplit(self.path).query
        request = urllib.request.Request(f"{base}/{path}{'?' + query if query else ''}", method=self.command)
        if body:
            request.data = body
        for name in ("Content-Type", "X-Scope-OrgID"):
            if value := self.headers.get(name):
                request.add_header(name, value)
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                self._reply(answer.status, answer.read(), answer.headers.get("Content-Type", ""))
        except urllib.error.HTTPError as error:
            self._reply(error.code, error.read(), error.headers.get("Content-Type", ""))
        except (urllib.error.URLError, OSError) as error:
            raise Refusal(503, "ServiceUnavailable", f"error trying to reach service: {error}") from None

    def _exec(self, namespace: str, pod: str) -> None:
        """A command in a pod over a WebSocket, in v4.channel.k8s.io: a byte of channel before each text."""
        asked = parse_qs(urlsplit(self.path).query)
        code, stdout, stderr = self.api.execute(namespace, pod, asked["container"][0], asked["command"])
        key = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", b64encode(sha1(key.encode()).digest()).decode())
        self.send_header("Sec-WebSocket-Protocol", "v4.channel.k8s.io")
        self.end_headers()
        self.close_connection = True
        causes = [{"reason": "ExitCode", "message": str(code)}]
        failed = {"status": "Failure", "reason": "NonZeroExitCode", "details": {"causes": causes}}
        ended = json.dumps({"metadata": {}, **(failed if code else {"status": "Success"})})
        for channel, text in ((1, stdout), (2, stderr), (3, ended)):
            frame = bytes([channel]) + text.encode()
            size = bytes([len(frame)]) if len(frame) < 126 else b"\x7e" + len(frame).to_bytes(2, "big")
            self.wfile.write(b"\x82" + size + frame)
        self.wfile.write(b"\x88\x00")
        self.wfile.flush()

    def _json(self, value: object, status: int = 200) -> None:
        self._reply(status, json.dumps(value).encode(), "application/json")

    def _reply(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def date_time_string(self, timestamp: float | None = None) -> str:
        return formatdate(time.time() + self.api.skew, usegmt=True)

    def log_message(self, *args: object) -> None:
        pass


def _verb(method: str, name: str, sub: str, query: dict[str, str]) -> str:
    if sub == "proxy" or method != "GET":
        return {"POST": "create", "DELETE": "delete", "GET": "get"}[method]
    if name:
        return "get"
    return "watch" if query.get("watch") in ("true", "1") else "list"


def _selected(made: Object, query: dict[str, str]) -> bool:
    """Label selectors by equality, `in`, existence; field selectors by equality."""
    labels = made["metadata"].get("labels") or {}
    fields: dict[str, Any] = {
        "metadata.name": made["metadata"]["name"],
        "metadata.namespace": made["metadata"].get("namespace", ""),
        "spec.nodeName": (made.get("spec") or {}).get("nodeName", ""),
        "status.phase": (made.get("status") or {}).get("phase", ""),
        "involvedObject.kind": (made.get("involvedObject") or {}).get("kind", ""),
    }
    return all(_matches(one, labels) for one in _terms(query.get("labelSelector", ""))) and all(
        _matches(one, fields) for one in _terms(query.get("fieldSelector", ""))
    )


def _terms(selector: str) -> list[str]:
    terms, depth, last = [], 0, 0
    for at, c in enumerate(selector):
        depth += (c == "(") - (c == ")")
        if c == "," and not depth:
            terms.append(selector[last:at])
            last = at + 1
    return [term.strip() for term in [*terms, selector[last:]] if term.strip()]


def _matches(term: str, values: dict[str, Any]) -> bool:
    if " in (" in term:
        key, _, choice = term.partition(" in (")
        return values.get(key.strip()) in [c.strip() for c in choice.rstrip(")").split(",")]
    for sign, wanted in (("!=", False), ("==", True), ("=", True)):
        if sign in term:
            key, _, value = term.partition(sign)
            return (values.get(key.strip()) == value.strip()) is wanted
    return (term[1:] not in values) if term.startswith("!") else (term in values)
