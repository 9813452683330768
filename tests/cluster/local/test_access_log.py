from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.local.access_log import Access, Tail, parse
from cluster.local.exporter import gateway_span

GOOD = {
    "time": "1795370651.424",
    "component": "gateway",
    "request_id": "56ce442e37ef2b6379350a8391e0ea74",
    "method": "POST",
    "uri": "/v1/completions",
    "status": "200",
    "request_time": "0.330",
    "upstream": "head",
    "upstream_connect_time": "0.001",
    "upstream_header_time": "0.120",
    "upstream_response_time": "0.329",
}


def line(**changes: object) -> bytes:
    return json.dumps({**GOOD, **changes}).encode()


def test_a_record_is_read_as_the_gateway_wrote_it() -> None:
    access = parse(line())
    assert access == Access(
        time=1795370651.424,
        request_id=GOOD["request_id"],
        method="POST",
        uri="/v1/completions",
        status=200,
        request_time=0.33,
        upstream="head",
        connect_time=0.001,
        header_time=0.12,
        response_time=0.329,
    )


@pytest.mark.parametrize("nothing", ["-", "", "nan", "inf", "-1", None, 5, ["0.1"]])
def test_a_time_that_the_gateway_does_not_have_is_none(nothing: object) -> None:
    access = parse(line(upstream_header_time=nothing))
    assert access is not None
    assert access.header_time is None


def test_of_several_tries_the_last_one_counts() -> None:
    access = parse(line(upstream_connect_time="0.5, 0.25"))
    assert access is not None
    assert access.connect_time == 0.25


@pytest.mark.parametrize(
    ("status", "error"), [("200", False), ("404", False), ("499", True), ("500", True), ("504", True)]
)
def test_errors_are_failures_of_the_server_and_clients_that_gave_up(status: str, error: bool) -> None:
    access = parse(line(status=status))
    assert access is not None
    assert access.error is error


@pytest.mark.parametrize(
    "hostile",
    [
        b"",
        b"[]",
        b"null",
        b"{",
        b"\xff\xfe\x00",
        b'{"time": "1"}',
        b"[" * 100_000,
        line(time="-"),
        line(status="２００"),  # digits, but not ASCII ones
        line(status="ok"),
        line(request_time="never"),
        b'{"uri": "' + b"a" * 100_000 + b'"}',
    ],
)
def test_a_line_that_is_no_record_is_skipped(hostile: bytes) -> None:
    assert parse(hostile) is None


@given(st.binary(max_size=400))
def test_no_line_can_raise(data: bytes) -> None:
    parse(data)


@given(st.fixed_dictionaries({}, optional={name: st.text(max_size=40) for name in GOOD}))
def test_no_record_can_raise_nor_its_span(fields: dict[str, str]) -> None:
    access = parse(line(**fields))
    if access is not None:
        gateway_span(access)


def test_a_span_takes_its_ids_from_the_request_id() -> None:
    access = parse(line())
    assert access is not None
    span = gateway_span(access)
    assert span is not None
    assert f"{span.context.trace_id:032x}" == GOOD["request_id"]
    assert f"{span.context.span_id:016x}" == GOOD["request_id"][:16]
    assert (span.end_time - span.start_time) / 1e9 == pytest.approx(0.33)


def test_the_tail_gives_only_complete_lines_and_starts_over_with_a_new_file(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    tail = Tail(path)
    assert list(tail.lines()) == []
    with path.open("ab") as file:
        file.write(b"one\ntw")
        file.flush()
        assert list(tail.lines()) == [b"one"]
        file.write(b"o\n")
        file.flush()
        assert list(tail.lines()) == [b"two"]
    path.write_bytes(b"x\n")  # cut
    assert list(tail.lines()) == [b"x"]
    path.unlink()
    path.write_bytes(b"another file\n")
    assert list(tail.lines()) == [b"another file"]


def test_a_line_without_end_does_not_fill_the_memory(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    path.write_bytes(b"a" * 1_000_000)
    tail = Tail(path)
    assert list(tail.lines()) == []
    assert len(tail._rest) < 200_000


def test_a_tail_of_what_is_new_passes_over_what_the_file_holds_already(tmp_path: Path) -> None:
    path = tmp_path / "access.log"
    path.write_bytes(b"counted before\n")
    tail = Tail(path, new=True)
    with path.open("ab") as file:
        file.write(b"new\n")
    assert list(tail.lines()) == [b"new"]
    path.write_bytes(b"x\n")  # cut: all of it is new
    assert list(tail.lines()) == [b"x"]
    later = Tail(tmp_path / "later.log", new=True)
    (tmp_path / "later.log").write_bytes(b"first\n")
    assert list(later.lines()) == [b"first"]


def test_a_client_cannot_hide_a_request_behind_bytes_that_are_no_text() -> None:
    line = json.dumps(GOOD | {"uri": "/?"}).encode().replace(b"/?", b"/\xff")
    access = parse(line)
    assert access is not None and access.uri == "/\ufffd"
