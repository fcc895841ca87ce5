"""The agent of one test, from its launch to the bundle that a failed test leaves behind."""

from __future__ import annotations

import logging
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from agent.browser.page_failures import PageError
from agent.model.clock import DEFAULT_FROZEN_START, Clock, parse_instant
from agent.model.errors import UsageError
from agent.model.presets import settings_for
from agent.model.settings import Settings
from agent.pytest_support.choices import BundleMode, Choices
from agent.reporting.bundle import write_bundle
from agent.runtime import Agent

if TYPE_CHECKING:
    from agent.browser.launch import Browser
    from agent.pytest_support.sites import Sites


@dataclass(frozen=True, slots=True)
class AgentUnderTest:
    """An agent and what it was made of."""

    agent: Agent
    wall: Clock
    """The clock that it was given; everything else that plays with it goes by the same."""
    choices: Choices


@asynccontextmanager
async def agent_under_test(
    choices: Choices, browser: Browser, sites: Sites, failure: Callable[[], str | None]
) -> AsyncIterator[AgentUnderTest]:
    """A fresh profile in memory whose hosts are those of ``sites``.

    ``failure`` is asked when the test is over: what failed, or None.
    """
    clock = Clock.frozen(_start(choices))
    async with Agent.launch(
        browser=browser,
        clock=clock,
        seed=choices.seed,
        settings=settings_of(choices),
        private=choices.private,
        opted_out=choices.opted_out,
        maps=choices.maps,
    ) as agent:
        sites.attach(agent)
        if choices.bundle is not BundleMode.OFF:
            # No snapshots of the DOM: the scripts that take them would count as a user's gesture in every page.
            await agent.context.tracing.start(screenshots=True, sources=True)
        try:
            yield AgentUnderTest(agent, clock, choices)
        finally:
            sites.detach(agent)
            await _leave(agent, choices, failure())
            if choices.bundle is not BundleMode.OFF:
                # One that no bundle took would stay in the system's temporary folder, for each test that passed.
                with suppress(PageError):
                    await agent.context.tracing.stop()


def settings_of(choices: Choices) -> Settings:
    """The settings that ``choices`` amount to."""
    base = choices.settings or Settings()
    settings = settings_for(choices.params, noise=choices.noise, delays=choices.delays, base=base)
    return replace(settings, page_clock=settings.page_clock or choices.page_clock)


def _start(choices: Choices) -> int:
    if choices.now is None:
        return DEFAULT_FROZEN_START
    if isinstance(choices.now, int):
        return choices.now
    try:
        return parse_instant(choices.now)
    except ValueError:
        raise UsageError(
            f"{choices.now!r} is no time",
            where="now of the test's agent",
            rule="ISO 8601, or milliseconds since 1970",
            fix="2026-12-24T09:00Z",
        ) from None


async def _leave(agent: Agent, choices: Choices, failure: str | None) -> None:
    """Write the bundle where it is wanted, or see that there is none of an earlier run."""
    if choices.bundle is BundleMode.ON or (choices.bundle is BundleMode.RETAIN_ON_FAILURE and failure is not None):
        try:
            await write_bundle(agent, choices.folder, why=failure or "", trace=True)
        except Exception:  # the test's own failure is what its author must see
            logging.getLogger("tallyhost").exception("no bundle in %s", choices.folder)
    else:
        shutil.rmtree(choices.folder, ignore_errors=True)
