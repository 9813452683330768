"""The import graph: no circle, at any level, imports for type checkers and imports inside functions included."""

from __future__ import annotations

import grimp
import pytest

ROOMS = ("cluster", "faults", "methods", "guidelines", "rca_tui")


@pytest.fixture(scope="module")
def imports() -> dict[str, set[str]]:
    """Module -> the modules that it imports. What a package's `__init__` only offers (see `cluster.lazy`) is left out:
    nothing is imported there until somebody asks for it."""
    graph = grimp.build_graph(*ROOMS)
    faces = {*ROOMS, "rca_tui.notebook"}
    return {
        module: set() if module in faces else set(graph.find_modules_directly_imported_by(module))
        for module in graph.modules
    }


def circles(imports: dict[str, set[str]]) -> list[list[str]]:
    """Modules that reach each other."""
    reach = {module: set(found) for module, found in imports.items()}
    grown = True
    while grown:
        grown = False
        for module, found in reach.items():
            more = set().union(*(reach[other] for other in found)) - found if found else set()
            if more:
                reach[module] = found | more
                grown = True
    rings = {
        tuple(sorted(m for m in reach if m in reach[one] and one in reach[m])) for one in reach if one in reach[one]
    }
    return [list(ring) for ring in sorted(rings)]


def test_no_module_reaches_itself(imports: dict[str, set[str]]) -> None:
    assert circles(imports) == []


def test_a_circle_is_found() -> None:
    made = {"a": {"b"}, "b": {"c"}, "c": {"b", "d"}, "d": set()}
    assert circles(made) == [["b", "c"]]


def test_code_inside_a_room_does_not_use_its_public_face(imports: dict[str, set[str]]) -> None:
    """It would load names the long way round, and hide from the contracts what it needs."""
    found = {module: used & {module.split(".")[0]} for module, used in imports.items()}
    assert {module: used for module, used in found.items() if used} == {}
