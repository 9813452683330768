"""What mkdocs calls: writes the generated pages and puts them into the navigation.

No list of methods, faults, checks, commands or signals is kept by hand. The pages are made from the catalogues, the
docstrings and the command line's own declarations, each time that the site is built.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import catalogues  # noqa: E402
import command_line  # noqa: E402
import formats  # noqa: E402
import project  # noqa: E402
import python_api  # noqa: E402
from mkdocs.config.defaults import MkDocsConfig  # noqa: E402
from mkdocs.structure.files import File, Files  # noqa: E402

SECTIONS = {
    "generated/methods": catalogues.methods,
    "generated/faults": catalogues.faults,
    "generated/checks": catalogues.checks,
    "generated/commands": command_line.commands,
    "generated/python": python_api.rooms,
    "generated/decisions": project.decisions,
}
"""What stands for a section in the navigation -> the function that makes its pages."""
SINGLE = (
    command_line.answers,
    formats.incident,
    formats.journal,
    formats.signals,
    project.documents,
)

_pages: dict[str, str] = {}


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Makes all pages, and puts each section's into the navigation in place of its name."""
    _pages.clear()
    sections = {}
    for name, make in SECTIONS.items():
        pages = make()
        _pages.update({path: text for path, text in pages.items() if text})
        sections[name] = list(pages)
    for make in SINGLE:
        _pages.update(make())
    config.nav = _filled(config.nav, sections)
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    for path, text in _pages.items():
        files.append(File.generated(config, path, content=text))
    return files


def _filled(nav: Any, sections: Mapping[str, list[str]]) -> Any:
    if isinstance(nav, list):
        return [_filled(item, sections) for item in nav]
    if isinstance(nav, dict):
        return {title: _filled(item, sections) for title, item in nav.items()}
    return sections.get(nav, nav)
