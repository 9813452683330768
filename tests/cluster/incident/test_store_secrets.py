"""What a server repeats of the login that it was sent is in no saved incident."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from incident_data import incident

from cluster import secrets
from cluster.incident import store
from cluster.incident.model import EVENT_COLUMNS
from cluster.kubernetes import logs
from cluster.provenance import Origin, Provenance, Record

TOKEN = "view-token"
TEXTS = {"logs": ["message"], "spans": ["operation"], "events": ["object", "reason", "message"]}


@pytest.fixture(autouse=True)
def held(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(secrets, "_held", {})
    secrets.hold_login({"Authorization": f"Bearer {TOKEN}"}, ("me", "gateway"))
    yield


def test_a_saved_incident_holds_no_secret_that_a_server_repeats(tmp_path: Path) -> None:
    """Ids are kept: a password may be a word of theirs."""
    said = f"refused {TOKEN} \N{BULLET}"
    given = incident()
    event = pd.DataFrame(
        {name: [given.window.start if kind == "float64" else "x"] for name, kind in EVENT_COLUMNS.items()}
    )
    telemetry = replace(given.telemetry, events=event.astype(EVENT_COLUMNS))
    frames = {name: getattr(telemetry, name).assign(**dict.fromkeys(columns, said)) for name, columns in TEXTS.items()}
    record = Record("latency_p90", Origin.NOT_EXPORTED, ("gateway",), reason=said)
    telemetry, provenance = replace(telemetry, **frames), Provenance((record,))
    given = replace(given, telemetry=telemetry, provenance=provenance, notes=(said,))
    loaded = store.load(store.save(given, tmp_path / "x.zip"))
    told = {*loaded.notes, *(record.reason for record in loaded.provenance.records)}
    told |= {
        text
        for name, columns in TEXTS.items()
        for column in columns
        for text in getattr(loaded.telemetry, name)[column]
    }
    assert told == {"refused [secret] \N{BULLET}"}
    assert loaded.topology == given.topology


@pytest.mark.parametrize("shape", ["as it is", "as a record"])
def test_a_line_that_is_cut_within_a_secret_holds_no_part_of_it(shape: str) -> None:
    said = f"{'x' * (logs.LONGEST_MESSAGE - 4)}{TOKEN}"
    _, _, kept = logs._line("1", said if shape == "as it is" else json.dumps({"log": said}), {})
    assert kept.endswith("x[sec")
