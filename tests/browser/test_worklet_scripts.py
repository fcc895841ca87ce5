"""Module scripts of worklets: how they are asked for, and what comes of it (shared-storage section 4)."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp import web
from multidict import CIMultiDict

from agent.browser.documents import Document
from agent.browser.launch import Browser
from agent.browser.worklet_scripts import BlobText, data_origin_of
from agent.model.tasks import Tasks
from agent.model.worklets import StorageFailure, WorkletScript
from agent.runtime import Agent

NEWS = "https://news.test"
ADTECH = "https://adtech.test"
DATA = "https://data.test"
SCRIPT = f"{ADTECH}/w.js"
ALLOWED = {"shared-storage-cross-origin-worklet-allowed": "?1"}


@pytest.mark.parametrize(
    ("word", "expected"),
    [("context-origin", NEWS), ("script-origin", ADTECH), (DATA, DATA), (f"{DATA}:443/", DATA)],
)
def test_the_data_origin_is_the_documents_the_scripts_or_the_one_that_is_named(word: str, expected: str) -> None:
    assert data_origin_of(word, NEWS, SCRIPT) == expected


@dataclass
class Server:
    """Answers each path as it is told, and remembers the headers of what was asked."""

    answers: dict[str, web.Response] = field(default_factory=dict)
    asked: dict[str, CIMultiDict[str]] = field(default_factory=dict)
    scripts: list[CIMultiDict[str]] = field(default_factory=list)
    """The headers of every request for a script."""
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    left: asyncio.Event = field(default_factory=asyncio.Event)
    """Whether the one who asked for ``/endless.js`` has gone."""

    def app(self) -> web.Application:
        """The application for ``agent.map``."""
        app = web.Application()
        app.router.add_get("/{path:.*}", self._answer)
        return app

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.asked[request.host + request.path_qs] = CIMultiDict(request.headers)
        if request.path.endswith(".js"):
            self.scripts.append(CIMultiDict(request.headers))
        if request.path == "/slow.js":
            await self.gate.wait()
        if request.path == "/endless.js":
            return await self._without_end(request)
        if request.path == "/cut.js":
            assert request.transport is not None
            request.transport.close()
        told = self.answers.get(request.path)
        if told is not None:
            return web.Response(status=told.status, reason=told.reason, headers=told.headers, body=told.body)
        return _script("register('é', Ünknown)")

    async def _without_end(self, request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/javascript"})
        try:
            await response.prepare(request)
            while True:
                await response.write(b"//" + b"x" * 65_534)
        except ConnectionError:
            return response
        finally:
            self.left.set()


def _script(text: str = "", **more: Any) -> web.Response:
    headers = {"Content-Type": "text/javascript", "Access-Control-Allow-Origin": "*", **more.pop("headers", {})}
    return web.Response(body=text.encode(), headers=headers, **more)


class Loader:
    """Loads scripts for the page at news.test."""

    def __init__(self, browser: Browser, document: Document) -> None:
        self._browser, self.document = browser, document

    async def load(
        self, url: str, *, credentials: str = "same-origin", data_origin: str = NEWS, blob: BlobText | None = None
    ) -> WorkletScript | StorageFailure:
        """What comes of it."""
        async with asyncio.timeout(10):
            return await self._browser.channel.worklet_scripts.load(
                self.document, url, credentials=credentials, data_origin=data_origin, blob=blob
            )

    async def message(self, url: str, **options: Any) -> str:
        """What the page sees rejected."""
        failure = await self.load(url, **options)
        assert isinstance(failure, StorageFailure)
        assert failure.name == "OperationError"
        return failure.message


@pytest.fixture
async def server(agent: Agent) -> Server:
    """Stands behind all hosts; ``/`` is a page."""
    server = Server()
    for host in ("news.test", "adtech.test", "data.test"):
        agent.map(host, server.app())
    server.answers["/"] = web.Response(text="<!doctype html>", content_type="text/html")
    return server


@pytest.fixture
async def loader(agent: Agent, agent_browser: Browser, server: Server) -> Loader:
    """For a page that stands."""
    del server
    await agent.new_page(f"{NEWS}/")
    frames = agent_browser.request_clients.observer.frames.frames.values()
    [document] = [frame.document for frame in frames if frame.document and frame.document.origin == NEWS]
    return Loader(agent_browser, document)


@pytest.mark.browser
async def test_a_script_is_asked_for_as_real_chromium_does(loader: Loader, server: Server) -> None:
    script = await loader.load(f"{NEWS}/w.js?q#part")
    assert script == WorkletScript(f"{NEWS}/w.js?q#part", "register('é', Ünknown)")
    asked = server.asked["news.test/w.js?q"]
    assert {name.lower(): value for name, value in asked.items() if name.lower().startswith(("sec-", "acc"))} == {
        "accept": "application/javascript",
        "accept-encoding": asked["accept-encoding"],
        "accept-language": "en-US,en;q=0.9",
        "sec-fetch-site": "same-origin",
        "sec-fetch-mode": "cors",
        "sec-fetch-dest": "sharedstorageworklet",
    }
    assert not {"origin", "referer"} & {name.lower() for name in asked}


@pytest.mark.browser
async def test_another_origin_is_told_who_asks_and_whose_data_it_is(loader: Loader, server: Server) -> None:
    server.answers["/w.js"] = _script("", headers=ALLOWED)
    assert isinstance(await loader.load(SCRIPT), WorkletScript)
    asked = server.asked["adtech.test/w.js"]
    assert (asked["origin"], asked["sec-fetch-site"]) == (NEWS, "cross-site")
    assert "sec-shared-storage-data-origin" not in asked
    assert isinstance(await loader.load(SCRIPT, data_origin=ADTECH), WorkletScript)
    assert server.asked["adtech.test/w.js"]["sec-shared-storage-data-origin"] == ADTECH


@pytest.mark.browser
@pytest.mark.parametrize(
    ("url", "credentials", "sent"),
    [
        (f"{NEWS}/w.js", "same-origin", True),
        (f"{NEWS}/w.js", "omit", False),
        (SCRIPT, "same-origin", False),
        (SCRIPT, "include", True),
    ],
)
async def test_cookies_go_where_the_credentials_say(
    agent: Agent, loader: Loader, server: Server, url: str, credentials: str, sent: bool
) -> None:
    cookie = {"name": "id", "value": "1", "secure": True, "sameSite": "None"}
    cookies = [{**cookie, "url": f"{origin}/"} for origin in (NEWS, ADTECH)]
    await agent.context.add_cookies(cookies)  # type: ignore[arg-type]
    headers = {"Access-Control-Allow-Origin": NEWS, "Access-Control-Allow-Credentials": "true"}
    server.answers["/w.js"] = _script("", headers=headers)
    assert isinstance(await loader.load(url, credentials=credentials), WorkletScript)
    [asked] = [headers for path, headers in server.asked.items() if path.endswith("/w.js")]
    assert asked.get("cookie") == ("id=1" if sent else None)


@pytest.mark.browser
@pytest.mark.parametrize(
    ("path", "answer", "message"),
    [
        ("/gone.js", web.Response(status=404), "Failed to load {} HTTP status = 404 Not Found."),
        (
            "/odd.js",
            web.Response(status=503, reason="At Lunch"),
            "Failed to load {} HTTP status = 503 At Lunch.",
        ),
        ("/text.js", web.Response(text="1"), "Rejecting load of {} due to unexpected MIME type."),
        ("/empty.js", web.Response(status=204), "Rejecting load of {} due to unexpected MIME type."),
        ("/cut.js", None, "Failed to load {} error = net::ERR_"),
    ],
)
async def test_what_is_no_script_is_refused_in_chromium_s_words(
    loader: Loader, server: Server, path: str, answer: web.Response | None, message: str
) -> None:
    if answer is not None:
        server.answers[path] = answer
    assert (await loader.message(NEWS + path)).startswith(message.format(NEWS + path))


@pytest.mark.browser
async def test_a_host_that_is_not_there_and_a_scheme_that_is_none_are_net_errors(loader: Loader) -> None:
    assert await loader.message("https://nowhere.test/w.js") == (
        "Failed to load https://nowhere.test/w.js error = net::ERR_NAME_NOT_RESOLVED."
    )
    assert await loader.message("file:///etc/passwd") == "Failed to load file:///etc/passwd error = net::ERR_FAILED."


@pytest.mark.browser
async def test_a_redirect_is_an_error_that_is_not_followed_and_the_page_itself_still_may(
    agent: Agent, loader: Loader, server: Server
) -> None:
    url, headers = f"{NEWS}/to.js", {"Location": "/w.js", "Cache-Control": "max-age=3600"}
    server.answers["/to.js"] = web.Response(status=302, headers=headers)
    assert await loader.message(url) == f"Failed to load {url} error = net::ERR_FAILED."
    assert "news.test/w.js" not in server.asked
    page = agent.context.pages[0]
    assert await page.evaluate("fetch('/to.js').then((response) => response.url)") == f"{NEWS}/w.js"


@pytest.mark.browser
async def test_a_script_may_come_from_the_cache(loader: Loader, server: Server) -> None:
    server.answers["/w.js"] = _script("1", headers={"Cache-Control": "max-age=3600"})
    first = await loader.load(f"{NEWS}/w.js")
    assert await loader.load(f"{NEWS}/w.js") == first == WorkletScript(f"{NEWS}/w.js", "1")
    assert len(server.scripts) == 1


@pytest.mark.browser
async def test_loads_of_one_url_with_different_data_are_not_taken_for_one_another(
    loader: Loader, server: Server
) -> None:
    server.answers["/w.js"] = _script("", headers=ALLOWED)
    origins = [NEWS, ADTECH] * 4
    loaded = await asyncio.gather(*(loader.load(SCRIPT, data_origin=origin) for origin in origins))
    assert all(isinstance(one, WorkletScript) for one in loaded)
    told = Counter(headers.get("Sec-Shared-Storage-Data-Origin") for headers in server.scripts)
    assert told == {None: 4, ADTECH: 4}


@pytest.mark.browser
async def test_a_slow_server_holds_up_no_other_script_and_waiting_ends_when_it_is_cancelled(
    loader: Loader, server: Server
) -> None:
    slow = Tasks().start(loader.load(f"{NEWS}/slow.js"), "slow load")
    assert isinstance(await loader.load(f"{NEWS}/w.js"), WorkletScript)
    assert not slow.done()
    slow.cancel()
    with pytest.raises(asyncio.CancelledError):
        await slow
    server.gate.set()
    assert isinstance(await loader.load(f"{NEWS}/w.js?again"), WorkletScript)


@pytest.mark.browser
async def test_a_script_without_end_is_cut_off(loader: Loader, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agent.browser.worklet_scripts._MOST_BYTES", 1 << 20)
    assert (await loader.message(f"{NEWS}/endless.js")).startswith(
        f"Failed to load {NEWS}/endless.js error = net::ERR_"
    )
    async with asyncio.timeout(5):
        await server.left.wait()
    assert isinstance(await loader.load(f"{NEWS}/w.js"), WorkletScript)


@pytest.mark.browser
async def test_the_server_is_left_where_nobody_waits_any_more(loader: Loader, server: Server) -> None:
    loading = Tasks().start(loader.load(f"{NEWS}/endless.js"), "load without end")
    async with asyncio.timeout(5):
        while not server.scripts:
            await asyncio.sleep(0.01)
        loading.cancel()
        await server.left.wait()


@pytest.mark.browser
async def test_a_large_script_arrives_whole_with_every_character(loader: Loader, server: Server) -> None:
    text = "// é€😀\n" * 400_000
    server.answers["/w.js"] = _script(text)
    assert await loader.load(f"{NEWS}/w.js") == WorkletScript(f"{NEWS}/w.js", text)


@pytest.mark.browser
async def test_the_text_of_a_blob_is_the_pages(loader: Loader) -> None:
    url = f"blob:{NEWS}/3b8e"
    script = await loader.load(url, blob=BlobText("register()", "text/javascript"))
    assert script == WorkletScript(url, "register()")
    mime = await loader.message(url, blob=BlobText("register()", ""))
    assert mime == f"Rejecting load of {url} due to unexpected MIME type."
    gone = await loader.message(url, blob=BlobText(None, ""))
    assert gone == f"Failed to load {url} error = net::ERR_FILE_NOT_FOUND."


@pytest.mark.browser
async def test_a_custom_data_origin_is_asked_whom_it_trusts(loader: Loader, server: Server) -> None:
    path = "/.well-known/shared-storage/trusted-origins"
    refused = f"Access of data from {DATA} by a worklet script at {SCRIPT} invoked by {NEWS} has not been allowed."
    for text, expected in ((f'[{{"scriptOrigin": "{ADTECH}", "contextOrigin": "*"}}]', None), ("[]", refused)):
        headers = {"Content-Type": "application/json", "Access-Control-Allow-Origin": "*"}
        server.answers[path] = web.Response(body=text.encode(), headers=headers)
        outcome = await loader.load(SCRIPT, data_origin=DATA)
        assert (outcome.message if isinstance(outcome, StorageFailure) else None) == expected
    asked = server.asked[f"data.test{path}"]
    assert (asked["accept"], asked["origin"], asked["sec-fetch-mode"]) == ("application/json", NEWS, "cors")
    assert server.asked["adtech.test/w.js"]["sec-shared-storage-data-origin"] == DATA


@pytest.mark.browser
async def test_a_document_that_has_gone_loads_nothing(agent: Agent, loader: Loader) -> None:
    await agent.context.pages[0].goto(f"{ADTECH}/")
    assert await loader.message(f"{NEWS}/w.js") == f"Failed to load {NEWS}/w.js error = net::ERR_FAILED."
