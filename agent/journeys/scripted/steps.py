"""What each step does: one function for each word."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from agent.browser.network.urls import shown_url
from agent.browser.page_failures import PageError, contains_text
from agent.expectations import expect
from agent.expectations.waiting import asked
from agent.journeys.scripted.expected import ExpectationWords
from agent.journeys.scripted.exported import pass_time
from agent.journeys.scripted.locating import ONE_LOOK, described, elements, not_there, patience_of
from agent.journeys.scripted.summing import add_up, differing
from agent.journeys.scripted.vocabulary import (
    Chaos,
    Filling,
    Opening,
    Pressing,
    Selecting,
    Summary,
    Waiting,
    argument_of,
    word_of,
)
from agent.journeys.scripted.words import Locator, Words
from agent.model.chaos import CHAOS
from agent.model.clock import parse_duration
from agent.model.errors import HostEnvironmentError, TallyhostError
from agent.model.tasks import Tasks
from agent.reporting.journey_results import SumsTold
from agent.runtime import Agent

if TYPE_CHECKING:
    from playwright.async_api import Locator as Elements
    from playwright.async_api import Page

NAVIGATION = "navigation"
"""Kind of the event that the agent, and no server, answered for a page."""
PATIENCE = 5.0
"""Seconds of real time that an expectation waits, unless it says otherwise."""
ALL = "all"
ANY_PAGE = 200
"""The status that stands for all below 400."""


@dataclass(slots=True)
class Scene:
    """Where a journey is: its agent, and what its steps leave for the report."""

    agent: Agent
    sites: Mapping[str, str]
    noise: bool
    sums: SumsTold | None = None
    """Of this step."""
    pictures: list[tuple[str, bytes]] = field(default_factory=list)
    """Of this step, with their names."""
    last_picture: bytes = b""
    """How the page looked after the last step."""

    async def page(self) -> Page:
        """The tab that the steps are about: the one opened last."""
        pages = self.agent.context.pages
        return pages[-1] if pages else await self.agent.new_page()


async def perform(scene: Scene, words: Words) -> None:
    """Do one step. Raises TallyhostError or AssertionError where it fails."""
    await PERFORMERS[word_of(words)](scene, argument_of(words))


def told(words: Words) -> str:
    """A step in one line: ``click link "Summer sale"``."""
    word, argument = word_of(words).replace("_", " "), argument_of(words)
    match argument:
        case None:
            return word if word != "chaos" else "chaos none"
        case Opening(url=url):
            return f"{word} {url}"
        case Filling(value=value):
            return f"{word} {described(argument)} with {value!r}"
        case Selecting(option=option):
            return f"{word} {option!r} in {described(argument)}"
        case Locator():
            gone = isinstance(argument, Waiting) and argument.state == "hidden"
            return f"{word} {described(argument)}{' to go' if gone else ''}"
        case Pressing(key=key):
            return f"{word} {key}"
        case ExpectationWords():
            return f"{word} {_told_expectation(argument)}"
        case Chaos():
            given = {name: getattr(argument, name) for name in Chaos.model_fields if name in argument.model_fields_set}
            return f"{word} {given.pop('host')} " + " ".join(f"{name} {value}" for name, value in given.items())
        case Summary():
            return f"{word} of {argument.reports} reports"
        case bool():
            return word if argument else "online"
    return f"{word} {argument}"


def _told_expectation(wanted: ExpectationWords) -> str:
    found = wanted.subject()
    if found is None:
        return f'text "{wanted.text}"' if wanted.text is not None else f"url {wanted.url}"
    name, members, count = found
    many = "" if count is None else f"{count or 'no'} "
    return f"{many}{name} {', '.join(f'{key} {value}' for key, value in members.items())}".strip()


async def _open(scene: Scene, opening: Opening) -> None:
    page, agent = await scene.page(), scene.agent
    last = await agent.events.last()
    before = 0 if last is None else last.id
    try:
        response = await page.goto(opening.url)
    except PageError as error:
        reason = error.message.splitlines()[0].removeprefix("Page.goto: ").partition(" at http")[0]
        raise await _wanted_trouble(scene, opening.url, reason, before) or _down(scene, opening.url, reason) from None
    if response is not None:
        # The page itself, not one of its frames: ads of hosts that nobody plays are no fault of the page.
        address = shown_url(response.url.partition("#")[0])
        for refused in await agent.events.read(after=before, kind=NAVIGATION):
            if refused.data["url"] == address:
                raise _down(scene, opening.url, refused.summary)
    status = 200 if response is None else response.status
    if not (status < 400 if opening.status == ANY_PAGE else status == opening.status):
        answered = f"it answered {status}"
        raise await _wanted_trouble(scene, opening.url, answered, before) or TallyhostError(
            f"{opening.url} answered {status}",
            rule=f"expected {'a page' if opening.status == ANY_PAGE else opening.status}",
            fix=f"mend the address or the site; or, if that is right, open: {{url: ..., status: {status}}}",
        )


async def _wanted_trouble(scene: Scene, url: str, reason: str, before: int) -> TallyhostError | None:
    """That the page did not come because the journey itself had it so, after the event ``before``; None elsewhere."""
    what = f"{url} cannot be opened: {reason}"
    if scene.agent.chaos.offline:
        return TallyhostError(what, rule="the browser is offline, by the journey's own step", fix="offline: off")
    address = shown_url(url.partition("#")[0])
    for struck in await scene.agent.events.read(after=before, kind=CHAOS):
        if struck.data["url"] == address:
            return TallyhostError(what, rule=struck.summary, fix="chaos: none, or spare this host")
    return None


def _down(scene: Scene, url: str, reason: str) -> HostEnvironmentError:
    host = urlsplit(url).hostname or ""
    close = get_close_matches(host, scene.sites, 1)
    if host in scene.sites:
        fix = f"start the server behind {host}: {scene.sites[host]}"
    else:
        near = f"; nearest of the journey's sites is {close[0]}" if close else ""
        fix = f"name the host under sites, such as {host}: http://localhost:3000{near}"
    what = reason.removeprefix(f"{url.partition('#')[0]} cannot be opened: ")
    return HostEnvironmentError(f"{url} cannot be opened: {what}", rule="the site answers", fix=fix)


async def _awaited(scene: Scene, wait: Callable[[Page], Coroutine[Any, Any, object]]) -> Page:
    """The tab in which ``wait`` came to its end: the newest, also where it opens meanwhile.

    Raises what ``wait`` raises.
    """

    async def ended(page: Page) -> list[Exception]:
        try:
            await wait(page)
        except (PageError, AssertionError) as error:
            return [error]
        return []

    tasks, context = Tasks(), scene.agent.context
    while True:
        page = await scene.page()
        newer: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def opened(_page: Page, newer: asyncio.Future[None] = newer) -> None:
            if not newer.done():
                newer.set_result(None)

        context.on("page", opened)
        try:
            errors = await tasks.until(newer, ended(page), "wait in a page")
        finally:
            context.remove_listener("page", opened)
            await tasks.close()
        if errors:
            raise errors[0]
        if errors is not None:
            return page


async def _act(
    scene: Scene,
    locator: Locator,
    act: Callable[[Elements, int], Coroutine[Any, Any, object]],
    wanted: str,
) -> None:
    patience, begun = patience_of(locator), time.monotonic()
    try:
        page = await _awaited(
            scene, lambda page: elements(page, locator).first.wait_for(state="attached", timeout=patience)
        )
        rest = max(1, patience - round((time.monotonic() - begun) * 1000))
        await act(elements(page, locator), rest)
    except PageError as error:
        raise await not_there(await scene.page(), locator, error, wanted) from None


async def _click(scene: Scene, target: Locator) -> None:
    await _act(scene, target, lambda found, patience: found.click(timeout=patience), "it can be clicked")


async def _fill(scene: Scene, filling: Filling) -> None:
    await _act(
        scene, filling, lambda found, patience: found.fill(filling.value, timeout=patience), "it can be typed into"
    )


async def _press(scene: Scene, pressing: Pressing) -> None:
    page = await scene.page()
    try:
        if pressing.inside is None:
            await page.keyboard.press(pressing.key)
            return
    except PageError as error:
        what = error.message.splitlines()[0].removeprefix("Keyboard.press: ")
        raise TallyhostError(what, rule="a key is such as Enter, Tab or Control+A") from None
    await _act(
        scene, pressing.inside, lambda found, patience: found.press(pressing.key, timeout=patience), "it takes keys"
    )


async def _select(scene: Scene, selecting: Selecting) -> None:
    await _act(
        scene,
        selecting,
        lambda found, patience: found.select_option(selecting.option, timeout=patience),
        f"it has the option {selecting.option!r}",
    )


async def _wait_for(scene: Scene, waiting: Waiting) -> None:
    state, patience = waiting.state, patience_of(waiting)
    try:
        await _awaited(scene, lambda page: elements(page, waiting).wait_for(state=state, timeout=patience))
    except PageError as error:
        raise await not_there(await scene.page(), waiting, error, f"it becomes {state}") from None


async def _expect(scene: Scene, wanted: ExpectationWords) -> None:
    seconds = PATIENCE if wanted.timeout is None else parse_duration(wanted.timeout) / 1000
    if (found := wanted.subject()) is not None:
        name, members, count = found
        await expect(scene.agent).to_have(name, members, count=count, timeout=seconds, advance=wanted.within)
    elif wanted.url is not None:
        await _expect_url(scene, wanted.url, seconds)
    else:
        await _expect_text(scene, wanted, seconds)


async def _expect_url(scene: Scene, url: str, seconds: float) -> None:
    try:
        patience = seconds * 1000 or ONE_LOOK
        await _awaited(scene, lambda page: page.wait_for_url(url, timeout=patience, wait_until="commit"))
    except PageError:
        raise AssertionError(f"expected the page {url}, it is {(await scene.page()).url}") from None


async def _expect_text(scene: Scene, wanted: ExpectationWords, seconds: float) -> None:
    text, patience = wanted.text or "", seconds * 1000 or ONE_LOOK
    if wanted.inside is None:
        locator = Locator(text=text, timeout=f"{round(patience)}ms")
        try:
            await _awaited(
                scene, lambda page: elements(page, locator).filter(visible=True).first.wait_for(timeout=patience)
            )
        except PageError as error:
            page = await scene.page()
            if hidden := await elements(page, locator).count():
                raise AssertionError(f"expected text {text!r}, it is hidden where it is ({hidden} times)") from None
            raise await not_there(page, locator, error, "it is seen") from None
        return
    inside = wanted.inside

    async def contains(page: Page) -> None:
        await contains_text(elements(page, inside), text, timeout=patience)

    try:
        await _awaited(scene, contains)
    except (AssertionError, PageError) as error:
        page = await scene.page()
        found = elements(page, inside)
        if await found.count() != 1:
            raise await not_there(page, inside, PageError(str(error)), "it has the text") from None
        seen = " ".join((await found.inner_text()).split())
        raise AssertionError(f"expected text {text!r} in {described(inside)}, it has {seen!r}") from None


async def _advance(scene: Scene, duration: str) -> None:
    await pass_time(scene.agent, duration)


async def _next_report(scene: Scene, _nothing: None) -> None:
    await asked(scene.agent)
    if await scene.agent.clock.next() is None:
        raise AssertionError("expected a report that is due, there is none")


async def _clear_site_data(scene: Scene, site: str) -> None:
    context = scene.agent.context
    if site == ALL:
        await scene.agent.state.clear_history()
        await context.clear_cookies()
    else:
        await scene.agent.state.clear(site=site, keep_history=True)
        await context.clear_cookies(domain=re.compile(cookies_of(site)))


def cookies_of(site: str) -> str:
    """A pattern of the domains whose cookies are the site's: its own, however it was written, and those below it."""
    return rf"(^|\.){re.escape(site)}$"


