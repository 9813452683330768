"""Assigns pods to components, the same way for as long as the deployment lives, while pods come and go.

A pod of a StatefulSet has its number in its name. Others have random names: a new pod of a group takes the number of a
pod that is being deleted, else the lowest that no living pod holds. So the successor of a pod that was replaced is the
same component with another uid. A pod keeps its number as long as it lives, unless its successor takes it.
A file keeps the assignments: later commands repeat them, and can attribute the telemetry of deleted pods.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from cluster.kubernetes.objects import Pod

_LARGEST_HISTORY = 2000  # pods
_ORDINAL = re.compile(r"-(\d+)$")


@dataclass(frozen=True, slots=True)
class PodRecord:
    """A pod, living or deleted, and its component."""

    component: str
    name: str
    uid: str
    ip: str = ""


class PodHistory:
    """The pods of a deployment, living and deleted. Works without its file where it cannot be read or written."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._records: dict[str, PodRecord] = {one.uid: one for one in _read(file)}

    def assign(self, prefix: str, pods: Iterable[Pod]) -> dict[str, Pod]:
        """Component ids, `prefix-0` and so on, of the living pods of one group.

        A pod that is being deleted has none once a newer pod has taken its number.
        """
        living = sorted(pods, key=lambda pod: (pod.created, pod.name))
        assigned: dict[str, Pod] = {}
        unassigned: list[Pod] = []
        leaving: dict[str, Pod] = {}
        for pod in living:
            known = self._records.get(pod.uid)
            wanted = f"{prefix}-{match[1]}" if pod.ordinal and (match := _ORDINAL.search(pod.name)) else ""
            wanted = wanted or (known.component if known and _is_numbered(known.component, prefix) else "")
            if wanted and pod.deleting:
                leaving.setdefault(wanted, pod)
            elif wanted and wanted not in assigned:
                assigned[wanted] = pod
            else:
                unassigned.append(pod)
        vacated = [component for component in leaving if component not in assigned]
        number = 0
        # One that is deleted before it had a number has no claim on another's.
        for pod in sorted(unassigned, key=lambda pod: pod.deleting):
            if vacated and not pod.deleting:
                assigned[vacated.pop(0)] = pod
                continue
            while f"{prefix}-{number}" in assigned or f"{prefix}-{number}" in vacated:
                number += 1
            assigned[f"{prefix}-{number}"] = pod
        assigned |= {component: leaving[component] for component in vacated}
        return dict(sorted(assigned.items(), key=lambda item: int(item[0].rpartition("-")[2])))

    def record(self, components: Mapping[str, Iterable[Pod]]) -> None:
        """Keep the assignments; the file is written only when something changed."""
        before = dict(self._records)
        for component, pods in components.items():
            for pod in pods:
                self._records[pod.uid] = PodRecord(component, pod.name, pod.uid, pod.ip)
        if self._records != before:
            self._records = dict(list(self._records.items())[-_LARGEST_HISTORY:])
            self._write()

    def names(self) -> dict[str, str]:
        """Pod name -> component, deleted pods included."""
        return {one.name: one.component for one in self._records.values()}

    def addresses(self) -> dict[str, str]:
        """Pod address -> component: the one that held the address last."""
        return {one.ip: one.component for one in self._records.values() if one.ip}

    def _write(self) -> None:
        if self._file is None:
            return
        content = json.dumps([asdict(one) for one in self._records.values()])
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=self._file.parent)
            with os.fdopen(handle, "w") as file:
                file.write(content)
            Path(temporary).replace(self._file)
        except OSError:
            pass  # later commands assign without it


def _is_numbered(component: str, prefix: str) -> bool:
    """Whether it is one of the group's: `ray-replicas-head-0` is none of `ray-replicas`."""
    return component.startswith(f"{prefix}-") and component.removeprefix(f"{prefix}-").isdecimal()


def _read(file: Path | None) -> list[PodRecord]:
    if file is None:
        return []
    try:
        records: Any = json.loads(file.read_text())
        return [PodRecord(*(str(one[key]) for key in ("component", "name", "uid", "ip"))) for one in records]
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return []
