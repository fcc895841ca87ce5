"""Values as the JSON texts that columns hold; as few microseconds as can be, for registrations come by the thousand."""

from __future__ import annotations

import json
from typing import Any

import orjson


def dumps(value: Any) -> str:
    """The text of plain values: integers of at most 64 bits, no NaN; an infinite float becomes null."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        # A page's strings may hold lone surrogates, which become escapes here.
        return json.dumps(value)


def loads(text: str) -> Any:
    """What :func:`dumps` wrote."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return json.loads(text)
