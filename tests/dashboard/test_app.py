from __future__ import annotations

import asyncio

import pytest
from aiohttp import web
from yarl import URL

from agent.dashboard.app import dashboard_app, serve
from agent.model.errors import HostEnvironmentError
from tests.dashboard.conftest import TOKEN, Dashboard


async def test_it_listens_on_loopback_alone(dashboard: Dashboard) -> None:
    application = dashboard_app(dashboard.agent, {}, token=TOKEN)
    async with serve(application, 0) as port:
        assert port
    assert dashboard.address.startswith("http://127.0.0.1:")


async def test_a_port_that_is_taken_says_what_to_do(dashboard: Dashboard) -> None:
    taken = int(dashboard.address.rpartition(":")[2])
    with pytest.raises(HostEnvironmentError, match=f"port {taken} is taken") as failure:
        async with serve(dashboard_app(dashboard.agent, {}, token=TOKEN), taken):
            pass
    assert "--port" in failure.value.fix
    assert failure.value.exit_code == 3


async def test_what_is_mounted_stands_behind_the_same_guard(dashboard: Dashboard) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text="mounted")

    mounted = web.Application()
    mounted.router.add_post("/question", answer)
    application = dashboard_app(dashboard.agent, {}, token=TOKEN, mounts={"/v1": mounted})
    async with serve(application, 0) as port:
        address = f"http://127.0.0.1:{port}/v1/question"
        async with dashboard.client.post(address) as response:
            assert await response.text() == "mounted"
        for headers in ({"Host": "rebound.test"}, {"Origin": "https://news.test"}):
            async with dashboard.client.post(address, headers=headers) as response:
                assert response.status in {403, 421}


async def test_a_style_and_a_script_are_served_as_such(dashboard: Dashboard) -> None:
    for name, kind in (
        ("dashboard.css", "text/css"),
        ("dashboard.js", "text/javascript"),
        ("icon.svg", "image/svg+xml"),
    ):
        answer = await dashboard.get(f"/static/{name}")
        assert (answer.status, answer.headers["Content-Type"].partition(";")[0]) == (200, kind)


@pytest.mark.parametrize(
    "name",
    [
        "..%2F..%2F..%2Finjected_js%2Fattribution.js",
        "..%2Fstatic%2Fdashboard.js",
        ".%2Fdashboard.js",
        "a%00.js",
        f"{'a' * 300}.css",
        "..",
    ],
    ids=str,
)
async def test_nothing_is_served_but_the_files_of_its_folder(dashboard: Dashboard, name: str) -> None:
    asked = URL(f"{dashboard.address}/static/{name}", encoded=True)
    async with dashboard.client.get(asked) as answer:
        assert (answer.status, await answer.text()) == (404, "there is no such file\n")


@pytest.mark.parametrize(
    "request_text",
    [
        b"NONSENSE\r\n\r\n",
        b"GET /%b HTTP/1.1\r\nHost: %b\r\n\r\n" % (b"a" * 300_000, b"127.0.0.1"),
        b"POST /do/time.next HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /do/time.next HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Encoding: deflate\r\nContent-Length: 2\r\n\r\nab",
        b"POST /do/time.next HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Encoding: gzip\r\nContent-Length: 9\r\n\r\nabc",
    ],
    ids=[
        "no HTTP",
        "too long",
        "a length that is none",
        "not coded as it says",
        "not coded as it says, and more to come",
    ],
)
async def test_http_that_cannot_be_read_is_no_failure_of_the_server(
    dashboard: Dashboard, request_text: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    host, _, port = dashboard.host.rpartition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(request_text.replace(b"Host: 127.0.0.1", f"Host: {dashboard.host}".encode()))
    assert (await reader.read()).split(b" ")[1].startswith(b"4")
    writer.close()
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []
