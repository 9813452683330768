"""The front page, the lists to choose from, and opening something else while something is open."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import synthetic
from driving import NOW, Engine, app_over, open_faults, running, settle, until, visible
from textual.widgets import Input

from cluster.deployment import Deployment, DeploymentError
from cluster.endpoints.addresses import targets
from cluster.endpoints.watched import Watched
from cluster.incident import library, store
from cluster.incident.truth import Truth
from faults.states import State
from rca_tui.app import RcaApp
from rca_tui.screens.dialogs import Notice
from rca_tui.screens.front import FrontPage
from rca_tui.screens.openers import OpenFile, StartLocal, WatchUrls
from rca_tui.screens.picker import ContextPicker, IncidentPicker
from rca_tui.session import Injection
from rca_tui.widgets.rows import Rows
from rca_tui.work import messages, opening
from rca_tui.work.starting import LocalStart

pytestmark = pytest.mark.usefixtures("steady", "no_estimate")
HOSTILE = "[red]x[red] \x1b]52;c;aGk=\x07\u202e"


@pytest.fixture
def saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A library with two incidents, one of a hostile name, and a file that is none."""
    monkeypatch.setattr(library, "SHIPPED", tmp_path / "none")
    folder = tmp_path / "state" / "rca-tui" / "incidents"
    store.save(synthetic.incident(), folder / "monday.zip", Truth(("replica-1",), "secretfault", synthetic.ONSET))
    store.save(synthetic.incident(), folder / f"{HOSTILE}.zip")
    (folder / "broken.zip").write_bytes(b"nothing")
    return folder


@pytest.fixture
def none_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "why_not_local", lambda: "nginx not found \x1b[31m")
    monkeypatch.setattr(opening, "local_runs", lambda: False)


def front(armed: bool = False) -> RcaApp:
    return RcaApp(None, armed=armed, clock=lambda: NOW)


def said(app: RcaApp) -> str:
    """What the notifications say that are on the screen."""
    return "\n".join(notification.message for notification in app._notifications)


async def picked(pilot: Any, words: str) -> None:
    await until(pilot, lambda: isinstance(pilot.app.screen, IncidentPicker))
    await until(pilot, lambda: pilot.app.screen.query_one(Rows).row_count > 0)
    pilot.app.screen.query_one(Input).value = words
    await pilot.pause()
    await pilot.press("enter")
    await until(pilot, lambda: pilot.app.session.latest is not None)
    await settle(pilot)


@pytest.mark.usefixtures("none_here", "saved")
@pytest.mark.parametrize("size", [(80, 24), (120, 40), (60, 20)])
async def test_with_nothing_open_there_is_a_page_of_choices_and_no_dead_key(size: tuple[int, int]) -> None:
    app = front()
    async with running(app, size) as pilot:
        shown = visible(pilot)
        for words in (
            "Replay a drill",
            "Start the local",
            "Connect to a cluster",
            "Watch URLs",
            "Open a file",
            "READ-ONLY",
        ):
            assert words in shown
        assert "3 saved here" in shown and "nginx not found" in shown and "\x1b" not in shown
        await pilot.press("1", "space", "R", "S", "w", "escape")
        assert isinstance(app.screen, FrontPage) and app.session.latest is None
        for key, dialog in (
            ("r", IncidentPicker),
            ("s", StartLocal),
            ("f", OpenFile),
            ("u", WatchUrls),
            ("c", ContextPicker),
        ):
            await pilot.press(key)
            await settle(pilot)
            assert isinstance(app.screen, dialog)
            await pilot.press("escape")
            await until(pilot, lambda: isinstance(app.screen, FrontPage))
        await pilot.press("question_mark")
        assert "kubeconfig" in visible(pilot)


