"""Verdict: the one answer that stands above all rankings.

    incident, rankings ── decide() ──▶ Verdict ──▶ card · header · report · `rca-tui triage --json`

All of it is frozen, picklable and plain: text of the telemetry stands in its sentences as it came, and every face makes
it harmless when it shows it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from cluster.display import Displayable
from methods.answer.types import Pointer


class Answer(StrEnum):
    """What is said: somebody is named, nobody is at fault, or the telemetry does not allow an answer."""

    COMPONENTS = "components"
    NOBODY = "nobody"
    UNKNOWN = "cannot tell"


class Trouble(StrEnum):
    """The kind of trouble, in the words that are shown."""

    CPU = "starved of CPU"
    MEMORY = "short of memory"
    LINK_SLOW = "link slow"
    LINK_LOSSY = "link loses packets"
    CUT_OFF = "cut off from the network"
    STOPPED = "engine stopped"
    RESTARTED = "engine restarted"
    PROCESS_STOPPED = "process stopped"
    PROCESS_RESTARTED = "process restarted"
    QUEUE = "queue full"
    PREFILL = "long prompts"
    KV_CACHE = "KV cache full"
    ROUTING = "routing uneven"
    CALLER = "slow before the replicas"
    GPU = "GPU held back"
    OVERLOAD = "more load than it can take"
    NONE = "none"
    UNKNOWN = "unknown"


class Strength(StrEnum):
    """How sure, in a word: at least 0.9, at least 0.6, below."""

    STRONG = "strong"
    LIKELY = "likely"
    WEAK = "weak"


@dataclass(frozen=True, slots=True)
class Suspect:
    """A component and the probability, 0 to 1, that it is at fault, alone or with others."""

    component: str
    probability: float


@dataclass(frozen=True, slots=True)
class Hop:
    """The trouble of `source` reached `target` at `at`, unix seconds; None where no signal shows when."""

    source: str
    target: str
    at: float | None


@dataclass(frozen=True, slots=True)
class Evidence:
    """One sentence for or against the answer, and where in the incident to see it."""

    sentence: str
    pointer: Pointer | None = None


@dataclass(frozen=True, slots=True)
class Action:
    """Something to do: a title, and the exact command to copy. The tool never runs it."""

    title: str
    command: str


@dataclass(frozen=True, slots=True)
class Verdict(Displayable):
    """Attributes:
    answer: what kind of answer it is.
    named: the components at fault, the likeliest first; empty unless `answer` is COMPONENTS.
    suspects: every component that was judged, by falling probability.
    nobody: probability that no component is at fault.
    kind: of trouble; NONE with nobody and no overload.
    onset: unix seconds at which the trouble begins by the verdict's own reckoning; None where nothing changed, and
        where the trouble is older than the recording.
    headline: one sentence in signals, without the names of methods: what is shown where there is one line.
    path: from the cause over the affected to the front door, each hop along the topology.
    supporting: evidence for the answer, the strongest first.
    opposing: evidence against it: signals that do not fit, methods that dissent and why.
    unknown: what is not known and would matter, a sentence each.
    next: what to look at next, a sentence each.
    actions: from the runbook of this kind of trouble.
    methods: names of the methods whose rankings were considered; more of them may still come.
    """

    answer: Answer
    named: tuple[str, ...]
    suspects: tuple[Suspect, ...]
    nobody: float
    kind: Trouble
    onset: float | None
    headline: str
    path: tuple[Hop, ...] = ()
    supporting: tuple[Evidence, ...] = ()
    opposing: tuple[Evidence, ...] = ()
    unknown: tuple[str, ...] = ()
    next: tuple[str, ...] = ()
    actions: tuple[Action, ...] = ()
    methods: tuple[str, ...] = ()

    @property
    def probability(self) -> float:
        """Of the answer as it is given: of the likeliest named component, or of nobody; 0 where it cannot tell."""
        match self.answer:
            case Answer.COMPONENTS:
                return max(s.probability for s in self.suspects if s.component in self.named)
            case Answer.NOBODY:
                return self.nobody
            case Answer.UNKNOWN:
                return 0.0

    @property
    def strength(self) -> Strength:
        return strength_of(self.probability)


def strength_of(probability: float) -> Strength:
    """The word for a probability."""
    return next(strength for strength, least in _LEAST if probability >= least)


_LEAST = ((Strength.STRONG, 0.9), (Strength.LIKELY, 0.6), (Strength.WEAK, 0.0))
