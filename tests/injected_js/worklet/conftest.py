"""Worklets with their script, in the browser of the scripts' tests."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser

from tests.injected_js.worklet.world import Worklet, World, world_of_worklets


@pytest.fixture(scope="module")
async def world(browser: Browser) -> AsyncIterator[World]:
    """One page for the worklets of a module's tests."""
    async with world_of_worklets(browser) as world:
        yield world


@pytest.fixture
async def worklet(world: World) -> Worklet:
    """A worklet with the operation ``evaluate``."""
    return await world.worklet()


@pytest.fixture(scope="module")
async def shared_worklet(world: World) -> Worklet:
    """One worklet for the tests of a module that leave it as it was."""
    return await world.worklet()
