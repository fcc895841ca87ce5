"""Finds elements, and says what there was instead of one that never came."""

from __future__ import annotations

import contextlib
import re
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any

from agent.browser.page_failures import PageError
from agent.journeys.scripted.words import Locator
from agent.model.clock import parse_duration
from agent.model.errors import TallyhostError

if TYPE_CHECKING:
    from playwright.async_api import FrameLocator, Page
    from playwright.async_api import Locator as Elements

    Where = Page | FrameLocator

PATIENCE = 10_000
"""Milliseconds of real time that an element is waited for, unless a step says otherwise."""
ONE_LOOK = 500
"""Milliseconds that one look may take where nothing is to be waited for."""
_NAMED = re.compile(
    r"""\s*-\ '?(?P<role>[a-z]+)
        (?:\ "(?P<name>(?:[^"\\]|\\.)*)")?   # the accessible name
        (?:\ \[[^\]]*\])*'?                   # states, such as [checked]
        (?::(?:\ "?(?P<text>.*?)"?)?)?""",
    re.VERBOSE,
)
"""One line of Playwright's ARIA snapshot."""
_NAMES_JS = """attribute => [...document.querySelectorAll('[' + attribute + ']')].map(e => e.getAttribute(attribute))"""
_CSS_JS = """() => [...new Set([...document.querySelectorAll('body *')].slice(0, 5000).flatMap(e => [
  e.localName, ...(e.id ? ['#' + e.id] : []), ...[...e.classList].map(c => '.' + c)]))]"""
_FIELDS = ("textbox", "combobox", "checkbox", "radio", "spinbutton", "searchbox", "slider", "switch", "listbox")
_SHOWN = 5


def patience_of(locator: Locator) -> int:
    """How long it is waited for, in milliseconds of real time."""
    return PATIENCE if locator.timeout is None else milliseconds(locator.timeout)


def milliseconds(timeout: str) -> int:
    """A timeout for Playwright, which waits for ever at 0: what is meant is one look."""
    return parse_duration(timeout) or ONE_LOOK


def elements(page: Page, locator: Locator) -> Elements:
    """Playwright's locator of an element."""
    return _elements(_where(page, locator), locator)


def _where(page: Page, locator: Locator) -> Where:
    if locator.frame is None:
        return page
    where = _where(page, locator.frame)
    frame = locator.frame
    found = where.locator(f"iframe[title*={_quoted(frame.text)} i]") if frame.text else _elements(where, frame)
    return found.content_frame


def _elements(where: Where, locator: Locator) -> Elements:
    if locator.role is not None:
        role: Any = locator.role
        found = where.get_by_role(role, name=locator.name, exact=locator.exact)
    elif locator.text is not None:
        found = where.get_by_text(locator.text, exact=locator.exact)
    elif locator.label is not None:
        found = where.get_by_label(locator.label, exact=locator.exact)
    elif locator.testid is not None:
        found = where.get_by_test_id(locator.testid)
    else:
        found = where.locator(f"css={locator.css}")
    return found if locator.nth is None else found.nth(locator.nth - 1)


def described(locator: Locator) -> str:
    """An element in words: ``link "Summer sale"``."""
    match locator:
        case Locator(role=str(role), name=None):
            text = role
        case Locator(role=str(role), name=name):
            text = f'{role} "{name}"'
        case Locator(text=str(found)):
            text = f'text "{found}"'
        case Locator(label=str(found)):
            text = f'field "{found}"'
        case Locator(testid=str(found)):
            text = f'testid "{found}"'
        case _:
            text = f"css {locator.css}"
    if locator.nth is not None:
        text += f" number {locator.nth}"
    return text if locator.frame is None else f"{text} in frame {described(locator.frame)}"


async def not_there(page: Page, locator: Locator, error: PageError, wanted: str) -> TallyhostError:
    """The failure of a step whose element never came to what it needs, with what was seen instead."""
    seen = f"the page is {page.url}"
    with contextlib.suppress(PageError):
        seen = f"the page is {page.url}, titled {await page.title()!r}"
        found = elements(page, locator)
        count = await found.count()
        if count > 1:
            return TallyhostError(
                f"{count} elements are {described(locator)}",
                where="",
                rule=f"a step is about one element; {seen}",
                fix="add nth: 1, exact: true or a role to say which",
            )
        if count == 1:
            return TallyhostError(f"{described(locator)} is there, but {_reason(error)}", rule=f"{wanted}; {seen}")
    near = await _nearest(page, locator)
    told = f"; nearest is {near[0]}" if near else ""
    rule = seen + (f"; there are {', '.join(near[1])}" if near and len(near[1]) > 1 else "")
    return TallyhostError(
        f"no {described(locator)} in {patience_of(locator) / 1000:g} s{told}",
        rule=rule,
        fix="write what the page says, or wait longer with timeout: 30s",
    )


def _reason(error: PageError) -> str:
    """Why Playwright could not act on an element that is there."""
    reasons = [line.strip(" -") for line in error.message.splitlines() if "element" in line or "intercepts" in line]
    told = [line for line in reasons if "is not" in line or "intercepts" in line or "outside" in line]
    first = error.message.splitlines()[0]
    return told[-1] if told else "it came too late" if "Timeout" in first else first


async def _nearest(page: Page, locator: Locator) -> tuple[str, list[str]] | None:
    """The name on the page that is most like the wanted one, in words, and others; None on a page without any."""
    try:
        wanted, names = await _names(_where(page, locator), locator)
    except PageError:
        return None
    ranked = sorted(names, key=lambda one: -_likeness(wanted.lower(), one[0].lower()))
    if not ranked:
        return None
    return ranked[0][1], [told for _, told in ranked[:_SHOWN]]


def _likeness(wanted: str, found: str) -> float:
    """From 0 to 2: letters in the same order, and words that are there at all."""
    words = wanted.split()
    shared = sum(word in found for word in words) / len(words) if words else 0
    return SequenceMatcher(None, wanted, found).ratio() + shared


async def _names(where: Where, locator: Locator) -> tuple[str, list[tuple[str, str]]]:
    """What is wanted, and each name of that sort on the page with how it is told."""
    body = where.locator("body")
    if locator.testid is not None:
        names = await body.evaluate(f"body => ({_NAMES_JS})('data-testid')")
        return locator.testid, [(name, f'testid "{name}"') for name in dict.fromkeys(names)]
    if locator.css is not None:
        return locator.css, [(name, f"css {name}") for name in await body.evaluate(f"body => ({_CSS_JS})()")]
    snapshot = [
        match for line in (await body.aria_snapshot(timeout=2000)).splitlines() if (match := _NAMED.fullmatch(line))
    ]
    found = dict.fromkeys((one["role"], one["name"] or one["text"] or "") for one in snapshot)
    if locator.role is not None:
        of_role = [(role, name) for role, name in found if role == locator.role]
        wanted = locator.name or locator.role
        return wanted, [(name, f'{role} "{name}"' if name else role) for role, name in of_role or found]
    if locator.label is not None:
        return locator.label, [(name, f'field "{name}"') for role, name in found if role in _FIELDS and name]
    return locator.text or "", [(name, f'{role} "{name}"') for role, name in found if name]


def _quoted(text: str | None) -> str:
    escaped = (text or "").replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
