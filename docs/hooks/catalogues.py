"""A page for each method, fault and check, and a list of each kind."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import text

_PLACES = {"local": "this machine", "kubernetes": "Kubernetes", "endpoints": "endpoints"}
MEASURED = Path(__file__).resolve().parents[1] / "measured"


def methods() -> dict[str, str]:
    from methods import catalog

    entries = [entry for entry in catalog.entries() if entry.package == "methods"]
    rows = (
        (f"[`{e.name}`]({e.name}.md)", text.cell(e.family), text.cell(", ".join(e.needs)), e.cost, text.cell(e.summary))
        for e in entries
    )
    listed = text.table(("method", "family", "reads", "cost", "what it does"), rows)
    contrast = catalog.CONTRAST
    own = "\n".join(
        f"The tool's own method is [`{e.name}`]({e.name}.md), of family `{e.family}`: listed and run with them, but "
        f"not one of the study's, and without a vote. {text.prose(e.summary)}"
        for e in catalog.OWN
    )
    beyond = (
        "Published methods that the study does not have are of family `beyond`: listed, and run after the others, but "
        "not among the study's, and without a vote unless named. `anomaly_attribution` is listed where the package "
        "dowhy is installed (`pip install 'rca-tui[beyond]'`). What they answer is "
        "[measured](../../measured/beyond.md) beside the study's best.\n\n"
        + text.table(
            ("method", "reads", "cost", "what it does"),
            (
                (f"[`{e.name}`]({e.name}.md)", text.cell(", ".join(e.needs)), e.cost, text.cell(e.summary))
                for e in catalog.BEYOND
            ),
        )
    )
    index = (
        f"# Methods\n\nThe {len(entries)} methods, cheap ones first, as `rca-tui methods` lists them. "
        "What each answers on the shipped drills is [measured](../../measured/methods-evaluation.md), and so is "
        f"[what it costs](../../measured/methods-speed.md).\n\n{listed}\n\nBeside them stands "
        f"[`{contrast.name}`]({contrast.name}.md), which belongs to no method and does not vote: "
        f"{text.prose(contrast.summary)}\n\n{own}\n\n{beyond}\n"
    )
    pages = {f"reference/methods/{e.name}.md": _method(e) for e in (*entries, *catalog.OWN, *catalog.BEYOND, contrast)}
    return {"reference/methods/index.md": index} | pages


def _method(entry: Any) -> str:
    from methods import catalog

    kind = type(catalog.load(entry.name))
    facts = text.table(
        ("family", "reads", "cost", "class"),
        [
            (
                text.cell(entry.family),
                text.cell(", ".join(entry.needs)),
                text.cell(entry.cost),
                text.code(f"{kind.__module__}.{kind.__name__}"),
            )
        ],
    )
    (_, summary), *rest = text.sections(inspect.getdoc(kind) or entry.summary)
    parts = [f"# {entry.name}", summary, facts]
    for heading, body in rest:
        if heading:
            parts.append(f"## {heading}")
        parts.append(_listed(body) if heading == "Parameters" else body)
        if heading == "Parameters" and kind.__init__ is not object.__init__:
            signature = inspect.signature(kind).replace(return_annotation=inspect.Signature.empty)
            parts.append(text.fenced(f"{kind.__name__}{signature}".replace("'", ""), "python"))
    page = "beyond.md" if entry.family == "beyond" else "methods-evaluation.md"
    if rows := _rows(page, entry.name):
        parts += [
            "## On the shipped drills",
            rows,
            f"`rca-tui evaluate` measured this; [all methods, by fault](../../measured/{page}).",
        ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _listed(parameters: str) -> str:
    """A list item for each `name: meaning`."""
    return re.sub(
        r"^([a-z\\_]+): ", lambda name: f"- `{name[1].replace(chr(92), '')}`: ", parameters, flags=re.MULTILINE
    )


def _rows(page: str, name: str) -> str:
    """The rows about `name` of the first table on a measured page that has some, and guessing's."""
    lines = (MEASURED / page).read_text(encoding="utf-8").splitlines()
    for start, line in enumerate(lines):
        if not re.match(r"\|[-:| ]+\|$", line):
            continue
        end = next((i for i in range(start, len(lines)) if not lines[i].startswith("|")), len(lines))
        first = [row.split("|")[1].strip(" `*") for row in lines[start + 1 : end]]
        if name in first:
            kept = [row for row, who in zip(lines[start + 1 : end], first, strict=True) if who in (name, "guessing")]
            return "\n".join([lines[start - 1], line, *kept])
    return ""


