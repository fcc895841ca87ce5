"""What an owner does by hand: sums of what was sent have noise as the agent's settings say, unless it is asked for."""

from __future__ import annotations

from typing import Any

import pytest

from agent.cli.owner_operations import aggregate_sent
from agent.model.clock import Clock
from agent.model.presets import settings_for
from agent.runtime import Agent
from tests.cli.test_exported_reports import BUCKET, attribute, server

ASKED = {"kind": "aggregatable", "origin": "https://adtech.test"}


@pytest.mark.parametrize(
    ("noise", "asked", "exact"),
    [(False, {}, True), (True, {}, False), (False, {"noise": True}, False), (True, {"noise": False}, True)],
)
async def test_sums_have_noise_as_the_settings_say_unless_it_is_asked_for(
    *, noise: bool, asked: dict[str, Any], exact: bool
) -> None:
    settings = settings_for(noise=noise, delays=False)
    async with Agent.open_profile(":memory:", seed=7, clock=Clock.frozen(), settings=settings) as agent:
        agent.map("adtech.test", server())
        await attribute(agent)
        await agent.clock.advance("1h")
        job = (await aggregate_sent(agent, {**ASKED, **asked}))["job"]
    (bucket,) = job["summary"]["facts"]
    assert (bucket["bucket"], bucket["true"]) == (f"{BUCKET:#x}", 100)
    assert (bucket["metric"] == 100) == exact
