"""Bad input from servers of scripts: "Servers that answer slowly, with redirects, wrong MIME types, missing CORS. None
takes down the host, its page, another worklet or another profile."
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from aiohttp import web

from agent.browser.launch import Browser
from agent.model.settings import Settings
from agent.model.shared_storage_limits import SharedStorageLimits
from tests.bystanders import Bystanders, bystanders
from tests.scenarios.world import CORS, JAVASCRIPT, A, Answer, operation

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]
B = "https://b.test"
SCRIPT = operation("await sharedStorage.set('ran', '1');")


@pytest_asyncio.fixture(scope="module")
async def everyone(agent_browser: Browser) -> AsyncIterator[Bystanders]:
    """One page for all bad servers of the module."""
    limits = SharedStorageLimits(custom_data_origin=True)
    async with bystanders(agent_browser, Settings(shared_storage_limits=limits)) as everyone:
        yield everyone


async def _refused(everyone: Bystanders, url: str, answer: Answer, options: str = "") -> str:
    """Why a server's script was refused, with ``{url}`` for its URL; nobody else suffers."""
    everyone.world.answers[url] = answer
    create = f"sharedStorage.createWorklet('https://{url}'{options and f', {options}'})"
    outcome = await everyone.world.outcome(everyone.page, create)
    await everyone.suffer_nothing()
    return str(outcome).replace(f"https://{url}", "{url}")


# "Servers that answer slowly"


async def test_a_server_that_answers_slowly_holds_up_its_own_worklet_alone(everyone: Bystanders) -> None:
    held, world = asyncio.Event(), everyone.world
    world.answers["a.test/slow.js"] = Answer(SCRIPT, JAVASCRIPT, after=held)
    page = everyone.page
    await page.evaluate("() => { globalThis.slow = sharedStorage.createWorklet('/slow.js'); }")
    await world.seen(lambda: any(request.url == "a.test/slow.js" for request in world.asked))
    await everyone.suffer_nothing()
    held.set()
    assert await world.outcome(page, "slow.then((made) => made.run('op'))") is None
    assert await world.ends_of(f"{A}/slow.js") == ["finished"]
    await everyone.suffer_nothing()


async def test_a_server_that_never_answers_is_left_with_its_page(everyone: Bystanders) -> None:
    world = everyone.world
    world.answers["a.test/never.js"] = Answer(SCRIPT, JAVASCRIPT, after=asyncio.Event())
    page = await world.open()
    await page.evaluate("() => { sharedStorage.worklet.addModule('/never.js'); }")
    await world.seen(lambda: any(request.url == "a.test/never.js" for request in world.asked))
    assert await world.outcome(page, "sharedStorage.run('op')") is None, "while it loads, run() resolves"
    await everyone.suffer_nothing()
    await page.close()
    assert await world.ends_of(f"{A}/never.js") == ["failed"], "nothing had been loaded that could run"
    await everyone.suffer_nothing()


async def test_a_script_that_comes_byte_by_byte_comes(everyone: Bystanders) -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": JAVASCRIPT})
        await response.prepare(request)
        for byte in SCRIPT.encode():
            await response.write(bytes([byte]))
            await asyncio.sleep(0.002)
        return response

    app = web.Application()
    app.router.add_get("/drip.js", drip)
    app.router.add_get("/", _blank)
    everyone.world.agent.map("drip.test", app)
    page = await everyone.world.open("https://drip.test/")
    create = "sharedStorage.createWorklet('/drip.js').then((made) => made.run('op'))"
    assert await everyone.world.outcome(page, create) is None
    assert await everyone.world.ends_of("https://drip.test/drip.js") == ["finished"]
    await page.close()
    await everyone.suffer_nothing()


async def _blank(_: web.Request) -> web.Response:
    return web.Response(text="<!doctype html>", content_type="text/html")


# "with redirects"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("to", ["/good.js", "/redirect.js", f"{B}/good.js", "http://a.test/good.js", "about:blank"])
async def test_a_redirect_is_an_error_wherever_it_leads(everyone: Bystanders, status: int, to: str) -> None:
    for host in ("a.test", "b.test"):
        everyone.world.answers[f"{host}/good.js"] = Answer(SCRIPT, JAVASCRIPT, headers=CORS)
    redirect = Answer("", JAVASCRIPT, status, {"Location": to})
    before = len(everyone.world.asked)
    refusal = await _refused(everyone, "a.test/redirect.js", redirect)
    assert refusal.startswith("OperationError: Failed to load {url} error = net::ERR_")
    assert not [request for request in everyone.world.asked[before:] if request.url.endswith("/good.js")]


# "wrong MIME types"


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/json", "text/html", "image/png", "application/wasm", "text/css", "nonsense", ""]
)
async def test_a_wrong_mime_type_is_refused(everyone: Bystanders, kind: str) -> None:
    refusal = await _refused(everyone, "a.test/mime.js", Answer(SCRIPT, kind))
    assert refusal == "OperationError: Rejecting load of {url} due to unexpected MIME type."


