"""Ray's processes start without what they import only because it is installed."""

import subprocess
import sys

import pytest

from cluster.local.supervisor import RAY_SITE


def imports(module: str) -> set[str]:
    """The modules that a process of Ray's has after importing this one."""
    code = f"import {module}, sys; print(*(name for name, module in sys.modules.items() if module is not None))"
    run = [sys.executable, "-c", code]
    answer = subprocess.run(run, env={"PYTHONPATH": str(RAY_SITE)}, capture_output=True, text=True, check=True)
    return set(answer.stdout.split())


def test_jsonschema_compiles_no_grammar() -> None:
    assert not {"lark", "rfc3987_syntax"} & imports("jsonschema")


@pytest.mark.slow
def test_serve_starts_without_them() -> None:
    pytest.importorskip("ray")
    assert not {"lark", "rfc3987_syntax", "pandas"} & imports("ray.serve._private.proxy")
