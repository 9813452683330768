"""The verdict: an answer of each kind, and what it says for and against it."""

from __future__ import annotations

import json

from serving_incident import incident, slow

from cluster.display import document, to_text
from methods.answer.types import ComponentScore, Explanation, Family, Ranking, Step
from methods.running.runner import Result
from methods.verdict.as_json import verdict_json
from methods.verdict.decide import decide
from methods.verdict.types import Answer, Strength


def blames(method: str, component: str) -> Result:
    explanation = Explanation((Step("Largest deviation", f"{component} deviates most."),))
    return Result(method, Family.METRIC, Ranking((ComponentScore(component, 1.0, 1),), explanation), 0.1)


def test_the_replica_that_leaves_its_peers_is_named() -> None:
    verdict = decide(incident(slow("replica-2")))
    assert verdict.answer is Answer.COMPONENTS
    assert verdict.named == ("replica-2",)
    assert verdict.strength is Strength.STRONG
    assert verdict.headline.startswith("replica-2: latency p90 ")
    assert "peers unchanged" in verdict.headline


def test_two_faulty_replicas_are_both_named() -> None:
    assert set(decide(incident(slow("replica-1", "replica-3"))).named) == {"replica-1", "replica-3"}


def test_nothing_happened_is_nobody() -> None:
    verdict = decide(incident())
    assert verdict.answer is Answer.NOBODY
    assert verdict.named == ()
    assert verdict_json(verdict)["components"] == []


def test_a_method_that_blames_another_dissents_with_its_own_reason() -> None:
    verdict = decide(incident(slow("replica-2")), [blames("baro", "gateway"), blames("nsigma", "replica-2")])
    assert [e.sentence for e in verdict.opposing] == ["baro blames gateway first: gateway deviates most."]
    assert verdict.methods == ("baro", "nsigma")


def test_the_verdict_is_plain_json_and_shows_itself() -> None:
    verdict = decide(incident(slow("replica-2")), [blames("baro", "gateway")])
    plain = json.loads(json.dumps(verdict_json(verdict), allow_nan=False))
    assert plain["components"][0]["component"] == "replica-2"
    assert verdict.headline.split(",")[0] in to_text(document(verdict), 200)
