"""What the pages of a workshop show after the reveal beside truth and scores."""

from __future__ import annotations

from test_workshop import PAGE, Clock, workshop

from cluster.display import to_text
from rca_tui.room import answers, pages, rounds


def test_what_told_in_a_drill_is_shown_after_its_reveal() -> None:
    clock = Clock()
    room = workshop(clock=clock)
    room.start()
    clock.now = PAGE
    (played,) = rounds.load(["drill-05"])
    told = answers.evidence(played)
    assert "injected: " in to_text(told) and "2 Telemetry" in to_text(told) and "told" in to_text(told)
    for shown in (pages.board_now, pages.instructor_now):
        assert "Which evidence told" not in shown(room)
    room.reveal()
    room.evidence = told
    for shown in (pages.board_now, pages.instructor_now):
        assert "Which evidence told" in shown(room)
    room.rounds = (*room.rounds, played)
    room.start()
    assert room.evidence == ()
