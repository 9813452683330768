"""From an alert to the incident, the report and the notice, whatever fails in between."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from test_triage import Paged, keep, page

from cluster import paths
from cluster.alerts import parse
from cluster.deployment import Deployment, DeploymentError
from cluster.incident import library
from rca_tui import triage
from rca_tui.listen import notify, worker
from rca_tui.listen.answer import Answered, Answerer
from rca_tui.listen.inbox import MOST_TRIES, Inbox, Taken
from rca_tui.listen.keeping import Keeping
from rca_tui.listen.notify import Notice, Notifier, NotifyError
from rca_tui.listen.worker import Worker
from rca_tui.report import files
from tests.cluster.http_server import Handler, server


class Listener:
    """A listener's worker over a made-up deployment, run by hand."""

    def __init__(self, state: Path) -> None:
        self.deployment: Deployment | Exception = Paged()
        self.answered: list[Answered] = []
        self.troubles: list[str] = []
        self.stop = threading.Event()
        self.inbox = Inbox(state / "inbox.json")
        self.rehearsal: str | None = None
        self.notifier: Notifier | None = None
        self.state = state

    @contextmanager
    def connect(self) -> Iterator[Deployment]:
        if isinstance(self.deployment, Exception):
            raise self.deployment
        yield self.deployment

    def take(self, payload: str) -> Taken:
        return self.inbox.take(parse(payload), payload, 0.0)

    def run(self) -> None:
        """Answer until nothing waits."""
        keeping = Keeping(self.state / "made.json")
        answerer = Answerer(self.inbox, keeping, self.connect, self.rehearsal, self.stop)
        told, trouble = self.answered.append, self.troubles.append
        work = Worker(self.inbox, keeping, answerer, self.notifier, told, trouble, self.stop)
        work.wake.wait = lambda timeout=None: self.stop.set() or True  # type: ignore[method-assign, func-returns-value]
        work.run()


class Recorder(list[Any]):
    """A list that also notes when something was added."""

    def __init__(self, events: list[str], name: str) -> None:
        super().__init__()
        self.events, self.name = events, name

    def append(self, item: Any) -> None:
        super().append(item)
        self.events.append(self.name)


