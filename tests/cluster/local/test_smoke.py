"""The smoke test's figures, what it keeps, and its command, without a deployment."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from cluster.local.smoke import figures, study
from cluster.local.smoke.figures import Slo
from cluster.local.smoke.measurement import Kept, Measurement, Sent, Setting
from rca_tui.__main__ import app
from rca_tui.draw.processed_requests import chart

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "docs" / "hooks"))
import shapes


def served(rate: float, capacity: float, replicas: int = 1, seconds: float = 20.0) -> Measurement:
    """Requests at a constant rate, of which `capacity` are served each second, in order."""
    requests, free = [], 0.0
    for number in range(int(rate * seconds)):
        at = number / rate
        begin = max(at, free)
        free = begin + 1 / capacity
        requests.append(Sent(at, begin - at + 0.1, 0.02, free - at, 8, True))
    return Measurement(Setting(replicas, rate, seconds, 8, 0.5), tuple(requests))


def test_the_queue_grows_by_what_is_not_served() -> None:
    overloaded = figures.row(served(4, 3), Slo())
    assert overloaded["queue_growth"] == pytest.approx(1.0, abs=0.05)
    assert overloaded["saturated"]
    assert overloaded["throughput"] == pytest.approx(3.0, abs=0.1)
    level = figures.row(served(2, 3), Slo())
    assert not level["saturated"]
    assert level["queue_growth"] == pytest.approx(0.0, abs=0.05)


def test_goodput_counts_whole_requests_within_the_slo() -> None:
    good = Sent(0.0, 0.2, 0.05, 0.6, 8, True)
    late, slow = Sent(1.0, 1.2, 0.05, 1.6, 8, True), Sent(2.0, 0.2, 0.2, 1.6, 8, True)
    cut = Sent(3.0, 0.2, 0.05, 0.4, 3, False)
    row = figures.row(Measurement(Setting(1, 1, 4, 8, 0.5), (good, late, slow, cut)), Slo(ttft=1.0, itl=0.1))
    assert row["goodput"] == 0.25
    assert (row["completed"], row["failed"]) == (3, 1)
    assert row["processed"] == [0, 1, 1, 2, 3]


def test_saturation_is_the_lowest_rate_whose_queue_grows() -> None:
    table = figures.table([served(8, 3), served(2, 3), served(4, 3), served(4, 6, replicas=2)], Slo())
    one, two = table["saturation"]
    assert (one["rate"], one["level_at"]) == (4, 2)
    assert (two["rate"], two["level_at"]) == (None, 4)


def test_nothing_answered_gives_no_quantile_and_no_error() -> None:
    failed = tuple(Sent(float(i), None, None, 10.0, 0, False) for i in range(4))
    row = figures.row(Measurement(Setting(1, 1, 4, 8, 0.5), failed), Slo())
    assert row["ttft"]["p90"] is None
    assert row["goodput"] == 0


def test_a_line_that_a_crash_cut_is_measured_again_and_the_rest_kept(tmp_path: Path) -> None:
    path = tmp_path / "smoke.jsonl"
    first, second = served(2, 3), served(4, 3)
    Kept(path).add(first)
    path.write_bytes(path.read_bytes() + b'{"setting": {"repl')
    kept = Kept(path)
    assert kept.get(first.setting) == first
    assert kept.get(second.setting) is None
    kept.add(second)
    assert Kept(path).get(first.setting) == first
    assert Kept(path).get(second.setting) == second


def test_only_what_is_missing_is_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Kept(tmp_path / "smoke.jsonl")
    kept.add(served(2, 3))
    monkeypatch.setattr(study.preflight, "check", lambda options: pytest.fail("nothing is to be started"))
    assert list(study.run([served(2, 3).setting], kept, print)) == [served(2, 3)]


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))

    def run(settings: Sequence[Setting], kept: Kept, log: Any) -> Iterator[Measurement]:
        return (served(s.rate, 3 * s.replicas, s.replicas, s.seconds) for s in settings)

    monkeypatch.setattr(study, "run", run)


@pytest.mark.usefixtures("measured")
def test_the_command_names_saturation_and_draws_each_rate() -> None:
    shown = CliRunner().invoke(app, ["smoke", "--replicas", "1,2", "--rates", "2,4", "--seconds", "20"])
    assert shown.exit_code == 0, shown.output
    assert "1 replica: saturated at 4 requests/s, the queue is level at 2" in shown.stdout
    assert "2 replicas: no rate saturates it" in shown.stdout
    assert shown.stdout.count("processed requests at") == 2


@pytest.mark.usefixtures("measured")
def test_its_json_has_the_shape_of_its_page() -> None:
    shown = CliRunner().invoke(app, ["smoke", "--replicas", "1", "--rates", "2", "--json"])
    shapes.SHAPES["smoke"][0].model_validate(json.loads(shown.stdout))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--replicas", "two"], "--replicas takes whole numbers"),
        (["--rates", "0"], "--rates takes requests per second"),
        (["--rates", "nan"], "--rates takes requests per second"),
        (["--seconds", "1"], "seconds"),
    ],
)
def test_what_cannot_be_is_one_sentence(arguments: list[str], sentence: str) -> None:
    shown = CliRunner().invoke(app, ["smoke", *arguments])
    assert shown.exit_code == 2
    assert sentence in shown.output


def test_the_chart_is_as_wide_as_it_may_be() -> None:
    rows = [figures.row(served(4, capacity, n), Slo()) for n, capacity in ((1, 1), (2, 2), (4, 4))]
    lines = chart(rows, width=40).splitlines()
    assert max(map(len, lines)) <= 47
    assert "1" in lines[8] + lines[7]
    assert "4" in lines[1]


def test_a_notebook_draws_a_chart_for_each_rate() -> None:
    pictures = pytest.importorskip("rca_tui.notebook.pictures")
    table = figures.table([served(2, 3), served(4, 3), served(4, 6, replicas=2)], Slo())
    picture = pictures.processed(table["runs"])
    assert len(picture.figure.axes) == 2
    assert "2 at 4/s: 4/s" in picture.words
