"""Classes and functions as the reference shows them."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Container, Iterator
from enum import Enum
from typing import Any

from tests.house.reference.markdown import first_line


def methods(cls: type, *, without: Container[str] = ()) -> Iterator[tuple[str, str]]:
    """Signature and first paragraph of each public method; of what is computed as an attribute, its name."""
    for name, member in vars(cls).items():
        function = inspect.unwrap(getattr(member, "__func__", member)) if not isinstance(member, property) else None
        if name.startswith("_") or name in without:
            continue
        if function is None:
            yield name, first_line(member.__doc__)
        elif inspect.isfunction(function):
            yield f"{_before(function)}{name}({parameters(function)})", first_line(function.__doc__)


def parameters(function: Callable[..., Any]) -> str:
    """The parameters with their defaults, without ``self`` or ``cls``."""
    shown = []
    for name, parameter in inspect.signature(function).parameters.items():
        if name in {"self", "cls"}:
            continue
        stars = "**" if parameter.kind is parameter.VAR_KEYWORD else ""
        default = "" if parameter.default is parameter.empty else f"={_value(parameter.default)}"
        shown.append(f"{stars}{name}{default}")
    return ", ".join(shown)


def _value(default: object) -> str:
    """A default as somebody would write it; an ellipsis for several values."""
    if isinstance(default, tuple) and len(default) > 1:
        return "..."
    return repr(default.value) if isinstance(default, Enum) else repr(default)


def _before(function: Callable[..., Any]) -> str:
    if inspect.isasyncgenfunction(function):
        return "async with "
    waits = inspect.iscoroutinefunction(function) or str(function.__annotations__.get("return")).startswith("Awaitable")
    return "await " if waits else ""
