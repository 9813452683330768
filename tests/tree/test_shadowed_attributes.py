"""No class keeps something of its own under a private name that a class above it keeps something else under.

Textual's classes count as those above, too: what shadows them breaks them without a word.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import textwrap
from collections.abc import Iterator

from textual.message_pump import MessagePump

import rca_tui


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


def kept(cls: type) -> set[str]:
    """Private names that its own `__init__` assigns to on `self`."""
    if "__init__" not in vars(cls):
        return set()
    tree = ast.parse(textwrap.dedent(inspect.getsource(cls.__init__)))
    return {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.ctx, ast.Store)
        and isinstance(node.value, ast.Name)
        and node.value.id == "self"
        and node.attr.startswith("_")
    }


def test_no_private_name_is_kept_twice() -> None:
    twice = {
        f"{cls.__qualname__}.{name} is kept by {above.__qualname__} too"
        for cls in ours()
        for above in cls.__mro__[1:-1]
        for name in kept(cls) & kept(above)
    }
    assert not twice


def test_a_name_that_is_kept_twice_is_found() -> None:
    class Above:
        def __init__(self) -> None:
            self._turn = 0

    class Below(Above):
        def __init__(self) -> None:
            super().__init__()
            self._turn, self.other = False, 1

    assert kept(Below) & kept(Above) == {"_turn"}
