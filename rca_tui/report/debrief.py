"""The debrief of a drill as files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from cluster import pages
from cluster.display import Title
from rca_tui.report import files

if TYPE_CHECKING:
    from rca_tui.drill.debrief import Debrief


def write(debrief: Debrief) -> tuple[Path, Path]:
    """Write Markdown and HTML under new names in the folder of reports, and return both. Raises ReportError."""
    from rca_tui.drill.document import document, title

    game, heading, blocks = debrief.game, title(debrief), document(debrief)
    name = f"debrief-{game.name or Path(game.incident).name}"
    text = pages.markdown((Title(heading),), level=1) + "\n" + pages.markdown(blocks)
    written = files.new_path(name, files.Format.MARKDOWN), files.new_path(name, files.Format.HTML)
    files.write(text, written[0])
    files.write(pages.page(heading, (Title(heading), *blocks)), written[1])
    return written