def faults() -> dict[str, str]:
    from faults import catalog

    entries = [entry for entry in catalog.entries() if entry.package == "faults"]
    rows = ((f"[`{e.name}`]({e.name}.md)", text.cell(", ".join(e.deployments)), text.cell(e.summary)) for e in entries)
    listed = text.table(("fault", "on", "what it does"), rows)
    index = (
        f"# Faults\n\nThe {len(entries)} faults. `rca-tui faults` says which can be injected now, and why the others "
        "cannot. All are journalled, have a deadline and are undone: see "
        "[how undo is kept](../../explanation/undo.md). What they do is [measured](../../measured/faults.md).\n\n"
        f"{listed}\n"
    )
    return {"reference/faults/index.md": index} | {f"reference/faults/{e.name}.md": _fault(e) for e in entries}


def _fault(entry: Any) -> str:
    from faults import catalog

    parts = [f"# {entry.name}", text.prose(entry.summary)]
    for deployment in entry.deployments:
        fault = catalog.load(entry.name, deployment)
        module = inspect.getmodule(type(fault))
        parts.append(f"## On {_PLACES.get(deployment, deployment)}")
        parts.append(text.body(inspect.getdoc(module) or "") if module else "")
        targets = ", ".join(sorted(kind.value for kind in fault.targets))
        needs = "; ".join(text.prose(need) for need in fault.needs)
        parts.append(
            f"- Targets: {text.prose(targets)}\n- Components under the fault: {fault.blast_radius} at most\n"
            f"- Needs: {needs}"
        )
        parts.append(_parameters(fault))
        parts.append(
            text.table(
                ("expected at", "signal", "goes", "by a factor of"),
                (
                    (text.cell(e.role.value), text.code(e.signal), text.cell(e.direction.value), f"{e.factor:g}")
                    for e in fault.effects
                ),
            )
        )
    if rows := _rows("drills.md", entry.name):
        parts += [
            "## In the shipped drills",
            rows,
            "`python -m tests.bench.drills` measured this; [all drills](../../measured/drills.md).",
        ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _parameters(fault: Any) -> str:
    schema = fault.parameters.model_json_schema()
    rows = [
        (
            text.code(name),
            text.cell(_type(field)),
            text.code(field.get("default", "")),
            text.cell(_bounds(field)),
            text.cell(field.get("description", "")),
        )
        for name, field in schema.get("properties", {}).items()
    ]
    return text.table(("`--param`", "type", "default", "bounds", "meaning"), rows) or "No parameters."


def _type(field: dict[str, Any]) -> str:
    if "enum" in field:
        return "one of " + ", ".join(map(str, field["enum"]))
    if "anyOf" in field:
        return " or ".join(_type(option) for option in field["anyOf"])
    return str(field.get("type", field.get("$ref", "").rpartition("/")[2]))


def _bounds(field: dict[str, Any]) -> str:
    def parts() -> Iterator[str]:
        for key, sign in (("minimum", "≥"), ("exclusiveMinimum", ">"), ("maximum", "≤"), ("exclusiveMaximum", "<")):
            if key in field:
                yield f"{sign} {field[key]}"

    return ", ".join(parts())


def checks() -> dict[str, str]:
    from guidelines import catalog

    entries = catalog.entries()
    rows = ((str(g.number), f"[`{g.name}`]({g.name}.md)", text.cell(g.title), text.cell(g.what)) for g in entries)
    listed = text.table(("#", "check", "passes when", "what it looks for"), rows)
    index = (
        f"# Checks\n\nThe {len(entries)} checks of observability that `rca-tui check` goes through, each with "
        "the faults that nobody can diagnose while it fails, and with what its absence "
        f"[has cost](../../measured/ablations.md).\n\n{listed}\n"
    )
    return {"reference/checks/index.md": index} | {f"reference/checks/{e.name}.md": _check(e) for e in entries}


def _check(entry: Any) -> str:
    from cluster import pages
    from cluster.display import Line, Title
    from guidelines import documents

    page = pages.markdown(
        (
            Title(f"{entry.number}. {entry.title}"),
            Line(entry.what),
            Title("What to set"),
            *documents.changes(entry),
            Title("Why"),
            Line(entry.why),
            Line("Where it was observed:"),
            *map(Line, entry.evidence),
            Title("What a failure hides"),
            *documents.hides(entry),
            Title("What it is worth"),
            *documents.price(entry),
        )
    )
    # Markdown of any text has no markup; in our own, what is in backticks is code.
    page = re.sub(r"\\`([^`\\]+)\\`", r"`\1`", page)
    return re.sub(r"\A## ", "# ", page)
