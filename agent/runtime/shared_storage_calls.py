"""What pages say of Shared Storage on their channel, as typed words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agent.model.private_aggregation import PrivateAggregationConfig
from agent.model.shared_storage import AppendMethod, ClearMethod, DeleteMethod, ModifierMethod, SetMethod

_SHOWN = 200
"""How much of what pages choose an event shows."""


@dataclass(frozen=True, slots=True)
class Update:
    """One ``set``, ``append``, ``delete``, ``clear`` or ``batchUpdate`` of a page."""

    methods: tuple[ModifierMethod, ...]
    lock: str | None
    batch: bool


def read_update(options: Mapping[str, Any]) -> Update:
    """What ``update`` says. Raises ValueError where that is no write."""
    lock = options["lock"]
    methods = tuple(map(_read_method, options["methods"]))
    return Update(methods, None if lock is None else well_formed(lock), bool(options["batch"]))


def _read_method(method: Mapping[str, Any]) -> ModifierMethod:
    match method:
        case {"op": "set", "key": str(key), "value": str(value)}:
            return SetMethod(well_formed(key), well_formed(value), bool(method.get("ignoreIfPresent")))
        case {"op": "append", "key": str(key), "value": str(value)}:
            return AppendMethod(well_formed(key), well_formed(value))
        case {"op": "delete", "key": str(key)}:
            return DeleteMethod(well_formed(key))
        case {"op": "clear"}:
            return ClearMethod()
    raise ValueError(f"{method!r:.100} is no method")


def read_config(config: Mapping[str, Any]) -> PrivateAggregationConfig:
    """``privateAggregationConfig``, which the page's script has checked."""
    return PrivateAggregationConfig(
        config["contextId"],
        config["filteringIdMaxBytes"],
        config["aggregationCoordinatorOrigin"],
        config["maxContributions"],
    )


def well_formed(text: str) -> str:
    """``text`` with U+FFFD in the place of lone surrogates, which JSON can carry and UTF-8 cannot."""
    return text if text.isascii() else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def shown(text: str) -> str:
    """The beginning of what a page chose, on one printable line."""
    line = "".join(character if character.isprintable() else " " for character in text[:_SHOWN])
    return line if len(text) <= _SHOWN else f"{line}…"
