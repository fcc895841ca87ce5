"""The worklet's script in a plain dedicated worker, and a stand-in for the host and what it keeps."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import Browser, Page, Route

from agent.browser.worklet_script import WorkletScriptConfig, worklet_script

BINDING = "b4d9"
RESOLVER = "r7c1"
URL = "https://worklets.test/"
Urls = list[str] | None

_GATE = """
{
  const send = postMessage.bind(globalThis), evaluate = eval;
  globalThis.%(binding)s = (text) => send(text);
  onmessage = ({ data }) => evaluate(data);
}
"""
"""Puts the binding there and lets the host evaluate: both before the script, which takes everything else away."""

_PAGE = """
async ([name, text]) => {
  const worker = new Worker(URL.createObjectURL(new Blob([text], { type: "text/javascript" })));
  worker.onmessage = ({ data }) => heard(name, data);
  worker.onerror = (event) => heard(name, JSON.stringify({ method: "broken", args: { text: event.message } }));
  (globalThis.workers ??= {})[name] = worker;
}
"""

EVALUATE = """
register("evaluate", class {
  async run(source) {
    const words = (value) => typeof value === "bigint" ? `${value}n` : JSON.stringify(value) ?? String(value);
    const nameOf = (e) => e?.constructor?.name === "DOMException" ? `DOMException ${e.name}` : e?.name ?? typeof e;
    const facts = (how, e) => [how, nameOf(e), e?.message ?? String(e)];
    let result;
    try { result = (0, eval)("(" + source + ")"); } catch (e) { throw words(facts("throws", e)); }
    if (typeof result?.then !== "function") throw words(["returns", words(result)]);
    try { result = await result; } catch (e) { throw words(facts("rejects", e)); }
    throw words(["resolves", words(result)]);
  }
});
"""
"""An operation that tells what an expression does by what it throws."""


def text_of(value: str) -> str:
    """``data`` that is a string, as pages encode it."""
    return json.dumps([value])


@dataclass(eq=False)
class Worklet:
    """One worklet, what its code told the host, and the storage that the host keeps for it."""

    page: Page
    name: str
    entries: dict[str, str] = field(default_factory=dict)
    told: list[dict[str, Any]] = field(default_factory=list)
    """Messages that await no answer, ends of operations excepted."""
    ends: dict[int, dict[str, Any]] = field(default_factory=dict)
    asked: list[dict[str, Any]] = field(default_factory=list)
    answer: Callable[[dict[str, Any]], dict[str, Any] | None] | None = None
    """Answers in the place of the storage; None from it leaves the call without an answer."""
    is_ready: bool = False
    last: int = 0
    news: asyncio.Event = field(default_factory=asyncio.Event)

    async def say(self, expression: str) -> None:
        """Evaluate in a macrotask of the worklet's own."""
        await self.page.evaluate("([name, text]) => workers[name].postMessage(text)", [self.name, expression])

    async def hear(self, what: str, *arguments: object) -> None:
        """Call the function that the host calls."""
        await self.say(f"{RESOLVER}({', '.join(json.dumps(one) for one in (what, *arguments))})")

    async def heard(self, text: str) -> None:
        """Take a message of the worklet's, or a list of them."""
        said = json.loads(text)
        for message in said if isinstance(said, list) else [said]:
            await self._take(message)
        self.news.set()

    async def _take(self, message: dict[str, Any]) -> None:
        assert message["method"] != "broken", message
        if message["method"] == "ready":
            self.is_ready = True
        elif message["method"] == "finished":
            self.ends[message["operation"]] = message["args"]
        elif message["id"] == 0:
            self.told.append(message)
        else:
            self.asked.append(message)
            answer = self.answer(message) if self.answer else self.stored(message)
            if answer is not None:
                await self.settle(message, answer)

    async def settle(self, message: dict[str, Any], answer: dict[str, Any]) -> None:
        """Answer a call."""
        await self.hear("answer", message["id"], json.dumps(answer))

    def stored(self, message: dict[str, Any]) -> dict[str, Any]:
        """What the storage answers."""
        match message["method"], message["args"]:
            case "get", {"key": key}:
                return {"value": self.entries.get(key)}
            case "length", _:
                return {"value": len(self.entries)}
            case "remainingBudget", _:
                return {"value": 12.0}
            case "entries", _:
                return {"entries": sorted(self.entries.items())}
            case "update", {"methods": methods}:
                for one in methods:
                    self._write(one)
                return {}
            case "requestLock", _:
                return {"lock": message["id"]}
        raise AssertionError(message)

    def _write(self, method: dict[str, Any]) -> None:
        match method:
            case {"op": "set", "key": key, "value": value, "ignoreIfPresent": ignore}:
                self.entries[key] = self.entries[key] if ignore and key in self.entries else value
            case {"op": "append", "key": key, "value": value}:
                self.entries[key] = self.entries.get(key, "") + value
            case {"op": "delete", "key": key}:
                self.entries.pop(key, None)
            case {"op": "clear"}:
                self.entries.clear()

    async def add_module(self, text: str) -> None:
        """Run a module script; what it throws is its own affair."""
        await self.say(text)
        await self.hear("moduleRan", None)

    async def call(self, name: str, data: str | None = None, urls: Urls = None, **more: Any) -> dict[str, Any]:
        """Call an operation and wait for its end: ``{"index", "failure", "uncaughtError"}``."""
        number = await self.start(name, data, urls, **more)
        return await self.end_of(number)

    async def start(self, name: str, data: str | None = None, urls: Urls = None, **more: Any) -> int:
        """Call an operation; its number."""
        self.last += 1
        operation = {
            "id": self.last,
            "name": name,
            "data": data,
            "urls": urls,
            "filteringIdMaxBytes": 1,
            "maxContributions": None,
            "privateAggregationAllowed": True,
            "ended": False,
        }
        await self.hear("call", json.dumps(operation | more))
        return self.last

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until the host has heard what makes ``holds`` true."""
        try:
            async with asyncio.timeout(10):
                while not holds():
                    self.news.clear()
                    await self.news.wait()
        except TimeoutError:
            raise AssertionError(f"told {self.told}, asked {self.asked}, ends {self.ends}") from None

    async def end_of(self, number: int) -> dict[str, Any]:
        """How an operation ended."""
        await self.until(lambda: number in self.ends)
        return self.ends[number]

    async def outcome(self, expression: str, **more: Any) -> list[str]:
        """``[how, ...]`` of an expression in an operation of its own: its value as JSON, or an exception's facts."""
        end = await self.call("evaluate", text_of(expression), **more)
        outcome: list[str] = json.loads(end["failure"])
        return outcome


