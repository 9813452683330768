"""What can go wrong: a catalogue of faults that are really injected, journalled first and always undone.

The names below are the public ones, for scripts and notebooks. They are imported when first used.

- The catalogue: `list_faults` (imports no fault), `load_fault`.
- Injection: `Engine(deployment, armed=False).dry_run(...)` says what would be done and changes nothing; `run_drill`
  runs baseline, fault and aftermath, and saves the incident with its truth apart.
- To write a fault: subclass `Fault`, with its `Parameters`, and return a `Plan`. How to add one: `faults.catalog`.

    >>> from faults import list_faults
    >>> "cpu-stress" in {entry.name for entry in list_faults()}
    True
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from cluster.lazy import exports

if TYPE_CHECKING:
    from faults.catalog import Entry as FaultEntry
    from faults.catalog import entries as list_faults
    from faults.catalog import load as load_fault
    from faults.drill import DrillReport, Progress
    from faults.drill import run as run_drill
    from faults.effects import Landing
    from faults.engine import Engine, Injection
    from faults.errors import FaultError, UnknownFault
    from faults.states import Phase, State
    from faults.types import Availability, Direction, Effect, Fault, Parameters, Plan, Readback, Role

__all__ = [
    "Availability",
    "Direction",
    "DrillReport",
    "Effect",
    "Engine",
    "Fault",
    "FaultEntry",
    "FaultError",
    "Injection",
    "Landing",
    "Parameters",
    "Phase",
    "Plan",
    "Progress",
    "Readback",
    "Role",
    "State",
    "UnknownFault",
    "list_faults",
    "load_fault",
    "run_drill",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = exports(
        __name__,
        {
            "Availability": "faults.types:Availability",
            "Direction": "faults.types:Direction",
            "DrillReport": "faults.drill:DrillReport",
            "Effect": "faults.types:Effect",
            "Engine": "faults.engine:Engine",
            "Fault": "faults.types:Fault",
            "FaultEntry": "faults.catalog:Entry",
            "FaultError": "faults.errors:FaultError",
            "Injection": "faults.engine:Injection",
            "Landing": "faults.effects:Landing",
            "Parameters": "faults.types:Parameters",
            "Phase": "faults.states:Phase",
            "Plan": "faults.types:Plan",
            "Progress": "faults.drill:Progress",
            "Readback": "faults.types:Readback",
            "Role": "faults.types:Role",
            "State": "faults.states:State",
            "UnknownFault": "faults.errors:UnknownFault",
            "list_faults": "faults.catalog:entries",
            "load_fault": "faults.catalog:load",
            "run_drill": "faults.drill:run",
        },
    )