@pytest.fixture
def listener(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Listener:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setattr(worker, "AGAIN", 0.0)
    keep(monkeypatch, triage.FIRST)
    return Listener(paths.listener())


def reports() -> list[Path]:
    return sorted(paths.reports().iterdir()) if paths.reports().is_dir() else []


def saved() -> list[str]:
    return [listing.name for listing in library.listings() if not listing.shipped]


def fired(listener: Listener, **labels: str) -> str:
    assert isinstance(listener.deployment, Paged)
    return page(listener.deployment.onset + 330, **labels)


def test_an_alert_becomes_an_incident_and_a_report(listener: Listener) -> None:
    assert listener.take(fired(listener, pod="replica-1")) is Taken.NEW
    listener.run()
    assert listener.troubles == []
    (answered,) = listener.answered
    assert answered.triage.verdict.named == ("replica-1",)
    assert saved() == [answered.incident]
    assert answered.incident.startswith("alert-20")
    (report,) = reports()
    assert report == answered.report
    text = report.read_text()
    assert "the alert GatewaySlow fires" in text
    document = answered.as_json()
    assert set(document) >= {"alert", "report", "incident", "onset", "seconds", "verdict", "methods"}
    assert "The alert GatewaySlow is about replica-1." in document["verdict"]["for"]
    assert listener.inbox.waiting == 0


def test_a_listener_that_was_stopped_goes_on_with_the_saved_incident(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener.take(fired(listener))
    refine = triage.refine

    def stopped(first: triage.Triage, **options: Any) -> Any:
        listener.stop.set()
        return refine(first, **options)

    with monkeypatch.context() as patch:
        patch.setattr(triage, "refine", stopped)
        listener.run()
    assert (len(saved()), reports(), listener.answered) == (1, [], [])
    again = Listener(listener.state)
    again.deployment = DeploymentError("it is gone")
    again.run()
    assert again.troubles == []
    assert [answered.incident for answered in again.answered] == saved()
    assert again.answered[0].triage.verdict.named == ("replica-1",)


def test_what_cannot_be_answered_is_tried_again_and_given_up(listener: Listener) -> None:
    payload = fired(listener)
    listener.deployment = DeploymentError("Prometheus does not answer")
    listener.take(payload)
    listener.take(json.dumps({**json.loads(payload), "groupKey": "another"}))
    listener.run()
    assert [sentence.count("Prometheus does not answer") for sentence in listener.troubles] == [1] * 2 * MOST_TRIES
    assert listener.troubles[-1].startswith("an alert was not answered, given up")
    assert listener.inbox.waiting == 0


def test_an_alert_that_fails_does_not_hold_up_the_next_one(listener: Listener) -> None:
    ahead = page(9e9)
    assert listener.take(ahead) is Taken.NEW
    listener.take(json.dumps({**json.loads(fired(listener)), "groupKey": "another"}))
    events: list[str] = []
    listener.troubles = Recorder(events, "failed")
    listener.answered = Recorder(events, "answered")
    listener.run()
    assert events == ["failed", "answered", "failed", "failed"]


def test_what_ends_the_process_each_time_is_given_up(listener: Listener) -> None:
    listener.take(fired(listener))
    for _ in range(MOST_TRIES):
        Inbox(listener.state / "inbox.json").begin()
    again = Listener(listener.state)
    again.run()
    assert (again.answered, saved()) == ([], [])
    assert "the listener ended 3 times" in again.troubles[0]


def test_a_defect_does_not_end_the_listener(listener: Listener) -> None:
    payload = fired(listener)
    good, listener.deployment = listener.deployment, ZeroDivisionError("division by zero")
    listener.take(payload)
    listener.run()
    assert "ZeroDivisionError" in listener.troubles[0]
    listener.deployment = good
    listener.stop.clear()
    listener.take(json.dumps({**json.loads(payload), "groupKey": "another"}))
    listener.run()
    assert len(listener.answered) == 1


def test_a_disk_that_is_full_for_the_report_leaves_nothing_half_written(
    listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener.take(fired(listener))
    calls: list[int] = []

    def full(descriptor: int) -> None:
        calls.append(descriptor)
        raise OSError(28, "No space left on device")

    write = files.write

    def once(text: str, path: Path) -> None:
        with monkeypatch.context() as patch:
            if not calls:
                patch.setattr(files.os, "fsync", full)
            write(text, path)

    monkeypatch.setattr(files, "write", once)
    listener.run()
    assert "No space left on device" in listener.troubles[0]
    assert len(listener.answered) == 1  # by the second try, on the incident that was saved by the first
    assert (len(saved()), len(reports())) == (1, 1)


HOSTILE = "<script>alert(1)</script>\x1b[31m\u202e\ud800$(touch owned); <!channel> \U0001f525"


def test_a_rehearsal_answers_on_a_saved_incident_and_hostile_alerts_stay_text(
    listener: Listener, tmp_path: Path
) -> None:
    listener.rehearsal = "drill-05"
    window = library.load("drill-05").window
    out = tmp_path / "told.json"
    code = "import sys; open(sys.argv[1], 'w').write(sys.stdin.read())"
    listener.notifier = Notifier(f"{sys.executable} -c {json.dumps(code)} {out}")
    listener.take(page(window.start + 180, alertname=HOSTILE, component=HOSTILE))
    listener.run()
    assert listener.troubles == []
    assert saved() == []
    text = reports()[0].read_text()
    assert "<script" not in text
    assert not {"\x1b", "\u202e"} & set(text)
    told = json.loads(out.read_text())["text"]
    assert "&lt;!channel&gt;" in told
    assert "<" not in told
    assert not {"\x1b", "\u202e", "\ud800"} & set(told)
    assert not (tmp_path / "owned").exists()


NOTICE = Notice("Slow", "replica-1, strong: a < b & c", "alert-01", Path("/reports/alert-01-01.html"))


def test_an_address_gets_what_slack_takes() -> None:
    posted: list[tuple[str, Any]] = []

    def answering(handler: Handler) -> None:
        body = json.loads(handler.rfile.read(int(handler.headers["Content-Length"])))
        posted.append((handler.headers["Content-Type"], body))
        handler.send_response(204)  # as Discord does
        handler.end_headers()

    with server(answering) as url:
        Notifier(f"{url}/hook/secret?x=y").tell(NOTICE)
    ((kind, body),) = posted
    assert kind == "application/json"
    text = "Slow: replica-1, strong: a &lt; b &amp; c\nincident alert-01, report alert-01-01.html"
    assert body == {"text": text}


@pytest.mark.parametrize("status", [302, 404, 500])
def test_a_refusal_is_a_sentence_without_the_address(status: int) -> None:
    with server(lambda handler: handler.reply(status, b"no")) as url, pytest.raises(NotifyError) as error:
        Notifier(f"{url}/hook/secret").tell(NOTICE)
    assert f"HTTP {status}" in str(error.value)
    assert "secret" not in str(error.value)


def test_a_template_is_filled_inside_its_strings_only(tmp_path: Path) -> None:
    template = tmp_path / "discord.json"
    template.write_text('{"content": "$alert: $headline ($$)", "embeds": [{"title": "${incident}", "color": 3}]}')
    out = tmp_path / "out"
    code = "import sys, os; print(sys.stdin.read(), os.environ['RCA_TUI_INCIDENT'], file=open(sys.argv[1], 'w'))"
    quoted = Notice('"}', "x", "alert-01", Path("r"))
    Notifier(f"{sys.executable} -c {json.dumps(code)} {out}", template).tell(quoted)
    body, _, incident = out.read_text().strip().rpartition(" ")
    assert json.loads(body) == {"content": '"}: x ($)', "embeds": [{"title": "alert-01", "color": 3}]}
    assert incident == "alert-01"


@pytest.mark.parametrize(
    ("text", "says"),
    [("{", "cannot be used"), ('{"a": "$nobody"}', "unknown $nobody"), ('{"a": "$"}', "cannot be used")],
)
def test_a_template_that_cannot_be_used_is_refused_at_the_start(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "t.json").write_text(text)
    with pytest.raises(NotifyError) as error:
        Notifier("true", tmp_path / "t.json")
    assert says in str(error.value)


def run_code(code: str) -> Callable[[], None]:
    return lambda: Notifier(f"{sys.executable} -c {json.dumps(code)}").tell(NOTICE)


def test_a_command_that_fails_or_hangs_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(notify.TOKEN, "s3cret")
    run_code("import os, sys; sys.exit('RCA_TUI_TOKEN' in os.environ)")()  # it is started without the token
    with pytest.raises(NotifyError, match="exit code 3"):
        run_code("raise SystemExit(3)")()
    run_code("import os; os.close(0)")()  # it need not read
    monkeypatch.setattr(notify, "TIMEOUT", 0.5)
    with pytest.raises(NotifyError, match="was stopped"):
        run_code("import subprocess; subprocess.run(['sleep', '60'])")()


@pytest.mark.parametrize("target", ["", "no-such-program-anywhere", "'", "http://", "https://[/", "http://a:0/"])
def test_what_can_never_be_told_is_refused_at_the_start(target: str) -> None:
    with pytest.raises(NotifyError):
        Notifier(target)
