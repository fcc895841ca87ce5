"""The demo world on real TLS ports, with stubs of the two APIs and of the mounted applications."""

from __future__ import annotations

import base64
import os
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trustme
from aiohttp import web
from playwright.async_api import Browser, BrowserContext, async_playwright

from agent.browser.chromium import find_chromium
from sites.world import demo_sites
from tests.sites import stub_jobs

CURRENT_BYTES = 312
"""Length of the report that the stub of navigator.attribution gives."""
STUB = (Path(__file__).parent / "stub_apis.js").read_text("utf-8")
STRIP = [{"time": "2026-01-05T09:00:00+00:00", "site": "news.test", "text": "impression noted, campaign 0"}]
ANSWER: dict[str, Any] = {
    "dialect": "current",
    "minimum_batch": 20,
    "histogram": [12, 7, -3, 21],
    "p5": [3, -2, -12, 12],
    "p95": [21, 16, 6, 30],
    "standard_deviation": 5.6,
    "scale": 4,
    "epsilon": 0.5,
}


@dataclass
class World:
    """What the mounted stubs saw, and where the sites listen."""

    reports: list[bytes] = field(default_factory=list)
    batches: list[list[str]] = field(default_factory=list)
    attribution_reports: list[dict[str, Any]] = field(default_factory=list)
    jobs: list[dict[str, Any]] = field(default_factory=list)
    """What the service lists."""
    measured: list[dict[str, Any]] = field(default_factory=list)
    """What adtech.test's server lists."""
    asked: list[dict[str, Any]] = field(default_factory=list)
    """What it was asked to do."""
    ports: dict[str, int] = field(default_factory=dict)

    @property
    def resolver_rules(self) -> str:
        return ",".join(f"MAP {host}:443 127.0.0.1:{port}" for host, port in self.ports.items())


@web.middleware
async def _allow_any_origin(request: web.Request, handler: Any) -> web.StreamResponse:
    response: web.StreamResponse = web.Response() if request.method == "OPTIONS" else await handler(request)
    response.headers.update({"Access-Control-Allow-Origin": "*", "Access-Control-Allow-Headers": "content-type"})
    return response


def _collector(world: World) -> web.Application:
    async def store(request: web.Request) -> web.Response:
        world.reports.append(await request.read())
        return web.json_response({"stored": len(world.reports)})

    async def listed(request: web.Request) -> web.Response:
        after = int(request.query.get("after", "0"))
        rows = [
            {
                "id": number,
                "received": "2026-01-05T09:00:00+00:00",
                "bytes": len(report),
                "dialect": "current" if len(report) == CURRENT_BYTES else "level1_2024",
                "service": "https://aggregator.test",
                "histogram_size": 4,
                "preview": report[:64].hex(),
            }
            for number, report in enumerate(world.reports, 1)
            if number > after
        ]
        return web.json_response({"schema": 1, "reports": rows})

    async def exported(_request: web.Request) -> web.Response:
        rows = [{"id": n, "report": base64.b64encode(r).decode()} for n, r in enumerate(world.reports, 1)]
        return web.json_response({"schema": 1, "reports": rows})

    app = web.Application(middlewares=[_allow_any_origin])
    app.router.add_route("OPTIONS", "/{path:.*}", listed)
    app.router.add_post("/reports", store)
    app.router.add_get("/reports", listed)
    app.router.add_get("/reports/export", exported)
    return app


def _attribution_collector(world: World) -> web.Application:
    async def listed(request: web.Request) -> web.Response:
        after = int(request.query.get("after", "0"))
        rows = [{"id": n} | report for n, report in enumerate(world.attribution_reports, 1) if n > after]
        return web.json_response({"schema": 1, "reports": rows})

    app = web.Application()
    app.router.add_get("/reports", listed)
    return app


def _service(world: World) -> web.Application:
    async def aggregate(request: web.Request) -> web.Response:
        reports = (await request.json())["reports"]
        used = [report for batch in world.batches for report in batch]
        replayed = [position for position, report in enumerate(reports) if report in used]
        if replayed:
            error = {
                "code": "replayed-report",
                "message": "A report was seen before.",
                "fix": "Send new reports.",
                "reports": replayed,
            }
            return web.json_response({"error": error}, status=409)
        world.batches.append(reports)
        return web.json_response({"schema": 1, "reports": len(reports), **ANSWER})

    async def batches(_request: web.Request) -> web.Response:
        rows = [{"reports": len(batch), **ANSWER} for batch in world.batches]
        return web.json_response({"schema": 1, "batches": rows})

    app = web.Application(middlewares=[_allow_any_origin])
    app.router.add_route("OPTIONS", "/{path:.*}", batches)
    app.router.add_post("/aggregate", aggregate)
    app.router.add_get("/batches", batches)
    return app


@pytest.fixture(scope="session")
async def served_world() -> AsyncIterator[World]:
    """The five sites with stubs mounted, each on a TLS port of its own."""
    world = World()
    authority = trustme.CA()
    mounts = {
        "adtech.test": {
            "/collector/": _collector(world),
            "/attribution-collector/": _attribution_collector(world),
            "/measurement/": stub_jobs.measurement(world, _allow_any_origin),
        },
        "aggregator.test": {"/service/": _service(world), "/frontend/": stub_jobs.frontend(world)},
    }
    runners = []
    for host, app in demo_sites(mounts, lambda: STRIP).items():
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert(host).configure_cert(context)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        world.ports[host] = runner.addresses[0][1]
        runners.append(runner)
    yield world
    for runner in runners:
        await runner.cleanup()


@pytest.fixture
def world(served_world: World) -> World:
    """The world before anything happened in it."""
    served_world.reports.clear()
    served_world.batches.clear()
    served_world.attribution_reports.clear()
    served_world.jobs.clear()
    served_world.measured.clear()
    served_world.asked.clear()
    return served_world


@pytest.fixture(scope="session")
async def browser(served_world: World) -> AsyncIterator[Browser]:
    """Chromium that finds the five sites at their own names."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=find_chromium().path,
            chromium_sandbox=os.geteuid() != 0,
            args=[f"--host-resolver-rules={served_world.resolver_rules}"],
        )
        yield browser
        await browser.close()


@pytest.fixture
async def visitor(browser: Browser) -> AsyncIterator[BrowserContext]:
    """A browser profile in which the stub plays the two APIs."""
    context = await browser.new_context(ignore_https_errors=True)
    await context.add_init_script(STUB)
    yield context
    await context.close()


@pytest.fixture
async def ordinary_visitor(browser: Browser) -> AsyncIterator[BrowserContext]:
    """A browser profile without the two APIs."""
    context = await browser.new_context(ignore_https_errors=True)
    yield context
    await context.close()
