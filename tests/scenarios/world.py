"""A profile, the servers that its pages see, and what these were sent; pages and worklets do what a test says."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from aiohttp import web
from multidict import CIMultiDictProxy
from playwright.async_api import Frame, Page

from agent.crypto.aggregatable_payload import Payload, open_payload, read_payload
from agent.model.shared_storage import StorageEvent
from agent.runtime import Agent

A = "https://a.test"
JAVASCRIPT = "text/javascript"
CORS = {"Access-Control-Allow-Origin": "*"}
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000d49444154789c6360000002000001e221bc330000000049454e44ae426082"
)
KEEP = "keepAlive: true"
_HOSTS = ("*.test", "insecure.example")
_SECONDS = 15
"""How long anything may take."""
_OUTCOME = """(code) => (0, eval)(`(async () => (${code}))()`).then((value) => value ?? null,
    (error) => `${error.name}: ${error.message}`)"""

Contributions = list[tuple[int, int, int]]
"""Bucket, value and filtering id, without padding."""


@dataclass(frozen=True)
class Answer:
    """What a server says to one path."""

    body: str | bytes = "<!doctype html>"
    type: str = "text/html"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    after: asyncio.Event | None = None
    """What it waits for."""


@dataclass(frozen=True)
class Asked:
    """One request."""

    url: str
    """Host and path."""
    headers: CIMultiDictProxy[str]


@dataclass(frozen=True)
class Report:
    """One report as its endpoint was sent it."""

    at: int
    """The instant of the agent's clock."""
    path: str
    body: dict[str, Any]
    agent: Agent

    @property
    def is_debug(self) -> bool:
        """Whether it came to the debug endpoint."""
        return "/debug/" in self.path

    @property
    def info(self) -> dict[str, str]:
        """Its shared_info."""
        return dict(json.loads(self.body["shared_info"]))

    @property
    def sealed(self) -> bytes:
        """Its payload, encrypted."""
        return base64.b64decode(self.body["aggregation_service_payloads"][0]["payload"])

    @property
    def items(self) -> Contributions:
        """What its payload says, padding included."""
        (entry,) = self.body["aggregation_service_payloads"]
        key = self.agent.service_keys.find(bytes.fromhex(entry["key_id"]))
        assert key is not None
        plaintext = open_payload(self.sealed, self.body["shared_info"], key.private_key)
        assert plaintext is not None
        payload = read_payload(plaintext)
        assert isinstance(payload, Payload)
        return [(one.bucket, one.value, one.filtering_id) for one in payload.data]

    @property
    def contributions(self) -> Contributions:
        """What its payload says."""
        return [item for item in self.items if item != (0, 0, 0)]


