"""Bad input, "Every row of the exception tables. [...] None takes down the host, its page, another worklet or another
profile."

The rows are those of exception_tables.py.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio
from playwright.async_api import Frame, Page

from agent.browser.launch import Browser
from agent.model.clock import Clock
from agent.model.settings import Settings
from agent.runtime import Agent
from tests.bystanders import Bystanders, bystanders
from tests.exception_tables import CALLS, CONFIG, CONSTRUCTORS, CONTRIBUTIONS, DEBUG, INSIDE, PAGE, RESOLVES, WRITERS
from tests.scenarios.world import JAVASCRIPT, Answer, World

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


@dataclass
class Places:
    """Where calls are made."""

    everyone: Bystanders
    sandboxed: Frame
    """Of no origin."""
    denied: Page
    """Whose policy denies everything."""


_EVALUATING = """
    register("op", class { async run({ code }) {
        let said = "resolves";
        const enable = (...args) => privateAggregation.enableDebugMode(...args);
        try { await eval(code); } catch (error) { said = `${error.name}: ${error.message}`; }
        console.log(`SAID ${JSON.stringify(said)}`);
    } });
"""


@pytest_asyncio.fixture(scope="module")
async def places(agent_browser: Browser) -> AsyncIterator[Places]:
    """Pages with a worklet ``w`` whose operation evaluates what it is given."""
    async with bystanders(agent_browser) as everyone:
        world = everyone.world
        policy = "shared-storage=(), shared-storage-select-url=()"
        world.answers["b.test/"] = Answer(headers={"Permissions-Policy": policy})
        denied = await world.open("https://b.test/")
        page = await world.open()
        sandboxed = await world.frame(page, "<iframe sandbox=allow-scripts src=/frame></iframe>")
        await world.worklet(everyone.page, _EVALUATING)
        yield Places(everyone, sandboxed, denied)


async def _in_page(places: Places, code: str, page: Page | Frame | None = None) -> str:
    """What a call in a page comes to; nobody suffers from it."""
    outcome = await places.everyone.world.outcome(page or places.everyone.page, f"{code}, undefined")
    await places.everyone.suffer_nothing()
    return RESOLVES if outcome is None else str(outcome)


async def _in_worklet(places: Places, code: str) -> str:
    """What code in an operation comes to; nobody suffers from it."""
    world, page = places.everyone.world, places.everyone.page
    said = await world.said(page, f"w.run('op', {{ data: {{ code: {json.dumps(code)} }}, keepAlive: true }})")
    await places.everyone.suffer_nothing()
    return str(said)


def _agrees(outcome: str, expected: str) -> bool:
    name, colon, end = expected.partition(": ")
    return outcome.startswith(name + colon) and outcome.endswith(end)


@pytest.mark.parametrize(("call", "expected"), WRITERS)
async def test_every_row_of_the_writers_in_a_page(places: Places, call: str, expected: str) -> None:
    assert _agrees(await _in_page(places, f"await sharedStorage.{call}"), expected)


@pytest.mark.parametrize(("call", "expected"), WRITERS)
async def test_every_row_of_the_writers_in_a_worklet(places: Places, call: str, expected: str) -> None:
    assert _agrees(await _in_worklet(places, f"sharedStorage.{call}"), expected)


@pytest.mark.parametrize(("call", "expected"), CONSTRUCTORS)
async def test_every_row_of_the_method_objects(places: Places, call: str, expected: str) -> None:
    assert _agrees(await _in_page(places, call), expected)
    assert _agrees(await _in_worklet(places, call), expected)


@pytest.mark.parametrize(("call", "expected"), PAGE + CALLS)
async def test_every_row_of_making_and_calling_worklets(places: Places, call: str, expected: str) -> None:
    call = call.replace("w.run('op', {", "w.run('op', { keepAlive: true,")
    assert _agrees(await _in_page(places, f"await {call}"), expected)


@pytest.mark.parametrize(("members", "expected"), CONFIG)
async def test_every_row_of_private_aggregation_config(places: Places, members: str, expected: str) -> None:
    run = f"w.run('op', {{ data: {{ code: '' }}, keepAlive: true, privateAggregationConfig: {{ {members} }} }})"
    assert _agrees(await _in_page(places, f"await {run}"), expected)


@pytest.mark.parametrize(("code", "expected"), INSIDE)
async def test_every_row_of_what_a_worklet_calls(places: Places, code: str, expected: str) -> None:
    assert _agrees(await _in_worklet(places, code), expected)


@pytest.mark.parametrize(("argument", "expected"), CONTRIBUTIONS)
async def test_every_row_of_contribute_to_histogram(places: Places, argument: str, expected: str) -> None:
    outcome = await _in_worklet(places, f"privateAggregation.contributeToHistogram({argument})")
    assert _agrees(outcome, expected)


@pytest.mark.parametrize(("code", "expected"), DEBUG)
async def test_every_row_of_enable_debug_mode(places: Places, code: str, expected: str) -> None:
    assert _agrees(await _in_worklet(places, code), expected)


METHODS = ["set('a', 'b')", "append('a', 'b')", "delete('a')", "clear()", "batchUpdate([])"]


@pytest.mark.parametrize("call", [*METHODS, "get('a')"])
async def test_every_method_is_refused_to_a_document_of_no_origin(places: Places, call: str) -> None:
    outcome = await _in_page(places, f"await sharedStorage.{call}", places.sandboxed)
    method = call.partition("(")[0]
    assert outcome == (
        f"InvalidAccessError: Failed to execute '{method}' on 'SharedStorage':"
        " The shared storage method is not allowed in an opaque origin context"
    )


@pytest.mark.parametrize("call", METHODS)
async def test_every_method_is_refused_where_the_policy_denies_it(places: Places, call: str) -> None:
    outcome = await _in_page(places, f"await sharedStorage.{call}", places.denied)
    method = call.partition("(")[0]
    assert outcome == (
        f"InvalidAccessError: Failed to execute '{method}' on 'SharedStorage':"
        ' The "shared-storage" Permissions Policy denied the method on window.sharedStorage.'
    )


MAKE = ["worklet.addModule('/w.js')", "createWorklet('/w.js')"]


@pytest.mark.parametrize("call", MAKE)
async def test_no_worklet_is_made_for_a_document_of_no_origin_or_where_the_policy_denies_it(
    places: Places, call: str
) -> None:
    denied = await _in_page(places, f"await sharedStorage.{call}", places.denied)
    text = 'The "shared-storage" Permissions Policy denied the method for the worklet origin.'
    assert _agrees(denied, f"InvalidAccessError: {text}")
    opaque = await _in_page(places, f"await sharedStorage.{call}", places.sandboxed)
    assert opaque.startswith("InvalidAccessError: ")


async def test_select_url_is_refused_where_its_policy_denies_it(places: Places) -> None:
    world = places.everyone.world
    world.answers["c.test/"] = Answer(headers={"Permissions-Policy": "shared-storage-select-url=()"})
    page = await world.open("https://c.test/")
    await world.worklet(page, "")
    outcome = await _in_page(places, "await w.selectURL('op', [{ url: '/' }])", page)
    text = 'The "shared-storage-select-url" Permissions Policy denied the method for the worklet origin.'
    assert _agrees(outcome, f"InvalidAccessError: {text}")
    await page.close()


async def test_contributions_are_refused_where_their_policy_denies_them(places: Places) -> None:
    world = places.everyone.world
    world.answers["d.test/"] = Answer(headers={"Permissions-Policy": "private-aggregation=()"})
    page = await world.open("https://d.test/")
    for code in ("contributeToHistogram({ bucket: 1n, value: 1 })", "enableDebugMode()"):
        said = await world.inside(page, f"privateAggregation.{code};")
        text = 'The "private-aggregation" Permissions Policy denied the method on privateAggregation'
        assert _agrees(said, f"InvalidAccessError: {text}")
    await page.close()
    await places.everyone.suffer_nothing()


@pytest.mark.parametrize("name", ["sharedStorage", "privateAggregation"])
async def test_neither_api_is_there_while_the_script_is_evaluated(places: Places, name: str) -> None:
    places.everyone.world.answers["a.test/early.js"] = Answer(f"{name};", JAVASCRIPT)
    outcome = await _in_page(places, "await sharedStorage.createWorklet('/early.js')")
    assert outcome.startswith(
        f"OperationError: NotAllowedError: Failed to read the '{name}' property from"
        f" 'SharedStorageWorkletGlobalScope': {name} cannot be accessed during addModule()."
    )


DISABLED = {
    "set('a', 'b')": "OperationError: sharedStorage is disabled",
    "append('a', 'b')": "OperationError: sharedStorage is disabled",
    "delete('a')": "OperationError: sharedStorage is disabled",
    "clear()": "OperationError: sharedStorage is disabled",
    "batchUpdate([])": "OperationError: sharedStorage is disabled",
    "worklet.addModule('/w.js')": (
        "OperationError: sharedStorage.worklet.addModule is disabled because either sharedStorage is disabled or both"
        " sharedStorage.selectURL and privateAggregation are disabled"
    ),
    "run('op', { keepAlive: true })": "OperationError: sharedStorage is disabled",
    "selectURL('op', [{ url: '/' }])": "OperationError: sharedStorage.selectURL is disabled",
}


@pytest.mark.parametrize("settings", [Settings(shared_storage=False), Settings(enrolled_sites=frozenset())])
async def test_every_call_is_refused_where_a_user_or_the_lack_of_attestation_turned_it_off(
    agent_browser: Browser, settings: Settings
) -> None:
    async with Agent.launch(browser=agent_browser, clock=Clock.frozen(), seed=3, settings=settings) as agent:
        world = World(agent)
        page = await world.open()
        for call, expected in DISABLED.items():
            assert await world.outcome(page, f"sharedStorage.{call}") == expected, call
