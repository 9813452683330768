"""What to do: the runbooks of a kind of trouble, with their commands filled in. They are shown, and never run.

A runbook is a Markdown file `KIND.md`, `KIND.DEPLOYMENT.md` or `KIND.DEPLOYMENT.NAME.md`: the kind of trouble as in
`slug`, the deployment that its commands are for (`any` for all), and any name. Ours are in the folder `runbooks` beside
this module, others in `user_folder()`: a file with the name of one of ours replaces it, any other stands beside.

In a file each heading of level two with a fenced block below it is one action: its title, and the commands to copy. An
action with the line "Only for engines." or "Only for what has no engine." between them is left out of the others.
`{component}`, `{namespace}`, `{pod}`, `{container}`, `{node}`, `{address}` (host and port), `{host}`, `{metrics}` (the
URL of its metrics), `{head_pod}`, `{gateway_pod}`, `{since}` (the onset in RFC 3339) and `{run}` (the local
deployment's run folder) stand for values of the incident. They are quoted for a shell: names come from the telemetry
and may hold anything. So they must not stand inside quotes; where a value is not known,
a shell variable of that name stands in its place.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from cluster import paths
from cluster.endpoints.fleet import METRICS_URL
from cluster.incident.model import Incident
from cluster.text.plain import plain
from cluster.topology import Kind
from methods.verdict.trouble import has_engine
from methods.verdict.types import Action, Trouble

OURS = Path(__file__).with_name("runbooks")
ANY = "any"
NAMES = (
    "component",
    "namespace",
    "pod",
    "container",
    "node",
    "address",
    "host",
    "metrics",
    "head_pod",
    "gateway_pod",
    "since",
    "run",
)
ENGINES, OTHERS = "Only for engines.", "Only for what has no engine."
LARGEST = 2**18
"""Bytes of a runbook."""
_PLACE = re.compile(r"\{(" + "|".join(NAMES) + r")\}")
_ACTION = re.compile(r"^## +(?P<title>[^\n]+)\n(?P<text>(?:(?!^## )[^\n]*\n?)*)", re.MULTILINE)
_FENCE = re.compile(r"^```[^\n]*\n(?P<code>.*?)\n```", re.MULTILINE | re.DOTALL)


def slug(kind: Trouble) -> str:
    """The kind of trouble as in the names of runbooks: "link-slow"."""
    return kind.name.lower().replace("_", "-")


def user_folder() -> Path:
    """`$XDG_CONFIG_HOME/rca-tui/runbooks`, by default `~/.config/rca-tui/runbooks`."""
    return paths.config_home() / "runbooks"


def actions_for(incident: Incident, kind: Trouble, component: str, onset: float | None) -> tuple[Action, ...]:
    """The actions of all runbooks of that kind and of the incident's deployment, ours first."""
    values = _values(incident, component, onset)
    topology = incident.topology
    not_for = OTHERS if component not in topology or has_engine(topology, component) else ENGINES
    found: list[Action] = []
    for path in _files(kind, incident.deployment):
        found += _actions(path, values, not_for)
    return tuple(dict.fromkeys(found))


def _files(kind: Trouble, deployment: str) -> list[Path]:
    chosen: dict[str, Path] = {}
    for folder in (OURS, user_folder()):
        try:
            names = sorted(folder.glob("*.md"))
        except OSError:
            names = []
        chosen |= {path.name: path for path in names}
    return [path for name, path in chosen.items() if _serves(name, slug(kind), deployment)]


def _serves(name: str, kind: str, deployment: str) -> bool:
    parts = name.removesuffix(".md").split(".")
    return parts[0] == kind and (len(parts) == 1 or parts[1] in (deployment, ANY))


