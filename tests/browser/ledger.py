"""A measurement server that numbers its answers, and pages whose every request it can tell apart.

Requests of many documents go to one and the same URL; which document sent one is known to the server alone: by the
full URL of the document in ``Referer``, or by a ``top=`` in the query or the body. Each answer carries
``Save-Impression`` with a number of its own as the histogram index, so that what the agent stored can be held against
the truth one by one.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from aiohttp import web

from agent.model.attribution import Impression
from agent.runtime import Agent

TOPS = ("news.test", "shop.test", "blog.test")
_TOP = re.compile(r"[?&]top=([a-z.]+)")
_PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360000002000001e221bc330000000049454e44ae426082"
)
_CORS = {"Access-Control-Allow-Credentials": "true", "Access-Control-Allow-Headers": "x-custom, accept-language"}


@dataclass(frozen=True)
class Answered:
    """One answer with a field: what it was for, and the top-level site of the document that asked."""

    number: int
    kind: str
    top: str
    headers: tuple[tuple[str, str], ...]


@dataclass
class Ledger:
    """The measurement server, as an application for ``agent.map``."""

    answered: list[Answered] = field(default_factory=list)
    waiting: set[str] = field(default_factory=set)
    """The documents that stand at the gate."""
    gate_is_open: bool = False

    def app(self) -> web.Application:
        """``/gate`` says whether it is open; ``/hop/N/kind`` redirects N times; ``/kind`` answers at once."""
        app = web.Application()
        app.router.add_route("*", "/gate", self._gate)
        app.router.add_route("*", "/hop/{left}/{kind}", self._hop)
        app.router.add_route("*", "/{kind}", self._answer)
        return app

    async def _gate(self, request: web.Request) -> web.Response:
        self.waiting.add(request.query_string)
        return web.Response(text="open" if self.gate_is_open else "", headers={"Access-Control-Allow-Origin": "*"})

    def headers(self, request: web.Request, kind: str, body: str = "") -> dict[str, str]:
        """The fields of an answer, noted down."""
        cors = {**_CORS, "Access-Control-Allow-Origin": request.headers.get("Origin", "*"), "Cache-Control": "no-store"}
        if request.method == "OPTIONS":
            kind = "preflight"
        told = _TOP.search(body) or _TOP.search(str(request.rel_url)) or _TOP.search(request.headers.get("Referer", ""))
        number = len(self.answered) + 1
        top = told.group(1) if told else "?"
        self.answered.append(Answered(number, kind, top, tuple(request.headers.items())))
        return {**cors, "Save-Impression": f"histogram-index={number}"}

    async def _hop(self, request: web.Request) -> web.Response:
        left, kind = int(request.match_info["left"]), request.match_info["kind"]
        headers = self.headers(request, f"{kind} hop {left}")
        if left == 0:
            return web.Response(headers=headers)
        query = f"?{request.query_string}" if request.query_string else ""
        return web.Response(status=302, headers={**headers, "Location": f"/hop/{left - 1}/{kind}{query}"})

    async def _answer(self, request: web.Request) -> web.Response:
        kind = request.match_info["kind"]
        headers = self.headers(request, kind, await request.text())
        if kind in ("img", "preload", "css"):
            return web.Response(body=_PNG, content_type="image/png", headers=headers)
        if kind == "script":
            return web.Response(text="0", content_type="text/javascript", headers=headers)
        if kind == "track":
            return web.Response(text="WEBVTT\n", content_type="text/vtt", headers=headers)
        if kind == "eventsource":
            # One that ends is asked for again after this many milliseconds: not while a test lasts.
            return web.Response(text="retry: 3600000\ndata: 1\n\n", content_type="text/event-stream", headers=headers)
        return web.Response(text="<!doctype html>", content_type="text/html", headers=headers)

    async def until(self, count: int, seconds: float = 20) -> None:
        """Wait until that many answers were given, and no more come."""
        async with asyncio.timeout(seconds):
            while len(self.answered) < count:
                await asyncio.sleep(0.02)

    async def until_waiting(self, count: int) -> None:
        """Wait until that many documents stand at the gate."""
        async with asyncio.timeout(15):
            while len(self.waiting) < count:
                await asyncio.sleep(0.02)

    async def judge(self, agent: Agent, *, ignored: frozenset[str] = frozenset()) -> Verdict:
        """Hold every answer against what the agent stored or refused; ``ignored`` kinds must not be stored."""
        verdict = Verdict()
        for _ in range(150):
            stored: dict[int, list[Impression]] = {}
            for one in await agent.state.impressions():
                stored.setdefault(one.histogram_index, []).append(one)
            refusals = [e for e in await agent.events.all() if e.kind == "response-field"]
            if len(stored) + len(refusals) >= len(self.answered):
                break
            await asyncio.sleep(0.02)
        for answer in self.answered:
            found = stored.get(answer.number, [])
            if not found:
                verdict.refused[answer.kind] += 1
            elif len(found) == 1 and found[0].impression_site == answer.top and answer.kind not in ignored:
                verdict.exact[answer.kind] += 1
            else:
                verdict.wrong.append((answer.kind, answer.top, [one.impression_site for one in found]))
        verdict.reasons = Counter(e.trace.checks[0].detail for e in refusals)
        verdict.silent = len(self.answered) - len(stored) - len(refusals)
        print(verdict)
        return verdict


@dataclass
class Verdict:
    """What became of the answers, by kind of request."""

    exact: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    wrong: list[tuple[str, str, list[str]]] = field(default_factory=list)
    reasons: Counter[str] = field(default_factory=Counter)
    silent: int = 0
    """Answers that are neither stored nor refused with an event."""

    def __str__(self) -> str:
        kinds = sorted({*self.exact, *self.refused, *(kind for kind, _, _ in self.wrong)})
        wrong = Counter(kind for kind, _, _ in self.wrong)
        lines = [f"{'kind':24}{'exact':>7}{'refused':>9}{'wrong':>7}"]
        lines += [f"{kind:24}{self.exact[kind]:7}{self.refused[kind]:9}{wrong[kind]:7}" for kind in kinds]
        return "\n".join([*lines, *(f"{n} x {reason}" for reason, n in self.reasons.items()), *map(str, self.wrong)])


Body = str | Callable[[web.Request], Awaitable[web.StreamResponse]]


def site(pages: Mapping[str, Body], headers: Mapping[str, str] | None = None) -> web.Application:
    """A site: HTML (or JavaScript, where the path ends in ``.js``) by path, or a handler; blank for any other path."""

    async def serve(request: web.Request) -> web.StreamResponse:
        body = pages.get(request.path, "")
        if not isinstance(body, str):
            return await body(request)
        kind = "text/javascript" if request.path.endswith(".js") else "text/html"
        return web.Response(
            text=f"<!doctype html>{body}" if kind == "text/html" else body, content_type=kind, headers=headers
        )

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", serve)
    return app


# Runs every kind of request that a document can make; BASE is the server, each kind has its path.
EVERY_KIND = """
const BASE = "https://adtech.test";
const attach = (tag, fields) => document.documentElement.append(Object.assign(document.createElement(tag), fields));
const KINDS = {
    img: () => { new Image().src = `${BASE}/img`; },
    script: () => attach("script", { src: `${BASE}/script` }),
    fetch: () => fetch(`${BASE}/fetch`, { mode: "no-cors" }),
    cors: () => fetch(`${BASE}/cors`, { headers: { "x-custom": "1" }, credentials: "include" }),
    xhr: () => { const x = new XMLHttpRequest(); x.open("GET", `${BASE}/xhr`); x.send(); },
    post: () => fetch(`${BASE}/post`, { method: "POST", body: "x", mode: "no-cors" }),
    beacon: () => navigator.sendBeacon(`${BASE}/beacon`, "x"),
    keepalive: () => fetch(`${BASE}/keepalive`, { mode: "no-cors", keepalive: true }),
    preload: () => attach("link", { rel: "preload", as: "image", href: `${BASE}/preload` }),
    prefetch: () => attach("link", { rel: "prefetch", href: `${BASE}/prefetch` }),
    audio: () => attach("audio", { preload: "auto", src: `${BASE}/audio` }),
    video: () => attach("video", { preload: "auto", src: `${BASE}/video` }),
    track: () => {
        const video = document.createElement("video");
        const track = Object.assign(document.createElement("track"), { src: `${BASE}/track` });
        video.crossOrigin = "anonymous";
        video.append(track);
        document.documentElement.append(video);
        track.track.mode = "hidden";
    },
    css: () => attach("style", { textContent: `html { background: url(${BASE}/css${location.search}) }` }),
    redirects: () => fetch(`${BASE}/hop/2/fetch`, { mode: "no-cors" }),
    imgRedirects: () => { new Image().src = `${BASE}/hop/2/img`; },
    eventSource: () => { new EventSource(`${BASE}/eventsource`); },
    ownLanguage: () => fetch(`${BASE}/language`, { headers: { "Accept-Language": "de-DE,de;q=0.8" } }),
};
const every = () => { for (const kind of Object.values(KINDS)) kind(); };
const atTheGate = async () => {
    const gate = `${BASE}/gate?${Math.random()}`;
    const isOpen = async () => (await (await fetch(gate, { cache: "no-store" })).text()) === "open";
    while (!(await isOpen())) await new Promise((done) => setTimeout(done, 50));
    every();
};
"""
KINDS = frozenset({
    "img", "script", "fetch", "cors", "xhr", "post", "beacon", "keepalive", "preload", "prefetch", "audio", "video",
    "track", "css", "eventsource", "language", *(f"{kind} hop {n}" for kind in ("fetch", "img") for n in range(3)),
})  # fmt: skip


async def open_the_gate_to_many_tabs(agent: Agent, ledger: Ledger, scripted: Callable[[str], str]) -> int:
    """Open four tabs of three sites with frames of the same, another and a nested site, and let all go at once.

    ``scripted`` makes a page of a script that waits at the gate. Gives how many documents went.
    """
    waiting = scripted("atTheGate();")
    nest = "document.write(`<iframe src='https://nested.test/?top=${name}'></iframe>`); atTheGate();"
    for top in TOPS:
        inside = f'<iframe src="https://frames.test/?top={top}"></iframe><iframe src="/same?top={top}"></iframe>'
        agent.map(top, site({"/": waiting + inside, "/same": waiting}))
    agent.map("frames.test", site({"/": scripted(f"const name = new URL(location).searchParams.get('top'); {nest}")}))
    agent.map("nested.test", site({"/": waiting}))
    tabs = (*TOPS, TOPS[0])
    await asyncio.gather(*(agent.new_page(f"https://{top}/?top={top}") for top in tabs))
    documents = len(tabs) * 4
    await ledger.until_waiting(documents)
    ledger.gate_is_open = True
    return documents
