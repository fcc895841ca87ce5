"""docs/reference/configuration.md: every setting with its default, its variable and its flag."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import fields
from typing import Any

from agent.cli.config import TABLES, Config, printable
from tests.house.reference.commands import commands
from tests.house.reference.markdown import code, member_docs, page, table

_INTRODUCTION = """The keys of `tallyhost.toml`.

A flag wins over the environment, the environment over the file, the file over the default; `tallyhost config` shows
what is in force and where it came from."""


def keys() -> list[str]:
    """The keys of the file's top level."""
    return [field.alias or name for name, field in Config.model_fields.items()]


def configuration_page() -> str:
    """The text of the page."""
    return page("Configuration", _INTRODUCTION, _lines())


def _lines() -> Iterator[str]:
    values = printable(Config())
    flags = _flags()
    rows = []
    for name, field in Config.model_fields.items():
        key = field.alias or name
        if key in TABLES:
            continue
        variable = "" if key == "aggregation_services" else f"TALLYHOST_{key.upper()}"
        rows.append((code(key), field.description or "", _shown(values[key]), code(variable), code(flags.get(key, ""))))
    yield from table(("Key", "", "Default", "Variable", "Flag"), rows)
    for name, limits in TABLES.items():
        description = Config.model_fields[name].description or ""
        yield f"## `[{name}]`"
        yield ""
        yield f"{description[:1].upper()}{description[1:]}."
        yield ""
        docs = member_docs(limits)
        names = [field.name for field in fields(limits)]
        yield from table(("Key", "", "Default"), ((code(key), docs[key], _shown(values[name][key])) for key in names))


def _shown(value: Any) -> str:
    """A default as JSON, which is TOML too; nothing for one that is not set."""
    return "" if value is None else code(json.dumps(value, ensure_ascii=False))


def _flags() -> dict[str, str]:
    """The flag of each key that has one."""
    found: dict[str, str] = {}
    for _, command in commands():
        for parameter in command.params:
            for flag in parameter.opts:
                found.setdefault(flag.lstrip("-").replace("-", "_"), flag)
    return {**found, "verbosity": "-v, -q"}
