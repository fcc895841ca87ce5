"""The server behind every benchmark page: one process of its own, the same for all browsers.

It answers the same pages over plain HTTP, as a developer's own server does behind ``--map``, and over TLS, which is
how a bare browser gets them. So in both cases TLS ends once on the way, in Python's asyncio on the same machine.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from agent.browser.network.ca import CertificateAuthority

HOSTS = ("shop.test", "static.test", "images.test", "ads.test")
SUBRESOURCES = 100
REGISTRATIONS = 10
"""Images of the page ``registrations`` that register an attribution source in the background."""
_CACHING = {"cold": "no-store", "warm": "public, max-age=86400", "registrations": "no-store"}
_SOURCE = json.dumps({"destination": "https://shop.test", "aggregation_keys": {"campaign": "0x159"}})
_WORKLET = """
register("empty", class { async run() {} });
register("contribute", class {
  async run() { privateAggregation.contributeToHistogram({ bucket: 1n, value: 1 }); }
});
"""
_ISOLATED = {"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp"}
"""Gives a page's clock a resolution of 5 instead of 100 microseconds."""
_KINDS = {
    "svg": ("image/svg+xml", '<svg xmlns="http://www.w3.org/2000/svg" width="1" height="1"/>', '<img src="{}" alt="">'),
    "css": ("text/css", "p { margin: 0 }", '<link rel="stylesheet" href="{}">'),
    "js": ("text/javascript", "void 0;", '<script src="{}"></script>'),
}
_PAGE = '<!DOCTYPE html><html lang="en"><title>page</title><link rel="icon" href="data:,">{}<p>A page.</p></html>'


@dataclass(frozen=True, slots=True)
class Server:
    """Where the running server answers."""

    http_port: int
    https_port: int
    spki: str
    """Fingerprint of its key: value of Chromium's ``--ignore-certificate-errors-spki-list``."""

    @property
    def maps(self) -> dict[str, str]:
        """What an agent maps."""
        return dict.fromkeys(HOSTS, f"http://127.0.0.1:{self.http_port}")

    @property
    def arguments(self) -> list[str]:
        """What a bare Chromium is told."""
        return [
            f"--host-resolver-rules=MAP *.test 127.0.0.1:{self.https_port}",
            f"--ignore-certificate-errors-spki-list={self.spki}",
        ]


@asynccontextmanager
async def serving() -> AsyncIterator[Server]:
    """A server for the time of the ``async with``."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __spec__.name, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield Server(**json.loads(await process.stdout.readline()))
    finally:
        process.stdin.close()
        await process.wait()


def _app() -> web.Application:
    app = web.Application()
    app.router.add_get("/empty", _empty)
    app.router.add_get("/page/{caching}", _page)
    app.router.add_get("/{caching}/{number}.{kind}", _subresource)
    app.router.add_get("/source", _register_source)
    app.router.add_get("/worklet.js", _worklet)
    return app


async def _empty(_: web.Request) -> web.Response:
    return web.Response(text=_PAGE.format(""), content_type="text/html", headers=_ISOLATED)


async def _page(request: web.Request) -> web.Response:
    """A page of 100 subresources by turns from four hosts: 25 scripts, 25 style sheets, 50 images."""
    caching, tags = request.match_info["caching"], []
    for number in range(SUBRESOURCES):
        kind = ("svg", "css", "svg", "js")[number // len(HOSTS) % 4]
        tags.append(_KINDS[kind][2].format(f"https://{HOSTS[number % len(HOSTS)]}/{caching}/{number}.{kind}"))
    if caching == "registrations":
        attribute = f'<img attributionsrc="https://{HOSTS[-1]}/source?{{}}" '
        images = [position for position, tag in enumerate(tags) if tag.startswith("<img")][:REGISTRATIONS]
        for position in images:
            tags[position] = tags[position].replace("<img ", attribute.format(position))
    return web.Response(
        text=_PAGE.format("\n".join(tags)), content_type="text/html", headers={"Cache-Control": "no-store"}
    )


async def _subresource(request: web.Request) -> web.Response:
    content_type, text, _ = _KINDS[request.match_info["kind"]]
    caching = _CACHING[request.match_info["caching"]]
    return web.Response(text=text, content_type=content_type, headers={"Cache-Control": caching})


async def _register_source(_: web.Request) -> web.Response:
    return web.Response(headers={"Attribution-Reporting-Register-Source": _SOURCE, "Cache-Control": "no-store"})


async def _worklet(_: web.Request) -> web.Response:
    return web.Response(text=_WORKLET, content_type="text/javascript", headers={"Cache-Control": "no-store"})


async def _serve() -> None:
    """Serve until standard input ends, which it does when the parent is gone, however it went."""
    with tempfile.TemporaryDirectory(prefix="tallyhost-benchmark-") as folder:
        authority = CertificateAuthority(Path(folder))
        runner = web.AppRunner(_app(), access_log=None)
        await runner.setup()
        sites = (
            web.TCPSite(runner, "127.0.0.1", 0),
            web.TCPSite(runner, "127.0.0.1", 0, ssl_context=authority.server_context(HOSTS[0])),
        )
        for site in sites:
            await site.start()
        http, https = (address[1] for address in runner.addresses)
        print(json.dumps({"http_port": http, "https_port": https, "spki": authority.spki_fingerprint}), flush=True)
        await asyncio.to_thread(sys.stdin.buffer.read)
        await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(_serve())
