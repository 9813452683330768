"""Targets from URLs and from files of Prometheus's file_sd. Both are hostile: sizes are checked before parsing."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import yaml

from cluster.deployment import DeploymentError
from cluster.http import hold_secrets, without_secrets
from cluster.paths import expanded
from cluster.text import yaml_data
from cluster.text.plain import plain

LARGEST_FILE = 1 << 20  # bytes
MOST_TARGETS = 1000
MOST_LABELS, LONGEST = 64, 1000
_SCHEMES = ("http", "https")
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.%]+\]|[A-Za-z0-9_.-]+)(?::(\d{1,5}))?")
_LABEL = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_SCHEME, _PATH, _PARAM = "__scheme__", "__metrics_path__", "__param_"
_MERGE, _DEEPEST = "<<", 20
_FORM = "a list of {targets: [host:port, …], labels: {…}}"


@dataclass(frozen=True, slots=True)
class Target:
    """One page of metrics.

    Attributes:
        address: host and port.
        params: of the URL's query.
        labels: those of the file, without the ones that begin with `__`.
        auth: user and password; None without.
    """

    address: str
    scheme: str = "http"
    path: str = "/metrics"
    params: tuple[tuple[str, str], ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict, hash=False)
    auth: tuple[str, str] | None = None

    @property
    def url(self) -> str:
        """Without the query and the login."""
        return f"{self.scheme}://{self.address}{self.path}"

    @property
    def shown(self) -> str:
        """The same for people and files: a path may hold a token."""
        return without_secrets(self.url)


def targets(sources: Sequence[str], gateway: str = "") -> tuple[Target, ...]:
    """The targets of URLs and files in order, the gateway's first. Raises DeploymentError, one sentence."""
    found = [_with_role(_of_url(gateway, "--gateway"))] if gateway else []
    for source in sources:
        found += [_of_url(source, "--targets")] if _is_url(source) else _of_file(source)
    if len(found) > MOST_TARGETS:
        raise DeploymentError(f"--targets names {len(found)} targets, and {MOST_TARGETS} are the most: name fewer")
    if len(found) == bool(gateway):
        raise DeploymentError("--targets names no target: give a URL, or a file that lists some")
    pages: dict[tuple[Any, ...], Target] = {}
    for target in found:  # a target that is named twice is scraped once
        pages.setdefault((target.address, target.scheme, target.path, target.params), target)
    return tuple(pages.values())


def shown(source: str) -> str:
    """A source without user, password, query, and what may be a token in its path."""
    if not _is_url(source):
        return source
    try:
        return without_secrets(source)
    except ValueError:
        return "an address that cannot be read"


def addresses_of(url: str, option: str) -> tuple[str, ...]:
    """Host and port of a URL as a server may write them: Prometheus 3 adds no default port. Raises DeploymentError."""
    target = _of_url(url, option)
    usual = ":443" if target.scheme == "https" else ":80"
    return tuple(dict.fromkeys((target.address, target.address.removesuffix(usual))))


def _is_url(source: str) -> bool:
    return bool(_URL.match(source)) and ("://" in source or not Path(source).exists())


def _with_role(target: Target) -> Target:
    return Target(target.address, target.scheme, target.path, target.params, {"role": "gateway"}, target.auth)


def _of_url(url: str, option: str) -> Target:
    said = plain(shown(url), 200)
    try:
        parts = urlsplit(url)
        port = parts.port
        host = parts.netloc.rpartition("@")[2]
        params = tuple(parse_qsl(parts.query, keep_blank_values=True, max_num_fields=MOST_LABELS))
    except ValueError as error:
        raise DeploymentError(f"{option} {said} is not an address: give http://HOST:PORT/metrics") from error
    if parts.scheme not in _SCHEMES:
        raise DeploymentError(f"{option} {said} is neither http nor https: give http://HOST:PORT/metrics")
    if len(url) > LONGEST or not url.isprintable() or " " in url or not _HOST.fullmatch(host):
        raise DeploymentError(f"{option} {said} is not an address: give http://HOST:PORT/metrics")
    auth = None
    if parts.username is not None:
        auth = unquote(parts.username), unquote(parts.password or "")
    hold_secrets(parts.path, params, auth)
    address = host if port is not None else f"{host.rstrip(':')}:{443 if parts.scheme == 'https' else 80}"
    return Target(address, parts.scheme, parts.path.rstrip("/") or "/metrics", params, {}, auth)


