"""``${name}`` in the texts of a journey: replaced where it stands, never evaluated."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import Any

from agent.journeys.scripted.nodes import Path

_REFERENCE = re.compile(r"\$(\$\{|\{([^}]*)\})")
NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class UnknownVariableError(ValueError):
    """A text names a variable that the journey does not have."""

    def __init__(self, name: str, known: Mapping[str, str]) -> None:
        super().__init__(f"there is no variable {name!r}")
        close = get_close_matches(name, known, 1)
        self.fix = f"write ${{{close[0]}}}" if close else f"give it under vars, or with --var {name or 'name'}=VALUE"


def filled(text: str, variables: Mapping[str, str]) -> str:
    """``text`` with its ``${name}`` replaced; ``$${`` stands for ``${``. Raises UnknownVariableError."""

    def replace(match: re.Match[str]) -> str:
        name = match.group(2)
        if name is None:
            return "${"
        if name not in variables:
            raise UnknownVariableError(name, variables)
        return variables[name]

    return _REFERENCE.sub(replace, text)


def names_in(value: Any) -> frozenset[str]:
    """The names of the variables that the texts in ``value`` ask for."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return frozenset().union(*map(names_in, value))
    found = _REFERENCE.finditer(value) if isinstance(value, str) else ()
    return frozenset(match.group(2) for match in found if match.group(2) is not None)


def filled_everywhere(
    value: Any, variables: Mapping[str, str], refuse: Callable[[Path, UnknownVariableError], None], path: Path = ()
) -> Any:
    """``value`` with every text in it filled; what names an unknown variable is told to ``refuse`` and stays."""
    if isinstance(value, dict):
        return {key: filled_everywhere(one, variables, refuse, (*path, key)) for key, one in value.items()}
    if isinstance(value, list):
        return [filled_everywhere(one, variables, refuse, (*path, at)) for at, one in enumerate(value)]
    if not isinstance(value, str):
        return value
    try:
        return filled(value, variables)
    except UnknownVariableError as error:
        refuse(path, error)
        return value
