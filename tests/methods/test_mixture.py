"""Rankings over several times at which the trouble may have begun."""

from __future__ import annotations

import pytest

from cluster.incident import tiny
from cluster.incident.model import Incident
from cluster.text.quantities import percent
from cluster.window import Onset, OnsetCandidate, OnsetSource
from methods.answer.ranking import by_components
from methods.answer.types import Explanation, NoRanking, Outcome, Ranking, Reason, Step
from methods.running import worker
from methods.running.mixture import LEAST, mixed, weighed

EARLY, LATE = 1050.0, 1100.0


def unclear(early: float, late: float, onset: float | None = None) -> Incident:
    """Two candidates with these probabilities; the more probable one is listed first."""
    both = (OnsetCandidate(EARLY, early, EARLY, EARLY), OnsetCandidate(LATE, late, LATE, LATE))
    found = None if onset is None else Onset(onset, OnsetSource.ESTIMATED)
    return tiny.slow_replica().searched(found, "", tuple(sorted(both, key=lambda c: -c.probability)))


def ask(incident: Incident) -> Outcome:
    if incident.onset is None:
        return NoRanking(Reason.NOT_APPLICABLE, "the onset is not known")
    scores = {"a": 3.0, "b": 2.0} if incident.onset.time == EARLY else {"b": 3.0, "c": 2.0, "d": 2.0}
    return by_components(scores, Explanation((Step("Own", "own."),)))


def test_the_score_is_the_expected_reciprocal_rank() -> None:
    found = mixed(unclear(0.3, 0.1), ask)
    assert isinstance(found, Ranking)
    scores = {c.component: c.score for c in found.components}
    assert scores == pytest.approx({"a": 0.75, "b": 0.75 / 2 + 0.25, "c": 0.25 / 2.5, "d": 0.25 / 2.5})
    assert [step.title for step in found.explanation.steps] == ["When it began", "Own"]
    assert f"00:17:30 UTC ({percent(0.75)}), 00:18:20 UTC ({percent(0.25)})" in found.explanation.steps[0].claim


@pytest.mark.parametrize(
    "incident",
    [
        unclear(0.75, 0.15, EARLY),
        unclear(0.05, 0.04),
        unclear(0.3, 0.3).at(Onset(LATE, OnsetSource.OPERATOR)),
        unclear(0.3, 0.3).at(None),
    ],
    ids=["one has nearly all", "none is probable", "a person has set it", "not searched"],
)
def test_the_answer_is_the_methods_own_where_there_is_nothing_to_weigh(incident: Incident) -> None:
    assert weighed(incident) == ()
    assert mixed(incident, ask) == ask(incident)


def test_a_time_without_a_ranking_leaves_the_others() -> None:
    def only_late(incident: Incident) -> Outcome:
        late = incident.onset is not None and incident.onset.time == LATE
        return ask(incident) if late else NoRanking(Reason.NOT_APPLICABLE, "too few samples before")

    found = mixed(unclear(0.3, 0.2), only_late)
    assert isinstance(found, Ranking)
    assert found.top == ("b",)
    table = found.explanation.steps[0].table
    assert table is not None
    assert [row[2] for row in table.rows] == ["too few samples before", "b"]
    nowhere = mixed(unclear(0.3, 0.2), lambda incident: NoRanking(Reason.NOT_APPLICABLE, "never"))
    assert nowhere == NoRanking(Reason.NOT_APPLICABLE, "never")


def test_methods_that_need_an_onset_weigh_its_candidates_and_no_others_do() -> None:
    incident = unclear(LEAST, 2 * LEAST)
    found, _ = worker.rank(incident, "nsigma", 0)
    assert isinstance(found, Ranking)
    assert found.top == ("replica-1",)
    assert found.explanation.steps[0].title == "When it began"
    free, _ = worker.rank(incident, "dummy", 0)
    assert isinstance(free, Ranking)
    assert free.explanation.steps[0].title != "When it began"
