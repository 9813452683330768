"""The list of drill scenarios, and one of them by name."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

import typer

from cluster.text.times import span
from rca_tui.commands.output import AsJson, print_json, print_line, print_table

if TYPE_CHECKING:
    from faults.scenario import Scenario
    from faults.scenario_library import Listing


def scenarios(as_json: AsJson = False) -> None:
    """List the drill scenarios: those shipped, and your own files beside them.

    `rca-tui drill --scenario NAME` plays one. Replays are the recorded drills here that fit it, from which `--replay
    any` and a workshop draw; a scenario without one takes a running deployment.
    """
    from cluster import paths
    from faults import scenario_library as library
    from rca_tui.drill import choice

    listed, recordings = library.listings(known()), list(choice.recordings())

    def replays(scenario: Scenario) -> int:
        return sum(choice.fits(one, scenario) for one in recordings)

    if as_json:
        print_json([_row(one, None if one.scenario is None else replays(one.scenario)) for one in listed])
        return
    print_table(
        ("scenario", "level", "title", "limit", "replays"),
        (
            (one.name, "", "unreadable, see below", "", "")
            if (scenario := one.scenario) is None
            else (one.name, scenario.difficulty, scenario.title, span(scenario.limit), replays(scenario) or "none")
            for one in listed
        ),
        right="level replays",
        whole="scenario",
    )
    for one in listed:
        if one.problem:
            print_line(f"unreadable: {one.problem}")
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


def _row(listing: Listing, replays: int | None) -> dict[str, object]:
    """All that a player may know before a drill: not what may go wrong, nor hints and debrief."""
    scenario = listing.scenario
    about: dict[str, object] = dict.fromkeys(("title", "difficulty", "page", "story", "load", "limit", "hints"))
    if scenario is not None:
        about = {key: getattr(scenario, key) for key in about}
        about |= {"page": scenario.page.model_dump(mode="json"), "hints": [hint.costs for hint in scenario.hints]}
    problem = listing.problem or None
    return {"name": listing.name, **about, "replays": replays, "shipped": listing.shipped, "problem": problem}


def register(app: typer.Typer) -> None:
    app.command()(scenarios)
