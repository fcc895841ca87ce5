"""A kept profile in which one impression was saved and one conversion measured."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from agent.model.attribution import CallContext, Dialect
from agent.runtime import Agent

IMPRESSION = {"histogramIndex": 3, "conversionSites": ["shop.test"]}
CONVERSION = {"aggregationService": "https://aggregator.test", "histogramSize": 5, "value": 5, "maxValue": 10}


async def live(agent: Agent) -> None:
    """Save an impression on news.test for shop.test, then measure a conversion there."""
    assert await agent.save_impression(Dialect.CURRENT, CallContext("news.test"), IMPRESSION) is None
    report = await agent.measure_conversion(Dialect.CURRENT, CallContext("shop.test"), CONVERSION)
    assert isinstance(report, bytes)


@pytest.fixture
def profile(tmp_path: Path) -> str:
    """The folder of the profile, at rest."""
    folder = tmp_path / "profile"

    async def fill() -> None:
        async with Agent.open_profile(folder, seed=7) as agent:
            await live(agent)

    asyncio.run(fill())
    return str(folder)
