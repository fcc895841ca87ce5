"""A run of an agent without pages, in which every API that stories know has made reports."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from agent.model.attribution import CallContext, Dialect
from agent.model.attribution_reporting.eligibility import (
    REGISTER_SOURCE,
    REGISTER_TRIGGER,
    Eligibility,
    RegistrationResponse,
)
from agent.model.settings import LOCAL_SERVICE
from agent.runtime import Agent

NEWS, SHOP, ADTECH = "https://news.test", "https://shop.test", "https://adtech.test"
SOURCE: dict[str, Any] = {
    "destination": SHOP,
    "source_event_id": "12",
    "debug_key": "1",
    "debug_reporting": True,
    "aggregation_keys": {"value": "0x5"},
    "event_report_windows": {"end_times": [90_000, 200_000]},
    "max_event_level_reports": 2,
}
TRIGGER: dict[str, Any] = {
    "event_trigger_data": [{"trigger_data": "2"}],
    "debug_key": "9",
    "debug_reporting": True,
    "aggregatable_source_registration_time": "include",
    "aggregatable_trigger_data": [{"key_piece": "0x10", "source_keys": ["value"]}],
    "aggregatable_values": {"value": 100},
}
CONVERSION = {"aggregationService": LOCAL_SERVICE.url, "histogramSize": 8, "value": 11, "maxValue": 20}


def source_response(field: Mapping[str, Any] = SOURCE, **more: Any) -> RegistrationResponse:
    """A click on news.test registers a source."""
    fields = {REGISTER_SOURCE: json.dumps(field).encode()}
    return RegistrationResponse(NEWS, f"{ADTECH}/source?ad=1", Eligibility.NAVIGATION_SOURCE, fields, **more)


def trigger_response(field: Mapping[str, Any] = TRIGGER, **more: Any) -> RegistrationResponse:
    """A request of shop.test's registers a trigger."""
    fields = {REGISTER_TRIGGER: json.dumps(field).encode()}
    return RegistrationResponse(SHOP, f"{ADTECH}/trigger", Eligibility.TRIGGER, fields, **more)


async def attribute(agent: Agent, times: int = 1) -> None:
    """Register a source and a trigger that matches it, with debug permission."""
    for _ in range(times):
        await agent.register(source_response(debug_permission=True, navigation="a click"))
        await agent.register(trigger_response(debug_permission=True))


async def convert(agent: Agent) -> None:
    """Two impressions of the current dialect and one of the seed's, a day, and a conversion in each."""
    for index in (3, 4):
        options = {"histogramIndex": index, "conversionSites": ["shop.test"]}
        assert await agent.save_impression(Dialect.CURRENT, CallContext("news.test"), options) is None
    seed_options = {"ad": "a", "histogramIndex": 5, "conversionSite": "shop.test"}
    assert await agent.save_impression(Dialect.LEVEL1_2024, CallContext("news.test"), seed_options) is None
    await agent.clock.advance("1d")
    shared = {**CONVERSION, "epsilon": 0.5, "credit": [0.3, 0.7]}
    assert isinstance(await agent.measure_conversion(Dialect.CURRENT, CallContext("shop.test"), shared), bytes)
    seed_options = {"aggregator": LOCAL_SERVICE.name, "histogramSize": 8, "value": 3, "epsilon": 0.25}
    assert isinstance(
        await agent.measure_conversion(Dialect.LEVEL1_2024, CallContext("shop.test"), seed_options), bytes
    )


async def refused(agent: Agent) -> None:
    """What pages get exceptions for, and a field that does not parse."""
    bad_site = {"histogramIndex": 4, "conversionSites": ["a b"]}
    assert await agent.save_impression(Dialect.CURRENT, CallContext("news.test"), bad_site) is not None
    unknown_service = {"aggregationService": "https://nobody.test", "histogramSize": 8}
    context = CallContext("shop.test", "frame.test")
    assert not isinstance(await agent.measure_conversion(Dialect.CURRENT, context, unknown_service), bytes)
    context = CallContext("shop.test", allowed=False)
    assert not isinstance(await agent.measure_conversion(Dialect.CURRENT, context, CONVERSION), bytes)
    await agent.register(trigger_response({"event_trigger_data": "none"}))
