"""An agent without a browser, and what it can be made to do, for the tests beside this module."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from aiohttp import web

from agent.model.attribution import CallContext, Dialect
from agent.model.attribution_reporting.eligibility import (
    REGISTER_SOURCE,
    REGISTER_TRIGGER,
    Eligibility,
    RegistrationResponse,
)
from agent.model.clock import Clock
from agent.model.presets import settings_for
from agent.runtime import Agent

START = 1_767_603_600_000
NEWS, SHOP, ADTECH = "https://news.test", "https://shop.test", "https://adtech.test"
TRIGGER: dict[str, Any] = {"event_trigger_data": [{"trigger_data": "3"}]}


@asynccontextmanager
async def an_agent(*, minimum_batch: int = 20) -> AsyncIterator[Agent]:
    """Without noise; adtech.test takes every report."""

    async def take(request: web.Request) -> web.Response:
        await request.read()
        return web.Response()

    collector = web.Application()
    collector.router.add_post("/{path:.*}", take)
    settings = replace(settings_for(noise=False), minimum_batch=minimum_batch)
    async with Agent.open_profile(":memory:", seed=1, clock=Clock.frozen(START), settings=settings) as agent:
        agent.map("adtech.test", collector)
        yield agent


async def register_source(agent: Agent, **registration: Any) -> None:
    """A click on news.test: a source for shop.test unless ``registration`` says otherwise."""
    body = json.dumps({"destination": SHOP, "source_event_id": "123"} | registration).encode()
    url, eligibility = f"{ADTECH}/source", Eligibility.NAVIGATION_SOURCE
    await agent.register(RegistrationResponse(NEWS, url, eligibility, {REGISTER_SOURCE: body}))


async def register_trigger(agent: Agent, **registration: Any) -> None:
    """A trigger on shop.test."""
    body = json.dumps(registration or TRIGGER).encode()
    url = f"{ADTECH}/trigger"
    await agent.register(RegistrationResponse(SHOP, url, Eligibility.UNSET, {REGISTER_TRIGGER: body}))


async def save_impression(agent: Agent, **options: Any) -> None:
    """An impression on news.test."""
    converted = {"histogramIndex": 3, "conversionSites": ["shop.test"]} | options
    await agent.save_impression(Dialect.CURRENT, CallContext("news.test"), converted)


async def measure_conversion(agent: Agent, **options: Any) -> None:
    """A conversion on shop.test."""
    converted = {
        "aggregationService": "https://aggregator.test",
        "histogramSize": 5,
        "value": 1,
        "maxValue": 1,
    } | options
    await agent.measure_conversion(Dialect.CURRENT, CallContext("shop.test"), converted)
