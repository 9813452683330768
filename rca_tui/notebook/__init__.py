"""What the notebooks share: pictures, and panels with controls. `from rca_tui.notebook.exploring import ranking_panel`.

Needs the extra `notebooks` (matplotlib, ipywidgets).
"""