@pytest.mark.usefixtures("none_here", "saved")
async def test_a_drill_is_found_by_words_and_opened_and_another_one_after_it() -> None:
    app = front(armed=True)
    async with running(app, (120, 40)) as pilot:
        await pilot.press("r")
        await until(pilot, lambda: "monday" in visible(pilot))
        shown = visible(pilot)
        assert "[red]x[red]" in shown and not any(c in shown for c in "\x1b\x07\u202e")
        assert "cause unknown" in shown and "broken" in shown and "secretfault" not in shown
        pilot.app.screen.query_one(Input).value = "secretfault"
        await pilot.pause()
        assert "0 of 3" in visible(pilot)
        pilot.app.screen.query_one(Input).value = ""
        await picked(pilot, "MONDAY here")
        assert app.current_mode == "diagnose" and app.session.name == "monday" and not app.session.armed
        await pilot.press("1")
        first = app.session
        await pilot.press("ctrl+o")
        await picked(pilot, "[red]")
        await until(pilot, lambda: app.session is not first and app.session.latest is not None)
        assert app.session.name == HOSTILE and app.current_mode == "diagnose"
        await pilot.press("0")
        assert "stays open" in visible(pilot)
        await pilot.press("escape")
        assert app.current_mode == "diagnose"


@pytest.mark.usefixtures("saved")
async def test_who_types_faster_than_the_list_is_read_gets_the_first_that_matches(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    go, rows = threading.Event(), library.rows

    def late() -> Any:
        go.wait(30)
        return rows()

    monkeypatch.setattr(library, "rows", late)
    app = app_over(synthetic.Live())
    async with running(app, (60, 20)) as pilot:
        await pilot.press("ctrl+o", *"mon", "enter")
        assert isinstance(app.screen, IncidentPicker)
        go.set()
        await until(pilot, lambda: app.session.name == "monday")


@pytest.mark.usefixtures("saved")
async def test_enter_chooses_by_what_is_typed_also_before_it_has_been_searched_for() -> None:
    app = app_over(synthetic.Live())
    async with running(app) as pilot:
        await pilot.press("ctrl+o")
        await until(pilot, lambda: app.screen.query_one(Rows).row_count == 3)
        picker = app.screen
        assert isinstance(picker, IncidentPicker)
        with picker.prevent(Input.Changed):
            picker.query_one(Input).value = "[red]"
        picker.on_input_submitted()
        await until(pilot, lambda: app.session.name == HOSTILE)


@pytest.mark.usefixtures("saved")
async def test_what_cannot_be_opened_leaves_what_is_open() -> None:
    app = app_over(synthetic.Live())
    async with running(app, (120, 40)) as pilot:
        await pilot.press("ctrl+o")
        await until(pilot, lambda: isinstance(app.screen, IncidentPicker))
        await until(pilot, lambda: app.screen.query_one(Rows).row_count > 0)
        pilot.app.screen.query_one(Input).value = "broken"
        await pilot.pause()
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, Notice))
        assert "is not a .zip" in visible(pilot) and app.session.name == "local"


@pytest.mark.usefixtures("saved")
async def test_late_messages_of_what_was_open_before_are_dropped() -> None:
    app = app_over(synthetic.Live())
    async with running(app) as pilot:
        old, late = app.mailbox, app.session.latest
        assert late is not None
        app.post_message(messages.OpenAsked(opening.incident("monday")))
        await until(pilot, lambda: app.session.name == "monday" and app.session.latest is not None)
        old.post(messages.Polled(late))
        await settle(pilot)
        assert app.session.replayed and app.poller.deployment is not None


@pytest.mark.usefixtures("saved")
async def test_nothing_else_is_opened_while_a_fault_is_active_or_recorded() -> None:
    app = app_over(synthetic.Live())
    async with running(app) as pilot:
        for injection in (
            Injection("freeze", "head", State.ACTIVE, open=True),
            Injection("freeze", "head", State.RECOVERED, open=False, recorded_until=NOW + 9),
        ):
            app.session.injection = injection
            app.post_message(messages.OpenAsked(opening.incident("monday")))
            await settle(pilot)
            assert app.session.name == "local"


