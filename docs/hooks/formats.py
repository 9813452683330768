"""The formats that users keep, out of the code that reads and writes them."""

from __future__ import annotations

import inspect
from typing import Any

import text

HEADING = "      heading_level: 3\n      show_root_heading: true\n"


def incident() -> dict[str, str]:
    from cluster.incident import header, store, summary
    from cluster.incident.model import EVENT_COLUMNS, LOG_COLUMNS, SPAN_COLUMNS

    columns = ("column", "type")
    parts = [
        "# Incident format",
        f"Schema version **{summary.SCHEMA}**. One folder, or one .zip of the same files.",
        text.body(inspect.getdoc(store) or ""),
        "What may change in it, and when: [version policy](../project/contributing.md#version-policy).",
        "## incident.json",
        "Beside the `schema` version and the `digest`:",
        *_model(header.Header),
        "## metrics.parquet, edge_metrics.parquet",
        "Columns of float64 under a `time` column in unix seconds, ascending and unique. NaN is a gap: not measured. "
        "Names and units of the signals: [signals](signals.md).",
        "## spans.parquet",
        text.table(columns, ((text.code(name), kind) for name, kind in SPAN_COLUMNS.items())),
        "`start` in unix seconds, `duration` in seconds; `parent_id` is empty at a root, `error` where the status is "
        "unknown.",
        "## logs.parquet",
        text.table(columns, ((text.code(name), kind) for name, kind in LOG_COLUMNS.items())),
        "Ascending in time. Messages are hostile text: escape them before showing.",
        "## events.parquet",
        "What the platform itself recorded, such as the events of a Kubernetes namespace. The file is left out where "
        "there are none.",
        text.table(columns, ((text.code(name), kind) for name, kind in EVENT_COLUMNS.items())),
        "Ascending in time. `component` is empty where an event concerns none, `source` is `kubernetes` or `alert`, "
        "`severity` is the source's own word (`Normal`, `Warning`), `object` names what the event is about "
        "(`Pod/ray-head`), `occurrences` says how often it came. All text is hostile.",
        "## truth.sealed",
        *_model(header.SealedTruth),
    ]
    return {"reference/incident-format.md": "\n\n".join(parts) + "\n"}


def _model(model: Any) -> list[str]:
    """A table for a pydantic model, and one for each that it refers to."""
    schema = model.model_json_schema()
    parts = [fields(schema)]
    for name, definition in schema.get("$defs", {}).items():
        if "properties" in definition:
            parts += [f"A `{name.strip('_').lower()}`:", fields(definition)]
        elif "enum" in definition:
            parts += [f"A `{name.strip('_').lower()}` is one of {', '.join(map(text.code, definition['enum']))}."]
    return parts


def fields(schema: Any) -> str:
    required = set(schema.get("required", ()))
    rows = (
        (text.code(name), text.cell(type_of(field)), _about(field, name in required))
        for name, field in schema["properties"].items()
    )
    return text.table(("key", "holds", ""), rows)


def _about(field: Any, required: bool) -> str:
    said = text.prose(field.get("description", ""))
    return said if required else "; ".join(filter(None, (said, "may be left out")))


def type_of(field: Any) -> str:
    if "const" in field:
        return str(field["const"])
    if "enum" in field:
        return " or ".join(field["enum"])
    if "anyOf" in field:
        return " or ".join(type_of(option) for option in field["anyOf"])
    if "$ref" in field:
        return "`" + field["$ref"].rpartition("/")[2].strip("_").lower() + "`"
    kind = {"string": "text", "null": "null"}.get(field.get("type", "any"), field.get("type", "any"))
    if kind == "array" and "prefixItems" in field:
        return f"list of {', '.join(map(type_of, field['prefixItems']))}"
    if kind == "array":
        return f"list of {type_of(field.get('items', {}))}"
    if kind == "object" and isinstance(field.get("additionalProperties"), dict):
        return f"name → {type_of(field['additionalProperties'])}"
    return str(kind)


def journal() -> dict[str, str]:
    from faults import journal as room
    from faults import states

    following = (
        (f"**{state.value}**", ", ".join(s.value for s in states.State if states.may_follow(state, s)) or "nothing")
        for state in states.State
    )
    parts = [
        "# Journal format",
        f"Schema version **{room.SCHEMA}**. Files: `$XDG_STATE_HOME/rca-tui/journal/INJECTION{room.SUFFIX}`, at most "
        f"{room.MAX_BYTES:,} bytes each.",
        text.body(inspect.getdoc(room) or ""),
        "What may change in it, and when: [version policy](../project/contributing.md#version-policy).",
        "## A line",
        "A JSON object: `state`, `wall` (unix seconds), `clock` (seconds of this boot's monotonic clock), `boot` "
        "(when it was, for people), `detail` (why, one sentence) and `data`. The `data` of the first line is the "
        "header.",
        "## States",
        text.body(inspect.getdoc(states.State) or ""),
        text.table(("state", "may be followed by"), following),
        "## Classes",
        *(f"::: faults.journal.{name}\n    options:\n{HEADING}" for name in ("Header", "Step", "Record")),
        f"::: faults.types.Plan\n    options:\n{HEADING}",
    ]
    return {"reference/journal-format.md": "\n\n".join(parts) + "\n"}


def signals() -> dict[str, str]:
    from cluster.signals import SIGNALS

    rows = (
        (
            text.code(signal.name),
            text.code(signal.unit),
            text.cell(signal.measures),
            text.cell(
                ", ".join([*sorted(kind.value for kind in signal.kinds), *(["calls"] if signal.on_edges else [])])
            ),
            signal.quantity.value,
            signal.hurts.value,
        )
        for signal in SIGNALS.values()
    )
    page = (
        "# Signals\n\nThe canonical names of metrics, whatever the exporter calls them. `1` is a number without a "
        "unit, a share from 0 to 1. *Bad when* is the direction that means trouble.\n\n"
        f"{text.table(('signal', 'unit', 'measures', 'of', 'is a', 'bad when'), rows)}\n"
    )
    return {"reference/signals.md": page}
