"""What pydantic finds wrong with a file or a parameter, in plain words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

_CLAUSES = {
    "missing": "it is missing",
    "extra_forbidden": "there is no such field",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "int_type": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_from_float": "must be a whole number",
    "float_type": "must be a number",
    "float_parsing": "must be a number",
    "finite_number": "must be a finite number",
    "string_type": "must be text",
    "dict_type": "must be a mapping of names to values",
    "model_type": "must be a mapping of names to values",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
}
_BOUNDS = {
    "greater_than_equal": ("ge", "must be at least {}"),
    "greater_than": ("gt", "must be above {}"),
    "less_than_equal": ("le", "must be at most {}"),
    "less_than": ("lt", "must be below {}"),
    "string_too_short": ("min_length", "must have at least {} characters"),
    "string_too_long": ("max_length", "must have at most {} characters"),
    "too_short": ("min_length", "must have at least {} entries"),
    "too_long": ("max_length", "must have at most {} entries"),
}


def clause(error: ErrorDetails) -> str:
    """One error of a `ValidationError`, as a clause about its field: "must be at most 16", "it is missing"."""
    kind, context = error["type"], error.get("ctx", {})
    if kind in _CLAUSES:
        return _CLAUSES[kind]
    if kind in _BOUNDS:
        return _bound(kind, context)
    if kind in ("enum", "literal_error"):
        return f"must be {str(context['expected']).replace(chr(39), '')}"
    return error["msg"].removeprefix("Value error, ").replace("Input should", "must")


def _bound(kind: str, context: Mapping[str, Any]) -> str:
    name, form = _BOUNDS[kind]
    bound = context[name]
    if bound == 1 and name == "min_length":
        return "must not be empty"
    return form.format(f"{bound:g}")
