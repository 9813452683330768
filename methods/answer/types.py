"""Method, Ranking, NoRanking, Explanation: the shapes that all methods share.

    incident ── method.rank(incident, rng) ──▶ Ranking (components, signals, explanation) | NoRanking (reason)

All of these are frozen, picklable and convertible to JSON by `dataclasses.asdict`: plain floats, ints and strings, no
NaN and no infinity.

How a method is written. One module `methods/<name>.py` with one class, listed in `methods.catalog`, held to
`tests/methods/test_contract.py`. Shared preparation is in `methods.telemetry.matrix`, ranking in
`methods.answer.ranking`, numbers in sentences in `cluster.text.quantities`, caveats in `methods.answer.caveats`. The
class docstring has these headings, each at the start of a line and ended by a colon, in this order:

    Idea: what it does and why that finds a cause, in three sentences.
    Formula: the score.
    Inputs: what it reads, with shapes and units.
    Parameters: each with its default and the paper's.
    Fails when: what it cannot see, and when it returns NoRanking.
    Cost: in N signals, T samples, C components, S spans.
    Reference: the original paper.
    Deviations: from the paper and from the study's public code, with the reason; "None" if there are none.
    Example: a doctest on an incident of `cluster.incident.tiny` that shows the ranking and one claim.
"""

from __future__ import annotations

import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from cluster.display import Displayable

if TYPE_CHECKING:
    import numpy as np

    from cluster.incident.model import Incident


class Family(StrEnum):
    """What telemetry a method reads, in the study's terms; `SERVING` for the tool's own method, `BEYOND` for published
    methods that the study does not have."""

    METRIC = "metric"
    TRACE = "trace"
    MULTI_SOURCE = "multi-source"
    SERVING = "serving"
    BEYOND = "beyond"


class Reason(StrEnum):
    """Why there is no ranking."""

    NOT_APPLICABLE = "not_applicable"
    NOT_CONVERGED = "not_converged"
    TIMEOUT = "timeout"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class SeriesPointer:
    """One signal of one component; `start` and `end` in unix seconds mark the stretch that the step speaks of."""

    component: str
    signal: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class EdgePointer:
    """One signal that `source` measured of its calls to `target`."""

    source: str
    target: str
    signal: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class SpansPointer:
    """Spans of a component (and operation, unless empty) that start in [start, end)."""

    component: str
    operation: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class LogsPointer:
    """Log lines of a component in [start, end); `template` is what they have in common, empty for all lines."""

    component: str
    template: str
    start: float
    end: float


Pointer: TypeAlias = SeriesPointer | EdgePointer | SpansPointer | LogsPointer
Cell: TypeAlias = str | float | int | bool | None


@dataclass(frozen=True, slots=True)
class Table:
    """The numbers behind a claim. Every row is as long as `columns`; raises ValueError otherwise.

    Attributes:
        units: column -> the unit of its numbers, or one unit a row; columns that are missing here have none.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    units: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError(f"every row must have {len(self.columns)} cells: {', '.join(self.columns)}")
        for column, units in self.units.items():
            if column not in self.columns or not (isinstance(units, str) or len(units) == len(self.rows)):
                raise ValueError(f"the units of {column!r} must be one or {len(self.rows)}, of a column of the table")

    def unit(self, column: str, row: int) -> str:
        """The unit of the number in that column and row, empty for none."""
        units = self.units.get(column, "")
        return units if isinstance(units, str) else units[row]


@dataclass(frozen=True, slots=True)
class GraphEdge:
    """`cause` acts on `effect`; `weight` as the method defines it; `mark` for what no weight says ("undirected")."""

    cause: str
    effect: str
    weight: float = 1.0
    mark: str = ""


@dataclass(frozen=True, slots=True)
class Graph:
    """A graph that the method built: nodes are components or "component:signal"."""

    nodes: tuple[str, ...]
    edges: tuple[GraphEdge, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One step of an explanation: a claim, the numbers behind it, and where in the incident to see it.

    Attributes:
        title: two to five words.
        claim: one or two sentences with the numbers that matter.
        numbers: named intermediates, so that a notebook can recompute the claim.
        levels: horizontal reference lines for the chart of the first series pointer, in the signal's unit
            ("baseline mean", "+3 sigma").
        units: name -> unit of `numbers` and `levels`, as in `cluster.signals`, or `cluster.text.quantities.TIME` for
            unix seconds; names that are missing here have no unit.
        pointers: the evidence; a screen plots the first.
    """

    title: str
    claim: str
    numbers: Mapping[str, float] = field(default_factory=dict)
    levels: Mapping[str, float] = field(default_factory=dict)
    table: Table | None = None
    graph: Graph | None = None
    pointers: tuple[Pointer, ...] = ()
    units: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Explanation(Displayable):
    """A method's own intermediates as ordered steps. `caveats` warn of biases that apply to this very ranking."""

    steps: tuple[Step, ...]
    caveats: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SignalScore:
    """What the method scored one signal of a component with; larger is more suspicious."""

    component: str
    signal: str
    score: float


@dataclass(frozen=True, slots=True)
class ComponentScore:
    """A blamed component. `rank` starts at 1; tied components share the smallest rank of their group (1, 2, 2, 4)."""

    component: str
    score: float
    rank: int
    signals: tuple[SignalScore, ...] = ()


@dataclass(frozen=True, slots=True)
class Ranking(Displayable):
    """Components by falling score. Components that the method did not score are absent: unranked, not last.

    Build it with `methods.answer.ranking.by_signals` or `by_components`, which keep ties as ties.

    Attributes:
        named: the components that the method holds at fault, the most suspect first, and none for nobody. None for a
            method that does not say, as most: then the first place is its answer.
    """

    components: tuple[ComponentScore, ...]
    explanation: Explanation
    named: tuple[str, ...] | None = None

    def __post_init__(self) -> None:
        if not self.components:
            raise ValueError("a ranking names at least one component; otherwise return NoRanking")
        if any(not math.isfinite(c.score) for c in self.components):
            raise ValueError("scores must be finite")
        if any(a.score < b.score or a.rank > b.rank for a, b in itertools.pairwise(self.components)):
            raise ValueError("components must be in falling order of score")
        if self.named and not {c.component for c in self.components}.issuperset(self.named):
            raise ValueError("a component that is named must be ranked")

    @property
    def top(self) -> tuple[str, ...]:
        """The components that share the first rank."""
        return tuple(c.component for c in self.components if c.rank == 1)

    @property
    def blamed(self) -> tuple[str, ...]:
        """The components at fault by this answer: those that are named, or else the first place; none for nobody."""
        return self.top if self.named is None else self.named


@dataclass(frozen=True, slots=True)
class NoRanking(Displayable):
    """The method has no answer, and this is why: `detail` is one sentence for the operator."""

    reason: Reason
    detail: str


Outcome: TypeAlias = Ranking | NoRanking


class Method(ABC):
    """One root-cause-analysis method. Hyper-parameters go into `__init__`, with the paper's defaults.

    `rank` must not change the incident, must draw all randomness from `rng`, must not depend on the order or the names
    of columns and components, and returns NoRanking where it has no answer. It may raise: the runner turns that into
    NoRanking(ERROR), never into a ranking.
    """

    name: ClassVar[str]
    family: ClassVar[Family]

    @abstractmethod
    def rank(self, incident: Incident, rng: np.random.Generator) -> Outcome:
        """Rank the components of one incident.

        Args:
            incident: the telemetry; methods that compare before with after need `incident.onset`.
            rng: the only source of randomness.
        """
