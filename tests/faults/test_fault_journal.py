"""The journal: what it says after crashes, full disks and other people's files."""

from __future__ import annotations

import errno
import json
import os
import stat
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from faults import clock, recover
from faults.errors import JournalError
from faults.journal import SUFFIX, Header, IllegalTransition, Journal, journals, planning
from faults.states import State, may_follow
from faults.types import Plan
from faults.undo import Undo

ID = "20260101T000000-00000001"
PLAN = Plan(ID, "fake-fault", "head", ("head",), ("head",), {"head": "1"}, {"size": 1}, ("it",), "undo it")


def header(injection: str = ID) -> Header:
    return Header(
        injection,
        "fake",
        "f",
        "first",
        "fake-fault",
        "head",
        PLAN.as_json() | {"injection": injection},
        10.0,
        (1, 1),
        {},
    )


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal.create(header(), tmp_path / "journal")


def arm(journal: Journal) -> None:
    journal.advance(State.ARMED, data={"deadline": clock.now().after(10).seconds})


def test_what_is_written_is_what_is_read(journal: Journal) -> None:
    arm(journal)
    journal.advance(State.INJECTING)
    step = journal.advance(State.ACTIVE, "there\x1b[31m it is")
    record = journal.read()
    assert Plan.from_json(record.header.plan) == PLAN
    assert [one.state for one in record.steps] == [State.PLANNED, State.ARMED, State.INJECTING, State.ACTIVE]
    assert record.injected_at == step.wall
    assert record.detail == "there [31m it is"
    assert record.deadline is not None
    assert 0 < record.deadline.remaining() <= 10
    assert record.reverted_at is None


