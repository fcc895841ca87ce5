"""Writes of responses as pages meet them: scenarios 23 to 25 of private-aggregation-scenarios.md."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiohttp import web

from agent.model.settings import Settings
from agent.reporting.har import har_document
from agent.runtime import Agent
from tests.browser.ledger import site

pytestmark = pytest.mark.browser
NEWS = "https://news.test"
B = "https://b.test"
C = "https://c.test"
CORS = {"Access-Control-Allow-Origin": "*"}


class Server:
    """Answers each path with the fields it is given, and remembers what it was asked."""

    def __init__(self) -> None:
        self.fields: dict[str, dict[str, str]] = {}
        self.asked: list[tuple[str, str | None]] = []
        """Host with path, and ``Sec-Shared-Storage-Writable``."""

    def app(self) -> web.Application:
        """The application for ``agent.map``."""
        app = web.Application()
        app.router.add_get("/{path:.*}", self._answer)
        return app

    async def _answer(self, request: web.Request) -> web.Response:
        self.asked.append((request.host + request.path, request.headers.get("Sec-Shared-Storage-Writable")))
        fields = self.fields.get(request.host + request.path, {})
        status = 302 if "Location" in fields else 200
        return web.Response(text="<!doctype html>", status=status, content_type="text/html", headers=CORS | fields)

    def writes(self, path: str, value: str, **fields: str) -> None:
        """The answer to ``path`` of a host writes ``value``."""
        self.fields[path] = {"Shared-Storage-Write": value, **fields}


@pytest.fixture
async def server(agent: Agent) -> Server:
    """Stands behind b.test and c.test."""
    server = Server()
    for host in ("b.test", "c.test"):
        agent.map(host, server.app())
    agent.map("news.test", site({}))
    return server


async def _entries(agent: Agent, origin: str) -> dict[str, str]:
    return {entry.key: entry.value for entry in await agent.shared_storage.entries(origin)}


async def _fetch(page: Any, url: str, options: str = "{ sharedStorageWritable: true }") -> list[str]:
    fields: list[str] = await page.evaluate(f"fetch('{url}', {options}).then((r) => [...r.headers.keys()])")
    return fields


async def test_a_fetch_with_the_option_is_marked_and_its_response_writes(agent: Agent, server: Server) -> None:
    server.writes("b.test/h", "set;key=a;value=b, append;key=a;value=c")
    page = await agent.new_page(f"{NEWS}/")
    assert "shared-storage-write" not in await _fetch(page, f"{B}/h", "{}")
    assert await _entries(agent, B) == {}
    assert "shared-storage-write" not in await _fetch(page, f"{B}/h")
    assert await _entries(agent, B) == {"a": "bc"}
    assert await _entries(agent, NEWS) == {}
    assert server.asked == [("b.test/h", None), ("b.test/h", "?1")]


async def test_what_a_response_wrote_is_told_with_its_exchange_and_without_the_value(
    agent: Agent, server: Server
) -> None:
    server.writes("b.test/h", "set;key=a;value=hidden")
    page = await agent.new_page(f"{NEWS}/")
    await _fetch(page, f"{B}/h?q=1")
    (event,) = await agent.events.all("shared-storage.batch-update")
    assert (event.verdict, event.data["url"]) == ("stored", f"{B}/h?q=1")
    record = event.data["http"]
    assert (record["method"], record["url"], record["status"]) == ("GET", f"{B}/h?q=1", 200)
    assert ["Access-Control-Allow-Origin", "*"] in record["response"]
    assert "hidden" not in str(event)
    (entry,) = har_document([event], (), version="1")["log"]["entries"]
    assert (entry["request"]["url"], entry["response"]["status"]) == (f"{B}/h?q=1", 200)
    assert "Shared-Storage-Write is left out" in entry["comment"]


async def test_a_request_may_both_register_and_write(agent: Agent, server: Server) -> None:
    trigger = '{"event_trigger_data":[{"trigger_data":"1"}]}'
    server.writes("b.test/h", "set;key=a;value=b", **{"Attribution-Reporting-Register-Trigger": trigger})
    page = await agent.new_page(f"{NEWS}/")
    attribution = "attributionReporting: { eventSourceEligible: false, triggerEligible: true }"
    await _fetch(page, f"{B}/h", f"{{ sharedStorageWritable: true, {attribution} }}")
    await agent.arrived()
    assert await _entries(agent, B) == {"a": "b"}
    assert await agent.events.last("trigger-registration") is not None


@pytest.mark.parametrize(
    ("value", "stored"),
    [
        ("set;key=n;value=5", {}),
        ("(set);key=a;value=b", {}),
        ("set;KEY=a;value=b", {}),
        ("set;key=a;value=b,", {}),
        ("bogus, SET;key=a;value=b", {"a": "b"}),
        ("set;key=a;value=b, clear, set;key=z;value=y", {"z": "y"}),
        ('set;key=a;value=b;with_lock="l"', {}),
        ('set;key=a;value=b, options;with_lock="l"', {"a": "b"}),
    ],
)
async def test_what_a_field_says_is_what_is_stored(
    agent: Agent, server: Server, value: str, stored: dict[str, str]
) -> None:
    server.writes("b.test/h", value)
    await _fetch(await agent.new_page(f"{NEWS}/"), f"{B}/h")
    async with asyncio.timeout(5):
        while await _entries(agent, B) != stored:
            await asyncio.sleep(0.02)
    event = await agent.events.last("shared-storage.batch-update")
    assert event is not None, "what comes to nothing is told too"
    assert (event.verdict == "stored") == bool(stored)


async def test_images_and_frames_of_the_markup_write_on_every_hop(agent: Agent, server: Server) -> None:
    html = f"<img sharedstoragewritable src='{B}/img'><iframe sharedstoragewritable src='{B}/frame'></iframe>"
    for kind in ("img", "frame"):
        server.writes(f"b.test/{kind}", f"set;key={kind};value=b", Location=f"{C}/{kind}")
        server.writes(f"c.test/{kind}", f"set;key={kind};value=c")
    agent.map("markup.test", site({"/": html}))
    await agent.new_page("https://markup.test/")
    assert await _entries(agent, B) == {"img": "b", "frame": "b"}
    assert await _entries(agent, C) == {"img": "c", "frame": "c"}


async def test_a_top_level_navigation_and_a_policy_without_the_origin_write_nothing(
    agent: Agent, server: Server
) -> None:
    server.writes("b.test/h", "set;key=a;value=b")
    agent.map("strict.test", site({}, {"Permissions-Policy": "shared-storage=(self)"}))
    page = await agent.new_page("https://strict.test/")
    await _fetch(page, f"{B}/h")
    await page.goto(f"{B}/h")
    assert await _entries(agent, B) == {}
    assert [asked for asked in server.asked if asked[0] == "b.test/h"] == [("b.test/h", None)] * 2


async def test_a_request_that_the_policy_keeps_from_asking_leaves_an_event_whatever_its_response_says(
    agent: Agent, server: Server
) -> None:
    agent.map("strict.test", site({}, {"Permissions-Policy": "shared-storage=(self)"}))
    page = await agent.new_page("https://strict.test/")
    await _fetch(page, f"{B}/quiet", "{}")
    assert await agent.events.last("shared-storage.batch-update") is None
    await _fetch(page, f"{B}/quiet")
    event = await agent.events.last("shared-storage.batch-update")
    assert event is not None
    assert (event.verdict, event.data["url"]) == ("ignored", f"{B}/quiet")
    (check,) = event.trace.checks
    assert check.detail == f"the permissions policy of https://strict.test forbids shared-storage for {B}"
    assert server.asked == [("b.test/quiet", None)] * 2


@pytest.fixture
def agent_settings(request: pytest.FixtureRequest) -> Settings | None:
    """Of the tests that ask for some."""
    return getattr(request, "param", None)


@pytest.mark.parametrize(
    "agent_settings",
    [Settings(enrolled_sites=frozenset({C})), Settings(shared_storage=False)],
    indirect=True,
    ids=["not enrolled", "off"],
)
async def test_where_the_origin_may_not_store_the_page_cannot_tell_and_the_owner_can(
    agent: Agent, server: Server
) -> None:
    server.writes("b.test/h", "set;key=a;value=b")
    page = await agent.new_page(f"{NEWS}/")
    assert "shared-storage-write" not in await _fetch(page, f"{B}/h")
    assert server.asked == [("b.test/h", "?1")]
    assert await _entries(agent, B) == {}
    event = await agent.events.last("shared-storage.batch-update")
    assert event is not None
    assert event.verdict != "stored"
