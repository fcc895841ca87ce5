"""A bare Chromium page with the script in it, and a stand-in for the host that answers its calls."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from playwright.async_api import Browser, BrowserContext, CDPSession, Page, Route, async_playwright

from agent.browser.chromium import find_chromium
from agent.browser.page_script import PageScriptConfig, page_script
from agent.model.attribution import AggregationService
from agent.model.rng import token
from agent.model.tasks import Tasks

SERVICES = (
    AggregationService("first.test", "https://first.test/service"),
    AggregationService("second.test", "https://second.test/", api_version="tee-00"),
)
REPORT = bytes(range(256))
BLANK = "<!doctype html><title>blank</title>"
URL = "https://page.test/"


def default_answer(call: dict[str, Any]) -> dict[str, Any]:
    """What the host says when a test says nothing else."""
    return {"report": base64.b64encode(REPORT).decode()} if call["method"] == "measureConversion" else {}


@dataclass(eq=False)
class Host:
    """One page with the script, and what reached the host from it."""

    context: BrowserContext
    config: PageScriptConfig
    everywhere: bool
    page: Page = field(init=False)
    session: CDPSession = field(init=False)
    calls: list[dict[str, Any]] = field(default_factory=list)
    refusals: list[dict[str, Any]] = field(default_factory=list)
    """What the host is told of calls that ended in the page."""
    errors: list[str] = field(default_factory=list)
    answer: Callable[[dict[str, Any]], dict[str, Any] | None] = default_answer
    tasks: Tasks = field(default_factory=Tasks)

    async def open(self, url: str = URL) -> None:
        """Make the page, inject, go to ``url``."""
        self.page = await self.context.new_page()
        if self.everywhere:
            await self.context.add_init_script(page_script(self.config))
        await self._attach()
        await self.page.goto(url)

    async def _attach(self) -> None:
        self.session = await self.context.new_cdp_session(self.page)
        self.session.on("Runtime.bindingCalled", self._called)
        self.session.on("Runtime.exceptionThrown", lambda event: self.errors.append(str(event["exceptionDetails"])))
        await self.session.send("Page.enable")
        await self.session.send("Runtime.enable")
        await self.session.send("Runtime.addBinding", {"name": self.config.binding})
        if not self.everywhere:
            script = {"source": page_script(self.config), "runImmediately": True}
            await self.session.send("Page.addScriptToEvaluateOnNewDocument", script)

    def _called(self, event: dict[str, Any]) -> None:
        call = json.loads(event["payload"])
        if "refused" in call:
            self.refusals.append(call)
            return
        self.calls.append(call)
        if call["id"] and (answer := self.answer(call)) is not None:
            self.tasks.start(self.settle(call["id"], answer, event["executionContextId"]), "answer")

    async def settle(self, call_id: int, answer: dict[str, Any], context_id: int) -> None:
        """Answer a call in the realm it came from."""
        expression = f"{self.config.resolver}({call_id}, {json.dumps(json.dumps(answer))})"
        await self.session.send("Runtime.evaluate", {"expression": expression, "contextId": context_id})

    async def run(self, body: str, argument: object = None) -> Any:
        """Evaluate the function body ``body`` in the page; ``argument`` is its ``argument``."""
        return await self.page.evaluate(f"async (argument) => {{ {body} }}", argument)

    async def evaluate(self, expression: str) -> Any:
        """Evaluate in the page without a word of JavaScript of the test's own around it."""
        answer = await self.session.send("Runtime.evaluate", {"expression": expression, "returnByValue": True})
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    async def sent(self, body: str, argument: object = None) -> list[dict[str, Any]]:
        """The calls that reach the host while the function body ``body`` runs."""
        before = len(self.calls)
        await self.run(body, argument)
        await self.run("await navigator.attribution.saveImpression({ histogramIndex: 0 });")  # calls keep their order
        return self.calls[before:-1]

    async def thrown(self, expression: str, argument: object = None) -> Any:
        """``[how, class name, message]`` of what ``expression`` throws or is rejected with, or None."""
        return await self.run(
            f"""
            const facts = (how, e) => [how, String(e.constructor.name) === "DOMException" ? `DOMException ${{e.name}}`
                : Object.getPrototypeOf(e).constructor.name, e.message];
            let result;
            try {{ result = ({expression}); }} catch (e) {{ return facts("thrown", e); }}
            if (typeof result?.then !== "function") return null;
            return result.then(() => null, (e) => facts("rejected", e));
            """,
            argument,
        )


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        root = os.name == "posix" and os.geteuid() == 0
        browser = await playwright.chromium.launch(executable_path=str(find_chromium().path), chromium_sandbox=not root)
        yield browser
        await browser.close()


Pages = Mapping[str, tuple[str, dict[str, str]]]


@asynccontextmanager
async def served(
    browser: Browser, url: str = URL, *, pages: Pages | None = None, everywhere: bool = False, **settings: Any
) -> AsyncIterator[Host]:
    """A host whose page shows ``url``; ``pages`` gives bodies and headers, any other URL a blank page.

    ``everywhere`` injects into popups, too, which then have no way to the host.
    """

    async def serve(route: Route) -> None:
        body, headers = (pages or {}).get(route.request.url, (BLANK, {}))
        await route.fulfill(body=body, headers={"content-type": "text/html", **headers})

    context = await browser.new_context()
    await context.route("**/*", serve)
    names = PageScriptConfig(f"b{token()}", f"r{token()}", f"e{token()}", SERVICES)
    host = Host(context, replace(names, **settings), everywhere)
    await host.open(url)
    yield host
    await host.tasks.close()
    await context.close()
    assert host.errors == [], "the script threw where a page could see it"


NewHost = Callable[..., Awaitable[Host]]


@pytest.fixture
async def new_host(browser: Browser) -> AsyncIterator[NewHost]:
    """Makes hosts with the arguments of :func:`served`."""
    async with AsyncExitStack() as stack:

        async def make(url: str = URL, **more: Any) -> Host:
            return await stack.enter_async_context(served(browser, url, **more))

        yield make


@pytest.fixture
async def host(new_host: NewHost) -> Host:
    """A page of its own."""
    return await new_host()


@pytest.fixture(scope="module")
async def shared_host(browser: Browser) -> AsyncIterator[Host]:
    """One page for all tests of a module that leave it as it was."""
    async with served(browser) as host:
        yield host
