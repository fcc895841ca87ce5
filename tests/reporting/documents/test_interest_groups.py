"""What the command line tells of interest groups."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from agent.cli.config import load_config
from agent.cli.launch import settings_of
from agent.cli.operations import OPERATIONS
from agent.model.clock import DAY, Clock
from agent.model.protected_audience import Ad, InterestGroup
from agent.model.protected_audience_limits import ProtectedAudienceLimits
from agent.runtime import Agent
from tests.cli.conftest import Tallyhost

NOW = 1_780_304_400_000


def group(name: str) -> InterestGroup:
    return InterestGroup(
        "https://buyer.test",
        name,
        lifetime=DAY,
        bidding_logic_url="https://buyer.test/bid.js",
        ads=(Ad("https://buyer.test/ad"),),
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "profile"


def shown(folder: Path, later: str = "0s", limit: int | None = None) -> dict[str, Any]:
    """What ``state show interest-groups`` says after a while."""

    async def ask() -> dict[str, Any]:
        async with Agent.open_profile(folder, seed=7, clock=Clock.frozen(NOW)) as agent:
            for name in ("shoes", "shoes", "hats"):
                await agent.interest_groups.join(group(name), "https://news.test", now=agent.clock.now())
            await agent.clock.advance(later)
            return await OPERATIONS["state.show"](agent, {"what": "interest-groups", "limit": limit})

    return asyncio.run(ask())


def test_every_group_stands_with_where_it_was_joined_and_when_it_expires(folder: Path) -> None:
    hats, shoes = shown(folder)["interest_groups"]
    assert (hats["name"], hats["join_count"]) == ("hats", 1)
    assert shoes == {
        "owner": "https://buyer.test",
        "name": "shoes",
        "joining_origin": "https://news.test",
        "joined": "2026-06-01T09:00:00+00:00",
        "expires": "2026-06-02T09:00:00+00:00",
        "join_count": 2,
        "bid_count": 0,
        "win_count": 0,
        "bidding_logic_url": "https://buyer.test/bid.js",
        "ads": ["https://buyer.test/ad"],
    }


def test_a_group_that_has_expired_is_shown_no_more(folder: Path) -> None:
    assert shown(folder, later="1d")["interest_groups"] == []


def test_limit_counts_what_it_leaves_out(folder: Path) -> None:
    document = shown(folder, limit=1)
    assert len(document["interest_groups"]) == 1
    assert document["left_out"] == {"interest_groups": 1}


def test_people_read_it_as_a_table_and_explain_last_tells_of_the_joining(tallyhost: Tallyhost, folder: Path) -> None:
    async def make() -> None:
        async with Agent.open_profile(folder, seed=7) as agent:
            await agent.interest_groups.join(group("shoes"), "https://news.test", now=agent.clock.now())

    asyncio.run(make())
    out = tallyhost("state", "show", "interest-groups", "--profile", str(folder)).out
    assert "shoes" in out
    assert "https://news.test" in out
    event = tallyhost("explain", "last", "--profile", str(folder), "--json").document["explanation"]
    assert event["kind"] == "protected-audience.join"


def test_protected_audience_has_a_switch_and_numbers_of_its_own() -> None:
    Path("tallyhost.toml").write_text(
        "protected_audience = false\n[protected_audience_limits]\nbidding_timeout = 5\n", encoding="utf-8"
    )
    settings = settings_of(load_config({}).config)
    assert not settings.protected_audience
    assert settings.protected_audience_limits == ProtectedAudienceLimits(bidding_timeout=5)