def test_it_is_on_disk_and_nobody_elses(tmp_path: Path) -> None:
    synced: list[str] = []

    def fsync(descriptor: int) -> None:
        mode = os.fstat(descriptor).st_mode
        synced.append("folder" if stat.S_ISDIR(mode) else "file")

    with mock.patch.object(os, "fsync", fsync):
        journal = Journal.create(header(), tmp_path / "journal")
        assert synced == ["file", "folder"]
        arm(journal)
        assert synced == ["file", "folder", "file"]
    assert stat.S_IMODE(journal.path.stat().st_mode) == 0o600
    assert stat.S_IMODE(journal.path.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("forged", ["mode", "folder", "link", "owner", "another plan"])
def test_a_journal_that_others_can_have_written_is_not_acted_on(journal: Journal, tmp_path: Path, forged: str) -> None:
    arm(journal)
    journal.advance(State.INJECTING)
    match forged:
        case "mode":
            journal.path.chmod(0o666)
        case "folder":
            journal.path.parent.chmod(0o777)
        case "link":
            journal.path.symlink_to(journal.path.rename(tmp_path / "elsewhere"))
        case "owner":
            if os.geteuid() != 0:
                pytest.skip("only root gives files away")
            os.chown(journal.path, 65534, 65534)
        case "another plan":
            other = "20260101T000000-00000002"
            journal.path.write_text(
                journal.path.read_text().replace(f'"plan": {{"injection": "{ID}', f'"plan": {{"injection": "{other}')
            )

    def connect(header: Header) -> None:
        raise AssertionError("it was acted on")

    with pytest.raises(JournalError, match="undo by hand"):
        journal.read()
    (outcome,) = recover.recover(folder=journal.path.parent, undo=Undo(connect=connect))
    assert outcome.state is State.STUCK


@pytest.mark.parametrize("kind", ["pipe", "folder", "link to itself", "link to nothing"])
def test_what_stands_in_the_place_of_a_journal_is_told(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"20260101T000000-00000001; reboot{SUFFIX}"
    match kind:
        case "pipe":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "link to itself":
            path.symlink_to(path)
        case "link to nothing":
            path.symlink_to(tmp_path / "nothing")
    (outcome,) = recover.recover(folder=tmp_path)
    assert outcome.state is State.STUCK and str(path) in outcome.detail
    assert outcome.command in (f"rm '{path}'", "repair it, then rca-tui recover")


@pytest.mark.parametrize("state", list(State))
def test_only_legal_steps_are_written(journal: Journal, state: State) -> None:
    content = journal.path.read_bytes()
    if may_follow(State.PLANNED, state):
        journal.advance(state, data={"deadline": 1.0})
        assert journal.read().state is state
    else:
        with pytest.raises(IllegalTransition):
            journal.advance(state, data={"deadline": 1.0})
        assert journal.path.read_bytes() == content


def test_recovered_is_the_end_and_everything_else_can_be_reverted() -> None:
    assert not any(may_follow(State.RECOVERED, state) for state in State)
    assert all(may_follow(state, State.REVERTING) for state in State if state is not State.RECOVERED)


@given(cut=st.integers(1, 200))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
def test_a_torn_last_line_does_not_count_and_is_written_over(tmp_path: Path, cut: int) -> None:
    with mock.patch.object(os, "fsync"):
        journal = Journal.create(header(f"20260101T000000-{cut:08x}"), tmp_path / "journal")
        arm(journal)
        whole = journal.path.read_bytes()
        last = whole.splitlines(keepends=True)[-1]
        journal.path.write_bytes(whole[: -min(cut, len(last) - 1)])
        assert journal.read().state is State.PLANNED
        arm(journal)
        assert [step.state for step in journal.read().steps] == [State.PLANNED, State.ARMED]
        journal.path.unlink()


def test_a_full_disk_refuses_the_plan_and_leaves_no_file(tmp_path: Path) -> None:
    full = OSError(errno.ENOSPC, "No space left on device")
    with mock.patch.object(os, "write", side_effect=full), pytest.raises(JournalError, match="No space left"):
        Journal.create(header(), tmp_path / "journal")
    assert journals(tmp_path / "journal") == []
    assert list((tmp_path / "journal").iterdir()) == []


def test_a_line_that_fits_only_in_part_is_taken_back(journal: Journal) -> None:
    content = journal.path.read_bytes()
    real = os.write
    with (
        mock.patch.object(os, "write", lambda descriptor, line: real(descriptor, line[:20])),
        pytest.raises(JournalError, match="full"),
    ):
        arm(journal)
    assert journal.path.read_bytes() == content


def _line(**change: object) -> bytes:
    step: dict[str, object] = {"state": "PLANNED", "wall": 1.0, "clock": 1.0, "boot": "b", "detail": ""}
    data = {"schema": 1, "injection": ID, "kind": "k", "name": "n", "instance": "i", "fault": "f", "target": "t"}
    step["data"] = data | {"plan": {}, "seconds": 1, "owner": [1, 1], "sli": {}}
    return json.dumps(step | change).encode() + b"\n"


@pytest.mark.parametrize(
    "content",
    [
        b"\n",
        b"not json\n",
        b"[]\n",
        b"\xff\xfe\n",
        b"[" * 100_000 + b"\n",
        b"{" * 2_000_000,
        _line(wall="x"),
        _line(clock=float("nan")),
        _line(wall=1e999),
        _line(state="BROKEN"),
        _line(state="ACTIVE"),
        _line(detail="\x1b[2J"),
        _line(data=[]),
        _line(data={"schema": 2}),
        _line(data={"schema": 1}),
        _line() + _line(),
        _line() + _line(state="ARMED", data={}),
        _line() + b"garbage\n" + _line(state="REVERTING", data={}),
    ],
    ids=range(18),
)
def test_a_file_that_is_not_ours_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / f"{ID}.jsonl"
    path.write_bytes(content)
    with pytest.raises(JournalError) as caught:
        Journal(path).read()
    assert str(path) in str(caught.value)
    assert str(caught.value).isprintable()
    assert [record for _, record in recover.pending(tmp_path)] == [None] * len(journals(tmp_path))
    for undone in recover.recover(folder=tmp_path, undo=Undo()):
        assert (undone.state, undone.clean) == (State.STUCK, False)
        assert undone.command


@given(raw=st.binary(max_size=300))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)
def test_any_bytes_are_read_or_refused(tmp_path: Path, raw: bytes) -> None:
    path = tmp_path / f"{ID}.jsonl"
    path.write_bytes(_line() + raw)
    try:
        assert Journal(path).read().steps[0].state is State.PLANNED
    except JournalError as error:
        assert str(error).isprintable()


@pytest.mark.parametrize("mac", ["\ud800", "", 7, None, []])
def test_a_forged_code_is_not_genuine(journal: Journal, mac: object) -> None:
    assert journal.read().genuine
    line = json.loads(journal.path.read_text())
    line["data"]["mac"] = mac
    journal.path.write_text(json.dumps(line) + "\n")
    assert not journal.read().genuine


def test_a_journal_under_another_name_is_refused(journal: Journal) -> None:
    other = journal.path.with_name("20260101T000000-00000002.jsonl")
    journal.path.rename(other)
    with pytest.raises(JournalError, match="another injection"):
        Journal(other).read()


def test_a_plan_that_was_never_acknowledged_is_no_injection(tmp_path: Path) -> None:
    (tmp_path / f"{ID}.jsonl").write_bytes(_line()[:50])
    assert journals(tmp_path) == []


@pytest.mark.parametrize("change", [{"injection": "../x"}, {"components": 3}, {"undo": "rm \x1b[2J"}, {"plan": None}])
def test_a_hostile_plan_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(JournalError):
        Plan.from_json({} if "plan" in change else PLAN.as_json() | change)


def test_one_holds_the_lock(journal: Journal) -> None:
    with journal.locked(0) as first, Journal(journal.path).locked(0.05) as second:
        assert (first, second) == (True, False)
    with journal.locked(0) as again:
        assert again


def test_one_plans_at_a_time(tmp_path: Path) -> None:
    with planning(tmp_path), pytest.raises(JournalError, match="another injection"), planning(tmp_path, patience=0.05):
        pass


def test_a_deadline_of_an_earlier_boot_is_past(journal: Journal) -> None:
    arm(journal)
    text = journal.path.read_text()
    now = clock.now().seconds
    for line in text.splitlines():
        step = json.loads(line)
        text = text.replace(f'"clock": {step["clock"]}', f'"clock": {now + 500}')
        if "deadline" in step["data"]:
            text = text.replace(f'"deadline": {step["data"]["deadline"]}', f'"deadline": {now + 510}')
    journal.path.write_text(text)
    deadline = journal.read().deadline
    assert deadline is not None
    assert deadline.remaining() < 0


def test_a_journal_of_a_version_that_named_the_boot_by_its_id_keeps_its_deadline(journal: Journal) -> None:
    arm(journal)
    boot = json.loads(journal.path.read_text().splitlines()[0])["boot"]
    journal.path.write_text(journal.path.read_text().replace(boot, "2c63b1f4-6c1b-4f1e-9d3c-0a8a34f3d2b1"))
    deadline = journal.read().deadline
    assert deadline is not None
    assert 0 < deadline.remaining() <= 10
