"""Every notebook runs from top to bottom on shipped incidents, and is kept without outputs."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
import pytest
from books import ALL, FOLDER, environment

pytest.importorskip("nbclient", reason="the extra `notebooks` is not installed")

every_book = pytest.mark.parametrize("path", ALL, ids=lambda path: path.stem)


def read(path: Path) -> nbformat.NotebookNode:
    return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call, no-any-return]


@every_book
def test_it_is_kept_without_outputs(path: Path) -> None:
    book = read(path)
    nbformat.validate(book)  # type: ignore[no-untyped-call]
    assert set(book.metadata) <= {"kernelspec", "language_info"}
    for cell in book.cells:
        assert not cell.metadata
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None


@every_book
def test_it_begins_with_a_title_and_never_arms_itself(path: Path) -> None:
    book = read(path)
    assert book.cells[0].source.startswith(f"# {int(path.stem[:2])} · ")
    code = "\n".join(cell.source for cell in book.cells if cell.cell_type == "code")
    assert "LIVE = True" not in code
    for line in re.findall(r"^.*(?:armed=True|start_local|stop_local).*$", code, re.MULTILINE):
        assert line.startswith("    "), "what touches a deployment stands behind the switch"


@every_book
def test_it_uses_public_names_alone(path: Path) -> None:
    code = "\n".join(cell.source for cell in read(path).cells if cell.cell_type == "code")
    ours = re.findall(r"^ *(?:from|import) ((?:cluster|faults|methods|guidelines|rca_tui)\b[\w.]*)", code, re.MULTILINE)
    assert set(ours) <= {"cluster", "faults", "methods", "guidelines", "rca_tui.notebook"}


def test_no_kernel_has_to_build_the_list_of_fonts(tmp_path: Path) -> None:
    assert any(Path(environment(tmp_path)["MPLCONFIGDIR"]).glob("fontlist-*.json"))


@pytest.mark.slow
@pytest.mark.timeout(1800)
@every_book
def test_it_runs_from_top_to_bottom(path: Path, tmp_path: Path) -> None:
    from nbclient import NotebookClient

    book = read(path)
    client = NotebookClient(book, timeout=1200, kernel_name="python3", resources={"metadata": {"path": str(FOLDER)}})
    client.execute(env=environment(tmp_path))
    for cell in book.cells:
        for output in cell.get("outputs", ()):
            assert output.output_type != "error"
            assert output.get("name") != "stderr", output.text
