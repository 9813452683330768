"""What is wrong with methods, faults and checks of other packages."""

from __future__ import annotations


def plugin_problems() -> tuple[str, ...]:
    """A sentence for each that is left out of the catalogues. Imports their rows: call it in a thread."""
    from faults import catalog as faults
    from guidelines import catalog as guidelines
    from methods import catalog as methods

    return (*methods.problems(), *faults.problems(), *guidelines.problems())
