"""The catalogue rows of this package. Listing imports this module and no other, so it imports nothing heavy."""

from faults import FaultEntry
from methods import MethodEntry

MEDIAN_SHIFT = MethodEntry(
    name="median_shift",
    class_name="MedianShift",
    family="metric",
    cost="instant",
    needs=("metrics", "onset"),
    summary="Largest shift of a signal's median at the onset, relative to its baseline.",
    package="sample_rca",
)

IDLE_PROCESS = FaultEntry(
    name="idle-process",
    module="idle_process",
    class_name="IdleProcess",
    summary="A process that only sleeps runs in the pod: nothing should change.",
    deployments=("local",),
    package="sample_rca",
)
