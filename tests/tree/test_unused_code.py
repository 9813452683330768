"""Code that nothing uses: neither the packages nor the notebooks. What only tests use counts as unused."""

from __future__ import annotations

import ast
import doctest
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from vulture import Vulture

from faults import catalog as faults
from methods import catalog as methods

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("rca_tui", "cluster", "faults", "methods", "guidelines")

CALLED_BY_NAME = [
    # Textual
    "on_*",
    "action_*",
    "check_action",
    "compose",
    "render",
    "render_line",
    "virtual_size",
    "can_replace",
    "render_segments",
    "get_system_commands",
    "BINDINGS",
    "TITLE",
    "CSS_PATH",
    "_current_mode",
    "ALLOW_SELECT",
    "DEFAULT_CSS",
    "HORIZONTAL_BREAKPOINTS",
    "VERTICAL_BREAKPOINTS",
    # pydantic, IPython
    "model_config",
    "_repr_*_",
]
"""Names that a library looks up."""

ALLOWED = {
    "set for a library (the longest row for llama.cpp)": (
        *("_content", "max_redirects", "trust_env"),  # requests
        *("pool_classes_by_scheme", "ConnectionCls"),  # urllib3
        "retries",  # the kubernetes client
        "disabled",  # ipywidgets
        "public_url",  # textual-serve
        *("thread", "exclusive", "exit_on_error"),  # Textual's run_worker
        *(
            "n_ctx",
            "n_parallel",
            "n_threads",
            "endpoint_metrics",
            "hostnames",
            "cache_prompt",
            "cache_ram_mib",
        ),  # llama.cpp
        *("quantization_config", "hf_quantizer"),  # transformers
    ),
    "called by a library": (
        "_one_place",  # pydantic
        "cursor_foreground_priority",  # Textual
        *("commands", "get_command", "list_commands", "format_commands"),  # typer
        *("daemon_threads", "request_queue_size", "allow_reuse_address", "address_family"),  # socketserver
        *("server_bind", "process_request", "process_request_thread", "handle_error"),
        *(
            "do_POST",
            "send_error",
            "version_string",
            "log_message",
            "request_version",
            "requestline",
            "explain",
        ),  # http.server
        *("readable", "readinto"),  # io
        "span_processors",  # Ray, by the name in its configuration
        "log_engine_initialized",  # vLLM
        *("exc", "include", "exclude"),  # parameters of __exit__ and _repr_mimebundle_
    ),
    "keeps a thread alive": ("_reporter",),
    "a page that is imported when it is first shown": (
        *("OverviewPage", "TelemetryPage", "FaultsPage", "DiagnosePage", "ExplainPage", "ChecksPage"),
        *("LogsPage", "TracesPage", "EventsPage", "DrillPage"),
    ),
    "a field of a record that is written or shown as a whole": (
        "response_time",
        *("cpu_seconds", "throttled_seconds", "throttled_periods", "memory_bytes", "process_count"),
        *("received_bytes", "received_packets", "received_drops", "sent_bytes", "sent_packets", "sent_drops"),
    ),
    "a column of a table that people read": ("hurts", "signature", "seen_in"),
    "a choice of the command line or of a file": ("RAY", "INFO"),
    "a measure that tests/bench takes": ("set_score", "calibration"),
}
"""Why vulture cannot see the use -> names."""
ALLOWED_NAMES = [name for names in ALLOWED.values() for name in names]


def examples() -> Iterator[str]:
    """The source of the examples in docstrings."""
    for path in (path for package in PACKAGES for path in (ROOT / package).rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                text = ast.get_docstring(node) or ""
                yield from (example.source for example in doctest.DocTestParser().get_examples(text))


def unused() -> list[str]:
    vulture = Vulture(
        ignore_names=[*CALLED_BY_NAME, *ALLOWED_NAMES],
        ignore_decorators=["@app.*", "@*.register", "@field_validator", "@model_validator"],
    )
    vulture.scavenge([str(ROOT / package) for package in PACKAGES])
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        cells = nbformat.read(path, as_version=4).cells  # type: ignore[no-untyped-call]
        vulture.scan("\n".join(cell.source for cell in cells if cell.cell_type == "code"), filename=str(path))
    vulture.scan("\n".join(examples()), filename="examples")
    loaded = {row.class_name for row in (*methods.everything(), *faults.entries())}
    return [
        f"{item.filename.relative_to(ROOT)}:{item.first_lineno}: {item.message}"
        for item in vulture.get_unused_code(min_confidence=60)
        if item.name not in loaded and Path(item.filename).suffix == ".py"
    ]


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_nothing_is_unused() -> None:
    assert unused() == []


def test_the_list_of_what_is_allowed_is_not_longer_than_needed() -> None:
    sources = "\n".join(p.read_text(encoding="utf-8") for package in PACKAGES for p in (ROOT / package).rglob("*.py"))
    assert [name for name in ALLOWED_NAMES if name not in sources] == []
