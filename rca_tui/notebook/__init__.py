"""What the notebooks share: pictures, and panels with controls.

Needs the extra `notebooks` (matplotlib, ipywidgets). The names below are imported when first used.

- `load_with_onset` reads an incident and estimates its onset.
- `ranking_panel` and `removal_panel` are panels: controls, and a result that follows them. `panel.wait()` returns the
  result, a `View`.
- The module `rca_tui.notebook.pictures` draws incidents, explanations and tables; each picture is a `Picture`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cluster.lazy import exports

if TYPE_CHECKING:
    from rca_tui.notebook.explorer import load_with_onset, ranking_panel
    from rca_tui.notebook.guide import removal_panel
    from rca_tui.notebook.panel import Panel, View
    from rca_tui.notebook.picture import Picture

__all__ = [
    "Panel",
    "Picture",
    "View",
    "load_with_onset",
    "ranking_panel",
    "removal_panel",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = exports(
        __name__,
        {
            "Panel": "rca_tui.notebook.panel:Panel",
            "Picture": "rca_tui.notebook.picture:Picture",
            "View": "rca_tui.notebook.panel:View",
            "load_with_onset": "rca_tui.notebook.explorer:load_with_onset",
            "ranking_panel": "rca_tui.notebook.explorer:ranking_panel",
            "removal_panel": "rca_tui.notebook.guide:removal_panel",
        },
    )
