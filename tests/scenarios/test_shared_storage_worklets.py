"""Scenarios 17 to 22: inside the worklet, and the URL that an operation selects."""

from __future__ import annotations

import pytest
from playwright.async_api import Page

from tests.scenarios.world import A, World

pytestmark = pytest.mark.browser
SHOWN = """async (urn) => {
    const frame = document.createElement("iframe");
    frame.src = await urn;
    document.body.append(frame);
    await new Promise((done) => { frame.onload = done; });
}"""


async def shown(page: Page, call: str) -> str:
    """Where an iframe at the urn that ``call`` gives ends."""
    await page.evaluate(f"async () => {{ await ({SHOWN})({call}); }}")
    return page.frames[-1].url


def choosing(result: str) -> str:
    return f"register('op', class {{ async run(urls) {{ {result} }} }});"


async def test_17_an_operation_is_constructed_once_and_its_run_is_the_one_that_was_registered(world: World) -> None:
    page = await world.open()
    await world.worklet(
        page,
        """
        let made = 0;
        class Counting {
            constructor() { made += 1; }
            run() { console.log("SAID " + JSON.stringify(made)); }
        }
        register("op", Counting);
        Counting.prototype.run = function () { console.log("SAID \\"replaced\\""); };
        """,
    )
    for _ in range(2):
        assert await world.said(page, "w.run('op', { keepAlive: true })") == 1


async def test_18_the_storage_cannot_be_read_at_the_top_level(world: World) -> None:
    world.script("a.test/w.js", "sharedStorage;")
    page = await world.open()
    outcome = await world.outcome(page, "sharedStorage.worklet.addModule('/w.js')")
    assert outcome.startswith(
        "OperationError: NotAllowedError: Failed to read the 'sharedStorage' property from"
        " 'SharedStorageWorkletGlobalScope': sharedStorage cannot be accessed during addModule()."
    )


async def test_19_a_worklet_has_no_more_globals_than_it_should(world: World) -> None:
    page = await world.open()
    absent = "typeof fetch, typeof setTimeout, typeof DOMException, typeof URL, typeof structuredClone"
    said = await world.inside(page, f"return [{absent}, typeof SharedArrayBuffer];")
    assert said == ["undefined"] * 6
    present = "typeof TextEncoder, typeof crypto, typeof WebAssembly, typeof console"
    assert await world.inside(page, f"return [{present}];") == ["function", "object", "object", "object"]


@pytest.mark.parametrize(
    ("code", "path"),
    [
        ("return 1.7;", "/1"),
        ("return '2';", "/2"),
        ("return -1;", "/0"),
        ("return undefined;", "/0"),
        ("throw new Error('boom');", "/0"),
    ],
)
async def test_20_an_iframe_at_the_urn_ends_on_the_url_that_the_operation_chose(
    world: World, code: str, path: str
) -> None:
    page = await world.open()
    await world.worklet(page, choosing(code))
    urls = "[{ url: '/0' }, { url: '/1' }, { url: '/2' }]"
    assert await shown(page, f"w.selectURL('op', {urls}, {{ keepAlive: true }})") == A + path


async def test_21_a_page_may_choose_among_8_urls_twice(world: World) -> None:
    page = await world.open()
    await world.worklet(page, choosing("console.log('SAID ' + await sharedStorage.remainingBudget()); return 5;"))
    paths, budgets = [], []
    urls = "Array.from({ length: 8 }, (_, index) => ({ url: `/${index}` }))"
    await page.evaluate(f"() => {{ globalThis.select = () => w.selectURL('op', {urls}, {{ keepAlive: true }}); }}")
    for _ in range(3):
        budgets.append(await world.said(page, "(globalThis.urn = select())"))
        paths.append(await shown(page, "urn"))
    assert paths == [f"{A}/5", f"{A}/5", f"{A}/0"]
    assert budgets == [12] * 3


@pytest.mark.parametrize(
    ("urls", "message"),
    [
        ("[]", 'Length of the "urls" parameter is not valid.'),
        ("Array(9).fill({ url: '/0' })", 'Length of the "urls" parameter is not valid.'),
        ("[{ url: 'http://[x' }]", 'The url "http://[x" is invalid.'),
        (
            "[{ url: '/0', reportingMetadata: { c: 'http://x/' } }]",
            'The metadata for the url at index 0 has an invalid or non-HTTPS report_url parameter "http://x/".',
        ),
    ],
    ids=["none", "nine", "no URL", "not https"],
)
async def test_22_select_url_refuses_bad_urls(world: World, urls: str, message: str) -> None:
    page = await world.open()
    await world.worklet(page, choosing("return 0;"))
    outcome = await world.outcome(page, f"w.selectURL('op', {urls}, {{ keepAlive: true }})")
    assert outcome.startswith("DataError: ")
    assert outcome.endswith(message)
