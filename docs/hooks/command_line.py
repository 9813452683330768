"""A page for each command out of its declaration, and what each answers with `--json`, by running it."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import formats
import shapes
import text

from rca_tui import vocabulary

ROOT = Path(__file__).resolve().parents[2]
INCIDENT = "drill-05"
RUNS = (
    ("methods",),
    ("faults",),
    ("scenarios",),
    ("scores",),
    ("incidents",),
    ("status",),
    ("down",),
    ("doctor",),
    ("recover",),
    ("replay", INCIDENT),
    ("reveal", INCIDENT),
    ("triage", INCIDENT),
    ("check", INCIDENT),
    ("diagnose", INCIDENT, "--method", "baro", "--method", "nsigma"),
    ("explain", INCIDENT, "--method", "nsigma"),
    ("report", INCIDENT, "--method", "baro", "--method", "nsigma"),
    ("annotate", INCIDENT),
    ("contrast", INCIDENT, "--method", "baro"),
    ("evaluate", INCIDENT, "--method", "baro"),
    ("ablate", INCIDENT, "--check", "limits", "--method", "baro"),
)
"""Commands that answer without a deployment, run on a shipped drill."""
LONGEST_TEXT = 100
WIDTH = 76
"""Columns of a help text: as many as a code block shows without scrolling."""


def commands() -> dict[str, str]:
    group = _group()
    rows = (
        (f"[`{name}`]({name}.md)", text.cell(_first_sentence(command.help))) for name, command in group.commands.items()
    )
    index = [
        "# Command line",
        text.fenced(_help()),
        text.table(("command", "what it does"), rows),
        "Everything has `--json` and `--help`. Exit codes: 0; 1 when the answer is bad news (a check that fails, a "
        "fault that is stuck, a deployment that is DOWN); 2 for bad input, with one sentence on stderr; 130 after "
        "Ctrl-C.",
        "`rca-tui --install-completion` makes bash, zsh and fish complete commands, options, and the names of "
        "incidents, methods, faults, targets and kubeconfig contexts.",
    ]
    pages = {f"reference/commands/{name}.md": _page(name) for name in group.commands}
    return {"reference/commands/index.md": "\n\n".join(index) + "\n"} | pages


def _page(name: str) -> str:
    shape = f"What `--json` prints: [answers in JSON](../json.md#{name}).\n" if _answers(name) else ""
    return f"# {name}\n\n{text.fenced(_help(name))}\n\n{shape}"


def _answers(name: str) -> bool:
    return name in shapes.SHAPES or name in shapes.GRAFANAS


def _group() -> Any:
    from typer.main import get_command

    from rca_tui.__main__ import app

    return get_command(app)


def _help(*command: str) -> str:
    from typer.testing import CliRunner

    from rca_tui.__main__ import app

    return CliRunner().invoke(app, [*command, "--help"], prog_name="rca-tui", terminal_width=WIDTH).stdout


def _first_sentence(docstring: str | None) -> str:
    return (docstring or "").strip().partition("\n\n")[0]


def answers() -> dict[str, str]:
    """One page: every command's answer in JSON. Lists are cut to their first item, long texts to their beginning."""
    with tempfile.TemporaryDirectory() as home, ThreadPoolExecutor(2) as pool:
        printed = dict(zip(RUNS, pool.map(lambda run: _run(run, Path(home)), RUNS), strict=True))
    parts = [
        "# Answers in JSON",
        "Every command prints one JSON document on stdout with `--json`, and everything else on stderr. Numbers that "
        "are not finite are `null`; times are unix seconds; all beyond ASCII is escaped. What may change in these "
        "shapes, and when: [version policy](../project/contributing.md#version-policy).",
        "One word has one meaning in all of them:",
        text.fenced(inspect.cleandoc(vocabulary.__doc__ or "").partition("\n\n")[2]),
        "The answers below were printed when this page was built; long texts and lists are cut.",
        "## Errors",
        text.prose(inspect.getdoc(shapes.Error) or ""),
        formats.fields(shapes.Error.model_json_schema()),
    ]
    shared: dict[str, Any] = {}
    for name in _group().commands:
        made = [(run, answer) for run, answer in printed.items() if run[0] == name]
        if not _answers(name):
            continue
        parts.append(f"## {name}")
        if name in shapes.GRAFANAS:
            parts.append("What Grafana's HTTP API takes, a list; what was sent has the `id` that Grafana gave it.")
        for shape in shapes.SHAPES.get(name, ()):
            schema = shape.model_json_schema()
            shared |= schema.get("$defs", {})
            parts += [text.prose(vars(shape).get("__doc__") or ""), formats.fields(schema)]
        for run, answer in made:
            parts += [
                f"`rca-tui {' '.join(run)} --json`:",
                text.fenced(json.dumps(_cut(answer), indent=2, ensure_ascii=False), "json"),
            ]
    for name, schema in sorted(shared.items()):
        parts += [f"## A {name.lower()} in these {{#{name.lower()}-part}}", formats.fields(schema)]
    return {"reference/json.md": "\n\n".join(filter(None, parts)) + "\n"}


def _run(arguments: Sequence[str], home: Path) -> Any:
    own = {name: str(home / name.lower()) for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME")}
    path = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    done = subprocess.run(
        [sys.executable, "-m", "rca_tui", *arguments, "--json"],
        env={**os.environ, **own, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        return json.loads(done.stdout)
    except json.JSONDecodeError:
        raise RuntimeError(f"rca-tui {' '.join(arguments)} --json printed no JSON: {done.stderr[-2000:]}") from None


def _cut(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _cut(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_cut(value[0]), f"… {len(value) - 1} more"] if len(value) > 1 else [_cut(item) for item in value]
    if isinstance(value, str) and len(value) > LONGEST_TEXT:
        return value[:LONGEST_TEXT] + "…"
    return value
