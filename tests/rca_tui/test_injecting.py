"""The worker that injects for the app: what it let in is taken out, whatever happens in between."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from unittest import mock

import pytest
from driving import Engine

from rca_tui.session import Request
from rca_tui.work.injection import Injector


def test_a_hold_that_breaks_is_followed_by_the_way_back(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, told = Engine(), []
    deployment: Any = SimpleNamespace(kind="local")
    injector = Injector(lambda: deployment, True, engine=lambda *_: engine)  # type: ignore[arg-type, return-value]
    monkeypatch.setattr(engine, "hold", mock.Mock(side_effect=RuntimeError("broken")))
    request = Request("cpu-stress", "replica-1", {}, 60.0)
    with pytest.raises(RuntimeError, match="broken"):
        injector.run(request, lambda message: told.append(message.injection))  # type: ignore[attr-defined]
    assert engine.requests and not engine.active
    assert [one.state for one in told][-1] == "RECOVERED"
    assert not told[-1].open
