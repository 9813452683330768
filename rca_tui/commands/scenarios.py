"""The list of drill scenarios, and one of them by name."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import typer

from cluster.text.times import span
from rca_tui.commands.errors import say_each
from rca_tui.commands.output import AsJson, print_json, print_line, print_table

if TYPE_CHECKING:
    from faults.scenario import Scenario


def scenarios(as_json: AsJson = False) -> None:
    """List the drill scenarios: those shipped, and your own files beside them.

    `rca-tui drill --scenario NAME` plays one.
    """
    from cluster import paths
    from faults import scenario_library as library

    listed = library.listings(known())
    say_each(f"left out: {one.problem}" for one in listed if one.scenario is None)
    found = [(one.name, one.shipped, one.scenario) for one in listed if one.scenario is not None]
    if as_json:
        print_json([_row(name, shipped, scenario) for name, shipped, scenario in found])
        return
    print_table(
        ("scenario", "level", "title", "limit", "hints"),
        ((name, s.difficulty, s.title, span(s.limit), len(s.hints)) for name, _, s in found),
        right="level hints",
        whole="scenario",
    )
    print_line(f"your own: *.yaml in {paths.scenarios()}")


def chosen(name: str) -> tuple[str, Scenario]:
    """Name and scenario. Raises FaultError."""
    from faults import scenario_library as library

    return library.find(name, known())


def known() -> dict[str, Collection[str]]:
    """What the hints of a scenario may name."""
    from guidelines import catalog as guidelines
    from methods import catalog as methods

    return {"guideline": guidelines.names(), "method": [entry.name for entry in methods.everything()]}


def _row(name: str, shipped: bool, scenario: Scenario) -> dict[str, object]:
    """All that a player may know before a drill: not what may go wrong, nor hints and debrief."""
    return {
        "name": name,
        "title": scenario.title,
        "difficulty": scenario.difficulty,
        "page": scenario.page.model_dump(mode="json"),
        "story": scenario.story,
        "load": scenario.load,
        "limit": scenario.limit,
        "hints": [hint.costs for hint in scenario.hints],
        "shipped": shipped,
    }


def register(app: typer.Typer) -> None:
    app.command()(scenarios)
