"""Worklets whose scripts never end, allocate without bound or talk without a pause: each ends alone."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from agent.browser.launch import Browser
from agent.model.shared_storage_limits import SharedStorageLimits
from agent.model.worklets import OperationResult, ScriptFailure, WorkletScript
from tests.browser.worklet_world import URL, Loaded, Services, load, loaded, running

pytestmark = [pytest.mark.browser, pytest.mark.slow]
_SHORT = SharedStorageLimits(worklet_unresponsive=1500)
_SMALL = SharedStorageLimits(worklet_memory=128 * 1024 * 1024)
"""And patient: a slow machine may find a script silent before it finds it big."""


@pytest_asyncio.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    """One for the module."""
    async with Browser() as browser:
        yield browser


@pytest_asyncio.fixture(scope="module")
async def bystander(browser: Browser) -> AsyncIterator[Loaded]:
    """Another worklet, which must go on."""
    async with loaded(browser, running("await sharedStorage.get('a');")) as made:
        yield made


async def _end_of(browser: Browser, code: str) -> list[str]:
    """Why the worklet that runs ``code`` was ended."""
    made = await load(browser, running(code), limits=_SHORT)
    async with asyncio.timeout(30):
        assert await made.go() == OperationResult(died=True)
    return made.services.ends


async def _given_back(browser: Browser, bystander: Loaded) -> None:
    """Wait until the process has back what worklets that ended held: until then its growth tells nothing."""
    page, watch = bystander.worklet.page, browser.worklets._watch
    async with asyncio.timeout(10):
        while page.ending or watch._now <= page.process.settled:
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("code", ["for (;;);", "for (;;) await null;", "for (;;) try { throw 1 } catch {}"])
async def test_a_script_that_never_ends_is_ended_and_the_others_go_on(
    browser: Browser, bystander: Loaded, code: str
) -> None:
    assert await _end_of(browser, code) == ["it did not respond"]
    assert await bystander.go() == OperationResult()


async def test_a_module_script_that_never_ends_is_ended(browser: Browser, bystander: Loaded) -> None:
    services = Services()
    worklet = await browser.worklets.create(services, options={}, limits=_SHORT)
    assert await worklet.add_module(WorkletScript(URL, "for (;;);")) == ScriptFailure("The worklet has ended.")
    assert services.ends == ["it did not respond"]
    assert await bystander.go() == OperationResult()


@pytest.mark.parametrize(
    "fill",
    [
        "held.push({ x: held.length });",
        "held.push(new Uint8Array(1 << 22).fill(1));",
        "held.push(new Uint8Array(1 << 22).fill(1)); await sharedStorage.get('a');",
        # After a while V8 refuses more, if the watch is slow: what is held by then is too much all the same.
        "try { held.push(new WebAssembly.Memory({ initial: 64 })); new Uint8Array(held.at(-1).buffer).fill(1) } catch {}",  # noqa: E501
        "held.push('x'.repeat(1 << 22) + held.length); JSON.stringify(held.at(-1));",
    ],
    ids=["objects", "buffers", "buffers with pauses", "webassembly", "strings"],
)
async def test_a_script_that_allocates_without_bound_is_ended_and_the_others_go_on(
    browser: Browser, bystander: Loaded, fill: str
) -> None:
    await _given_back(browser, bystander)
    made = await load(browser, running(f"const held = []; for (;;) {{ {fill} }}"), limits=_SMALL)
    async with asyncio.timeout(30):
        assert await made.go() == OperationResult(died=True)
    assert made.services.ends == ["it held too much memory"]
    assert await bystander.go() == OperationResult()


async def test_a_loop_that_contributes_is_ended_before_it_keeps_the_agent_busy(
    browser: Browser, bystander: Loaded
) -> None:
    made = await load(
        browser, running("for (;;) privateAggregation.contributeToHistogram({ bucket: 1n, value: 1 });"), limits=_SHORT
    )
    async with asyncio.timeout(30):
        assert await made.go() == OperationResult(died=True)
    assert made.services.ends == ["it sent too much without a pause"]
    assert len(made.services.contributions) <= 500
    assert await bystander.go() == OperationResult()


async def test_a_thousand_messages_without_a_pause_arrive_in_order(browser: Browser) -> None:
    script = running("""
        for (let i = 0; i < 1000; i++) privateAggregation.contributeToHistogram({ bucket: BigInt(i), value: 1 });
        await sharedStorage.get("a");
        privateAggregation.contributeToHistogram({ bucket: 1000n, value: 1 });
    """)
    async with loaded(browser, script) as made:
        assert await made.go() == OperationResult()
        assert [c.bucket for _, c in made.services.contributions] == list(range(1001))


async def test_what_was_contributed_before_an_endless_loop_has_arrived(browser: Browser) -> None:
    made = await load(
        browser,
        running("privateAggregation.contributeToHistogram({ bucket: 1n, value: 1 }); for (;;);"),
        limits=_SHORT,
    )
    assert (await made.go(3)).died
    assert [owner for owner, _ in made.services.contributions] == [3]


async def test_a_loop_that_logs_or_imports_is_ended_and_the_others_go_on(browser: Browser, bystander: Loaded) -> None:
    for code in ("for (;;) console.log('x');", "for (let i = 0; ; i++) import('/x' + i).catch(() => 0);"):
        made = await load(browser, running(code), limits=_SHORT)
        going = asyncio.ensure_future(made.go())  # noqa: TID251 - awaited below
        slowest = 0.0
        while not going.done():
            started = asyncio.get_running_loop().time()
            assert await bystander.go() == OperationResult()
            slowest = max(slowest, asyncio.get_running_loop().time() - started)
            await asyncio.sleep(0.05)
        assert (await going).died
        assert made.services.ends == ["it did not respond"]
        assert len(made.services.logs) <= 200
        assert slowest < 2


async def test_a_worklet_that_waits_for_the_host_is_not_ended(browser: Browser) -> None:
    services = Services(delays=[2.5])
    async with loaded(browser, running("await sharedStorage.get('a');"), services=services, limits=_SHORT) as made:
        result = await made.go()
        assert services.ends == []
        assert result == OperationResult()


async def test_what_the_console_is_given_is_cut_before_it_leaves(browser: Browser) -> None:
    long = "const long = 'x'.repeat(1e6);"
    script = running(f"""{long}
        console.log(long); console.log(Symbol(long)); console.log(Object.assign(new Error(), {{ stack: long }}));
        console.log(new Function(`/*${{long}}*/`)); console.log(1n << 1000000n);
        console.log("short", 5n, Symbol("s"), new Error("told").message);
    """)
    async with loaded(browser, script) as made:
        sizes: list[int] = []
        heard = made.worklet._heard

        def measured(message: dict[str, object]) -> None:
            sizes.append(len(str(message)))
            heard(message)

        made.worklet.page.pipe.on_session[made.worklet.worker.session.encode()] = lambda raw: measured(json.loads(raw))
        await made.go()
        async with asyncio.timeout(10):
            while len(made.services.logs) < 6:
                await asyncio.sleep(0.01)
        assert ("log", "short 5n Symbol(s) told") in made.services.logs
        assert max(sizes) < 50_000


async def test_no_other_console_is_without_bound(browser: Browser) -> None:
    script = running("const { log } = console.context('x'); for (let i = 0; i < 5000; i++) log(i); console.log('end');")
    async with loaded(browser, script) as made:
        await made.go()
        assert len(made.services.logs) <= 200


async def test_a_loop_that_reads_everything_at_once_gets_it_and_the_others_go_on(
    browser: Browser, bystander: Loaded
) -> None:
    services = Services()
    services.entries_ = {f"{number:04}": "v" * 10_000 for number in range(200)}
    code = """
        const reads = Array.from({ length: 40 }, () => sharedStorage.values().next());
        for (const { value } of await Promise.all(reads)) if (value.length !== 10000) throw new Error(value.length);
    """
    async with loaded(browser, running(code), services=services) as made:
        going = asyncio.ensure_future(made.go())  # noqa: TID251 - awaited below
        while not going.done():
            assert await bystander.go() == OperationResult()
        assert await going == OperationResult()
