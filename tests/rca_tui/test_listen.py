"""What the listener keeps: alerts once, across restarts, and a bounded part of the disk, of its own files alone."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from cluster import paths
from cluster.alerts import Alert, AlertGroup, parse
from rca_tui.listen import disk, inbox
from rca_tui.listen.disk import StateError
from rca_tui.listen.inbox import Inbox, Taken
from rca_tui.listen.keeping import PIN, Keeping

GROUP = parse(b'{"groupKey": "a", "alerts": [{"labels": {"alertname": "Slow"}, "startsAt": "2023-11-14T22:13:20Z"}]}')
FIRST = GROUP.alerts[0]


def group(*alerts: Alert, key: str = "a") -> AlertGroup:
    return AlertGroup(key, alerts)


def numbered(number: int) -> AlertGroup:
    return group(dataclasses.replace(FIRST, fingerprint=str(number)))


def test_an_alert_is_taken_once_and_survives_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "state" / "inbox.json"
    assert Inbox(path).take(GROUP, "payload", 0.0) is Taken.NEW
    again = Inbox(path)
    assert again.take(GROUP, "payload", 1.0) is Taken.KNOWN
    waiting = again.begin()
    assert waiting is not None
    assert (waiting.payload, waiting.tries, waiting.incident) == ("payload", 1, None)
    again.saved(waiting.key, "alert-01")
    after = Inbox(path).begin()
    assert after is not None
    assert (after.tries, after.incident) == (2, "alert-01")
    again.done(waiting.key)
    last = Inbox(path)
    assert last.begin() is None
    assert last.take(GROUP, "payload", 2.0) is Taken.KNOWN


@pytest.mark.parametrize(
    "other",
    [
        group(dataclasses.replace(FIRST, starts=FIRST.starts + 0.001)),
        group(dataclasses.replace(FIRST, fingerprint="b")),
        group(dataclasses.replace(FIRST, labels={"alertname": "Slow", "pod": "a"})),
        group(FIRST, key="b"),
    ],
    ids=["began later", "another fingerprint", "other labels", "another group"],
)
def test_an_alert_is_its_group_its_fingerprint_and_its_beginning(tmp_path: Path, other: AlertGroup) -> None:
    box = Inbox(tmp_path / "inbox.json")
    assert box.take(GROUP, "", 0.0) is Taken.NEW
    assert box.take(other, "", 0.0) is Taken.NEW


def test_an_alert_that_joins_a_known_one_is_the_same_incident(tmp_path: Path) -> None:
    box = Inbox(tmp_path / "inbox.json")
    second, third = (dataclasses.replace(FIRST, fingerprint=name) for name in "bc")
    box.take(GROUP, "one", 0.0)
    assert box.take(group(FIRST, second), "two", 1.0) is Taken.KNOWN
    waiting = box.begin()
    assert waiting is not None
    assert waiting.payload == "two"
    box.take(group(second, third), "three", 2.0)
    box.done(waiting.key)
    assert box.begin() is None
    for known in (FIRST, second, third):
        assert box.take(group(known), "", 3.0) is Taken.KNOWN


def test_two_alerts_of_one_second_are_two_incidents(tmp_path: Path) -> None:
    box = Inbox(tmp_path / "inbox.json")
    assert {box.take(numbered(number), "", 0.0) for number in range(2)} == {Taken.NEW}
    assert box.waiting == 2


def test_what_has_ended_is_no_incident(tmp_path: Path) -> None:
    box = Inbox(tmp_path / "inbox.json")
    ended = dataclasses.replace(FIRST, ends=FIRST.starts + 1, active=False)
    assert box.take(group(ended), "", 0.0) is Taken.ENDED
    assert not (tmp_path / "inbox.json").exists()


def test_what_waits_and_what_comes_in_an_hour_is_bounded(tmp_path: Path) -> None:
    path = tmp_path / "inbox.json"
    box = Inbox(path)
    for number in range(inbox.MOST_WAITING):
        box.take(numbered(number), "", 0.0)
    assert box.take(numbered(99), "", 0.0) is Taken.FULL
    while waiting := box.begin():
        box.done(waiting.key)
    for number in range(inbox.MOST_WAITING, inbox.MOST_AN_HOUR):
        box.take(numbered(number), "", 0.0)
    again = Inbox(path)  # a restart is no way around it
    assert again.take(numbered(99), "", 0.0) is Taken.TOO_OFTEN
    assert again.take(numbered(99), "", 3600.0) is Taken.NEW


def test_a_clock_that_was_set_back_stops_nothing(tmp_path: Path) -> None:
    box = Inbox(tmp_path / "inbox.json")
    for number in range(inbox.MOST_WAITING):
        box.take(numbered(number), "", 1e9)
    while waiting := box.begin():
        box.done(waiting.key)
    for number in range(50, 60):
        assert box.take(numbered(number), "", 0.0) is Taken.NEW


def test_what_cannot_be_written_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    box = Inbox(tmp_path / "inbox.json")

    def full(path: Path, value: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(disk, "write", full)
        with pytest.raises(OSError, match="No space"):
            box.take(GROUP, "", 0.0)
    assert box.begin() is None
    assert box.take(GROUP, "", 0.0) is Taken.NEW


@pytest.mark.parametrize("text", ["", "{", "[]", '{"seen": 1}', '{"waiting": [{}]}', "\ud800"])
def test_a_state_that_cannot_be_read_is_one_sentence_and_stays(tmp_path: Path, text: str) -> None:
    path = tmp_path / "state.json"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    with pytest.raises(StateError, match="cannot be read"):
        Inbox(path)
    assert path.read_bytes() == text.encode("utf-8", "surrogatepass")


def test_a_state_that_others_can_write_is_not_acted_on(kept: Keeping, tmp_path: Path) -> None:
    (tmp_path / "made.json").chmod(0o666)
    with pytest.raises(StateError, match="written by every user"):
        Keeping(tmp_path / "made.json")


def test_a_link_in_the_state_folder_leads_to_no_other_file(tmp_path: Path) -> None:
    other, folder = tmp_path / "other", tmp_path / "listener"
    other.write_text("precious")
    folder.mkdir()
    (folder / ".inbox.json.part").symlink_to(other)
    Inbox(folder / "inbox.json").take(GROUP, "", 0.0)
    assert not (folder / "inbox.json").is_symlink()
    (folder / "lock").symlink_to(other)
    with pytest.raises(OSError, match="lock"), disk.locked(folder):
        pass
    assert other.read_text() == "precious"


def test_one_listener_at_a_time(tmp_path: Path) -> None:
    with disk.locked(tmp_path), pytest.raises(StateError, match="another listener"), disk.locked(tmp_path):
        pass
    with disk.locked(tmp_path):
        pass


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Keeping:
    """Four incidents of 10 bytes, each with a report of 5."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    for folder in (paths.incidents(), paths.reports()):
        folder.mkdir(parents=True)
    keeping = Keeping(tmp_path / "made.json")
    for number in range(4):
        for path, size in ((saved(number), 10), (reported(number), 5)):
            path.write_bytes(b"x" * size)
            keeping.add(f"alert-{number}", path)
    return keeping


