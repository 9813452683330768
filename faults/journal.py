"""One append-only file per injection: intent, prior values, how to undo it, and each step.

A file is JSON lines under `cluster.paths.journal()`, one line a step, on disk (fsync) before the step is taken. The
first line is the plan. A last line without a line end was cut off by a crash: it was never acknowledged and is ignored.
"""

from __future__ import annotations

import contextlib
import fcntl
import hmac
import itertools
import json
import math
import os
import stat
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cluster import host_key, own_files, paths
from cluster.text.quantities import quantity
from faults import clock
from faults.clock import Moment
from faults.errors import JournalError
from faults.states import State, may_follow

SCHEMA = 1
MAX_BYTES = 1_000_000
SUFFIX = ".jsonl"


class IllegalTransition(JournalError):
    """The state on disk does not allow that step: another process has taken the injection over."""


@dataclass(frozen=True, slots=True)
class Header:
    """What stays the same over the life of an injection.

    Attributes:
        kind, name, instance: of the deployment; an injection is only ever undone on that instance.
        fault, target, plan: catalogue name, component id, and `faults.types.Plan.as_json()`.
        seconds: how long it may stay active.
        owner: `faults.owner.Owner` as a pair: the process that injects.
        sli: `faults.steady.Level` before the injection as JSON; healthy is measured against it.
    """

    injection: str
    kind: str
    name: str
    instance: str
    fault: str
    target: str
    plan: Mapping[str, Any]
    seconds: float
    owner: tuple[int, int]
    sli: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Step:
    """One line: the state entered, when (unix seconds, and the moment on the clock of its boot), and why."""

    state: State
    wall: float
    moment: Moment
    detail: str
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Record:
    """The content of a journal. `genuine`: its plan was written with this user's key (`cluster.host_key`)."""

    header: Header
    steps: tuple[Step, ...]
    genuine: bool

    @property
    def state(self) -> State:
        return self.steps[-1].state

    @property
    def detail(self) -> str:
        return self.steps[-1].detail

    @property
    def touched(self) -> bool:
        """Whether the target may have been touched."""
        return any(step.state is State.INJECTING for step in self.steps)

    @property
    def deadline(self) -> Moment | None:
        """When the watchdog reverts at the latest; None before it is armed."""
        for step in self.steps:
            if step.state is State.ARMED:
                # A clock that shows less than then belongs to a later boot. The wall clock is not asked: it may be set.
                booted_since = step.moment.remaining() > 0
                return Moment(-math.inf) if booted_since else Moment(float(step.data["deadline"]))
        return None

    @property
    def injected_at(self) -> float | None:
        """Unix seconds at which the fault was read back as present."""
        return next((step.wall for step in self.steps if step.state is State.ACTIVE), None)

    @property
    def reverted_at(self) -> float | None:
        """Unix seconds at which the target was first read back as clean."""
        return next((step.wall for step in self.steps if step.data.get("clean") is True), None)

    @property
    def unreachable(self) -> bool:
        """Whether it is STUCK only because the deployment could not be reached: an outage may pass."""
        return self.state is State.STUCK and self.steps[-1].data.get("outage") is True

    @property
    def pending(self) -> bool:
        return self.state is not State.RECOVERED


