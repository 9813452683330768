from __future__ import annotations

import dataclasses
import itertools
import json
import threading

import pytest
import serving_incident

from methods.answer.types import NoRanking, Reason
from methods.evaluation import evaluate, report
from methods.evaluation.cases import Case, CaseError, Cause
from methods.evaluation.evaluate import ESTIMATED, GIVEN, Record
from methods.evaluation.measures import difference, guessing, interval, score
from methods.running.pool import Answer
from methods.running.worker import rank


class Here:
    """Runs tasks in this process, so that what is tested is not the pool; counts them."""

    def __init__(self) -> None:
        self.ran: list[tuple[str, str]] = []

    def run(self, tasks, cancelled=None):
        for task in tasks:
            if cancelled is not None and cancelled.is_set():
                return
            self.ran.append((task.key, task.method))
            yield Answer(task, *rank(task.incident(), task.method, task.seed))


def brute_force(places, true, candidates: int) -> list[float]:
    """AC@1..5 and MRR over every order of the ties."""
    groups: dict[int, list[str]] = {}
    for component, place in places:
        groups.setdefault(place, []).append(component)
    orders = [
        list(itertools.chain(*parts))
        for parts in itertools.product(*(itertools.permutations(groups[p]) for p in sorted(groups)))
    ]
    best = [min(order.index(t) for t in true if t in order) + 1 for order in orders]
    return [sum(b <= k for b in best) / len(best) for k in range(1, 6)] + [sum(1 / b for b in best) / len(best)]


@pytest.mark.parametrize(
    ("ranks", "true"),
    [
        ([1, 2, 3, 4], ["b"]),
        ([1, 2, 2, 2], ["c"]),
        ([1, 1, 1, 4], ["a", "c"]),
        ([1, 2, 3, 3, 3, 6], ["d", "f"]),
        ([1, 1, 1, 1, 1, 1], ["a", "b", "e"]),
    ],
)
def test_ties_are_scored_by_expectation(ranks, true) -> None:
    places = list(zip("abcdef", ranks, strict=False))
    found = score(places, true)
    assert [*found.ac, found.mrr] == pytest.approx(brute_force(places, true, 6))


def test_misses() -> None:
    for places in (None, [], [("a", 1)]):
        assert score(places, ["z"]).ac == (0.0,) * 5
        assert score(places, ["z"]).mrr == 0.0


def test_guessing_is_the_mean_over_all_orders() -> None:
    found = guessing(6)
    assert found.ac == pytest.approx([1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6])
    assert found.avg == pytest.approx(0.5)
    assert found.mrr == pytest.approx(sum(1 / r for r in range(1, 7)) / 6)
    two = [(c, 1) for c in "abcdef"]
    assert guessing(6, 2).ac == pytest.approx(score(two, ["a", "b"]).ac)


def test_an_interval_holds_its_mean_and_shrinks_with_cases() -> None:
    few, many = interval([0.0, 1.0] * 5), interval([0.0, 1.0] * 200)
    assert few[0] < 0.5 < few[1]
    assert many[1] - many[0] < few[1] - few[0]
    assert interval([1.0] * 9) == (1.0, 1.0)
    assert interval([0.0, 1.0] * 5) == few == interval([0.0] * 5 + [1.0] * 5)


def test_a_difference_is_of_the_cases_that_both_have() -> None:
    found = difference({"a": 1.0, "b": 1.0, "c": 0.0}, {"a": 0.5, "b": 0.0, "d": 1.0})
    assert (found.cases, found.before, found.after, found.loss) == (2, 1.0, 0.25, 0.75)
    assert found.low <= found.loss <= found.high
    assert difference({"a": 1.0}, {}).cases == 0


@pytest.fixture
def cases(make_incident) -> list[Case]:
    found = []
    for seed, target in enumerate(("replica-0", "replica-1")):
        incident = dataclasses.replace(make_incident(seed=seed, target=target, few=True), id=f"case-{seed}")
        found.append(Case.of(incident, Cause((target,), "cpu-stress", incident.onset.time)))
    return found