@pytest.mark.parametrize("kind", ["application/javascript", "Text/JavaScript;charset=utf-8", "text/ecmascript"])
async def test_any_javascript_mime_type_will_do(everyone: Bystanders, kind: str) -> None:
    everyone.world.answers["a.test/mime.js"] = Answer(SCRIPT, kind)
    made = await everyone.world.outcome(everyone.page, "sharedStorage.createWorklet('/mime.js').then(String)")
    assert made == "[object SharedStorageWorklet]"


# "missing CORS"


@pytest.mark.parametrize(
    ("headers", "options"),
    [
        ({}, ""),
        ({"Access-Control-Allow-Origin": "https://c.test"}, ""),
        ({"Access-Control-Allow-Origin": "null"}, ""),
        ({"Access-Control-Allow-Origin": f"{A}, {B}"}, ""),
        (CORS, "{ credentials: 'include' }"),
        ({"Access-Control-Allow-Origin": A}, "{ credentials: 'include' }"),
        (CORS, "{ dataOrigin: 'script-origin' }"),
        ({**CORS, "Shared-Storage-Cross-Origin-Worklet-Allowed": "?0"}, "{ dataOrigin: 'script-origin' }"),
        ({**CORS, "Shared-Storage-Cross-Origin-Worklet-Allowed": "true"}, "{ dataOrigin: 'script-origin' }"),
        ({"Shared-Storage-Cross-Origin-Worklet-Allowed": "?1"}, "{ dataOrigin: 'script-origin' }"),
    ],
)
async def test_missing_cors_is_a_failure_to_load(everyone: Bystanders, headers: dict[str, str], options: str) -> None:
    refusal = await _refused(everyone, "b.test/cors.js", Answer(SCRIPT, JAVASCRIPT, headers=headers), options)
    assert refusal == "OperationError: Failed to load {url} error = net::ERR_FAILED."


@pytest.mark.parametrize("body", ["", "[", "{}", "5", '[{"scriptOrigin": "*"}]', "[" * 4000, "x" * 9000])
async def test_a_third_partys_file_of_trusted_origins_that_says_nothing_is_a_refusal(
    everyone: Bystanders, body: str
) -> None:
    file = "c.test/.well-known/shared-storage/trusted-origins"
    everyone.world.answers[file] = Answer(body, "application/json", headers=CORS)
    script = Answer(SCRIPT, JAVASCRIPT, headers=CORS)
    refusal = await _refused(everyone, "b.test/w.js", script, "{ dataOrigin: 'https://c.test' }")
    assert refusal.startswith("OperationError: ")
    assert "https://c.test" in refusal


# And those that answer with an error, or not what they promise.


@pytest.mark.parametrize(
    ("status", "text"), [(404, "Not Found"), (410, "Gone"), (500, "Internal Server Error"), (304, "Not Modified")]
)
async def test_an_error_is_told_by_its_status(everyone: Bystanders, status: int, text: str) -> None:
    refusal = await _refused(everyone, f"a.test/status{status}.js", Answer(SCRIPT, JAVASCRIPT, status))
    assert refusal == f"OperationError: Failed to load {{url}} HTTP status = {status} {text}."


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd"])
async def test_a_body_that_is_not_encoded_as_it_says_is_refused(everyone: Bystanders, encoding: str) -> None:
    answer = Answer(SCRIPT, JAVASCRIPT, headers={"Content-Encoding": encoding})
    assert (await _refused(everyone, "a.test/broken.js", answer)).startswith("OperationError: ")


HALF = b"HTTP/1.1 200 OK\r\nContent-Type: text/javascript\r\nContent-Length: 99\r\n\r\n1;"


@pytest.mark.parametrize("answer", [b"", b"\0\0\0", HALF], ids=["nothing", "no HTTP", "half"])
async def test_a_server_that_hangs_up_is_a_failure_to_load(everyone: Bystanders, answer: bytes) -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(hang_up, "127.0.0.1", 0)
    everyone.world.agent.map("rude.test", f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    create = "sharedStorage.createWorklet('https://rude.test/w.js')"
    outcome = await everyone.world.outcome(everyone.page, create)
    server.close()
    assert outcome.startswith("OperationError: Failed to load https://rude.test/w.js error = net::ERR_")
    await everyone.suffer_nothing()


async def test_a_host_that_is_not_there_is_a_failure_to_load(everyone: Bystanders) -> None:
    create = "sharedStorage.createWorklet('https://nobody.example/w.js')"
    outcome = await everyone.world.outcome(everyone.page, create)
    assert outcome.startswith("OperationError: Failed to load https://nobody.example/w.js error = net::ERR_")
    await everyone.suffer_nothing()
