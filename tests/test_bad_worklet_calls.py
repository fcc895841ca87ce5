"""Bad input, "Every row of the exception tables. [...] None takes down the host, its page, another worklet or another
profile."

The rows are those of Shared Storage's sections 2 to 5 and 8 and Private Aggregation's sections 1 and 2, which leave out
how some messages begin: what is given here is how they end.
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
from tests.scenarios.world import JAVASCRIPT, Answer, World

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]
Row = tuple[str, str]
"""What is called, and ``Name: end of the message``; "resolves" where nothing is thrown."""

RESOLVES = "resolves"
KEY = 'DataError: Length of the "key" parameter is not valid'
VALUE = 'DataError: Length of the "value" parameter is not valid'
LOCK = "DataError: Lock name cannot start with '-'"
LONG = "'x'.repeat(2621441)"

WRITERS: list[Row] = [
    ("set()", "TypeError: 2 arguments required, but only 0 present."),
    ("set('a')", "TypeError: 2 arguments required, but only 1 present."),
    ("append('a')", "TypeError: 2 arguments required, but only 1 present."),
    ("delete()", "TypeError: 1 argument required, but only 0 present."),
    ("set('a', 'b', 5)", "TypeError: The provided value is not of type 'SharedStorageSetMethodOptions'."),
    ("append('a', 'b', 5)", "TypeError: The provided value is not of type 'SharedStorageModifierMethodOptions'."),
    ("delete('a', 5)", "TypeError: The provided value is not of type 'SharedStorageModifierMethodOptions'."),
    ("clear(5)", "TypeError: The provided value is not of type 'SharedStorageModifierMethodOptions'."),
    ("set(Symbol(), 'b')", "TypeError: Cannot convert a Symbol value to a string"),
    ("set('', 'b')", KEY),
    ("append('', 'b')", KEY),
    ("delete('')", KEY),
    (f"set({LONG}, 'b')", KEY),
    (f"append({LONG}, 'b')", KEY),
    (f"delete({LONG})", KEY),
    (f"set('a', {LONG})", VALUE),
    (f"append('a', {LONG})", VALUE),
    ("set('a', 'b', { withLock: '-l' })", LOCK),
    ("append('a', 'b', { withLock: '-l' })", LOCK),
    ("delete('a', { withLock: '-l' })", LOCK),
    ("clear({ withLock: '-l' })", LOCK),
    ("batchUpdate([], { withLock: '-l' })", LOCK),
    ("batchUpdate([5])", "TypeError: Failed to convert value to 'SharedStorageModifierMethod'."),
    ("batchUpdate([{}])", "TypeError: Failed to convert value to 'SharedStorageModifierMethod'."),
    (
        "batchUpdate([new SharedStorageClearMethod({ withLock: 'l' })])",
        "DataError: The 'withLock' option is not allowed for methods within batchUpdate()",
    ),
    ("set(null, undefined)", RESOLVES),
    ("set('a', '')", RESOLVES),
    ("set('a', 'b', { withLock: '' })", RESOLVES),
    ("delete('never there')", RESOLVES),
    ("batchUpdate([])", RESOLVES),
]
"""Methods of ``sharedStorage`` in pages and in worklets alike (section 2)."""

CONSTRUCTORS: list[Row] = [
    ("new SharedStorageModifierMethod()", "TypeError: Illegal constructor"),
    ("new SharedStorageSetMethod('', 'b')", KEY),
    (f"new SharedStorageSetMethod('a', {LONG})", VALUE),
    ("new SharedStorageAppendMethod('', 'b')", KEY),
    (f"new SharedStorageAppendMethod('a', {LONG})", VALUE),
    ("new SharedStorageDeleteMethod('')", KEY),
    ("new SharedStorageSetMethod('a', 'b', { withLock: '-l' })", LOCK),
    ("new SharedStorageClearMethod({ withLock: '-l' })", LOCK),
]

NOT_CALLED = "OperationError: sharedStorage.worklet.addModule() has to be called before "
PAGE: list[Row] = [
    ("sharedStorage.get('a')", "OperationError: Cannot call get() outside of a fenced frame."),
    ("sharedStorage.length()", "TypeError: sharedStorage.length is not a function"),
    ("sharedStorage.worklet.addModule('http://[x')", "DataError: The module script url is invalid."),
    ("sharedStorage.createWorklet('http://[x')", "DataError: The module script url is invalid."),
    ("w.addModule('/w.js')", "OperationError: addModule() can only be invoked once per worklet."),
    (
        "sharedStorage.createWorklet('data:text/javascript,', { dataOrigin: 'script-origin' })",
        "InvalidAccessError: The shared storage method is not allowed to have an opaque data origin",
    ),
    ("sharedStorage.createWorklet('data:text/javascript,')", "OperationError: data: module script url is not allowed."),
    (
        "sharedStorage.createWorklet('/w.js', { dataOrigin: 'nope' })",
        'TypeError: The "dataOrigin" parameter is not a valid keyword or URL.',
    ),
    (
        "sharedStorage.createWorklet('/w.js', { credentials: 'nope' })",
        "TypeError: The provided value 'nope' is not a valid enum value of type RequestCredentials.",
    ),
    ("sharedStorage.run('op')", f"{NOT_CALLED}run()."),
    ("sharedStorage.selectURL('op', [{ url: '/' }])", f"{NOT_CALLED}selectURL()."),
]
"""Sections 3 and 4, and the own worklet of a page that never called ``addModule``."""

URLS = 'DataError: Length of the "urls" parameter is not valid.'
METADATA = 'DataError: The metadata for the url at index 0 has an invalid or non-HTTPS report_url parameter "{}".'
CALLS: list[Row] = [
    ("w.run('op', { data: 'text' })", "TypeError: Failed to convert value to 'object'."),
    ("w.run('op', { data: 5 })", "TypeError: Failed to convert value to 'object'."),
    ("w.run('op', { data: { f() {} } })", "DataCloneError: f() {} could not be cloned."),
    ("w.selectURL('op', [])", URLS),
    ("w.selectURL('op', Array(9).fill({ url: '/' }))", URLS),
    ("w.selectURL('op', [{ url: 'http://[x' }])", 'DataError: The url "http://[x" is invalid.'),
    ("w.selectURL('op', [{}])", "TypeError: Required member is undefined."),
    (
        "w.selectURL('op', [{ url: '/', reportingMetadata: {} }])",
        "DataError: selectURL could not get reportingMetadata object attributes",
    ),
    (
        "w.selectURL('op', [{ url: '/', reportingMetadata: { click: 5 } }])",
        "DataError: selectURL reportingMetadata object attributes must be strings",
    ),
    (
        "w.selectURL('op', [{ url: '/', reportingMetadata: { click: 'http://x/' } }])",
        METADATA.format("http://x/"),
    ),
    (
        "w.selectURL('op', [{ url: '/', reportingMetadata: { click: 'http://[x' } }])",
        METADATA.format("http://[x"),
    ),
]
"""``run`` and ``selectURL``, section 5."""

CONFIG: list[Row] = [
    ("contextId: 'x'.repeat(65)", "DataError: contextId length cannot be larger than 64"),
    ("contextId: 'é'.repeat(33)", "DataError: contextId length cannot be larger than 64"),
    ("aggregationCoordinatorOrigin: 'nope'", "SyntaxError: aggregationCoordinatorOrigin must be a valid origin"),
    ("aggregationCoordinatorOrigin: 'data:,'", "SyntaxError: aggregationCoordinatorOrigin must be a valid origin"),
    (
        "aggregationCoordinatorOrigin: 'https://nobody.test'",
        "DataError: aggregationCoordinatorOrigin must be on the allowlist",
    ),
    ("filteringIdMaxBytes: 0", "DataError: filteringIdMaxBytes must be positive"),
    ("filteringIdMaxBytes: 9", "DataError: filteringIdMaxBytes is too big"),
    ("filteringIdMaxBytes: -1", "TypeError: "),
    ("filteringIdMaxBytes: NaN", "TypeError: "),
    ("maxContributions: 0", "DataError: maxContributions must be positive"),
    ("maxContributions: -1", "TypeError: "),
    ("contextId: ''", RESOLVES),
    ("contextId: 'x'.repeat(64)", RESOLVES),
    ("filteringIdMaxBytes: 8", RESOLVES),
    ("maxContributions: 1e6", RESOLVES),
    ("aggregationCoordinatorOrigin: 'https://publickeyservice.msmt.gcp.privacysandboxservices.com/path'", RESOLVES),
]
"""``privateAggregationConfig`` (Private Aggregation, section 2)."""

INSIDE: list[Row] = [
    ("sharedStorage.get()", "TypeError: 1 argument required, but only 0 present."),
    ("sharedStorage.get('')", 'DataError: Length of the "key" parameter is not valid.'),
    ("(async () => { for await (const x of sharedStorage); })()", "TypeError: sharedStorage is not async iterable"),
    ("import('/x.js')", "TypeError: import() is disallowed on WorkletGlobalScope."),
    (
        "navigator.locks.query()",
        "SecurityError: Failed to execute 'query' on 'LockManager': Access to the Locks API is denied in this context.",
    ),
    ("register('x')", "TypeError: 2 arguments required, but only 1 present."),
    ("register('x', {})", "TypeError: parameter 2 is not of type 'Function'."),
    ("register('', class { run() {} })", "DataError: Operation name cannot be empty."),
    ("register('op', class { run() {} })", "DataError: Operation name already registered."),
    ("register('x', () => 1)", "TypeError: constructor prototype is not an object"),
    ("register('x', class {})", 'TypeError: Property "run" doesn\'t exist'),
    ("register('x', class { get run() { return 5; } })", 'TypeError: "run" is not a function'),
]
"""Section 8."""

BUCKET = "DataError: contribution['bucket'] is negative or does not fit in 128 bits"
FILTERING_ID = "DataError: contribution['filteringId'] is negative or does not fit in byte size"
CONTRIBUTIONS: list[Row] = [
    ("", "TypeError: 1 argument required, but only 0 present."),
    ("{ value: 1 }", "TypeError: Required member is undefined."),
    ("{ bucket: 1n }", "TypeError: Required member is undefined."),
    (
        "{ bucket: 1, value: 1 }",
        "TypeError: 'bucket' property from 'PrivateAggregationHistogramContribution': Cannot convert 1 to a BigInt",
    ),
    ("{ bucket: '1234', value: 1 }", RESOLVES),
    ("{ bucket: true, value: 1 }", RESOLVES),
    ("{ bucket: 'abc', value: 1 }", "SyntaxError: Cannot convert abc to a BigInt"),
    ("{ bucket: -1n, value: 1 }", BUCKET),
    ("{ bucket: 1n << 128n, value: 1 }", BUCKET),
    *((f"{{ bucket: 1n, value: {value} }}", RESOLVES) for value in ("2.9", "'3'", "NaN", "4294967297", "0")),
    ("{ bucket: 1n, value: 2147483648 }", "DataError: contribution['value'] is negative"),
    ("{ bucket: 1n, value: -1 }", "DataError: contribution['value'] is negative"),
    ("{ bucket: 1n, value: 1n }", "TypeError: Cannot convert a BigInt value to a number"),
    ("{ bucket: 1n, value: 1, filteringId: 3 }", "TypeError: Cannot convert 3 to a BigInt"),
    ("{ bucket: 1n, value: 1, filteringId: -1n }", FILTERING_ID),
    ("{ bucket: 1n, value: 1, filteringId: 256n }", FILTERING_ID),
    ("{ bucket: 1n, value: 1, filteringId: 1n << 64n }", FILTERING_ID),
    ("{ bucket: 1n, value: 1, more: 5 }", RESOLVES),
]
"""``contributeToHistogram`` (Private Aggregation, section 1)."""

DEBUG_KEY = "DataError: options['debugKey'] is negative or does not fit in 64 bits"
ONCE = "DataError: enableDebugMode may be called at most once"
DEBUG: list[Row] = [
    ("enable({ debugKey: -1n })", DEBUG_KEY),
    ("enable({ debugKey: 1n << 64n })", DEBUG_KEY),
    ("enable({})", "TypeError: Required member is undefined."),
    ("enable(5n)", "TypeError: The provided value is not of type 'PrivateAggregationDebugModeOptions'."),
    ("enable(null)", "TypeError: The provided value is not of type 'PrivateAggregationDebugModeOptions'."),
    ("enable(undefined)", RESOLVES),
    ("enable(), enable()", ONCE),
    ("(() => { try { enable({ debugKey: -1n }); } catch {} enable(); })()", ONCE),
]
"""``enableDebugMode`` (Private Aggregation, section 1)."""


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
