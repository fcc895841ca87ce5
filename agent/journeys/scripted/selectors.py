"""Playwright's recorded selectors as a journey's locators: ``internal:role=link[name="Sale"i]`` as role and name."""

from __future__ import annotations

import json
import re
from typing import Any

_ENTER_FRAME = "internal:control=enter-frame"
_TEXT = r'"(?P<text>(?:[^"\\]|\\.)*)"(?P<exact>[is]?)'
_ROLE = re.compile(rf"internal:role=(?P<role>\w+)(?:\[name={_TEXT}\])?")
_OF_TEXT = re.compile(rf"internal:text={_TEXT}")
_OF_LABEL = re.compile(rf"internal:label={_TEXT}")
_OF_TESTID = re.compile(rf"internal:testid=\[data-testid={_TEXT}\]")
_OF_ATTRIBUTE = re.compile(rf"internal:attr=\[(?P<attribute>[\w-]+)={_TEXT}\]")
_TESTID_ALONE = re.compile(rf"\[data-testid={_TEXT}\]")
_NTH = re.compile(r"nth=(\d+)")
_PARTS = re.compile(r'((?:"(?:[^"\\]|\\.)*"|(?! >> ).)++)(?: >> |$)', re.DOTALL)


def locator_of(selector: str) -> dict[str, Any] | None:
    """The locator of ``selector``, frames and all; None for what a journey has no words for."""
    parts = [match.group(1) for match in _PARTS.finditer(selector)]
    locator: dict[str, Any] | None = None
    frame: dict[str, Any] | None = None
    for part in parts:
        if part == _ENTER_FRAME:
            if locator is None:
                return None
            frame, locator = locator, None
        elif (nth := _NTH.fullmatch(part)) is not None and locator is not None:
            locator = {**locator, "nth": int(nth.group(1)) + 1}
        elif locator is not None:
            return None
        else:
            locator = _one(part)
            if locator is None:
                return None
            locator = locator if frame is None else {**locator, "frame": frame}
    return locator


def _one(part: str) -> dict[str, Any] | None:
    if match := _ROLE.fullmatch(part):
        name = {} if match["text"] is None else {"name": _unquoted(match["text"])}
        return {"role": match["role"], **name, **_exact(match)}
    for key, pattern in (("text", _OF_TEXT), ("label", _OF_LABEL)):
        if match := pattern.fullmatch(part):
            return {key: _unquoted(match["text"]), **_exact(match)}
    if match := _OF_TESTID.fullmatch(part) or _TESTID_ALONE.fullmatch(part):
        return {"testid": _unquoted(match["text"])}
    if match := _OF_ATTRIBUTE.fullmatch(part):
        operator = "=" if match["exact"] == "s" else "*="
        ending = "" if match["exact"] == "s" else " i"
        return {"css": f'[{match["attribute"]}{operator}"{match["text"]}"{ending}]'}
    return None if part.startswith("internal:") else {"css": part}


def _exact(match: re.Match[str]) -> dict[str, bool]:
    return {"exact": True} if match["exact"] == "s" else {}


def _unquoted(text: str) -> str:
    unquoted: str = json.loads(f'"{text}"')
    return unquoted
