"""The report of a diagnosis as a file, written in a worker thread."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rca_tui.session import Diagnosis


def write_report(diagnosis: Diagnosis, saved_as: str | None) -> Path:
    """Write an HTML report with what has been answered so far, under a new name, and return its path.

    Args:
        saved_as: name or path of the incident; None saves it first, so that the report can be reproduced.

    Raises:
        PlaceError, ReportError, IncidentError: nothing was written.
    """
    from cluster.incident import library, store
    from methods.verdict.decision import decide
    from rca_tui.report import build, files

    incident, results = diagnosis.incident, tuple(diagnosis.results.values())
    if saved_as is None:
        saved_as = store.save(incident, library.new_path("reported")).stem
    verdict = diagnosis.verdict or decide(incident, results)
    report = build.build(incident, saved_as, verdict, results, build.context_of(saved_as, reveal=False))
    path = files.new_path(saved_as, files.Format.HTML)
    files.write(files.render(report, files.Format.HTML), path)
    return path
