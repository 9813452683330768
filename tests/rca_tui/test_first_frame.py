"""What the app imports before its first frame."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("pandas", "numpy", "scipy", "sklearn", "networkx", "pydantic", "ray", "numba", "requests", "yaml", "typer")
FIRST_FRAME = """
import gc, os, sys
from textual.css.stylesheet import Stylesheet
from textual.dom import DOMNode
from rca_tui.app import RcaApp
from rca_tui.screens.diagnose import DiagnosePage
from rca_tui.work import opening

gc.disable()
display, calls = RcaApp._display, []

def count(owner, name):
    function = getattr(owner, name)
    def counted(self, *rest, **more):
        calls.append((name, type(self)))
        return function(self, *rest, **more)
    setattr(owner, name, counted)

count(Stylesheet, "reparse")
count(DiagnosePage, "refill")
count(DOMNode, "update_node_styles")

def first(app, screen, renderable):
    display(app, screen, renderable)
    shown = "Reading the telemetry" in "".join(s.text for line in screen._compositor.render_strips() for s in line)
    parsed, filled = (sum(name == wanted for name, _ in calls) for wanted in ("reparse", "refill"))
    styled = calls.count(("update_node_styles", DiagnosePage))
    print(shown, gc.isenabled(), parsed, filled, styled, *sys.modules, file=sys.__stdout__, flush=True)
    os._exit(0)

RcaApp._display = first
RcaApp(opening.incident("drill-05").connect, "drill-05", first="diagnose").run(headless=True, size=(120, 40))
"""


def test_the_first_frame_waits_for_no_heavy_import_and_no_other_screen() -> None:
    done = subprocess.run([sys.executable, "-c", FIRST_FRAME], capture_output=True, text=True, timeout=120)
    shown, collected, parsed, filled, styled, *modules = done.stdout.split()
    assert (shown, collected) == ("True", "True"), done.stderr
    # The style sheet is not parsed again for the theme, the screen is filled once, and not styled again for the classes
    # of its size: the one time is Textual's, when a screen is shown.
    assert (parsed, filled, styled) == ("0", "1", "1")
    assert not {*HEAVY, "importlib.metadata", "zoneinfo"} & set(modules)
    assert not {"cluster.display", "methods.answer.types", "rca_tui.draw.health", "rca_tui.draw.verdict"} & set(modules)
    assert [name for name in modules if name.startswith("rca_tui.screens.")] == [
        "rca_tui.screens.page",
        "rca_tui.screens.dialogs",
        "rca_tui.screens.notices",
        "rca_tui.screens.diagnose",
    ]


def test_the_types_of_answers_need_no_telemetry_nor_do_the_processes_that_are_started_ahead() -> None:
    modules = "methods.answer.types, methods.verdict.types, methods.running.pool"
    code = f"import sys, {modules}; print([m for m in {HEAVY} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


LOOK = """
import os, sys
from rca_tui.app import RcaApp
from rca_tui.first_frame import FirstFrame
from rca_tui.work import opening

display = RcaApp._display

def first(app, screen, renderable):
    display(app, screen, renderable)
    cells = [(s.text, str(s.style)) for line in screen._compositor.render_strips() for s in line]
    print(cells, file=sys.__stdout__, flush=True)
    os._exit(0)

RcaApp._display = first
"""
RUN = 'RcaApp(opening.incident("drill-05").connect, "drill-05", first="overview").run(headless=True, size=(120, 40))'


def test_the_first_frame_looks_as_if_the_style_sheet_had_been_parsed_again() -> None:
    ours, textuals = (
        subprocess.run([sys.executable, "-c", LOOK + more + RUN], capture_output=True, text=True, timeout=120).stdout
        for more in ("", "del FirstFrame.refresh_css\n")
    )
    assert "Connecting to the deployment" in ours
    assert ours == textuals