class Journal:
    """The file of one injection. A process that touches the target holds `locked()`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, header: Header, folder: Path | None = None) -> Journal:
        """A new journal in state PLANNED, on disk. Raises JournalError when it cannot be written."""
        folder = paths.journal() if folder is None else folder
        journal = cls(folder / f"{header.injection}{SUFFIX}")
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(journal.path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
            try:
                data = {"schema": SCHEMA} | asdict(header)
                _write(descriptor, _line(State.PLANNED, "", data | {"mac": _mac(header, make=True)}))
            finally:
                os.close(descriptor)
            _sync_folder(folder)
        except OSError as error:
            with contextlib.suppress(OSError):
                journal.path.unlink()
            raise JournalError(f"cannot write the journal {journal.path}: {error.strerror or error}") from error
        return journal

    @property
    def id(self) -> str:
        return self.path.name.removesuffix(SUFFIX)

    def read(self) -> Record:
        """Its record. Raises JournalError for a file that is no journal of ours."""
        raw = _contents(self.path)
        lines = raw[: raw.rfind(b"\n") + 1].splitlines()
        if not lines:
            raise JournalError(f"the journal {self.path} is empty; delete it if nothing of it is left")
        try:
            parsed = [_parse(line) for line in lines]
            header = _header(parsed[0])
            steps = tuple(_step(data) for data in parsed)
            if steps[0].state is not State.PLANNED:
                raise ValueError("it does not begin with a plan")
            for before, after in itertools.pairwise(steps):
                if not may_follow(before.state, after.state):
                    raise ValueError(f"{after.state} cannot follow {before.state}")
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
            raise JournalError(f"the journal {self.path} is damaged ({reason}): undo by hand, then delete it") from None
        if header.injection != self.id or header.plan.get("injection") != self.id:
            raise JournalError(f"the journal {self.path} belongs to another injection: undo by hand, then delete it")
        return Record(header, steps, _genuine(header, parsed[0]["data"].get("mac")))

    def advance(self, state: State, detail: str = "", data: Mapping[str, Any] | None = None) -> Step:
        """Append a step and sync it. Raises IllegalTransition, or JournalError when it cannot be written."""
        current = self.read().state
        if not may_follow(current, state):
            raise IllegalTransition(f"injection {self.id} is {current}, it cannot become {state}")
        line = _line(state, detail, dict(data or {}))
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW)
            try:
                _drop_torn_line(descriptor)
                _write(descriptor, line)
            finally:
                os.close(descriptor)
        except OSError as error:
            raise JournalError(f"cannot write the journal {self.path}: {error.strerror or error}") from error
        return _step(_parse(line))

    @contextlib.contextmanager
    def locked(self, patience: float) -> Iterator[bool]:
        """Hold the right to touch the target. Yields False when another process kept it for `patience` seconds.

        The kernel drops the lock with the process that holds it. `flock` is no part of POSIX; Linux and macOS both
        have it from BSD, and this needs no more of it than what they share: it belongs to the open file.
        """
        descriptor = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)  # a pipe would have it wait for a writer
        try:
            yield _lock(descriptor, patience)
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def planning(folder: Path | None = None, patience: float = 10.0) -> Iterator[None]:
    """Only one process at a time checks for other faults and writes a new plan. Raises JournalError."""
    folder = paths.journal() if folder is None else folder
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(folder / "planning.lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise JournalError(f"cannot write to the journal folder {folder}: {error.strerror or error}") from error
    try:
        if not _lock(descriptor, patience):
            raise JournalError("another injection is being planned right now; try again when it is")
        yield
    finally:
        os.close(descriptor)


def journals(folder: Path | None = None) -> list[Journal]:
    """All journals, oldest first. Files without one whole line are left out: their plan was never acknowledged.

    What is no file, such as a link, a pipe or a folder, may stand in the place of one: reading it reports what it is.
    """
    folder = paths.journal() if folder is None else folder
    return [Journal(path) for path in sorted(folder.glob(f"*{SUFFIX}")) if _begun(path)]


def _begun(path: Path) -> bool:
    try:
        if not stat.S_ISREG(path.lstat().st_mode):
            return True
        with path.open("rb") as file:
            line = file.readline(MAX_BYTES)
            return line.endswith(b"\n") or len(line) == MAX_BYTES
    except OSError:
        return True  # it may be a journal: reading it reports why it cannot be read


def _lock(descriptor: int, patience: float) -> bool:
    until = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                return False
            time.sleep(0.05)
        else:
            return True


def _line(state: State, detail: str, data: Mapping[str, Any]) -> bytes:
    step = {"state": state, "wall": time.time(), "clock": clock.now().seconds, "boot": clock.boot()}
    return json.dumps(step | {"detail": _printable(detail), "data": data}, allow_nan=False).encode() + b"\n"


def _write(descriptor: int, line: bytes) -> None:
    """All of the line or none of it, on disk."""
    size = os.fstat(descriptor).st_size
    try:
        if os.write(descriptor, line) != len(line):
            raise OSError("only a part of the line could be written: is the disk full?")
        os.fsync(descriptor)
    except OSError:
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, size)
        raise


def _drop_torn_line(descriptor: int) -> None:
    size = os.fstat(descriptor).st_size
    content = os.pread(descriptor, min(size, MAX_BYTES), 0)
    if len(content) == size and not content.endswith(b"\n"):
        os.ftruncate(descriptor, content.rfind(b"\n") + 1)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _contents(path: Path) -> bytes:
    try:
        raw = own_files.read(path, MAX_BYTES + 1)
    except own_files.NotOurs as error:
        raise JournalError(f"{error}, so the journal is not acted on: undo by hand, then delete it") from error
    except OSError as error:
        raise JournalError(f"cannot read the journal {path}: {error.strerror or error}") from error
    if len(raw) > MAX_BYTES:
        most = quantity(MAX_BYTES, "bytes")
        raise JournalError(f"{path} is larger than {most}, so it is no journal: undo by hand, then delete it")
    return raw


def _parse(line: bytes) -> dict[str, Any]:
    data = json.loads(line.decode(), parse_constant=_no_constant)
    if not isinstance(data, dict):
        raise ValueError("a line is not an object")
    return data


def _step(data: Mapping[str, Any]) -> Step:
    moment = Moment(_number(data["clock"]))
    inner = data["data"]
    if not isinstance(inner, dict):
        raise ValueError("data is not an object")
    step = Step(State(data["state"]), _number(data["wall"]), moment, _text(data["detail"]), inner)
    if step.state is State.ARMED:
        _number(inner["deadline"])
    return step


def _header(line: Mapping[str, Any]) -> Header:
    data = line["data"]
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        raise ValueError(f"its schema is not {SCHEMA}")
    pid, started = data["owner"]
    for name in ("plan", "sli"):
        if not isinstance(data[name], dict):
            raise ValueError(f"{name} is not an object")
    texts = {name: _text(data[name]) for name in ("injection", "kind", "name", "instance", "fault", "target")}
    return Header(
        **texts,
        plan=data["plan"],
        sli=data["sli"],
        seconds=_number(data["seconds"]),
        owner=(int(_number(pid)), int(_number(started))),
    )


def _mac(header: Header, *, make: bool = False) -> str:
    """Of all that stays the same. Raises JournalError where the key cannot be read or made."""
    try:
        key = host_key.derive("journal", make=make)
    except host_key.HostKeyError as error:
        raise JournalError(error.what, error.advice, error.command) from error
    content = json.dumps(asdict(header), sort_keys=True).encode()
    return "" if key is None else hmac.digest(key, content, "sha256").hex()


def _genuine(header: Header, mac: object) -> bool:
    try:
        expected = _mac(header)
    except JournalError:  # undoing must not depend on the key
        return False
    # Half of a surrogate pair is text to JSON, and has no bytes.
    given = mac.encode("utf-8", "replace") if isinstance(mac, str) else b""
    return bool(expected) and hmac.compare_digest(expected.encode(), given)


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"{value!r:.40} is not a number")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str) or value != _printable(value):
        raise ValueError(f"{value!r:.40} is not plain text")
    return value


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else " " for character in text)


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number")
