"""What the notebooks share: pictures, and panels with controls. `from rca_tui.notebook.explorer import ranking_panel`.

Needs the extra `notebooks` (matplotlib, ipywidgets).
"""
