"""Which component a pod is, for as long as the deployment lives, whatever pods come and go.

A pod of a StatefulSet has its number in its name. Others have random names: a new pod of a group takes the lowest
number that no living pod holds, so the successor of a pod that was replaced is the same component with another uid.
What was decided is kept in a file: a later command decides alike, and knows whose the telemetry of a gone pod was.
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

_REMEMBERED = 2000
_ORDINAL = re.compile(r"-(\d+)$")


@dataclass(frozen=True, slots=True)
class Seen:
    """One pod and the component that it is or was."""

    component: str
    name: str
    uid: str
    ip: str = ""


class Memory:
    """What is known of pods, living and gone. A file that cannot be read or written is done without."""

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self._seen: dict[str, Seen] = {one.uid: one for one in _read(file)}

    def place(self, prefix: str, pods: Iterable[Pod]) -> dict[str, Pod]:
        """The living pods of one group by component id, `prefix-0` and on."""
        living = sorted(pods, key=lambda pod: (pod.created, pod.name))
        placed: dict[str, Pod] = {}
        homeless: list[Pod] = []
        for pod in living:
            known = self._seen.get(pod.uid)
            wanted = f"{prefix}-{match[1]}" if pod.ordinal and (match := _ORDINAL.search(pod.name)) else ""
            wanted = wanted or (known.component if known and known.component.startswith(f"{prefix}-") else "")
            if wanted and wanted not in placed:
                placed[wanted] = pod
            else:
                homeless.append(pod)
        number = 0
        for pod in homeless:
            while f"{prefix}-{number}" in placed:
                number += 1
            placed[f"{prefix}-{number}"] = pod
        return dict(sorted(placed.items(), key=lambda item: int(item[0].rpartition("-")[2])))

    def note(self, components: Mapping[str, Iterable[Pod]]) -> None:
        """Keep who is what; written only when something changed."""
        before = dict(self._seen)
        for component, pods in components.items():
            for pod in pods:
                self._seen[pod.uid] = Seen(component, pod.name, pod.uid, pod.ip)
        if self._seen != before:
            self._seen = dict(list(self._seen.items())[-_REMEMBERED:])
            self._write()

    def names(self) -> dict[str, str]:
        """Pod name -> component, gone pods included."""
        return {one.name: one.component for one in self._seen.values()}

    def addresses(self) -> dict[str, str]:
        """Pod address -> component; the newest holder of an address wins."""
        return {one.ip: one.component for one in self._seen.values() if one.ip}

    def _write(self) -> None:
        if self._file is None:
            return
        content = json.dumps([asdict(one) for one in self._seen.values()])
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            handle, made = tempfile.mkstemp(dir=self._file.parent)
            with os.fdopen(handle, "w") as file:
                file.write(content)
            Path(made).replace(self._file)
        except OSError:
            pass  # only later commands would be the wiser


def _read(file: Path | None) -> list[Seen]:
    if file is None:
        return []
    try:
        found: Any = json.loads(file.read_text())
        return [Seen(*(str(one[key]) for key in ("component", "name", "uid", "ip"))) for one in found]
    except (OSError, ValueError, TypeError, KeyError):
        return []
