"""An agent as the settings ask for it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from agent.browser.launch import Browser
from agent.cli.config import MEMORY, Config
from agent.model.clock import Clock, wall_time
from agent.model.settings import Settings
from agent.runtime import Agent


def browser_of(config: Config) -> Browser:
    """The browser that the settings ask for, not started."""
    return Browser(
        headed=config.headed,
        executable=config.chromium,
        third_party_cookies=config.third_party_cookies,
        allow_network=config.allow_network,
    )


@asynccontextmanager
async def launch_agent(config: Config) -> AsyncIterator[Agent]:
    """An agent with its browser."""
    async with (
        browser_of(config) as browser,
        Agent.launch(
            profile=_location(config.profile),
            settings=settings_of(config),
            seed=config.seed,
            clock=None if config.now is None else _running_clock(config.now),
            browser=browser,
            private=config.private,
            opted_out=config.opt_out,
            maps=config.map,
        ) as agent,
    ):
        yield agent


def settings_of(config: Config) -> Settings:
    """The agent's settings among those of the command line."""
    return Settings(
        dialects=config.dialects,
        aggregation_services=config.aggregation_services,
        limits=config.limits,
        attribution_reporting=config.attribution_reporting,
        attribution_reporting_limits=config.attribution_reporting_limits,
        shared_storage=config.shared_storage,
        shared_storage_limits=config.shared_storage_limits,
        private_aggregation=config.private_aggregation,
        private_aggregation_limits=config.private_aggregation_limits,
        protected_audience=config.protected_audience,
        protected_audience_limits=config.protected_audience_limits,
        enrolled_sites=config.enrolled_sites,
        grease=config.grease,
        allow_network=config.allow_network,
        minimum_batch=config.minimum_batch,
        noise=config.noise,
        page_clock=config.page_clock,
        third_party_cookies=config.third_party_cookies,
    )


def _location(profile: str) -> Path | str:
    return MEMORY if profile == MEMORY else Path(profile).expanduser()


def _running_clock(start: int) -> Clock:
    """A clock that shows ``start`` (milliseconds) now and goes on from there."""
    shift = start - wall_time()
    return Clock(lambda: wall_time() + shift)
