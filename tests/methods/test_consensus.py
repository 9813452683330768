from __future__ import annotations

import itertools

import pytest

from methods import catalog
from methods.answer import consensus as module
from methods.answer.consensus import NO_VOTE, Tally, consensus
from methods.answer.ranking import by_components
from methods.answer.types import Explanation, NoRanking, Outcome, Reason, Step

WHY = Explanation((Step("A step", "A claim."),))
CANDIDATES = ("a", "b", "c", "d")


def vote(*order: str | tuple[str, ...]) -> Outcome:
    """Best first; a tuple is a tie; who is not named is unranked."""
    scores = {}
    for place, group in enumerate(order):
        for component in (group,) if isinstance(group, str) else group:
            scores[component] = -float(place)
    return by_components(scores, WHY)


def test_full_ballots_by_hand() -> None:
    found = consensus([("m", vote("a", "b", "c", "d")), ("n", vote("b", "a", "c", "d"))], CANDIDATES)
    assert {c.component: c.score for c in found.components} == pytest.approx(
        {"a": 5 / 6, "b": 5 / 6, "c": 1 / 3, "d": 0}
    )
    assert [(c.component, c.rank) for c in found.components] == [("a", 1), ("b", 1), ("c", 3), ("d", 4)]


def test_the_unranked_tie_at_the_end() -> None:
    found = consensus([("m", vote("a"))], CANDIDATES)
    assert {c.component: c.score for c in found.components} == pytest.approx(
        {"a": 1, "b": 1 / 3, "c": 1 / 3, "d": 1 / 3}
    )


def test_who_agrees_and_who_dissents() -> None:
    ballots = [
        ("m", vote("a", "b")),
        ("n", vote("a", "c")),
        ("o", vote(("a", "b"), "c")),
        ("p", vote("d", "a")),
        ("dummy", vote("d")),
        ("q", NoRanking(Reason.TIMEOUT, "too slow")),
    ]
    found = consensus(ballots, CANDIDATES)
    assert found.top == ("a",)
    assert found.voters == ("m", "n", "o", "p")
    assert found.agree == ("m", "n", "o")
    assert found.dissent == (("p", ("d",)),)
    assert found.claim == "3 of 4 methods that ranked blame a first; the others say d (1)."


def test_order_of_voters_does_not_matter() -> None:
    ballots = [("m", vote("a", "b")), ("n", vote("c")), ("o", vote(("b", "d"), "a"))]
    assert consensus(ballots, CANDIDATES) == consensus(ballots[::-1], CANDIDATES[::-1])


def test_nobody_voted() -> None:
    found = consensus([("dummy", vote("a"))], CANDIDATES)
    assert found.components == ()
    assert found.top == ()


def test_contributions_are_the_shapley_values_of_the_voters() -> None:
    """Against the definition: a voter's marginal addition, averaged over every order in which the voters come."""
    ballots = {"m": vote("a", "b", "c", "d"), "n": vote("b", ("a", "c")), "o": vote("a")}
    found = consensus(ballots.items(), CANDIDATES)
    tied = vote(CANDIDATES)

    def score(present: set[str], candidate: str) -> float:
        seen = consensus([(v, b if v in present else tied) for v, b in ballots.items()], CANDIDATES)
        return next(c.score for c in seen.components if c.component == candidate)

    orders = list(itertools.permutations(ballots))
    for voter in ballots:
        for candidate in CANDIDATES:
            gains = []
            for order in orders:
                before = set(order[: order.index(voter)])
                gains.append(score(before | {voter}, candidate) - score(before, candidate))
            assert found.contributions[voter][candidate] == pytest.approx(sum(gains) / len(orders))


def test_drivers_sum_to_the_lead() -> None:
    found = consensus([("m", vote("a", "b")), ("n", vote("b", "c")), ("o", vote("a", "c"))], CANDIDATES)
    first, second = found.components[:2]
    assert sum(part for _, part in found.drivers()) == pytest.approx(first.score - second.score)
    assert [part for _, part in found.drivers()] == sorted((p for _, p in found.drivers()), reverse=True)
    tie = consensus([("m", vote("a", "b")), ("n", vote("b", "a"))], CANDIDATES)
    assert tie.drivers() == ()


def test_an_answer_is_counted_once_whatever_came_before(monkeypatch: pytest.MonkeyPatch) -> None:
    ballots = [("m", vote("a", "b")), ("n", vote(("b", "c"))), ("o", vote("d", "a", "c")), ("dummy", vote("d"))]
    ballots += [("p", NoRanking(Reason.NOT_APPLICABLE, "calm"))]
    counted = []
    count = module._half_points
    monkeypatch.setattr(module, "_half_points", lambda *a: counted.append(a) or count(*a))
    tally = Tally(CANDIDATES)
    for i, (method, outcome) in enumerate(ballots, start=1):
        tally.add(method, outcome)
        assert len(counted) == min(i, 3)
        so_far = tally.consensus
        with monkeypatch.context() as patch:
            patch.setattr(module, "_half_points", count)
            assert so_far == consensus(ballots[:i][::-1], CANDIDATES)


def test_a_second_ballot_is_refused() -> None:
    tally = Tally(CANDIDATES)
    tally.add("m", vote("a"))
    with pytest.raises(ValueError, match="voted already"):
        tally.add("m", vote("b"))


def test_the_families_beside_the_study_have_no_vote() -> None:
    beside = {row.name for row in (*catalog.OWN, *catalog.BEYOND)}
    assert beside | {"dummy", catalog.CONTRAST.name} == NO_VOTE
    assert {row.family for row in catalog.BEYOND} == {"beyond"}
    assert not beside & {row.name for row in catalog.entries()}


def test_what_is_beyond_the_study_is_listed_last_and_only_where_it_can_run(monkeypatch: pytest.MonkeyPatch) -> None:
    there: set[str] = set()
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name in there)
    plain = tuple(row for row in catalog.BEYOND if not row.requires)
    assert catalog.listed()[-len(plain) :] == plain
    there.add("dowhy")
    assert catalog.listed()[-len(catalog.BEYOND) :] == catalog.BEYOND
    assert catalog.entry("anomaly_attribution").requires == "dowhy"


def test_a_method_beside_the_study_votes_when_asked() -> None:
    tally = Tally(CANDIDATES, asked={"prism"})
    tally.add("prism", vote("a"))
    tally.add("idi", vote("b"))
    assert tally.consensus.voters == ("prism",)


def test_voters_that_read_one_graph_share_a_vote() -> None:
    ballots = [
        ("pc_pagerank", vote("a")),
        ("pc_randomwalk", vote("a")),
        ("baro", vote("b")),
        ("fci_pagerank", vote("b")),
    ]
    found = consensus(ballots, CANDIDATES)
    # Three votes: a has one of them, b two. A first place gives 1, the tie behind it 1/3.
    assert {c.component: c.score for c in found.components} == pytest.approx(
        {"b": (2 + 1 / 3) / 3, "a": (1 + 2 / 3) / 3, "c": 1 / 3, "d": 1 / 3}
    )
    assert sum(parts["a"] for parts in found.contributions.values()) == pytest.approx((1 + 2 / 3) / 3 - 0.5)
    assert found.contributions["pc_pagerank"]["a"] == pytest.approx(found.contributions["pc_randomwalk"]["a"])
