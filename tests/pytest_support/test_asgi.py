"""ASGI applications as sites: what they are told, and that what they answer is what a browser gets."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout

from agent.model.errors import UsageError
from agent.pytest_support import sites as sites_of_tests
from agent.pytest_support.asgi import AsgiApplication
from agent.pytest_support.sites import Sites, is_asgi

Receive = Callable[[], Awaitable[Any]]
Send = Callable[[Any], Awaitable[None]]
START = {"type": "http.response.start", "status": 200}
END = {"type": "http.response.body", "body": b"done"}


async def read(receive: Receive) -> bytes:
    """The whole body of a request."""
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message["body"], message["more_body"]
    return body


class Shop:
    """An application as frameworks make them: with a lifespan, and a state of it."""

    def __init__(self) -> None:
        self.scopes: list[dict[str, Any]] = []
        self.told: list[str] = []

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            for word in ("startup", "shutdown"):
                self.told.append((await receive())["type"])
                scope["state"]["word"] = word
                await send({"type": f"lifespan.{word}.complete"})
            return
        self.scopes.append(scope)
        body = await read(receive)
        headers = [(b"content-type", b"text/plain"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")]
        await send({"type": "http.response.start", "status": 201, "headers": headers})
        for chunk in (b"got ", body):
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body"})


@asynccontextmanager
async def asked(
    application: AsgiApplication, method: str = "GET", path: str = "/", **more: Any
) -> AsyncIterator[ClientResponse]:
    """The answer of ``application`` as a site."""
    sites = Sites()
    try:
        sites.serve("app.test", application)
        url = f"{sites.target('app.test')}{path}"
        async with ClientSession(timeout=ClientTimeout(5)) as session, session.request(method, url, **more) as answer:
            yield answer
    finally:
        await sites.close()


async def test_a_request_and_its_answer_are_passed_on_whole() -> None:
    shop = Shop()
    more: dict[str, Any] = {"headers": {"Host": "app.test", "X-Ad": "1"}, "data": b"x" * 100_000}
    async with asked(shop, "POST", "/a%20b/c?d=%26", **more) as answer:
        assert answer.status == 201
        assert answer.headers["Content-Type"] == "text/plain"
        assert answer.headers.getall("Set-Cookie") == ["a=1", "b=2"], "neither takes the other's place"
        assert await answer.read() == b"got " + b"x" * 100_000
    (scope,) = shop.scopes
    assert (scope["method"], scope["scheme"], scope["server"]) == ("POST", "https", ("app.test", 443))
    assert (scope["path"], scope["raw_path"], scope["query_string"]) == ("/a b/c", b"/a%20b/c", b"d=%26")
    assert (b"x-ad", b"1") in scope["headers"]
    assert scope["state"] == {"word": "startup"}
    assert shop.told == ["lifespan.startup", "lifespan.shutdown"]


async def test_the_answer_to_head_has_no_body() -> None:
    async with asked(Shop(), "HEAD") as answer:
        assert (answer.status, await answer.read()) == (201, b"")


async def test_what_is_sent_bit_by_bit_arrives_bit_by_bit() -> None:
    arrived = asyncio.Event()

    async def slow(scope: dict[str, Any], _receive: Receive, send: Send) -> None:
        assert scope["type"] == "http", "without a lifespan"
        await send(START)
        await send({"type": "http.response.body", "body": b"first", "more_body": True})
        await arrived.wait()
        await send(END)

    async with asked(slow) as answer:
        assert "Content-Type" not in answer.headers, "the application said none"
        assert await answer.content.read(5) == b"first"
        arrived.set()
        assert await answer.read() == b"done"


async def test_an_application_learns_that_who_asked_is_gone() -> None:
    gone: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def waits(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        await read(receive)
        await send(START)
        await send({"type": "http.response.body", "body": b"x", "more_body": True})
        gone.set_result((await receive())["type"])

    async with asked(waits) as answer:
        await answer.content.read(1)
        answer.close()
        assert await asyncio.wait_for(gone, 5) == "http.disconnect"


async def fails(_scope: dict[str, Any], _receive: Receive, _send: Send) -> None:
    """Raises whatever it is asked."""
    raise ValueError


async def says_nothing(scope: dict[str, Any], _receive: Receive, _send: Send) -> None:
    """Has no lifespan, and no answer."""
    assert scope["type"] == "http"


async def says_body_first(scope: dict[str, Any], _receive: Receive, send: Send) -> None:
    """Begins with the end."""
    assert scope["type"] == "http"
    await send(END)


@pytest.mark.parametrize("application", [fails, says_nothing, says_body_first])
async def test_an_application_that_does_not_answer_is_a_500(application: AsgiApplication) -> None:
    async with asked(application) as answer:
        assert answer.status == 500


async def test_half_an_answer_is_not_told_as_a_whole_one() -> None:
    async def half(scope: dict[str, Any], _receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"
        await send(START)
        await send({"type": "http.response.body", "body": b"half", "more_body": True})

    with pytest.raises(ClientError):
        async with asked(half) as answer:
            await answer.read()


async def test_nothing_is_served_where_the_startup_fails(caplog: pytest.LogCaptureFixture) -> None:
    async def refuses(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        assert scope["type"] == "lifespan"
        await receive()
        await send({"type": "lifespan.startup.failed", "message": "no database"})

    with pytest.raises(ClientError):
        async with asked(refuses):
            raise AssertionError("it answered")
    assert "no database" in caplog.text


async def test_ctrl_c_stays_with_pytest() -> None:
    before = signal.getsignal(signal.SIGINT)
    async with asked(Shop()) as answer:
        assert answer.status == 201
        assert signal.getsignal(signal.SIGINT) is before


def test_without_uvicorn_what_to_install_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sites_of_tests, "find_spec", lambda _: None)
    with pytest.raises(UsageError, match="cannot be served") as refused:
        Sites().serve("app.test", Shop())
    assert refused.value.fix == "pip install uvicorn"


def test_an_application_of_asgi_is_told_by_being_asynchronous() -> None:
    def wsgi(_environ: Any, _start: Any) -> list[bytes]:
        return []

    assert is_asgi(Shop())
    assert is_asgi(fails)
    assert not any(map(is_asgi, (wsgi, Shop, "pages", print)))
    with pytest.raises(UsageError, match="neither an application") as refused:
        Sites().serve("app.test", wsgi)  # type: ignore[arg-type]
    assert "WsgiToAsgi" in refused.value.fix
