"""`<fencedframe>` elements that show what selectURL chose, and what stands in them, in real Chromium."""

from __future__ import annotations

import asyncio

import pytest
from playwright.async_api import Frame

from agent.runtime import Agent
from tests.scenarios.world import World, operation

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]
SHOW = """async () => {
    globalThis.w ??= await sharedStorage.createWorklet("/w.js");
    const options = { keepAlive: true, resolveToConfig: true };
    const config = await w.selectURL("op", [{ url: "/not" }, { url: "/chosen" }], options);
    config.setSharedStorageContext("from the embedder");
    const element = document.createElement("fencedframe");
    element.config = config;
    document.body.append(element);
}"""
SELECT = "(globalThis.w ??= await sharedStorage.createWorklet('/w.js')).selectURL('op', [{ url: '/' }], KEEP)"
CHOOSE = "return first ? first.length - 1 : sharedStorage.set('context', sharedStorage.context);"


@pytest.fixture
async def world(agent: Agent) -> World:
    """A profile whose pages have a worklet that chooses the last URL."""
    world = World(agent)
    world.script("a.test/w.js", operation(CHOOSE))
    return world


async def _shown_in(frame: Frame) -> Frame:
    """The document of the fenced frame that is put into the one of ``frame``."""
    await frame.evaluate(SHOW)
    async with asyncio.timeout(15):
        while not any(child.url.endswith("/chosen") for child in frame.child_frames):
            await asyncio.sleep(0.02)
    (child,) = frame.child_frames
    await child.wait_for_load_state()
    return child


async def test_urls_are_selected_in_a_fenced_frame_and_not_in_one_within_it(world: World) -> None:
    page = await world.open()
    outer = await _shown_in(page.main_frame)
    inner = await _shown_in(outer)
    select = f"typeof await {SELECT.replace('KEEP', '{ keepAlive: true }')}"
    assert await world.outcome(page, select) == "string"
    assert await world.outcome(outer, select) == "string"
    assert await world.outcome(inner, select) == (
        "OperationError: selectURL() is called in a context with a fenced frame depth (2)"
        " exceeding the maximum allowed number (1)."
    )


async def test_get_is_refused_in_a_fenced_frame_in_other_words_than_outside(world: World) -> None:
    page = await world.open()
    shown = await _shown_in(page.main_frame)
    refused = "OperationError: Cannot call get() "
    assert await world.outcome(page, "await sharedStorage.get('a')") == f"{refused}outside of a fenced frame."
    lacking = "in a fenced frame with feature FencedFramesLocalUnpartitionedDataAccess disabled."
    assert await world.outcome(shown, "await sharedStorage.get('a')") == refused + lacking


async def test_a_config_may_name_a_context_and_wider_ids_in_a_fenced_frame_whose_feature_is_off(world: World) -> None:
    shown = await _shown_in((await world.open()).main_frame)
    for members in ("contextId: 'c'", "filteringIdMaxBytes: 3"):
        config = f"{{ keepAlive: true, privateAggregationConfig: {{ {members} }} }}"
        run = f"(globalThis.w ??= await sharedStorage.createWorklet('/w.js')).run('op', {config})"
        assert await world.outcome(shown, f"await {run}") is None


async def test_a_worklet_in_a_fenced_frame_sees_the_context_that_its_embedder_set(world: World) -> None:
    shown = await _shown_in((await world.open()).main_frame)
    await shown.evaluate("async () => (await sharedStorage.createWorklet('/w.js')).run('op')")
    await world.until_ended(2)
    assert await world.entries() == {"context": "from the embedder"}
