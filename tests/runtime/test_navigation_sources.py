"""Triggers of a landing page wait for the sources of the navigation that led there (registration, section 3.6)."""

from __future__ import annotations

import asyncio

import pytest

from agent.browser.documents import Document, Frame
from agent.browser.eligible_requests import Claim
from agent.model.attribution_reporting.eligibility import Eligibility
from agent.runtime import navigation_sources
from agent.runtime.navigation_sources import NavigationSources

LANDING = "https://shop.test/landing"


def _page(url: str = LANDING) -> Document:
    return Document(Frame("frame", "context"), "loader", url, "https://shop.test", True, None)


def _claim(*, background: bool = False, name: str = "one") -> Claim:
    return Claim(Eligibility.NAVIGATION_SOURCE, background=background, navigation=name)


class _Clicks:
    """A navigation with two background requests that led to ``page``."""

    def __init__(self) -> None:
        self.sources = NavigationSources()
        self.navigation = _claim()
        self.backgrounds = [_claim(background=True), _claim(background=True)]
        self.done: list[str] = []
        for claim in (self.navigation, *self.backgrounds):
            self.sources.announced(claim)
        self.sources.landed(self.navigation, LANDING)
        self.page = _page()

    def hold(self, what: str, page: Document | None = None) -> asyncio.Task[None] | None:
        async def go_on() -> None:
            self.done.append(what)

        held = self.sources.held_back(page or self.page, go_on)
        return None if held is None else asyncio.ensure_future(held)  # noqa: TID251 - a test's own


async def test_triggers_wait_for_all_background_requests_and_keep_their_order() -> None:
    clicks = _Clicks()
    held = [clicks.hold("first"), clicks.hold("second")]
    clicks.sources.finished(clicks.backgrounds[0])
    await asyncio.sleep(0.05)
    assert clicks.done == []
    clicks.sources.finished(clicks.backgrounds[1])
    held.append(clicks.hold("third"))
    await asyncio.gather(*[one for one in held if one is not None])
    assert clicks.done == ["first", "second", "third"]
    assert clicks.hold("late") is None


async def test_other_pages_wait_for_nothing() -> None:
    clicks = _Clicks()
    assert clicks.hold("other", _page("https://shop.test/other")) is None
    assert NavigationSources().held_back(_page(), asyncio.Event().wait) is None  # type: ignore[arg-type]


async def test_a_page_of_the_same_address_that_came_otherwise_waits_for_nothing() -> None:
    clicks = _Clicks()
    held = clicks.hold("landing")
    assert held is not None
    assert clicks.hold("reloaded", _page()) is None
    for claim in clicks.backgrounds:
        clicks.sources.finished(claim)
    await held


async def test_requests_that_never_begin_are_waited_for_three_seconds_and_others_twenty(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert (navigation_sources._UNTIL_BEGUN, navigation_sources._UNTIL_ANSWERED) == (3.0, 20.0)
    monkeypatch.setattr(navigation_sources, "_UNTIL_BEGUN", 0.1)
    monkeypatch.setattr(navigation_sources, "_UNTIL_ANSWERED", 0.3)
    clicks = _Clicks()
    clicks.backgrounds[1].begun = True
    held = clicks.hold("trigger")
    assert held is not None
    await asyncio.sleep(0.2)
    assert clicks.done == []
    await asyncio.wait_for(held, 0.5)
    assert clicks.done == ["trigger"]


async def test_no_more_than_thirty_are_held_back() -> None:
    clicks = _Clicks()
    held = [clicks.hold(str(number)) for number in range(31)]
    assert [one is None for one in held] == [False] * 30 + [True]
    for claim in clicks.backgrounds:
        clicks.sources.finished(claim)
    await asyncio.gather(*[one for one in held if one is not None])
