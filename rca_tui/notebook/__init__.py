"""What the notebooks share: pictures, and panels with controls.

Needs the extra `notebooks` (matplotlib, ipywidgets). The names below are imported when first used.

- `load_with_onset` reads an incident and estimates its onset.
- `ranking_panel` and `removal_panel` are panels: controls, and a result that follows them. `panel.wait()` returns the
  result, a `View`.
- `Lesson` plays a scenario of a drill: brief, what has arrived, hints, one guess, the reveal.
- `read_session` reads what a workshop has kept, `latest_session` names its file; the module `rca_tui.notebook.room`
  puts people beside methods.
- The module `rca_tui.notebook.pictures` draws incidents, explanations and tables; each picture is a `Picture`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cluster.lazy import exports

if TYPE_CHECKING:
    from rca_tui.notebook.explorer import load_with_onset, ranking_panel
    from rca_tui.notebook.guide import removal_panel
    from rca_tui.notebook.lesson import Lesson
    from rca_tui.notebook.panel import Panel, View
    from rca_tui.notebook.picture import Picture
    from rca_tui.notebook.room import latest_session, read_session

__all__ = [
    "Lesson",
    "Panel",
    "Picture",
    "View",
    "latest_session",
    "load_with_onset",
    "ranking_panel",
    "read_session",
    "removal_panel",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = exports(
        __name__,
        {
            "Lesson": "rca_tui.notebook.lesson:Lesson",
            "Panel": "rca_tui.notebook.panel:Panel",
            "Picture": "rca_tui.notebook.picture:Picture",
            "View": "rca_tui.notebook.panel:View",
            "latest_session": "rca_tui.notebook.room:latest_session",
            "load_with_onset": "rca_tui.notebook.explorer:load_with_onset",
            "ranking_panel": "rca_tui.notebook.explorer:ranking_panel",
            "read_session": "rca_tui.notebook.room:read_session",
            "removal_panel": "rca_tui.notebook.guide:removal_panel",
        },
    )
