"""Reports as files: their format, and how they are written."""

from __future__ import annotations

import os
import re
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from cluster import paths
from cluster.errors import RcaError
from cluster.text.json_text import json_text
from rca_tui.places import check_new

if TYPE_CHECKING:
    from rca_tui.report.types import Report

SUFFIXES = {".md": "markdown", ".markdown": "markdown", ".html": "html", ".htm": "html", ".json": "json"}
"""Endings of a file's name and the format that they stand for."""


class ReportError(RcaError):
    """A report cannot be written there."""


class Format(StrEnum):
    MARKDOWN = "markdown"
    HTML = "html"
    JSON = "json"


def format_of(path: Path) -> Format:
    """The format that the name of a file stands for. Raises ReportError."""
    if path.suffix.lower() not in SUFFIXES:
        raise ReportError(f"the name {path} does not say which format is meant", "give --format, or end it in .html")
    return Format(SUFFIXES[path.suffix.lower()])


def render(report: Report, form: Format) -> str:
    """The report as text in this format."""
    from rca_tui.report.as_json import as_json
    from rca_tui.report.html import html
    from rca_tui.report.markdown import markdown

    match form:
        case Format.MARKDOWN:
            return markdown(report)
        case Format.HTML:
            return html(report)
        case Format.JSON:
            return json_text(as_json(report)) + "\n"


def write(text: str, path: Path) -> None:
    """Write a new file, all of it or nothing. What exists is never overwritten. Raises PlaceError, ReportError."""
    check_new(path)
    import secrets

    part = path.parent / f".{path.name[:100]}.{secrets.token_hex(4)}.part"
    try:
        with part.open("x", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        part.rename(path)
    except OSError as error:
        raise ReportError(f"cannot write {path}: {error.strerror or error}", "choose another place") from error
    finally:
        part.unlink(missing_ok=True)


def new_path(name: str, form: Format) -> Path:
    """An unused path in the folder of reports, which is made: the name of the incident and the next free number."""
    folder = paths.reports()
    folder.mkdir(parents=True, exist_ok=True)
    stem = re.sub(r"[^A-Za-z0-9._-]+", "-", Path(name).name.removesuffix(".zip")).strip(".-")[:60] or "incident"
    suffix = next(suffix for suffix, stands_for in SUFFIXES.items() if stands_for == form)
    number = 1
    while (path := folder / f"{stem}-{number:02d}{suffix}").exists():
        number += 1
    return path
