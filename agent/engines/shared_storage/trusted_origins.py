"""``/.well-known/shared-storage/trusted-origins``: whose scripts may use an origin's data (section 4)."""

from __future__ import annotations

from typing import Any, Final

from agent.engines.attribution_reporting.json_text import JsonError, read_json
from agent.model.site import serialized_origin

PATH: Final = "/.well-known/shared-storage/trusted-origins"
MAX_BYTES: Final = 8192
"""Of the file; a longer one counts as an invalid response."""
_NO_FILE: Final = "no response, an invalid response, or an unexpected mime type"
_SCRIPT: Final = "scriptOrigin"
_CONTEXT: Final = "contextOrigin"
_ANY: Final = "*"


def unreadable(data_origin: str, why: str = _NO_FILE) -> str:
    """What ``createWorklet`` says of a file that cannot be used."""
    return f"Unable to parse the {PATH} file for {data_origin} due to {why}."


def refusal(text: bytes, *, data_origin: str, script_url: str, context_origin: str) -> str | None:
    """Why the file of ``data_origin`` keeps a worklet from its data, as ``createWorklet`` says it; None where it may.

    It may where one entry names both the script's and the document's origin, or ``*`` for either. The file fails as a
    whole where any entry is malformed.
    """
    try:
        entries = read_json(text)
    except JsonError:
        return unreadable(data_origin, "a JSON parsing error")
    if not isinstance(entries, list):
        return unreadable(data_origin, "the top-level value not being a list")
    script_origin = serialized_origin(script_url)
    allowed = False
    for entry in entries:
        if not isinstance(entry, dict):
            return unreadable(data_origin, "an entry not being a dictionary")
        scripts, contexts = (_origins(entry.get(name)) for name in (_SCRIPT, _CONTEXT))
        for name, origins in ((_SCRIPT, scripts), (_CONTEXT, contexts)):
            if origins is None:
                return unreadable(data_origin, f'an entry whose "{name}" is neither a string nor a list of strings')
        if scripts and contexts and _names(scripts, script_origin) and _names(contexts, context_origin):
            allowed = True
    if allowed:
        return None
    return (
        f"Access of data from {data_origin} by a worklet script at {script_url} invoked by {context_origin}"
        " has not been allowed."
    )


def _origins(value: object) -> list[str] | None:
    """The origins of one member, or None where it is malformed or missing."""
    members: list[Any] = value if isinstance(value, list) else [value]
    return members if all(isinstance(one, str) for one in members) else None


def _names(texts: list[str], origin: str) -> bool:
    return any(text == _ANY or serialized_origin(text) == origin != "null" for text in texts)