def test_every_method_runs_with_both_onsets(cases) -> None:
    records = list(evaluate.run(cases, ["nsigma", "dummy"], engine=Here()))
    assert len(records) == evaluate.total(cases, ["nsigma", "dummy"]) == 8
    given = [r for r in records if r.mode == GIVEN]
    assert {r.onset for r in given} == {c.cause.injected_at for c in cases}
    assert all(r.onset not in (None, cases[0].cause.injected_at) for r in records if r.mode == ESTIMATED)


def test_the_total_counts_the_modes_that_are_run(cases) -> None:
    names = ["nsigma", "dummy"]
    records = list(evaluate.run(cases, names, engine=Here(), modes=[ESTIMATED]))
    assert len(records) == evaluate.total(cases, names, [ESTIMATED]) == 4


def test_a_stopped_run_goes_on_where_it_was(cases, tmp_path) -> None:
    cache, cancelled, first, second = tmp_path / "r" / "records.jsonl", threading.Event(), Here(), Here()
    names = ["nsigma", "baro"]
    done = []
    for record in evaluate.run(cases, names, engine=first, cancelled=cancelled, cache_path=cache):
        done.append(record)
        if len(done) == 3:
            cancelled.set()
    assert len(done) == 3
    cache.write_text(cache.read_text() + "0123abcd {cut sho")
    rest = list(evaluate.run(cases, names, engine=second, cache_path=cache))
    assert rest[:3] == done
    assert len(rest) == 8
    assert not set(first.ran) & set(second.ran)


def test_another_seed_is_not_taken_from_the_cache(cases, tmp_path) -> None:
    cache, engine = tmp_path / "records.jsonl", Here()
    list(evaluate.run(cases, ["dummy"], engine=Here(), cache_path=cache))
    list(evaluate.run(cases, ["dummy"], engine=engine, cache_path=cache, seed=1))
    assert len(engine.ran) == 4


def test_answers_are_found_by_content_and_not_by_id(cases, tmp_path) -> None:
    cache, engine = tmp_path / "records.jsonl", Here()
    first = list(evaluate.run(cases, ["nsigma"], engine=Here(), cache_path=cache))
    again = [dataclasses.replace(case, id=f"{case.id}-copy") for case in cases]
    other = dataclasses.replace(cases[0], content="0")
    copies = list(evaluate.run(again, ["nsigma"], engine=engine, cache_path=cache))
    assert [dataclasses.replace(r, case=f"{r.case}-copy") for r in first] == copies
    assert not engine.ran
    list(evaluate.run([other], ["nsigma"], engine=engine, cache_path=cache))
    assert len(engine.ran) == 2


def test_a_deadline_matters_to_a_timeout_and_to_what_took_longer(cases, tmp_path) -> None:
    class Slow(Here):
        def run(self, tasks, cancelled=None):
            for answer in super().run(tasks, cancelled):
                late = NoRanking(Reason.TIMEOUT, "no answer") if answer.task.method == "baro" else answer.outcome
                yield Answer(answer.task, late, 5.0)

    def ran(deadline: float) -> set[str]:
        engine = Here()
        list(evaluate.run(cases[:1], ["baro", "nsigma"], engine=engine, cache_path=cache, deadline=deadline))
        return {method for _, method in engine.ran}

    cache = tmp_path / "records.jsonl"
    slow = evaluate.run(cases[:1], ["baro", "nsigma"], engine=Slow(), cache_path=cache, deadline=8.0)
    assert len(list(slow)) == 4
    kept = cache.read_bytes()
    expected = {8.0: set(), 6.0: {"baro"}, 60.0: {"baro"}, 4.0: {"baro", "nsigma"}}
    for deadline, methods in expected.items():
        cache.write_bytes(kept)
        assert ran(deadline) == methods


