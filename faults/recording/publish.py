"""Make recorded drills small enough to ship.

    python -m faults.recording.publish FROM TO

Half of a drill's bytes are the random ids of its traces and spans. In TO each stands as the number of its first
occurrence, which tells the same: which spans belong together. All else is as in FROM, the truth and its seal included.
Drills that TO has stay. Of the drills in it, TO says whose truths are the recorded ones (`truths.json`) and, where FROM
was drawn from a seed, which are only to be scored (`split.json`).
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cluster.incident.container import IncidentError
from cluster.incident.seal import Seal
from faults.recording.recipe import SPLIT

if TYPE_CHECKING:
    import pandas as pd


PARTS = ("developed", "scored")


def publish(source: Path, target: Path) -> None:
    """Write one drill anew, its ids counted. Raises IncidentError, also where `target` is there."""
    from cluster.incident import envelope, store

    incident, truth, seal = store.load(source), envelope.load_truth(source), envelope.seal_of(source)
    if truth is None or seal is None or seal is Seal.NONE:
        raise IncidentError(f"{source} has no sealed truth: it is no recorded drill")
    spans = counted(incident.telemetry.spans)
    store.save(replace(incident, telemetry=replace(incident.telemetry, spans=spans)), target, truth, seal)


def counted(spans: pd.DataFrame) -> pd.DataFrame:
    """The spans with numbers for ids: of traces, and of spans, whose parents follow. A root stays without a parent."""
    import pandas as pd

    traces, _ = pd.factorize(spans["trace_id"])
    both, _ = pd.factorize(pd.concat([spans["span_id"], spans["parent_id"]]))
    own, parents = both[: len(spans)], both[len(spans) :]
    numbers = {"trace_id": traces, "span_id": own, "parent_id": parents}
    texts = {
        name: pd.Series(codes, index=spans.index, dtype="string").mask(codes < 0) for name, codes in numbers.items()
    }
    return spans.assign(**texts)


def describe(target: Path, split: Mapping[str, Any] | None) -> None:
    """Write what the folder of published drills says of them, apart from each. Raises IncidentError."""
    from cluster.incident import envelope

    drills = sorted(target.glob("drill-*.zip"))
    _write(target / envelope.TRUTHS, dict(envelope.truth_digest(path) for path in drills))
    if split is not None:
        names = {path.stem for path in drills}
        parts = {part: [name for name in split[part] if name in names] for part in PARTS}
        _write(target / SPLIT, {"seed": split["seed"], **parts})


def _agreed(source: Path, target: Path) -> dict[str, Any] | None:
    """The parts of the drills in `source`, if a seed drew them. Raises IncidentError where `target` has another's."""
    split, before = _split(source / SPLIT), _split(target / SPLIT)
    if split is not None and before is not None and before["seed"] != split["seed"]:
        raise IncidentError(
            f"{target} holds drills of seed {before['seed']}, {source} has those of {split['seed']}: "
            "publish them into a folder of their own, or no file says which of the others are only to be scored"
        )
    return split


def _split(path: Path) -> dict[str, Any] | None:
    """The parts that a seed drew, or None where there is no such file. Raises IncidentError."""
    if not path.exists():
        return None
    try:
        split = json.loads(path.read_text())
    except ValueError as error:
        raise IncidentError(f"{path} is not JSON: {error}") from error
    if not isinstance(split, dict) or not all(isinstance(split.get(part), list) for part in PARTS):
        raise IncidentError(f"{path} does not have the lists {' and '.join(PARTS)}: record the drills again")
    return split | {"seed": split.get("seed")}


def _write(path: Path, content: Mapping[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=1) + "\n")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m faults.recording.publish", description="Make drills small.")
    parser.add_argument("source", type=Path, metavar="FROM", help="folder of recorded drills")
    parser.add_argument("target", type=Path, metavar="TO", help="folder for the same drills, smaller")
    chosen = parser.parse_args(arguments)
    try:
        split = _agreed(chosen.source, chosen.target)
        for path in sorted(chosen.source.glob("drill-*.zip")):
            if not (chosen.target / path.name).exists():
                publish(path, chosen.target / path.name)
        describe(chosen.target, split)
    except IncidentError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
