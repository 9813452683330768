"""One contract for all methods in the catalogue.

Run one method's part with `pytest tests/methods/test_contract.py -k nsigma`. What a method may declare here:

- `QUICK`: constructor arguments that make a slow method quick enough for a test (fewer epochs, not another algorithm).
- `FINDS`: the rank within which it must place the unmistakably faulty replica. A method that is not listed is not held
  to it: say why in a comment.
- `READS_NAMES`: methods that know signals by their names (a resource, a latency), and so cannot be indifferent to
  renaming *signals*; all are held to indifference to the names of components.
- `READS_UNITS`: methods that know signals by their names, and so in which unit they are.
"""

from __future__ import annotations

import dataclasses
import doctest
import inspect
import json
import re
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from altered import with_values

from cluster.incident.model import Incident
from methods import catalog
from methods.answer.types import (
    EdgePointer,
    Explanation,
    Family,
    LogsPointer,
    Method,
    NoRanking,
    Outcome,
    Pointer,
    Ranking,
    SeriesPointer,
    SpansPointer,
)

HEADINGS = ("Idea", "Formula", "Inputs", "Parameters", "Fails when", "Cost", "Reference", "Deviations", "Example")
NAMES = [entry.name for entry in (*catalog.listed(), catalog.CONTRAST)]

QUICK: dict[str, dict[str, Any]] = {"causalrca": {"epochs": 60}}
FINDS: dict[str, int] = {
    "nsigma": 1,
    "baro": 1,
    "causalai": 1,
    "granger_randomwalk": 1,
    "lingam_randomwalk": 1,
    "microcause": 1,
    "microrca": 1,
    "microscope": 1,
    "monitorrank": 1,
    "microrank": 1,
    "tracerca": 1,
    "mmbaro": 1,
    "pdiagnose": 1,
    "contrast": 1,
    "serving": 1,
    "prism": 1,
    "smooth_traversal": 1,
    "idi": 1,
}
READS_UNITS: set[str] = set()
READS_NAMES: set[str] = {"microrca", "serving", "prism"}

# Reverses the alphabet of the components, and crosses kinds.
OTHER_NAMES = {
    "gateway": "zz-9",
    "head": "yy",
    "replica-0": "xx-replica",
    "replica-1": "mm",
    "replica-2": "bb-gateway",
    "node": "aa",
}


def parametrized(names: Iterable[str]) -> pytest.MarkDecorator:
    """One test a method; those that train or explain a model are slow."""
    slow = {catalog.CONTRAST.name} | {entry.name for entry in catalog.entries() if entry.cost == "minutes"}
    return pytest.mark.parametrize(
        "name", [pytest.param(name, marks=pytest.mark.slow if name in slow else ()) for name in names]
    )


every_method = parametrized(NAMES)


def make(name: str) -> Method:
    entry = catalog.entry(name)
    if name not in QUICK:
        return catalog.load(name)
    return type(catalog.load(entry.name))(**QUICK[name])


def rank(name: str, incident: Incident, seed: int = 0) -> Outcome:
    return make(name).rank(incident, np.random.default_rng(seed))


def table(outcome: Outcome) -> dict[str, tuple[int, float]]:
    assert isinstance(outcome, Ranking), outcome
    return {c.component: (c.rank, c.score) for c in outcome.components}


def frames(incident: Incident) -> list[pd.DataFrame]:
    telemetry = incident.telemetry
    return [telemetry.metrics, telemetry.edge_metrics, telemetry.spans, telemetry.logs]


def check(outcome: Outcome, incident: Incident) -> None:
    """What holds for every answer to every incident."""
    assert isinstance(outcome, Ranking | NoRanking)
    if isinstance(outcome, NoRanking):
        assert outcome.detail.strip()
        return
    listed = [c.component for c in outcome.components]
    assert len(set(listed)) == len(listed)
    assert set(listed) <= set(incident.topology.ids)
    for scored in outcome.components:
        above = sum(other.score > scored.score for other in outcome.components)
        assert scored.rank == above + 1, "tied components share the smallest rank of their group"
    check_explanation(outcome.explanation, incident)
    json.dumps(dataclasses.asdict(outcome), allow_nan=False)


def check_explanation(explanation: Explanation, incident: Incident) -> None:
    assert explanation.steps
    for step in explanation.steps:
        assert step.title.strip()
        assert step.claim.strip()
        for pointer in step.pointers:
            check_pointer(pointer, incident)


def check_pointer(pointer: Pointer, incident: Incident) -> None:
    telemetry = incident.telemetry
    assert pointer.start < pointer.end
    match pointer:
        case SeriesPointer(component, signal):
            assert (component, signal) in telemetry.metrics.columns
        case EdgePointer(source, target, signal):
            assert (source, target, signal) in telemetry.edge_metrics.columns
        case SpansPointer(component, operation):
            assert component in incident.topology
            assert not operation or operation in set(telemetry.spans["operation"])
        case LogsPointer(component, _):
            assert component in incident.topology


