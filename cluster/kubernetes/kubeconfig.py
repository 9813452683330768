"""Which contexts there are, and which one is meant: by the rules of kubectl, where the client's library has others.

Several files in `KUBECONFIG`: the first to say something counts, and files that are missing or empty say nothing. With
a context named, `current-context` may be unset or name one that is gone.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from cluster.deployment import DeploymentError
from cluster.paths import expanded
from cluster.text import yaml_data
from cluster.text.plain import plain

DEFAULT = "~/.kube/config"
LARGEST = 1 << 20
"""Bytes of one file."""
OTHER_FORM = "an entry has another form than kubectl writes"
_HINT = "`kubectl config view` shows it"


@dataclass(frozen=True, slots=True)
class Context:
    """One context as the kubeconfig names it: hostile text. `current` where `kubectl` would use it."""

    name: str
    cluster: str
    namespace: str
    current: bool


@dataclass(frozen=True, slots=True)
class Kubeconfig:
    """The merged files.

    Attributes:
        files: those that say something, in their order.
        contexts: name -> those of cluster, user and namespace that it says.
        current: the name that `current-context` gives, empty where none does.
        plugins: user -> the program that logs it in.
    """

    files: tuple[str, ...]
    contexts: Mapping[str, Mapping[str, str]]
    current: str
    plugins: Mapping[str, str]

    @classmethod
    def read(cls, file: Path | None = None) -> Kubeconfig:
        """From a file, else from `KUBECONFIG` or the usual place. Raises DeploymentError."""
        if importlib.util.find_spec("kubernetes") is None:
            raise DeploymentError("the kubernetes client is not installed: `pip install 'rca-tui[kubernetes]'`")
        wanted = str(file) if file else os.environ.get("KUBECONFIG") or DEFAULT
        paths = [expanded(path) for path in wanted.split(os.pathsep) if path]
        there = [path for path in dict.fromkeys(paths) if path.exists()]
        if not there:
            raise DeploymentError(f"the kubeconfig {wanted} cannot be used: there is no such file; {_HINT}")
        files: list[str] = []
        contexts: dict[str, Mapping[str, str]] = {}
        plugins: dict[str, str] = {}
        current = ""
        for path in there:
            try:
                said = yaml_data.load(_content(path))
                if said is None:
                    continue
                named = {_word(one["name"]): _context(one.get("context") or {}) for one in said.get("contexts") or ()}
                users = {_word(one["name"]): one.get("user") or {} for one in said.get("users") or ()}
                plugins = {
                    name: _word(user["exec"].get("command", "")) for name, user in users.items() if user.get("exec")
                } | plugins
                current = current or _word(said.get("current-context") or "")
            except OSError as error:
                raise DeploymentError(f"the kubeconfig {path} cannot be used: {error.strerror}; {_HINT}") from error
            except (AttributeError, LookupError, TypeError, RecursionError) as error:
                raise DeploymentError(f"the kubeconfig {path} cannot be used: {OTHER_FORM}; {_HINT}") from error
            except (yaml.YAMLError, ValueError) as error:
                reason = " ".join(plain(str(error)).split())[:200]
                raise DeploymentError(f"the kubeconfig {path} cannot be used: {reason}; {_HINT}") from error
            files.append(str(path))
            contexts = named | contexts
        return cls(tuple(files), contexts, current, plugins)

    def choose(self, wanted: str | None) -> str:
        """The context of that name, else the current one. Raises DeploymentError with those there are."""
        known = plain(", ".join(sorted(self.contexts)) or "none", 2000)
        name = wanted or self.current
        if not name:
            raise DeploymentError(f"the kubeconfig has no current context: name one with --context; it has: {known}")
        if name not in self.contexts:
            raise DeploymentError(f"the kubeconfig has no context {plain(name)!r}; it has: {known}")
        return name


def _content(path: Path) -> bytes:
    """Raises ValueError where no kubeconfig can be so; OSError."""
    if path.is_fifo():
        raise ValueError("it is a pipe, and would be waited for")
    with path.open("rb") as file:
        content = file.read(LARGEST + 1)
    if len(content) > LARGEST:
        raise ValueError(f"it is larger than {LARGEST >> 20} MiB")
    return content


def _context(said: Mapping[str, object]) -> dict[str, str]:
    return {key: _word(value) for key in ("cluster", "user", "namespace") if (value := said.get(key))}


def _word(value: object) -> str:
    """A name as text. Raises ValueError for lists and mappings, whose aliases may stand for any amount of text."""
    if isinstance(value, list | tuple | dict | set):
        raise ValueError("a name is a list or a mapping")
    return str(value)


def contexts() -> tuple[Context, ...]:
    """The contexts there are, the current one first. Raises DeploymentError."""
    found = Kubeconfig.read()
    listed = [
        Context(name, about.get("cluster", ""), about.get("namespace") or "default", name == found.current)
        for name, about in found.contexts.items()
    ]
    return tuple(sorted(listed, key=lambda one: (not one.current, one.name)))
