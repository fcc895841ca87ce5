"""Structured fields (RFC 9651) of Attribution Reporting: parsing, with the failure as a problem."""

from __future__ import annotations

from collections.abc import Container
from typing import Any

import http_sf

from agent.engines.attribution_reporting.json_node import Problems
from agent.model.attribution_reporting.registrations import Issue, Severity

Item = tuple[Any, dict[str, Any]]
"""A value, and its parameters."""


def read_dictionary(field: bytes, problems: Problems) -> dict[str, Item] | None:
    """The members of a dictionary, or None with an error where the field is none."""
    members: dict[str, Item] | None = _read(field, "dictionary", problems)
    return members


def read_list(field: bytes, problems: Problems) -> list[Item] | None:
    """The members of a list, or None with an error where the field is none."""
    members: list[Item] | None = _read(field, "list", problems)
    return members


def _read(field: bytes, kind: str, problems: Problems) -> Any:
    try:
        return http_sf.parse(field, tltype=kind)
    except (http_sf.StructuredFieldError, ValueError, OverflowError) as error:
        reason = str(error).splitlines()[0][:200]
        problems.add(Issue(None, f"cannot be read: {reason}", f"a {kind} of structured fields (RFC 9651)"))
        return None


def warn_of_parameters(key: str, item: Item, problems: Problems) -> None:
    """Tell of parameters, none of which mean anything."""
    if item[1]:
        problems.add(Issue((key,), "has parameters, which are ignored", severity=Severity.WARNING))


def warn_of_unknown_keys(members: dict[str, Item], known: Container[str], problems: Problems) -> None:
    """Tell of keys that mean nothing."""
    for key in members:
        if key not in known:
            problems.add(Issue((key,), "is an unknown key and is ignored", severity=Severity.WARNING))