def _of_file(source: str) -> list[Target]:
    path, said = expanded(source), plain(source, 200)
    try:
        if not path.is_file():
            raise DeploymentError(f"--targets {said} is neither a URL nor a file: a URL begins with http://")
        with path.open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is no path"
        raise DeploymentError(f"--targets {said} cannot be read: {reason}") from None
    return parse_file(content, said, path.suffix == ".json")


def parse_file(content: bytes, name: str, as_json: bool = False) -> list[Target]:
    """The targets of a file of file_sd, YAML or JSON. Raises DeploymentError, one sentence with its name."""
    if len(content) > LARGEST_FILE:
        raise DeploymentError(f"--targets {name} is larger than {LARGEST_FILE >> 20} MiB: split it")
    try:
        text = content.decode()
        groups = json.loads(text) if as_json else yaml_data.load(text, texts=True)  # as Prometheus reads them
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else getattr(error, "lineno", None)
        at = f", line {line}" if line else ""
        raise DeploymentError(f"--targets {name} is not {'JSON' if as_json else 'YAML'}{at}: {_FORM}") from None
    if not isinstance(groups, list):
        raise DeploymentError(f"--targets {name} is not {_FORM}")
    found: list[Target] = []
    merged: dict[int, dict[Any, Any]] = {}
    for number, group in enumerate(groups, 1):
        where = f"--targets {name}, entry {number}"
        if not as_json and isinstance(group, dict):
            group = _merged(group, where, merged)
            group |= {"labels": _merged(group["labels"], where, merged)} if "labels" in group else {}
        found += _group(group, where)
        if len(found) > MOST_TARGETS:
            raise DeploymentError(f"--targets {name} has more than {MOST_TARGETS} targets: name fewer")
    return found


def _merged(value: Any, where: str, known: dict[int, dict[Any, Any]], depth: int = 0) -> Any:
    """A mapping with the keys of those that it merges by `<<`; its own count first. Raises DeploymentError.

    `known` holds what was merged before, so that a file which merges again and again takes no longer.
    """
    if not isinstance(value, dict) or _MERGE not in value:
        return value
    if id(value) not in known:
        named = value[_MERGE]
        bases = named if isinstance(named, list) else [named]
        if depth == _DEEPEST or len(value) > MOST_LABELS or not all(isinstance(base, dict) for base in bases):
            raise DeploymentError(f"{where}: {_MERGE} takes mappings, merged at most {_DEEPEST} times in each other")
        whole: dict[Any, Any] = {}
        for base in reversed(bases):
            whole |= _merged(base, where, known, depth + 1)
            if len(whole) > MOST_LABELS:
                raise DeploymentError(f"{where}: {_MERGE} merges more than {MOST_LABELS} names")
        known[id(value)] = whole | {name: own for name, own in value.items() if name != _MERGE}
    return known[id(value)]


def _group(group: Any, where: str) -> list[Target]:
    if not isinstance(group, dict) or not isinstance(group.get("targets"), list) or set(group) - {"targets", "labels"}:
        raise DeploymentError(f"{where}: it is not {{targets: [host:port, …], labels: {{…}}}}")
    labels = group.get("labels") or {}
    if not isinstance(labels, dict) or len(labels) > MOST_LABELS:
        raise DeploymentError(f"{where}: labels are at most {MOST_LABELS} names with a text each")
    for name, value in labels.items():
        if not (isinstance(name, str) and _LABEL.fullmatch(name) and isinstance(value, str) and len(value) <= LONGEST):
            raise DeploymentError(f"{where}: the label {plain(name, 60)} is not a name with a short text")
    scheme, path = labels.get(_SCHEME, "http"), labels.get(_PATH, "/metrics")
    if scheme not in _SCHEMES or not path.startswith("/") or not path.isprintable():
        raise DeploymentError(f"{where}: {_SCHEME} is http or https, and {_PATH} begins with /")
    params = tuple((name.removeprefix(_PARAM), text) for name, text in labels.items() if name.startswith(_PARAM))
    hold_secrets(path, params)
    own = {name: text for name, text in labels.items() if not name.startswith("__")}
    found = []
    for address in group["targets"][: MOST_TARGETS + 1]:
        match = _HOST.fullmatch(address) if isinstance(address, str) and len(address) <= LONGEST else None
        if match is None or int(match[1] or 0) > 65535:
            text = plain(address.rpartition("@")[2], 60) if isinstance(address, str) else "one target"
            raise DeploymentError(f"{where}: {text} is not HOST:PORT; path and scheme are labels ({_PATH}, {_SCHEME})")
        port = "" if match[1] else f":{443 if scheme == 'https' else 80}"
        found.append(Target(address + port, scheme, path, params, own))
    return found