@pytest.mark.usefixtures("none_here", "saved")
async def test_a_wrong_path_is_said_below_the_field_and_a_right_one_opened(saved: Path) -> None:
    app = front()
    async with running(app, (100, 30)) as pilot:
        await pilot.press("f")
        await until(pilot, lambda: isinstance(app.screen, OpenFile))
        for path, sentence in (("/nope\u202e", "there is no incident"), (str(saved / "broken.zip"), "is not a .zip")):
            app.screen.query_one(Input).value = path
            await pilot.press("enter")
            await until(pilot, lambda sentence=sentence: sentence in " ".join(visible(pilot).split()))  # type: ignore[misc]
            assert "\u202e" not in visible(pilot).replace(path, "")
        app.screen.query_one(Input).value = str(saved / "monday.zip")
        await pilot.press("enter")
        await until(pilot, lambda: app.session.latest is not None)
        assert app.session.replayed


@pytest.mark.usefixtures("none_here")
async def test_urls_are_watched_and_wrong_ones_said_below_the_field(monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[Watched] = []
    monkeypatch.setattr(
        "cluster.endpoints.deployment.begin", lambda watched: targets(watched.targets) and begun.append(watched)
    )
    monkeypatch.setattr(opening, "endpoints", lambda watched: opening.Source(watched.name, synthetic.Live))
    app = front()
    async with running(app, (100, 30)) as pilot:
        await pilot.press("u")
        await until(pilot, lambda: isinstance(app.screen, WatchUrls))
        for line, sentence in (
            ("no-file\u202e", "neither a URL nor a file"),
            ("http://a:1/metrics ftp://user:hunter2secret@h/[red]\x1b[31m", "neither http nor https"),
        ):
            app.screen.query_one("#targets", Input).value = line
            await pilot.press("enter")
            await until(pilot, lambda sentence=sentence: sentence in " ".join(visible(pilot).split()))  # type: ignore[misc]
            below = visible(pilot).replace(line, "").partition("Cancel")[0].rpartition("--targets")[2]
            assert not any(text in below for text in ("\u202e", "\x1b", "hunter2secret"))
        app.screen.query_one("#targets", Input).value = "http://a:1/metrics  http://b:1/metrics"
        await pilot.press("enter")
        await until(pilot, lambda: app.session.latest is not None)
        assert begun == [Watched(("http://a:1/metrics", "http://b:1/metrics"))] and app.current_mode == "overview"


@pytest.mark.usefixtures("none_here")
async def test_contexts_are_listed_and_connected_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "kubeconfig"
    file.write_text(
        "{apiVersion: v1, kind: Config, current-context: prod, clusters: [{name: c, cluster: {server: 'https://x'}}],"
        " users: [{name: u, user: {}}], contexts: [{name: staging, context: {cluster: c, user: u}},"
        " {name: prod, context: {cluster: c, user: u, namespace: llm}}]}"
    )
    monkeypatch.setenv("KUBECONFIG", str(file))
    asked: list[str] = []

    def cluster(context: str) -> opening.Source:
        asked.append(context)
        return opening.Source(context, synthetic.Live)

    monkeypatch.setattr(opening, "cluster", cluster)
    app = front()
    async with running(app, (100, 30)) as pilot:
        await pilot.press("c")
        await until(pilot, lambda: "prod (current)" in visible(pilot))
        assert "staging" in visible(pilot) and "llm" in visible(pilot)
        await pilot.press("down", "enter")
        await until(pilot, lambda: app.session.latest is not None)
        assert asked == ["staging"] and app.current_mode == "overview"


def start(tmp_path: Path, script: str) -> LocalStart:
    path = tmp_path / "up.py"
    path.write_text("import signal, sys, time\n" + script)
    return LocalStart((sys.executable, "-u", str(path)))


async def begin(pilot: Any, local: LocalStart) -> list[bool | None]:
    ended: list[bool | None] = []
    pilot.app.push_screen(StartLocal(local), ended.append)
    await pilot.pause()
    return ended


async def test_a_start_shows_its_stages_and_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "why_not_local", lambda: "")
    monkeypatch.setattr(opening, "local_runs", lambda: False)
    go = tmp_path / "go"
    script = f"""
import pathlib
print("building 6 pods \\x1b[31m", file=sys.stderr)
print("starting 4 Ray nodes", file=sys.stderr)
while not pathlib.Path({str(go)!r}).exists(): time.sleep(0.01)
"""
    app = front()
    async with running(app, (100, 30)) as pilot:
        ended = await begin(pilot, start(tmp_path, script))
        await until(pilot, lambda: "starting 4 Ray nodes" in visible(pilot))
        assert "building 6 pods" in visible(pilot) and "\x1b" not in visible(pilot) and not ended
        go.touch()
        await until(pilot, lambda: ended == [True])