def _actions(path: Path, values: Mapping[str, str], not_for: str) -> list[Action]:
    try:
        size, changed = path.stat().st_size, path.stat().st_mtime_ns
        if size > LARGEST:
            return [_mend(path, f"it is larger than {LARGEST // 1024} KiB")]
        templates = _templates(path, changed)
    except (OSError, UnicodeDecodeError):
        return [_mend(path, "it cannot be read as UTF-8 text")]
    actions = []
    for title, command, about in templates:
        if not_for in about:
            continue
        if quoted := _inside_quotes(command):
            actions.append(_mend(path, f"{{{quoted}}} stands inside quotes under {title!r}"))
        else:
            actions.append(Action(plain(title), _PLACE.sub(lambda place: values[place[1]], command)))
    return actions


@lru_cache(maxsize=128)
def _templates(path: Path, changed: int) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
    """(title, commands, lines of text) of each action; `changed` is when the file was: an edited one is read again."""
    text = path.read_text(encoding="utf-8")
    return tuple(
        (
            section["title"].strip(),
            "\n".join(fence["code"] for fence in fences),
            tuple(line.strip() for line in _FENCE.sub("", section["text"]).splitlines()),
        )
        for section in _ACTION.finditer(text)
        if (fences := list(_FENCE.finditer(section["text"])))
    )


def _mend(path: Path, why: str) -> Action:
    return Action(f"Mend the runbook {plain(path.name)}: {why}", f'"${{EDITOR:-vi}}" {shlex.quote(plain(path, 4096))}')


def _values(incident: Incident, component: str, onset: float | None) -> dict[str, str]:
    """Name -> the value, quoted for a shell, or the shell variable that stands for it."""
    topology = incident.topology
    labels = topology.component(component).labels if component in topology else {}
    door = topology.front_door
    gateway = topology.component(door).labels if door is not None else {}
    head = next((c.labels for c in topology.of_kind(Kind.HEAD)), {})
    address = labels.get("address", "").split(",")[0]
    # Of a bare IPv6 address the last colon is part of the host.
    host = address.rpartition(":")[0] if address.count(":") == 1 or "]:" in address else address
    known = {
        "component": component,
        "namespace": labels.get("namespace") or gateway.get("namespace") or head.get("namespace") or "",
        "pod": labels.get("pod", ""),
        "container": labels.get("container", ""),
        "node": labels.get("node", "") or next(iter(topology.hosts(component)), ""),
        "address": address,
        "host": host.strip("[]"),
        "metrics": _metrics_url(labels.get(METRICS_URL, ""), address),
        "head_pod": head.get("pod", ""),
        "gateway_pod": gateway.get("pod", ""),
        "since": _rfc3339(onset),
        "run": str(paths.local() / "run"),
    }
    # Of a gateway of several pods, the first.
    single = {"pod", "node", "head_pod", "gateway_pod"}
    values = {name: value.split(",")[0] if name in single else value for name, value in known.items()}
    return {
        name: shlex.quote(plain(value, 4096)) if value else f'"${{{name.upper()}:?}}"' for name, value in values.items()
    }


def _metrics_url(known: str, address: str) -> str:
    """Empty where it is not known whole. An incident that is not ours may have anything there: an option, say."""
    if known.startswith(("http://", "https://")):
        return "" if "…" in known else known
    return f"http://{address}/metrics" if address else ""


def _rfc3339(time: float | None) -> str:
    """Empty for no time, and for one that is none: milliseconds taken for seconds, say."""
    try:
        return "" if time is None else datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return ""


def _inside_quotes(command: str) -> str:
    """The first placeholder that stands inside quotes, where quoting its value would end them; empty for none."""
    quote, at = "", 0
    while at < len(command):
        letter = command[at]
        place = _PLACE.match(command, at)
        if place is not None and quote:
            return place[1]
        if quote:
            at += letter == "\\" and quote == '"'
            quote = "" if letter == quote else quote
        elif letter in "'\"`":
            quote = letter
        elif letter == "\\":
            at += 1
        elif letter == "#" and (at == 0 or command[at - 1].isspace()):
            end = command.find("\n", at)
            if place_in := _PLACE.search(command, at, end if end >= 0 else len(command)):
                return place_in[1]
            at = end if end >= 0 else len(command)
        at += 1
    return ""