async def _chaos(scene: Scene, chaos: Chaos | None) -> None:
    if chaos is None:
        scene.agent.chaos.clear()
    else:
        given = {name: getattr(chaos, name) for name in chaos.model_fields_set}
        scene.agent.chaos.set(given.pop("host"), **given)


async def _offline(scene: Scene, offline: bool) -> None:
    await scene.agent.set_offline(offline)


async def _screenshot(scene: Scene, name: str) -> None:
    scene.pictures.append((name, await (await scene.page()).screenshot()))


async def _note(_scene: Scene, _text: str) -> None:
    """A note changes nothing."""


async def _summary(scene: Scene, wanted: Summary) -> None:
    scene.sums = await add_up(scene.agent, wanted, noise=scene.noise)
    if difference := differing(scene.sums, wanted.tolerance):
        raise AssertionError(difference)


PERFORMERS: Mapping[str, Callable[[Scene, Any], Awaitable[None]]] = {
    "open": _open,
    "click": _click,
    "fill": _fill,
    "press": _press,
    "select": _select,
    "wait_for": _wait_for,
    "expect": _expect,
    "advance": _advance,
    "next_report": _next_report,
    "clear_site_data": _clear_site_data,
    "chaos": _chaos,
    "offline": _offline,
    "summary": _summary,
    "screenshot": _screenshot,
    "note": _note,
}
"""What does each step, by its word."""
