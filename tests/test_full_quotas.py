"""Bad input, "Full quotas. [...] None takes down the host, its page, another worklet or another profile." """

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from agent.browser.launch import Browser
from agent.model.private_aggregation import PRIVATE_AGGREGATION
from agent.model.private_aggregation_limits import PrivateAggregationLimits
from agent.model.settings import Settings
from agent.model.shared_storage import StorageEvent
from tests.bystanders import Bystanders, bystanders
from tests.scenarios.world import CORS, A, Answer, operation

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]
B = "https://b.test"
QUOTA = 5_242_880
FULL = QUOTA // 2 - len("full")
"""Characters of a value that leaves no room for another byte."""
WORKLET_WRITES = {
    "set('more', '')": "set",
    "append('full', 'x')": "append",
    "append('more', '')": "append",
    "batchUpdate([new SharedStorageDeleteMethod('none'), new SharedStorageSetMethod('more', '')])": "batchUpdate",
}
PAGE_WRITES = ["set('more', 'x')", "append('full', 'x')", *WORKLET_WRITES]


@pytest_asyncio.fixture(scope="module")
async def everyone(agent_browser: Browser) -> AsyncIterator[Bystanders]:
    """One page; an origin may have two reports waiting."""
    limits = PrivateAggregationLimits(max_reports_per_origin=2)
    async with bystanders(agent_browser, Settings(private_aggregation_limits=limits)) as everyone:
        yield everyone


@pytest_asyncio.fixture
async def full(everyone: Bystanders) -> AsyncIterator[Bystanders]:
    """The page's origin has no byte left."""
    stored = everyone.world.agent.shared_storage
    assert await stored.set(A, "full", "x" * FULL) is None
    assert (await stored.metadata(A)).bytes_used == QUOTA
    yield everyone
    await everyone.suffer_nothing()
    await stored.clear(A)
    await stored.clear(B)


@pytest.mark.parametrize("write", PAGE_WRITES)
async def test_in_a_full_storage_a_pages_write_resolves_and_stores_nothing(full: Bystanders, write: str) -> None:
    assert await full.world.outcome(full.page, f"sharedStorage.{write}") is None
    async with asyncio.timeout(10):
        while (await full.world.agent.events.all())[-1].verdict != "quota-exceeded":
            await asyncio.sleep(0.02)
    assert {key: len(value) for key, value in (await full.world.entries()).items()} == {"full": FULL}


@pytest.mark.parametrize(("write", "method"), WORKLET_WRITES.items())
async def test_in_a_full_storage_a_worklets_write_rejects_and_stores_nothing(
    full: Bystanders, write: str, method: str
) -> None:
    said = await full.world.inside(full.page, f"await sharedStorage.{write};")
    assert said == f"OperationError: sharedStorage.{method}() failed"
    assert {key: len(value) for key, value in (await full.world.entries()).items()} == {"full": FULL}


async def test_in_a_full_storage_a_response_writes_nothing_and_arrives(full: Bystanders) -> None:
    headers = {**CORS, "Shared-Storage-Write": 'set;key="more";value="x"'}
    full.world.answers["a.test/h"] = Answer("arrived", headers=headers)
    got = "fetch('/h', { sharedStorageWritable: true }).then((response) => response.text())"
    assert await full.world.outcome(full.page, got) == "arrived"
    assert list(await full.world.entries()) == ["full"]


async def test_a_full_storage_is_read_and_emptied_as_any_other(full: Bystanders) -> None:
    code = """
        const found = [(await sharedStorage.get("full")).length, await sharedStorage.length()];
        await sharedStorage.set("full", "less");
        await sharedStorage.set("more", "x");
        await sharedStorage.delete("full");
        for await (const [key, value] of sharedStorage.entries()) found.push(key, value);
        return found;
    """
    assert await full.world.inside(full.page, code) == [FULL, 1, "more", "x"]


async def test_another_origin_has_a_storage_of_its_own(full: Bystanders) -> None:
    page = await full.world.open(f"{B}/")
    assert await full.world.outcome(page, "sharedStorage.set('k', 'v')") is None
    assert await full.world.inside(page, "return sharedStorage.get('k');") == "v"
    await page.close()


async def test_what_expires_makes_room(full: Bystanders) -> None:
    await full.world.agent.clock.advance("31d")
    assert await full.world.inside(full.page, "await sharedStorage.set('k', 'v');") is None
    assert await full.world.entries() == {"k": "v"}


async def test_ten_thousand_entries_are_stored_and_come_in_order(everyone: Bystanders) -> None:
    code = """
        const keys = Array.from({ length: 10000 }, (_, index) => String(index));
        await sharedStorage.batchUpdate(keys.map((key) => new SharedStorageSetMethod(key, "")));
        const found = [];
        for await (const key of sharedStorage.keys()) found.push(key);
        return found.join() === keys.sort().join() && await sharedStorage.length();
    """
    assert await everyone.world.inside(everyone.page, code) == 10000
    await everyone.suffer_nothing()
    await everyone.world.agent.shared_storage.clear(A)


def _contributing(bucket: int, value: int) -> str:
    return operation(f"privateAggregation.contributeToHistogram({{ bucket: {bucket}n, value: {value} }});")


async def test_over_the_contribution_budget_a_report_is_dropped_and_the_operation_cannot_tell(
    everyone: Bystanders,
) -> None:
    world = everyone.world
    await world.agent.state.clear(site="a.test")
    before = len(await world.verdicts(PRIVATE_AGGREGATION))
    for value in (65536, 1):
        url = await world.worklet(everyone.page, _contributing(1, value))
        assert await world.outcome(everyone.page, "w.run('op')") is None
        assert await world.ends_of(url) == ["finished"]
    assert (await world.verdicts(PRIVATE_AGGREGATION))[before:] == ["report-scheduled", "insufficient-budget"]
    await everyone.suffer_nothing()


async def test_over_the_limit_of_waiting_reports_a_report_is_dropped_and_another_origin_has_its_own(
    everyone: Bystanders,
) -> None:
    world = everyone.world
    await world.agent.state.clear(site="a.test")
    before = len(await world.verdicts(PRIVATE_AGGREGATION))
    other = await world.open(f"{B}/")
    for page in (everyone.page, everyone.page, everyone.page, other):
        url = await world.worklet(page, _contributing(2, 1))
        assert await world.outcome(page, "w.run('op')") is None
        assert await world.ends_of(url) == ["finished"]
    await other.close()
    verdicts = (await world.verdicts(PRIVATE_AGGREGATION))[before:]
    assert verdicts == ["report-scheduled", "report-scheduled", "pending-report-limit-reached", "report-scheduled"]
    await everyone.suffer_nothing()


async def test_without_budget_select_url_shows_the_first_url(everyone: Bystanders) -> None:
    world = everyone.world
    page = await world.open()
    await world.worklet(page, "register('op', class { async run() { return 1; } });")
    before = len(await world.verdicts(StorageEvent.SELECT_URL))
    await page.evaluate("""async () => {
        for (let i = 0; i < 7; i++) {
            const urn = await w.selectURL("op", [{ url: "/0" }, { url: "/1" }], { keepAlive: true });
            if (!/^urn:uuid:[0-9a-f-]{36}$/.test(urn)) throw new Error(urn);
        }
    }""")
    async with asyncio.timeout(10):
        while len(verdicts := (await world.verdicts(StorageEvent.SELECT_URL))[before:]) < 7:
            await asyncio.sleep(0.02)
    assert verdicts == ["selected"] * 6 + ["insufficient-budget"]
    await page.close()
    await everyone.suffer_nothing()