def test_an_error_is_not_kept(cases, tmp_path) -> None:
    class Broken(Here):
        def run(self, tasks, cancelled=None):
            for answer in super().run(tasks, cancelled):
                yield Answer(answer.task, NoRanking(Reason.ERROR, "it needed more memory"), 0.1)

    cache, engine = tmp_path / "records.jsonl", Here()
    list(evaluate.run(cases, ["nsigma"], engine=Broken(), cache_path=cache))
    list(evaluate.run(cases, ["nsigma"], engine=engine, cache_path=cache))
    assert len(engine.ran) == 4


def test_the_same_incident_twice_is_refused(cases) -> None:
    with pytest.raises(CaseError, match="same id"):
        evaluate.run([cases[0], cases[0]], ["dummy"])


def test_the_summary(cases) -> None:
    def record(case: int, mode: str, places, onset=None) -> Record:
        reason = "" if places else "timeout: no answer within 60 s"
        return Record(f"case-{case}", "nsigma", mode, onset, places, reason, 0.5)

    injected = cases[0].cause.injected_at
    records = [
        record(0, ESTIMATED, (("replica-0", 1), ("gateway", 1), ("node", 3)), injected + 4),
        record(1, ESTIMATED, None),
        record(0, GIVEN, (("replica-0", 1),), injected),
        record(1, GIVEN, (("gateway", 1), ("replica-1", 2)), injected),
    ]
    found = report.summary(cases, records)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["cases"] == 2
    assert found["candidates"] == 4
    assert found["guessing"]["ac@1"] == pytest.approx(0.25)
    assert found["onset"]["estimated"] == found["onset"]["not_found"] == 1
    assert found["onset"]["median_error_s"] == pytest.approx(4.0)
    (row,) = found["methods"]
    assert set(row) >= {
        "method",
        "family",
        "cases",
        "no_ranking",
        "ac@1",
        "ac@3",
        "ac@5",
        "avg@5",
        "mrr",
        "ci",
        "seconds",
        "blamed",
    }
    assert row["no_ranking"] == 0.5
    assert row["ac@1"] == pytest.approx(0.25)
    assert row["ac@3"] == pytest.approx(0.5)
    assert row["mrr"] == pytest.approx((1 + 0.5) / 2 / 2)
    assert row["blamed"] == {"gateway": 0.5, "head": 0.0, "replica": 0.0, "node": 0.0, "other": 0.0, "none": 1.0}
    assert row["given"]["ac@1"] == 0.5
    assert row["given"]["blamed"]["gateway"] == 1.0
    assert row["ci"]["ac@1"][0] <= row["ac@1"] <= row["ci"]["ac@1"][1]
    (fault,) = found["by_fault"]
    assert fault["fault"] == "cpu-stress"
    assert fault["methods"] == found["methods"]


def test_what_cannot_be_ranked_is_a_miss_with_its_reason(cases, make_incident) -> None:
    calm = make_incident(target=None, few=True)
    case = Case.of(calm, Cause(("replica-1",), "nothing", calm.onset.time))
    (record,) = [r for r in evaluate.run([case], ["nsigma"], engine=Here()) if r.mode == ESTIMATED]
    assert record.places is None
    assert record.reason.startswith("not_applicable: ")


def test_the_worker_turns_an_exception_into_no_ranking(incident, monkeypatch) -> None:
    from methods.nsigma import NSigma

    def broken(self, incident, rng):
        raise KeyError("lost")

    monkeypatch.setattr(NSigma, "rank", broken)
    outcome, _ = rank(incident, "nsigma", 0)
    assert isinstance(outcome, NoRanking)
    assert "KeyError" in outcome.detail


