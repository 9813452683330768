"""Metric names and labels in the source of a package, read with `ast`: nothing is imported or run.

A metric is a call of a class of metrics (`Counter`, `Gauge`, `Histogram`, `Summary`, or an attribute that holds one)
with its name as a string. Names that are put together at run time are not found.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

_CLASS = re.compile(r"_?(counter|gauge|histogram|summary)(_?cls)?", re.IGNORECASE)
_LABELS = ("labelnames", "tag_keys", "labels")

DEFINED_IN = {
    "vllm": re.compile(r"vllm/.*\.py"),
    "sglang": re.compile(r"sglang/srt/.*\.py"),
    "lmdeploy": re.compile(r"lmdeploy/.*\.py"),
    "ray": re.compile(r"ray/(serve|dashboard/modules/reporter)/.*\.py"),
}
"""The files of a package that define what its servers export."""
NAMED = {
    "vllm": re.compile(r"vllm:\w+"),
    "sglang": re.compile(r"sglang:\w+"),
    "lmdeploy": re.compile(r"lmdeploy:\w+"),
    "ray": re.compile(r"(serve|component)_\w+"),
}
"""The names in their source; Ray puts `ray_` before its own when it exports them."""
BEFORE = {"ray": "ray_"}


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric that a release defines. `labels` are those that stand in the source as text."""

    name: str
    kind: str
    labels: tuple[str, ...] = field(default=())


def metrics(package: str, files: Iterable[tuple[PurePosixPath, str]]) -> dict[str, Metric]:
    """The metrics that a package exports, by name."""
    found: dict[str, Metric] = {}
    for path, text in files:
        if "/tests/" in f"/{path}" or not DEFINED_IN[package].fullmatch(str(path)):
            continue
        if not NAMED[package].search(text):
            continue
        try:
            tree = ast.parse(text)
        except SyntaxError:
            continue
        for metric in _defined(tree):
            if NAMED[package].fullmatch(metric.name):
                name = BEFORE.get(package, "") + metric.name
                known = found.get(name, metric)
                labels = tuple(sorted({*known.labels, *metric.labels}))
                found[name] = Metric(name, metric.kind, labels)
    return dict(sorted(found.items()))


def _defined(tree: ast.Module) -> Iterator[Metric]:
    constants = _lists(tree)
    for scope in (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.Module)):
        local = {**constants, **_lists(scope)}
        for node in ast.walk(scope):
            if isinstance(node, ast.Call) and (kind := _kind(node.func)):
                name = _argument(node, "name", 0)
                if isinstance(name, ast.Constant) and isinstance(name.value, str):
                    given = next((_argument(node, label, 2) for label in _LABELS if _argument(node, label, 2)), None)
                    yield Metric(name.value, kind, tuple(_texts(given, local)))


def _kind(function: ast.expr) -> str:
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
    match = _CLASS.fullmatch(name)
    return match[1].lower() if match else ""


def _argument(call: ast.Call, name: str, place: int) -> ast.expr | None:
    named = next((keyword.value for keyword in call.keywords if keyword.arg == name), None)
    return named or (call.args[place] if len(call.args) > place else None)


def _lists(scope: ast.AST) -> Mapping[str, ast.expr]:
    """Name -> the expression that is assigned to it, of one scope."""
    return {
        target.id: node.value
        for node in ast.walk(scope)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _texts(value: ast.expr | None, known: Mapping[str, ast.expr], depth: int = 4) -> Iterator[str]:
    if isinstance(value, ast.List | ast.Tuple):
        for one in value.elts:
            yield from _texts(one, known, depth)
    elif isinstance(value, ast.BinOp):
        yield from _texts(value.left, known, depth)
        yield from _texts(value.right, known, depth)
    elif isinstance(value, ast.Starred):
        yield from _texts(value.value, known, depth)
    elif isinstance(value, ast.Constant) and isinstance(value.value, str):
        yield value.value
    elif isinstance(value, ast.Name) and depth and value.id in known:
        yield from _texts(known[value.id], known, depth - 1)
