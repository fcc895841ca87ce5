"""What a worklet's ``console`` was given, as lines of text."""

from __future__ import annotations

from typing import Any

from agent.browser.devtools_pipe import Message

_METHODS = {
    "warning": "warn",
    "startGroup": "group",
    "startGroupCollapsed": "groupCollapsed",
    "endGroup": "groupEnd",
    "assert": "error",
    **dict.fromkeys(("clear", "count", "countReset", "profile", "profileEnd", "timeEnd", "timeLog", "table"), "log"),
}
"""The methods of a page's console that show what DevTools calls otherwise, or what would do more there than show."""
_LONGEST = 10_000
"""Characters of one call that are kept."""


def logged_call(params: Message) -> tuple[str, str]:
    """The method's name and the text of a ``Runtime.consoleAPICalled``."""
    method = str(params["type"])
    return _METHODS.get(method, method), " ".join(map(_shown, params["args"]))[:_LONGEST]


def uncaught_exception(details: Message) -> str:
    """The text of an exception that nobody caught, or of a rejection that nobody handled."""
    exception = details.get("exception")
    return details["text"] if exception is None else f"{details['text']} {_shown(exception)}"[:_LONGEST]


def _shown(value: Message) -> str:
    if value["type"] == "string":
        return str(value["value"])
    if value["type"] == "boolean":
        return "true" if value["value"] else "false"
    if value["type"] == "undefined" or value.get("subtype") == "null":
        return str(value.get("subtype", "undefined"))
    if (preview := value.get("preview")) is not None and value.get("subtype") != "error":
        return _previewed(preview)
    return str(value.get("description", value.get("value", "")))


def _previewed(preview: Message) -> str:
    """An object as the first few of its properties: ``{a: 1, b: x}``, ``Array(2) [1, 2]``."""
    is_array = preview.get("subtype") in ("array", "typedarray")
    shown = [_property(one, named=not is_array) for one in preview["properties"]]
    shown += ["…"] if preview.get("overflow") else []
    opening, closing = "[]" if is_array else "{}"
    description = preview.get("description", "")
    prefix = "" if description in ("Object", "") else f"{description} "
    return f"{prefix}{opening}{', '.join(shown)}{closing}"


def _property(one: dict[str, Any], *, named: bool) -> str:
    value = str(one.get("value", one["type"]))
    return f"{one['name']}: {value}" if named else value