@every_method
def test_the_class_stands_where_the_catalogue_says(name: str) -> None:
    method, entry = catalog.load(name), catalog.entry(name)
    assert method.name == name
    assert type(method).__module__ == f"methods.{name}"
    assert method.family is Family(entry.family)


def page(name: str) -> dict[str, str]:
    """The class docstring by heading; a heading stands alone on its line, its text is indented below it."""
    text = inspect.getdoc(type(catalog.load(name))) or ""
    parts = re.split(r"^(\S.*):\n", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@every_method
def test_the_page_has_every_heading_in_order(name: str) -> None:
    found = page(name)
    assert tuple(found) == HEADINGS
    for text in found.values():
        assert text.strip()
        assert all(line.startswith("    ") for line in text.splitlines() if line.strip())


@every_method
def test_the_page_has_an_example_that_shows_a_ranking_and_a_claim(name: str) -> None:
    # tests/tree/test_examples.py runs it.
    sources = [example.source for example in doctest.DocTestParser().get_examples(page(name)["Example"])]
    assert any("ranking.components" in source for source in sources)
    assert any(".claim" in source for source in sources)


@every_method
def test_every_parameter_is_in_the_docstring(name: str) -> None:
    cls, text = type(catalog.load(name)), page(name)["Parameters"]
    for parameter in inspect.signature(cls).parameters.values():
        assert parameter.default is not inspect.Parameter.empty, "hyper-parameters have defaults"
        assert f"    {parameter.name}: " in text
    assert inspect.signature(cls).parameters or text.strip().startswith("None.")


@every_method
def test_answers_the_synthetic_incident(name: str, incident: Incident) -> None:
    outcome = rank(name, incident)
    assert isinstance(outcome, Ranking), outcome
    check(outcome, incident)


@parametrized(sorted(FINDS))
def test_finds_an_unmistakable_fault(name: str, make_incident: Any) -> None:
    for target in ("replica-1", "replica-2"):
        ranks = table(rank(name, make_incident(target=target)))
        assert ranks[target][0] <= FINDS[name], ranks


@every_method
def test_same_seed_same_answer(name: str, small_incident: Incident) -> None:
    assert repr(rank(name, small_incident, seed=3)) == repr(rank(name, small_incident, seed=3))


@every_method
def test_leaves_the_incident_as_it_is(name: str, make_incident: Any) -> None:
    incident, untouched = make_incident(few=True), make_incident(few=True)
    rank(name, incident)
    for used, fresh in zip(frames(incident), frames(untouched), strict=True):
        pd.testing.assert_frame_equal(used, fresh)
    assert incident.topology == untouched.topology
    assert incident.onset == untouched.onset


@every_method
def test_names_and_order_of_components_do_not_matter(name: str, small_incident: Incident, rename: Any) -> None:
    expected = table(rank(name, small_incident))
    other = table(rank(name, rename(small_incident, OTHER_NAMES)))
    back = {new: old for old, new in OTHER_NAMES.items()}
    assert {back[c]: place for c, (place, _) in other.items()} == {c: place for c, (place, _) in expected.items()}
    assert {back[c]: score for c, (_, score) in other.items()} == pytest.approx(
        {c: score for c, (_, score) in expected.items()}, rel=1e-6, abs=1e-9
    )


@parametrized(sorted(set(NAMES) - READS_NAMES))
def test_names_of_signals_do_not_matter(name: str, small_incident: Incident, rename: Any) -> None:
    # The SLI is known by its name; no other signal is.
    others = {"cpu_usage": "z1", "memory_working_set": "y2", "queue_length": "b3", "memory_used": "a4"}
    expected = table(rank(name, small_incident))
    other = table(rank(name, rename(small_incident, {}, others)))
    assert {c: place for c, (place, _) in other.items()} == {c: place for c, (place, _) in expected.items()}


@parametrized(sorted(set(NAMES) - READS_UNITS))
def test_units_do_not_matter(name: str, small_incident: Incident) -> None:
    # Milliseconds, MiB, requests a minute, millicores. The SLI's share of errors is a share.
    factors = {"latency": 1e3, "memory": 2.0**-20, "request": 60.0, "cpu": 1e3, "queue": 0.1}

    def scaled(frame: pd.DataFrame) -> pd.DataFrame:
        return frame * [next((f for s, f in factors.items() if c[-1].startswith(s)), 1.0) for c in frame.columns]

    expected = table(rank(name, small_incident))
    other = table(rank(name, with_values(small_incident, scaled)))
    assert {c: place for c, (place, _) in other.items()} == {c: place for c, (place, _) in expected.items()}


@pytest.mark.slow
@every_method
def test_an_awkward_incident_gets_an_answer_with_a_reason(name: str, awkward: Incident) -> None:
    check(rank(name, awkward), awkward)