@dataclass
class World:
    """One profile and its servers."""

    agent: Agent
    answers: dict[str, Answer] = field(default_factory=dict)
    """By host and path; where there is none, a blank page."""
    asked: list[Asked] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)
    report_status: int = 200
    numbers: Any = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.application = web.Application()
        """What answers for every host."""
        self.application.router.add_route("*", "/{path:.*}", self._answer)
        for host in _HOSTS:
            self.agent.map(host, self.application)

    async def _answer(self, request: web.Request) -> web.Response:
        if request.method == "POST" and "/private-aggregation/" in request.path:
            body = await request.json()
            self.reports.append(Report(self.agent.clock.now(), request.host + request.path, body, self.agent))
            return web.Response(status=self.report_status)
        self.asked.append(Asked(request.host + request.path, request.headers))
        answer = self.answers.get(request.host + request.path, Answer())
        if answer.after is not None:
            await answer.after.wait()
        body = answer.body.encode() if isinstance(answer.body, str) else answer.body
        headers = {"Content-Type": answer.type, **answer.headers}
        return web.Response(body=body, status=answer.status, headers=headers)

    # Pages.

    async def open(self, url: str = f"{A}/") -> Page:
        """A tab, opened there."""
        return await self.agent.new_page(url)

    async def frame(self, page: Page, markup: str) -> Frame:
        """A frame that is put into ``page``, when it has loaded."""
        await page.evaluate(
            """(markup) => new Promise((done) => {
                const holder = document.createElement("template");
                holder.innerHTML = markup;
                const frame = holder.content.firstElementChild;
                frame.addEventListener("load", () => done(), { once: true });
                document.body.append(frame);
            })""",
            markup,
        )
        return page.frames[-1]

    async def outcome(self, page: Page | Frame, code: str) -> Any:
        """What an expression comes to: its value, None for undefined, or ``Name: message`` of what it threw."""
        return await page.evaluate(_OUTCOME, code)

    # Worklets.

    def script(self, url: str, text: str, **headers: str) -> None:
        """Put a script there."""
        self.answers[url] = Answer(text, JAVASCRIPT, headers={name.replace("_", "-"): v for name, v in headers.items()})

    async def worklet(self, page: Page | Frame, text: str, *, name: str = "w") -> str:
        """Make a worklet of the page's own origin, which is ``name`` in the page; gives its script's URL."""
        host = await page.evaluate("location.host")
        path = f"/script{next(self.numbers)}.js"
        self.script(host + path, text)
        await page.evaluate(f"sharedStorage.createWorklet('{path}').then((made) => {{ globalThis.{name} = made; }})")
        return f"https://{host}{path}"

    async def operate(self, page: Page | Frame, code: str, options: str = KEEP, *, wait: bool = True) -> None:
        """Run ``code`` as an operation of a fresh worklet, to its end; ``options`` are ``run``'s."""
        before = await self.ended_operations()
        await self.worklet(page, operation(code))
        await page.evaluate(f"w.run('op', {{ {options} }})")
        if wait:
            await self.until_ended(before + 1)

    async def inside(self, page: Page, code: str, options: str = KEEP) -> Any:
        """What ``code`` returns in an operation of a fresh worklet, or ``Name: message`` of what it threw."""
        await self.worklet(page, observed(code))
        return await self.said(page, f"w.run('op', {{ {options} }})")

    async def said(self, page: Page, code: str) -> Any:
        """What an operation made by :func:`observed` has to say, which ``code`` makes the page call."""
        async with page.expect_console_message(lambda line: line.text.startswith("SAID "), timeout=15_000) as line:
            await page.evaluate(f"async () => {{ await {code}; }}")
        return json.loads((await line.value).text.removeprefix("SAID "))

    async def ended_operations(self) -> int:
        """How many calls of ``run`` and ``selectURL`` have ended."""
        events = [*await self.agent.events.all(StorageEvent.RUN), *await self.agent.events.all(StorageEvent.SELECT_URL)]
        return len(events)

    async def until_ended(self, operations: int) -> None:
        """Wait until so many operations have ended, since the profile was made."""
        async with asyncio.timeout(_SECONDS), self.agent.events.news:
            while await self.ended_operations() < operations:
                await self.agent.events.news.wait()

    async def ends_of(self, script: str, count: int = 1) -> list[str]:
        """What became of the operations of the worklet of that script, once so many have ended."""
        async with asyncio.timeout(2 * _SECONDS), self.agent.events.news:
            while True:
                events = [e for e in await self.agent.events.all(StorageEvent.RUN) if e.data["module"] == script]
                if len(verdicts := [event.verdict for event in events if "name" in event.data]) >= count:
                    return verdicts
                await self.agent.events.news.wait()

    async def entries(self, origin: str = A) -> dict[str, str]:
        """What ``origin`` has stored."""
        return {entry.key: entry.value for entry in await self.agent.shared_storage.entries(origin)}

    async def verdicts(self, kind: str) -> list[str]:
        """What became of each, in order."""
        return [event.verdict for event in await self.agent.events.all(kind)]

    async def seen(self, what: Any) -> None:
        """Wait until ``what()`` holds."""
        async with asyncio.timeout(_SECONDS):
            while not what():
                await asyncio.sleep(0.02)

    async def sent(self, reports: int) -> list[Report]:
        """The reports, once there are so many and what else was due is sent."""
        await self.seen(lambda: len(self.reports) >= reports)
        await self.agent.clock.advance(0)
        assert len(self.reports) == reports
        return self.reports


def operation(code: str) -> str:
    """A script whose operation ``op`` runs ``code``."""
    return f"register('op', class {{ async run(first, second) {{ {code} }} }});"


def observed(code: str) -> str:
    """A script whose operation ``op`` says what ``code`` returns or throws; ``undefined`` shows as null."""
    return f"""register("op", class {{ async run(first, second) {{
        let said;
        try {{
            said = await (async () => {{ {code} }})();
        }} catch (error) {{
            said = `${{error.name}}: ${{error.message}}`;
        }}
        console.log(`SAID ${{JSON.stringify(said ?? null)}}`);
    }} }});"""
