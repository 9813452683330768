"""`rca-tui check`, `rca-tui ablate` and the Checks screen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import synthetic
from commands import refusal, run
from driving import app_over, running, settle, until, visible
from html5 import parsed

from cluster import pages
from cluster.incident import library, store
from cluster.incident.truth import Truth
from guidelines import checkup, documents, prices, removals, survey
from guidelines.blind_spots import TRACES

pytestmark = pytest.mark.usefixtures("steady", "no_estimate")
HOSTILE = "[red]x[/red]\x1b[31m\u202e<script>alert(1)</script>|`"


@pytest.fixture(autouse=True)
def _own_state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def shipped() -> str:
    return next(listing.name for listing in library.listings() if listing.shipped)


def test_a_drill_without_traces_fails_the_right_checks_and_names_the_trace_methods(tmp_path: Path) -> None:
    store.save(removals.without_spans(library.load(shipped())), tmp_path / "stripped.zip")
    told = json.loads(run("check", "stripped.zip", "--json"))
    verdicts = {each["name"]: each["verdict"] for each in told["results"]}
    assert verdicts["trace-depth"] == verdicts["phases"] == verdicts["ray-layer"] == "fail"
    assert verdicts["edge-latency"] == verdicts["logs-per-replica"] == "pass"
    assert all("trace-depth" in told["blind_methods"][method] for method in TRACES)
    assert "trace-depth" in told["cannot_diagnose"]["network-delay"]
    text = run("check", "stripped.zip")
    assert documents.BLIND in text and "OTEL_RESOURCE_ATTRIBUTES" in text
    code = "    "  # a line of it is never broken: it is to be copied
    assert all(len(line) <= 80 for line in text.splitlines() if not line.startswith(code))


def test_a_page_for_a_ticket() -> None:
    page = parsed(run("check", shipped(), "--format", "html"))
    assert documents.BLIND in page.text
    assert page.tags <= {"html", "head", "meta", "title", "style", "body", "div", "p", "b", "pre"} | page.of_tables
    text = run("check", shipped(), "--format", "markdown")
    assert f"## {documents.BLIND}" in text and "```\n" in text


@pytest.mark.parametrize("form", ["text", "markdown", "html"])
def test_hostile_names_are_harmless_in_every_form(form: str, tmp_path: Path) -> None:
    store.save(synthetic.hostile(HOSTILE), tmp_path / "hostile.zip")
    text = run("check", "hostile.zip", "--format", form)
    assert "\x1b" not in text and "\u202e" not in text
    if form == "html":
        assert "script" not in parsed(text).tags and "alert(1)" in parsed(text).text
    if form == "markdown":
        assert "<script>" not in text


def test_without_a_deployment_it_says_so_in_one_sentence() -> None:
    assert "rca-tui up" in refusal("check")
    assert "no check" in refusal("ablate", "--check", "nonsense")


def test_a_check_is_priced_and_what_was_answered_is_not_run_again(tmp_path: Path) -> None:
    synthetic_drill = synthetic.incident()
    store.save(synthetic_drill, tmp_path / "d.zip", Truth(("replica-1",), "cpu-stress", synthetic.ONSET, None, {}))
    told = run("ablate", "d.zip", "--check", "engine-per-replica", "--method", "nsigma", "--out", "out", "--json")
    kept = (tmp_path / "cache/rca-tui/answers.jsonl").read_text()
    table = prices.read(json.loads(told))
    (price,) = table.prices
    assert (table.incidents, price.methods) == (1, 1)
    assert "1 method that reads it" in price.claim
    assert table.guessing == pytest.approx(1 / 6, abs=1e-3)
    assert price.before - price.after == pytest.approx(price.cost)
    assert {"schema": 1, **json.loads((tmp_path / "out/ablations.json").read_text())} == json.loads(told)
    assert "*guessing*" in (tmp_path / "out/ablations.md").read_text()
    assert run("ablate", "d.zip", "--check", "engine-per-replica", "--method", "nsigma", "--json") == told
    assert (tmp_path / "cache/rca-tui/answers.jsonl").read_text() == kept


# -- 6 Checks ---------------------------------------------------------------------------------------------------------


async def opened(pilot: Any, app: Any) -> None:
    await pilot.press("6")
    await until(pilot, lambda: app.session.report is not None)
    await settle(pilot)


async def test_the_screen_lists_the_checks_with_the_fix_beside_them() -> None:
    app = app_over(synthetic.Replay(synthetic.incident()))
    async with running(app, (160, 50)) as pilot:
        await opened(pilot, app)
        for _ in range(12):
            await pilot.press("n")
        await settle(pilot)
        shown = visible(pilot)
        assert "of 18 checks pass" in shown
        assert "13. Traces reach the engine" in shown and "--otlp-traces-endpoint" in shown
        await pilot.press("y")
        assert "\n## Observability of drill" in app.clipboard


async def test_a_live_deployment_is_asked_again() -> None:
    deployment = synthetic.Live()
    app = app_over(deployment)
    async with running(app) as pilot:
        await opened(pilot, app)
        first = app.session.report
        assert first.live
        await pilot.press("R")
        await until(pilot, lambda: app.session.report is not None and app.session.report is not first)


@pytest.mark.usefixtures("ranked_here")
async def test_g_goes_from_a_step_to_its_check() -> None:
    app = app_over(synthetic.Replay(synthetic.incident()))
    async with running(app) as pilot:
        await pilot.press("4", "R")
        await until(pilot, lambda: app.session.diagnosis is not None and not app.session.diagnosis.running)
        await pilot.press("n", "5", "g")
        await until(pilot, lambda: app.current_mode == "checks" and app.session.report is not None)
        await settle(pilot)
        assert app.session.check == "hygiene"
        assert "The SLI is fixed at the gateway" in visible(pilot)


def test_a_page_stands_alone() -> None:
    report = checkup.run(survey.of_incident(synthetic.incident(), "d"))
    text = pages.page("t", documents.whole(report))
    assert "src=" not in text and "href=" not in text and "url(" not in text
    assert not parsed(text).tags & {"script", "img", "link", "iframe", "object"}
