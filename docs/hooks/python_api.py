"""A page for the public names of each room: what its `__init__` exports."""

from __future__ import annotations

import importlib
import inspect

import text

ROOMS = ("cluster", "methods", "faults", "guidelines", "rca_tui.notebook")


def rooms() -> dict[str, str]:
    rows = []
    pages = {}
    for room in ROOMS:
        module = importlib.import_module(room)
        names = [name for name in module.__all__ if not name.startswith("_")]
        summary = (inspect.getdoc(module) or "").partition("\n")[0]
        rows.append((f"[`{room}`]({room}.md)", text.cell(summary), str(len(names))))
        pages[f"reference/python/{room}.md"] = (
            f"# {room}\n\n{text.body(inspect.getdoc(module) or '')}\n\n"
            + "\n\n".join(f"::: {room}.{name}" for name in names)
        )
    index = (
        "# Python API\n\nWhat notebooks and scripts use stands in each room's `__init__`, and is imported when it is "
        "first used. Names that do not stand here may change without notice.\n\n"
        f"{text.table(('room', 'what it is', 'names'), rows)}\n"
    )
    return {"reference/python/index.md": index} | pages