async def test_a_start_is_cancelled_and_waits_for_the_cleaning_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "why_not_local", lambda: "")
    monkeypatch.setattr(opening, "local_runs", lambda: False)
    script = f"""
import pathlib
try:
    print("starting 4 Ray nodes", file=sys.stderr)
    time.sleep(60)
except KeyboardInterrupt:
    pathlib.Path({str(tmp_path / "cleaned")!r}).touch()
    print("rca-tui: interrupted; the deployment that was starting is removed again", file=sys.stderr)
    sys.exit(130)
"""
    app = front()
    async with running(app, (100, 30)) as pilot:
        ended = await begin(pilot, start(tmp_path, script))
        await until(pilot, lambda: "starting 4 Ray nodes" in visible(pilot))
        await pilot.press("escape")
        await until(pilot, lambda: ended == [False])
        assert (tmp_path / "cleaned").exists()


async def test_a_start_that_fails_says_why_and_what_to_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "why_not_local", lambda: "")
    monkeypatch.setattr(opening, "local_runs", lambda: False)
    script = """
print("rca-tui: port 18000 is taken: choose another", file=sys.stderr)
print("run: rca-tui down", file=sys.stderr)
sys.exit(2)
"""
    app = front()
    async with running(app, (100, 30)) as pilot:
        ended = await begin(pilot, start(tmp_path, script))
        await until(pilot, lambda: "port 18000 is taken: choose another" in visible(pilot))
        assert "Run: rca-tui down" in visible(pilot) and "Close" in visible(pilot)
        await pilot.press("escape")
        await until(pilot, lambda: ended == [False])


async def test_what_is_live_is_saved_and_the_message_says_where(saved: Path) -> None:
    app = app_over(synthetic.Live())
    async with running(app, (120, 40)) as pilot:
        await pilot.press("S")
        await until(pilot, lambda: (saved / "recorded-01.zip").exists())
        await until(pilot, lambda: "saved as recorded-01; ctrl+o opens it" in said(app))
        assert store.load(saved / "recorded-01.zip").window.end == NOW
        assert "Save" in [command.title for command in app.get_system_commands(app.screen)]


async def test_an_injection_made_here_is_saved_also_when_the_app_is_quit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = app_over(synthetic.Live(), armed=True, engine=Engine())
    async with running(app, (120, 40)) as pilot:
        await open_faults(pilot)
        app.screen._inject(app.screen._request())  # type: ignore[attr-defined]
        await until(pilot, lambda: app.session.injection is not None and app.session.injection.state is State.ACTIVE)
        await pilot.press("X")
        await until(pilot, lambda: "recording the aftermath" in visible(pilot))
        await pilot.press("q")
        await until(pilot, lambda: app._exit)
    (path,) = (tmp_path / "state" / "rca-tui" / "incidents").iterdir()
    assert library.load_with_truth(str(path))[1] is not None


async def test_without_a_deployment_faults_are_listed_and_running_methods_says_why_not() -> None:
    def connect() -> Deployment:
        raise DeploymentError("no deployment runs on this machine")

    app = RcaApp(connect, clock=lambda: NOW)
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: isinstance(app.screen, Notice))
        assert "0 opens something else" in visible(pilot)
        await pilot.press("escape", "3")
        await until(pilot, lambda: "cpu-stress" in visible(pilot))
        assert "Reading the catalogue" not in visible(pilot) and "not available" in visible(pilot)
        await pilot.press("4", "R")
        await until(pilot, lambda: "there is no telemetry yet: no deployment runs" in said(app))
