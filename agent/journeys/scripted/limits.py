"""The limits that a journey may set for its agent: the tables of tallyhost.toml, under the same names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

from pydantic import AfterValidator, BaseModel, Field, create_model

from agent.journeys.scripted.words import Switch, Words
from agent.model.limit_tables import TABLES, Limits, broken_rule
from agent.model.settings import Settings


def _checked(name: str, value: Any) -> Any:
    if rule := broken_rule(name, value):
        raise ValueError(rule)
    return value


def _table(name: str, limits: type[Limits]) -> type[BaseModel]:
    """A model whose keys are the limits, none of which must be given."""
    hints = get_type_hints(limits)
    keys: dict[str, Any] = {}
    for one in fields(limits):
        kind = Switch if hints[one.name] is bool else hints[one.name]
        keys[one.name] = (Annotated[kind, AfterValidator(partial(_checked, one.name))], None)
    title = "".join(part.title() for part in name.split("_"))
    return create_model(title, __base__=Words, __doc__=f"Numbers of [{name}] in tallyhost.toml.", **keys)


if TYPE_CHECKING:
    LimitTables = Words
else:
    LimitTables = create_model(
        "LimitTables",
        __base__=Words,
        **{
            name: (_table(name, limits) | None, Field(default=None, description=f"[{name}] of tallyhost.toml"))
            for name, limits in TABLES.items()
        },
    )
"""The tables as keys; to be inherited from."""


def limits_given(options: LimitTables) -> dict[str, dict[str, Any]]:
    """The limits that ``options`` say, by table and name."""
    tables: Mapping[str, BaseModel | None] = {name: getattr(options, name) for name in TABLES}
    return {name: table.model_dump(exclude_unset=True) for name, table in tables.items() if table is not None}


def limited(settings: Settings, options: LimitTables) -> Settings:
    """``settings`` with the limits of ``options`` instead of what presets say."""
    given = limits_given(options)
    return replace(settings, **{name: replace(getattr(settings, name), **one) for name, one in given.items()})