@dataclass(eq=False)
class World:
    """The page that holds the workers."""

    page: Page
    worklets: dict[str, Worklet] = field(default_factory=dict)

    async def heard(self, name: str, text: str) -> None:
        """Hand on what a worker said."""
        await self.worklets[name].heard(text)

    async def worklet(self, module: str = EVALUATE, **options: Any) -> Worklet:
        """A worklet that has run ``module``."""
        name = f"w{len(self.worklets)}"
        worklet = self.worklets[name] = Worklet(self.page, name)
        script = worklet_script(WorkletScriptConfig(BINDING, RESOLVER, options))
        await self.page.evaluate(_PAGE, [name, _GATE % {"binding": BINDING} + script])
        await worklet.until(lambda: worklet.is_ready)
        await worklet.add_module(module)
        return worklet


@asynccontextmanager
async def world_of_worklets(browser: Browser) -> AsyncIterator[World]:
    """A blank page that makes workers."""

    async def blank(route: Route) -> None:
        await route.fulfill(body="<!doctype html>", headers={"content-type": "text/html"})

    context = await browser.new_context()
    await context.route("**/*", blank)
    page = await context.new_page()
    world = World(page)
    await page.expose_function("heard", world.heard)
    await page.goto(URL)
    yield world
    await context.close()
