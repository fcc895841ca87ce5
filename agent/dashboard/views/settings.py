"""Every number in force beside its default, and the chaos that delivery meets."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from enum import Enum
from typing import TYPE_CHECKING, Any

from agent.dashboard.queries import Document, Query
from agent.model.settings import Settings

if TYPE_CHECKING:
    from agent.runtime import Agent

_DEFAULTS = Settings()


async def settings(agent: Agent, _: Query) -> Document:
    """The settings by table, and the chaos rules; a setting that differs from its default says so."""
    tables: dict[str, list[Document]] = {"agent": []}
    for field in fields(Settings):
        ours, default = getattr(agent.settings, field.name), getattr(_DEFAULTS, field.name)
        if is_dataclass(ours):
            tables[field.name] = [
                _row(part.name, getattr(ours, part.name), getattr(default, part.name)) for part in fields(ours)
            ]
        else:
            tables["agent"].append(_row(field.name, ours, default))
    return {
        "tables": tables,
        "chaos": agent.chaos.document(),
        "hosts": agent.hosts.mapped(),
        "local_testing": agent.settings.attribution_reporting_limits.debug_mode,
    }


def _row(name: str, ours: object, default: object) -> Document:
    return {"name": name, "default": _plain(default), "value": _plain(ours), "differs": ours != default}


def _plain(value: object) -> Any:
    """A setting as JSON values; a function is told as text."""
    match value:
        case Enum():
            return value.value
        case None | bool() | int() | float() | str():
            return value
        case frozenset():
            return sorted(map(_plain, value))
        case tuple() | list():
            return [_plain(one) for one in value]
        case _ if is_dataclass(value):
            return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
        case _:
            return "a function"
