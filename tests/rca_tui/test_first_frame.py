"""What the app imports before its first frame."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("pandas", "numpy", "scipy", "sklearn", "networkx", "pydantic", "ray", "numba", "requests", "yaml", "typer")
FIRST_FRAME = """
import os, sys
from rca_tui.app import RcaApp
from rca_tui.work import opening

display, refresh_css, parsed = RcaApp._display, RcaApp.refresh_css, []

def count(app, animate=True):
    parsed.append(1)
    refresh_css(app, animate)

def first(app, screen, renderable):
    display(app, screen, renderable)
    shown = "Reading the telemetry" in "".join(s.text for line in screen._compositor.render_strips() for s in line)
    print(shown, len(parsed), *sys.modules, file=sys.__stdout__, flush=True)
    os._exit(0)

RcaApp.refresh_css, RcaApp._display = count, first
RcaApp(opening.incident("drill-05").connect, "drill-05", first="diagnose").run(headless=True, size=(120, 40))
"""


def test_the_first_frame_waits_for_no_heavy_import_and_no_other_screen() -> None:
    done = subprocess.run([sys.executable, "-c", FIRST_FRAME], capture_output=True, text=True, timeout=120)
    shown, parsed, *modules = done.stdout.split()
    assert (shown, parsed) == ("True", "1"), done.stderr  # Textual parses the style sheet again, a theme does not
    assert not {*HEAVY, "importlib.metadata", "zoneinfo"} & set(modules)
    assert [name for name in modules if name.startswith("rca_tui.screens.")] == [
        "rca_tui.screens.page",
        "rca_tui.screens.dialogs",
        "rca_tui.screens.notices",
        "rca_tui.screens.diagnose",
    ]


def test_the_types_of_answers_need_no_telemetry() -> None:
    code = f"import sys, methods.answer.types, methods.verdict.types; print([m for m in {HEAVY} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"
