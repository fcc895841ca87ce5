"""Values as the JSON texts that columns hold; as few microseconds as can be, for registrations come by the thousand."""

from __future__ import annotations

import json
from typing import Any

import orjson


def dumps(value: Any) -> str:
    """The text of plain values; an infinite float becomes null. Raises TypeError for what is none.

    An integer of more than 64 bits is none: it would be read back as another number.
    """
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        text = json.dumps(value)
        try:
            orjson.loads(text)
        except orjson.JSONDecodeError:
            return text  # a page's strings may hold lone surrogates, which are escapes here
        raise


def loads(text: str) -> Any:
    """What :func:`dumps` wrote."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return json.loads(text)
