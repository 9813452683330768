"""Panels: the last choice wins, what runs is stopped, and whatever goes wrong is a sentence."""

from __future__ import annotations

import threading

import pytest

widgets = pytest.importorskip("ipywidgets", reason="the extra `notebooks` is not installed")

from cluster.display import Line  # noqa: E402
from cluster.incident.model import Incident  # noqa: E402
from rca_tui.notebook import pictures  # noqa: E402
from rca_tui.notebook.panel import Choice, Panel, Report, View  # noqa: E402

LIMIT = 60.0


def test_a_change_stops_what_runs_and_the_last_choice_is_shown() -> None:
    slider = widgets.IntSlider(value=0, max=10)
    stopped: list[int] = []

    def work(choice: Choice, cancelled: threading.Event, report: Report) -> View | None:
        if choice["n"] == 0:
            assert cancelled.wait(LIMIT), "nobody stopped it"
            stopped.append(0)
            return None
        return View((Line(f"worked on {choice['n']}"),))

    panel = Panel({"n": slider}, work)
    slider.value = 7
    assert "worked on 7" in repr(panel.wait())
    assert stopped == [0]
    assert "worked on 7" in panel.widget.children[-1].value


def test_the_stop_button_stops_and_shows_nothing_new() -> None:
    started = threading.Event()
    stopped = threading.Event()

    def work(choice: Choice, cancelled: threading.Event, report: Report) -> View | None:
        started.set()
        if cancelled.wait(LIMIT):
            stopped.set()
        return View((Line("too late"),))

    panel = Panel({"n": widgets.IntSlider()}, work)
    assert started.wait(LIMIT)
    panel.stop()
    assert "too late" not in repr(panel.wait())
    assert stopped.is_set()


def test_what_goes_wrong_is_a_harmless_sentence() -> None:
    def work(choice: Choice, cancelled: threading.Event, report: Report) -> View | None:
        raise ValueError("<script>no</script>")

    panel = Panel({"n": widgets.IntSlider()}, work)
    view = panel.wait()
    assert "ValueError: <script>no</script>" in repr(view)
    assert "<script>" not in view._repr_html_()


def test_it_has_words_for_where_controls_are_not_shown() -> None:
    panel = Panel({"n": widgets.IntSlider()}, lambda *_: View((Line("done"),)))
    panel.wait()
    bundle = panel._repr_mimebundle_()
    assert "panel.wait()" in bundle["text/plain"]
    assert "application/vnd.jupyter.widget-view+json" in bundle


def test_names_out_of_telemetry_are_no_formulas() -> None:
    from methods.answer.types import ComponentScore

    drawn = pictures.rankings([("$\\frac{x$ <b>", (ComponentScore("$\\bad{$", 1.0, 1),))])
    assert drawn.png.startswith(b"\x89PNG")


def test_every_axis_of_a_signal_has_its_unit() -> None:
    from rca_tui.notebook.explorer import load_with_onset, shipped

    incident: Incident = load_with_onset(shipped()[0])
    door = incident.topology.front_door
    assert door is not None
    drawn = pictures.signals(incident, [(door, "latency_p90"), (door, "request_rate")])
    assert [axis.get_ylabel() for axis in drawn.figure.axes] == ["seconds", "per second"]
    assert drawn.figure.axes[-1].get_xlabel() == "seconds since the window began"


@pytest.mark.parametrize("columns", [3, 15, 24])
def test_no_name_beside_a_matrix_is_cut_off(columns: int) -> None:
    import io

    from matplotlib.image import imread

    names = [f"method_{'x' * 14}_{i}" for i in range(24)]
    drawn = pictures.matrix([[0.5] * columns] * len(names), names, "words", names[:columns])
    pixels = imread(io.BytesIO(drawn.png))
    for edge in (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]):
        assert (edge == pixels[0, 0]).all()


def test_what_was_changed_is_ranked_anew() -> None:
    """The process that ranks keeps an incident: one with the same id and less telemetry is another."""
    import dataclasses

    from cluster.incident.model import empty_metrics
    from methods.answer.types import NoRanking, Ranking
    from rca_tui.notebook.explorer import Ranker, load_with_onset, shipped

    ranker, whole = Ranker(deadline=600.0), load_with_onset(shipped()[0])
    nothing = dataclasses.replace(whole, telemetry=dataclasses.replace(whole.telemetry, metrics=empty_metrics()))
    assert isinstance(ranker.rank(whole, "nsigma", threading.Event()), Ranking)
    assert isinstance(ranker.rank(nothing, "nsigma", threading.Event()), NoRanking)
