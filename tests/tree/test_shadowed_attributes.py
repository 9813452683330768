"""No app, screen or widget sets up something of its own under a private name that a class above it uses.

Textual's classes count as those above, too: what shadows them breaks them without a word.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import textwrap
from collections.abc import Iterator
from functools import cache

import pytest
from textual.message_pump import MessagePump

import rca_tui

BEGINNINGS = frozenset({"__init__", "compose", "on_mount"})
ON_PURPOSE = {"Opener._current_mode: App"}
"""The screen that opens first: Textual has no other way to say it."""


def ours() -> Iterator[type]:
    """All classes of the app with a queue of messages: the app, its screens and widgets."""
    for module in pkgutil.walk_packages(rca_tui.__path__, "rca_tui."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    above = [MessagePump]
    while above:
        found = above.pop().__subclasses__()
        above += found
        yield from (cls for cls in found if cls.__module__.startswith("rca_tui."))


@cache
def stored(cls: type, methods: frozenset[str] = frozenset()) -> frozenset[str]:
    """Private names that its own methods, those of that name or all, assign to on `self`."""
    (body,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
    assert isinstance(body, ast.ClassDef)
    return frozenset(
        node.attr
        for method in body.body
        if isinstance(method, ast.FunctionDef | ast.AsyncFunctionDef) and (not methods or method.name in methods)
        for node in ast.walk(method)
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
        and node.attr.startswith("_")
    )


def twice(cls: type) -> set[str]:
    """What the class sets up under a name that a class above it uses."""
    own = stored(cls, BEGINNINGS)
    above = [one for one in cls.__mro__[1:] if issubclass(one, MessagePump) or one.__module__ == cls.__module__]
    return {f"{cls.__qualname__}.{name}: {one.__qualname__}" for one in above for name in own & used(one)}


@cache
def used(cls: type) -> frozenset[str]:
    return stored(cls) | {name for name in vars(cls) if name.startswith("_") and not name.startswith("__")}


@pytest.mark.slow  # it reads the source of Textual's classes
def test_no_private_name_is_used_twice() -> None:
    assert {one for cls in ours() for one in twice(cls)} == ON_PURPOSE


def test_a_name_that_is_used_twice_is_found() -> None:
    assert twice(Below) == {"Below._turn: Above", "Below._name: Above"}


class Above:
    def start(self) -> None:
        self._turn = 0

    def _name(self) -> None:
        """A method."""


class Below(Above):
    def __init__(self) -> None:
        self._turn, self._name, self._own, self.other = False, "", 1, 2
