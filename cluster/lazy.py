"""Public names of a package that are imported when they are first used.

A package that lists its public names this way costs nothing to import: pandas and numpy load with the first name that
needs them. The names stand three times in such an `__init__`: in `__all__`, in the imports under TYPE_CHECKING that
type checkers and the documentation read, and in the table given to `exports`. `tests/tree/test_public_names.py` holds
the three to each other.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Mapping


def exports(package: str, sources: Mapping[str, str]) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """`__getattr__` and `__dir__` of a package.

    Args:
        package: its `__name__`.
        sources: public name -> "module:attribute".
    """

    def load(name: str) -> object:
        if name not in sources:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module, _, attribute = sources[name].partition(":")
        value: object = getattr(importlib.import_module(module), attribute)
        setattr(sys.modules[package], name, value)
        return value

    return load, lambda: sorted(sources)