def saved(number: int) -> Path:
    return paths.incidents() / f"alert-{number}.zip"


def reported(number: int) -> Path:
    return paths.reports() / f"alert-{number}-01.html"


def test_the_oldest_go_first_with_their_reports(kept: Keeping) -> None:
    assert kept.make_room(4, 60) == ()
    assert kept.make_room(4, 59) == ("alert-0",)
    assert kept.make_room(2, 60) == ("alert-1",)
    assert (
        [saved(n).exists() for n in range(4)] == [reported(n).exists() for n in range(4)] == [False, False, True, True]
    )
    assert kept.make_room(0, 0) == ("alert-2",)  # the newest stays


def test_pinned_ones_stay(kept: Keeping) -> None:
    saved(0).with_name(saved(0).name + PIN).touch()
    assert kept.make_room(2, 60) == ("alert-1", "alert-2")
    assert reported(0).exists()


def test_only_files_that_the_listener_made_are_removed(kept: Keeping, tmp_path: Path) -> None:
    others = paths.incidents() / "alert-9.zip"
    others.write_bytes(b"x")
    saved(0).write_bytes(b"somebody's own")  # under a name that was the listener's
    target = tmp_path / "precious"
    target.write_bytes(b"x" * 10)
    saved(1).unlink()
    saved(1).symlink_to(target)
    again = Keeping(tmp_path / "made.json")  # after a restart
    assert again.make_room(1, 0) == ("alert-0", "alert-1", "alert-2")
    assert (others.exists(), saved(0).exists(), target.exists(), saved(1).is_symlink()) == (True, True, True, True)
    assert (reported(0).exists(), reported(1).exists(), saved(2).exists()) == (False, False, False)