def test_where_nobody_is_to_blame_there_is_no_accuracy(cases) -> None:
    surge = dataclasses.replace(cases[1], cause=dataclasses.replace(cases[1].cause, components=(), fault="surge"))
    records = [
        Record(case.id, method, ESTIMATED, None, places, "" if places else "not_applicable: it is calm", 0.5)
        for case in (cases[0], surge)
        for method, places in (("nsigma", (("replica-0", 1),)), ("baro", None))
    ]
    found = report.summary([cases[0], surge], records)
    alone = report.summary([cases[0]], [r for r in records if r.case == cases[0].id])
    assert found["no_cause"]["cases"] == 1
    rows = {row["method"]: row for row in found["no_cause"]["methods"]}
    assert (rows["nsigma"]["blamed_somebody"], rows["nsigma"]["no_ranking"]) == (1, 0)
    assert rows["nsigma"]["blamed"]["replica"] == 1.0
    assert (rows["baro"]["blamed_somebody"], rows["baro"]["no_ranking"]) == (0, 1)
    assert rows["nsigma"]["named_nobody"] == rows["baro"]["named_nobody"] == 0
    for key in ("cases", "guessing", "consensus", "methods", "by_fault"):
        assert found[key] == alone[key]


def test_a_method_that_names_nobody_blames_nobody_though_it_ranks(tmp_path) -> None:
    cause = Cause((), "load-surge", float(serving_incident.ONSET))
    quiet = Case.of(serving_incident.incident(), cause)
    records = [
        list(evaluate.run([quiet], ["serving"], engine=Here(), cache_path=tmp_path / "kept", modes=[ESTIMATED]))
        for _ in range(2)
    ]
    assert records[0] == records[1]
    assert records[0][0].places
    [row] = report.summary([quiet], records[0])["no_cause"]["methods"]
    assert (row["blamed_somebody"], row["named_nobody"], row["no_ranking"]) == (0, 1, 0)
    assert not any(row["blamed"].values())


def test_who_is_named_beside_the_cause_is_blamed_in_its_share(cases) -> None:
    places = (("replica-0", 1), ("gateway", 2))
    record = Record(cases[0].id, "serving", ESTIMATED, None, places, "", 0.5, ("replica-0", "gateway"))
    [row] = report.summary([cases[0]], [record])["methods"]
    assert row["ac@1"] == 1.0
    assert row["blamed"]["gateway"] == 0.5


def test_the_consensus_is_scored_like_a_method(cases) -> None:
    answers = {
        "nsigma": (("gateway", 1), ("replica-0", 2), ("node", 3)),
        "baro": (("replica-0", 1), ("gateway", 2)),
        "circa": (("replica-0", 1), ("node", 2)),
        "microrca": None,
    }
    records = [
        Record(case.id, method, ESTIMATED, None, places, "" if places else "not_applicable: calm", 0.5)
        for case, all_quiet in zip(cases, (False, True), strict=True)
        for method, places in (dict.fromkeys(answers) if all_quiet else answers).items()
    ]
    found = report.summary(cases, records)["consensus"]
    assert (found["method"], found["cases"], found["no_ranking"]) == ("consensus", 2, 0.5)
    assert found["ac@1"] == 0.5  # right in the first, and nobody ranks in the second
    assert found["blamed"]["none"] == 1.0
    assert found["given"]["cases"] == 0
    assert report.summary(cases, records)["by_fault"][0]["consensus"] == found


def test_one_method_is_no_consensus_nor_is_a_guess(cases) -> None:
    answered = [Record(cases[0].id, m, ESTIMATED, None, (("node", 1),), "", 0.5) for m in ("nsigma", "dummy")]
    assert report.summary(cases, answered)["consensus"] is None


def test_of_several_true_components_the_best_placed_counts(cases) -> None:
    both = dataclasses.replace(cases[0], cause=dataclasses.replace(cases[0].cause, components=("replica-0", "node")))
    record = Record(both.id, "nsigma", ESTIMATED, None, (("gateway", 1), ("node", 2), ("replica-0", 3)), "", 0.5)
    found = report.summary([both], [record])
    (row,) = found["methods"]
    assert (row["ac@1"], row["ac@3"], row["mrr"]) == (0.0, 1.0, 0.5)
    assert found["guessing"]["ac@1"] == pytest.approx(0.5)
    assert row["blamed"]["gateway"] == 1.0
