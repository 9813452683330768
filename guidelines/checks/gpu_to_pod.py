"""4. Every GPU in use is labelled with the pod that uses it."""

from __future__ import annotations

from cluster.topology import Relation
from guidelines import blind_spots
from guidelines.survey import Survey
from guidelines.types import Change, Finding, Guideline, Origin, fails, passes, unknown
from guidelines.wording import counted, listed

NO_GPU = "no GPU is in the topology: either there is none, or no exporter reports it"
NO_GPU_IN_DRILLS = "the recorded drills ran without a GPU: there is nothing to remove"


def _look(survey: Survey) -> Finding:
    if not survey.gpus:
        return unknown(NO_GPU)
    used = {edge.target for edge in survey.topology.edges if edge.relation is Relation.USES}
    loose = [gpu for gpu in survey.gpus if gpu not in used]
    if loose:
        return fails(f"no pod is known to use {listed(loose)}")
    silent = [gpu for gpu in survey.gpus if not survey.has(gpu, "gpu_utilization")]
    if silent:
        return fails(f"{listed(silent)} has a pod, but no utilisation: the exporter does not report it")
    return passes(f"{counted(len(survey.gpus), 'GPU')}, each with its pod and its series")


GUIDELINE = Guideline(
    number=4,
    name="gpu-to-pod",
    title="Every GPU is labelled with its pod",
    origin=Origin.STUDY,
    what="Each GPU's series are labelled with the pod that computes on it.",
    why=(
        "Without the label a hot or capped GPU is only a fact about a node. Nothing links it to the slow replica, "
        "so a method can blame the device or the replica, but cannot see that they have one cause."
    ),
    evidence=(
        "The study averaged ray_node_gpus_utilization over GPUs; so which device belongs to which worker was lost.",
        "dcgm-exporter takes pod names from the kubelet's pod-resources socket; without it the labels are empty.",
    ),
    change=(
        Change(
            "dcgm-exporter DaemonSet",
            'env: [{name: DCGM_EXPORTER_KUBERNETES, value: "true"}]\n'
            "volumeMounts: [{name: pod-gpu-resources, mountPath: /var/lib/kubelet/pod-resources, readOnly: true}]",
        ),
        Change(
            "ServiceMonitor of dcgm-exporter: its pod label must win over the exporter's own",
            "honorLabels: true",
        ),
    ),
    faults=("gpu-power-cap", "gpu-contention", "gpu-memory"),
    methods=blind_spots.CHANGE + blind_spots.GRAPHS,
    modes=(1, 2, 11),
    look=_look,
    signals=("gpu_utilization",),
    not_removed=NO_GPU_IN_DRILLS,
)
