"""When a live deployment is diagnosed without being asked."""

from __future__ import annotations

from dataclasses import replace

import pytest
import synthetic
from driving import NOW

from rca_tui.work import alarm
from rca_tui.work.polling import Poller


def test_the_alarm_rings_twice_for_one_trouble_and_not_for_a_blip() -> None:
    deployment = synthetic.Live()
    poller = Poller(lambda: deployment, lambda: NOW)
    whole = poller.poll()
    rung = []
    bell = alarm.Alarm()
    for end in range(100, 240):
        frames = replace(whole.frames, metrics=whole.frames.metrics.iloc[:end], _lines={})
        if bell.rings(replace(whole, frames=frames)):
            rung.append(end)
    assert len(rung) == 1 and 120 <= rung[0] <= 150
    assert not alarm.bad_sli(replace(whole, frames=replace(whole.frames, metrics=whole.frames.metrics.iloc[:119])))


def test_trouble_that_lasts_is_looked_at_again_after_a_minute_and_flapping_is_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bad = [True]
    monkeypatch.setattr(alarm, "bad_sli", lambda _: bad[0])
    bell = alarm.Alarm()
    at = lambda second: type("Snapshot", (), {"end": float(second)})()  # noqa: E731
    assert [second for second in range(200) if bell.rings(at(second))] == [0, 60]
    for second in range(200, 290, 10):
        bad[0] = not bad[0]
        assert not bell.rings(at(second))
    bad[0] = False
    bell.rings(at(400))
    bad[0] = True
    assert bell.rings(at(401))
