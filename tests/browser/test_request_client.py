"""Tries to confuse the document behind a response: whatever is stored must name the right top-level site."""

from __future__ import annotations

import asyncio

import pytest

from agent.model.limits import AttributionLimits
from agent.model.settings import Settings
from agent.runtime import Agent
from tests.browser.ledger import EVERY_KIND, KINDS, Ledger, site

pytestmark = pytest.mark.browser
TOPS = ("news.test", "shop.test", "blog.test")


@pytest.fixture
def agent_settings() -> Settings:
    """Activation is another test's business."""
    return Settings(limits=AttributionLimits(activation_duration=10**15))


@pytest.fixture
def ledger(agent: Agent) -> Ledger:
    """The measurement server at adtech.test, and third-party frames at frames.test and nested.test."""
    ledger = Ledger()
    agent.map("adtech.test", ledger.app())
    return ledger


def _scripted(script: str, referrer: str = "unsafe-url") -> str:
    return f'<meta name="referrer" content="{referrer}"><script>{EVERY_KIND}{script}</script>'


async def test_every_kind_of_request_of_many_tabs_at_once_is_attributed_to_its_own_top_level_site(
    agent: Agent, ledger: Ledger
) -> None:
    frame = "const top = new URL(location).searchParams.get('top');"
    nest = f"{frame} document.write(`<iframe src='https://nested.test/?top=${{top}}'></iframe>`); atTheGate();"
    for top in TOPS:
        inside = f'<iframe src="https://frames.test/?top={top}"></iframe><iframe src="/same?top={top}"></iframe>'
        agent.map(top, site({"/": _scripted("atTheGate();") + inside, "/same": _scripted("atTheGate();")}))
    agent.map("frames.test", site({"/": _scripted(nest)}))
    agent.map("nested.test", site({"/": _scripted("atTheGate();")}))
    tabs = (*TOPS, TOPS[0])
    await asyncio.gather(*(agent.new_page(f"https://{top}/?top={top}") for top in tabs))
    await ledger.until_waiting(len(tabs) * 4)
    ledger.gate.set()
    await ledger.until(len(tabs) * 4 * len(KINDS))
    verdict = await ledger.judge(agent, ignored=frozenset({"preflight"}))
    assert verdict.wrong == []
    assert verdict.silent == 0
    assert set(verdict.exact) == KINDS
    assert set(verdict.refused) == {"preflight"}
