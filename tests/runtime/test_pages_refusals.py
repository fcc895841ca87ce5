"""A call that its page already saw refused leaves an event, and nothing else."""

from __future__ import annotations

import asyncio

import pytest

from agent.model.events import Check, Event, Trace
from agent.model.limits import AttributionLimits
from agent.runtime import Agent
from tests.browser.ledger import site
from tests.runtime.puppets import SAVE, Puppets

pytestmark = pytest.mark.browser

FIX = "the page sees this exception; correct the call"
MISSING = "Failed to read the '{}' property from '{}': Required member is undefined."
SEED_SAVE = "navigator.privateAttribution.saveImpression({ histogramIndex: 1, ad: '', %s })"


async def _events(agent: Agent, count: int) -> list[Event]:
    """Every event, once there are ``count``: a page does not wait for the event of its refusal."""
    async with asyncio.timeout(10):
        while len(events := await agent.events.all()) < count:
            await asyncio.sleep(0.02)
    return events


@pytest.mark.parametrize(
    ("call", "dialect", "kind", "name", "message"),
    [
        (
            "navigator.attribution.saveImpression({})",
            "current",
            "impression",
            "TypeError",
            MISSING.format("histogramIndex", "AttributionImpressionOptions"),
        ),
        (
            "navigator.attribution.measureConversion({})",
            "current",
            "conversion",
            "TypeError",
            MISSING.format("aggregationService", "AttributionConversionOptions"),
        ),
        (
            "navigator.privateAttribution.measureConversion()",
            "level1_2024",
            "conversion",
            "TypeError",
            "1 argument required, but only 0 present.",
        ),
        (
            SEED_SAVE % "conversionSite: 'shop.test', lifetimeDays: 0",
            "level1_2024",
            "impression",
            "RangeError",
            "lifetimeDays must be greater than 0",
        ),
        (
            SEED_SAVE % "conversionSite: 'com'",
            "level1_2024",
            "impression",
            "SyntaxError",
            'conversionSite: "com" is not a site (a host such as shop.example)',
        ),
    ],
)
async def test_a_refusal_in_the_page_is_an_event_with_the_failed_check(
    agent: Agent, call: str, dialect: str, kind: str, name: str, message: str
) -> None:
    agent.map("news.test", site({}))
    page = await agent.new_page("https://news.test/")
    before = await agent.state.summary()
    thrown = await page.evaluate(f"async () => {{ try {{ await {call}; }} catch (error) {{ return error.name; }} }}")
    assert thrown == name
    [event] = await _events(agent, 1)
    assert event == Event(
        kind=kind,
        time=agent.clock.now(),
        verdict=name,
        summary=f"{kind} on news.test refused: {message}",
        site="news.test",
        data={"dialect": dialect, "intermediarySite": None},
        trace=Trace((Check("options", False, message, FIX),)),
        id=1,
    )
    assert await agent.state.summary() == before


async def test_a_refusal_names_the_site_of_the_tab_and_the_site_that_called(agent: Agent) -> None:
    agent.map("ads.test", site({"/": "<script>navigator.attribution.saveImpression({})</script>"}))
    agent.map("news.test", site({"/": '<iframe src="https://ads.test/"></iframe>'}))
    await agent.new_page("https://news.test/")
    [event] = await _events(agent, 1)
    assert (event.site, event.data["intermediarySite"]) == ("news.test", "ads.test")


async def test_refusals_and_calls_leave_events_in_the_order_of_the_page(agent: Agent) -> None:
    agent.map("news.test", site({}))
    page = await agent.new_page("https://news.test/")
    await page.evaluate(
        """() => {
            const { attribution, privateAttribution } = navigator;
            const seed = (conversionSite) => {
                try { privateAttribution.saveImpression({ histogramIndex: 1, ad: "", conversionSite }); } catch {}
            };
            attribution.saveImpression({ histogramIndex: 1 });
            attribution.saveImpression().catch(() => 0);
            seed("shop.test");
            seed("com");
            attribution.saveImpression({ histogramIndex: 2 });
        }"""
    )
    verdicts = [event.verdict for event in await _events(agent, 5)]
    assert verdicts == ["stored", "TypeError", "stored", "SyntaxError", "stored"]


async def test_a_refusal_in_the_page_does_not_use_the_activation(agent: Agent) -> None:
    """Section 9: a site stays allowed once a call of it was; a call that never got so far allows nothing."""
    puppets = Puppets()
    agent.map("news.test", puppets.app())
    await agent.new_page("https://news.test/")
    assert await puppets.run("news.test", "navigator.attribution.saveImpression({})") == "TypeError"
    await _events(agent, 1)
    await agent.clock.advance(AttributionLimits().activation_duration + 1)
    assert await puppets.run("news.test", SAVE) == "NotAllowedError"


async def test_what_a_page_wrote_into_a_message_is_shown_on_one_printable_line(agent: Agent) -> None:
    agent.map("news.test", site({}))
    page = await agent.new_page("https://news.test/")
    options = r"{ aggregator: 'a', histogramSize: 1, logic: 'ü\n\u001b[2J\0\u202e\ud800' }"
    await page.evaluate(f"() => navigator.privateAttribution.measureConversion({options}).catch(() => 0)")
    [event] = await _events(agent, 1)
    assert r"The provided value 'ü\n\x1b[2J\x00\u202e\ud800' is not a valid enum value" in event.summary
    assert event.summary.endswith(event.trace.checks[0].detail)
