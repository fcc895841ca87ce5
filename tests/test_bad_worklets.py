"""Bad input to worklets: "Scripts that never end, throw, leak floating promises, allocate without bound, or are not
JavaScript. [...] None takes down the host, its page, another worklet or another profile."
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from agent.browser.launch import Browser
from agent.model.private_aggregation import PRIVATE_AGGREGATION
from agent.model.settings import Settings
from agent.model.shared_storage import StorageEvent
from agent.model.shared_storage_limits import SharedStorageLimits
from tests.bystanders import Bystanders, bystanders
from tests.scenarios.world import JAVASCRIPT, Answer, operation

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(120)]
_LIMITS = SharedStorageLimits(worklet_unresponsive=1500, worklet_memory=128 * 1024 * 1024)
"""And patient: a slow machine may find a script silent before it finds it big."""
RUN = "w.run('op', { keepAlive: true })"


@pytest_asyncio.fixture(scope="module")
async def everyone(agent_browser: Browser) -> AsyncIterator[Bystanders]:
    """One page for all bad worklets of the module: what one of them spoils, the next one meets."""
    async with bystanders(agent_browser, Settings(shared_storage_limits=_LIMITS)) as everyone:
        yield everyone


async def _end(everyone: Bystanders, code: str) -> str:
    """What becomes of an operation that runs ``code``; nobody suffers, neither meanwhile nor after it."""
    return await _end_of_script(everyone, operation(code))


async def _end_of_script(everyone: Bystanders, script: str) -> str:
    world = everyone.world
    url = await world.worklet(everyone.page, script)
    assert await world.outcome(everyone.page, RUN) is None, "run() resolves before the operation ends"
    await everyone.suffer_nothing()
    (verdict,) = await world.ends_of(url)
    await everyone.suffer_nothing()
    return verdict


# "Scripts that never end"

NEVER_ENDS = {
    "loop": "for (;;);",
    "microtasks": "for (;;) await null;",
    "catching": "for (;;) try { throw 1; } catch {}",
    "recursive promises": "const again = () => Promise.resolve().then(again); await again();",
    "regular expression": "/^(a+)+$/.test('a'.repeat(40) + 'b');",
    "thenable": "await { then() { for (;;); } };",
    "getter": "const o = { get key() { for (;;); } }; await sharedStorage.get({ toString: () => o.key });",
    "wasm-like": "let n = 1n; for (;;) n = n * 3n % 1000003n;",
}


@pytest.mark.parametrize("code", NEVER_ENDS.values(), ids=NEVER_ENDS)
async def test_a_script_that_never_ends_is_ended_alone(everyone: Bystanders, code: str) -> None:
    assert await _end(everyone, code) == "died"


async def test_a_module_script_that_never_ends_is_ended_alone(everyone: Bystanders) -> None:
    world = everyone.world
    world.script("a.test/endless.js", "for (;;);")
    page = everyone.page
    await page.evaluate("() => { globalThis.made = sharedStorage.createWorklet('/endless.js'); made.catch(() => 0); }")
    await everyone.suffer_nothing()
    assert (await world.outcome(page, "made")).startswith("OperationError: ")
    await everyone.suffer_nothing()


async def test_an_operation_that_waits_for_ever_takes_nothing_and_goes_with_its_page(everyone: Bystanders) -> None:
    world = everyone.world
    page = await world.open()
    url = await world.worklet(page, operation("await new Promise(() => {});"))
    await page.evaluate(RUN)
    await everyone.suffer_nothing()
    await page.close()
    assert await world.ends_of(url) == ["died"]
    await everyone.suffer_nothing()


async def test_a_loop_that_asks_the_host_for_ever_starves_nobody_and_goes_with_its_page(everyone: Bystanders) -> None:
    world = everyone.world
    page = await world.open()
    url = await world.worklet(page, operation("for (;;) await sharedStorage.length();"))
    await page.evaluate(RUN)
    await everyone.suffer_nothing()
    await page.close()
    assert await world.ends_of(url) == ["died"]
    await everyone.suffer_nothing()


# "throw"

THROWS = {
    "error": "throw new Error('boom');",
    "undefined": "throw undefined;",
    "null": "throw null;",
    "symbol": "throw Symbol('boom');",
    "throws when read": "throw { toString() { throw 1; }, get stack() { throw 2; }, get name() { throw 3; } };",
    "revoked proxy": "const { proxy, revoke } = Proxy.revocable({}, {}); revoke(); throw proxy;",
    "endless message": "throw new Error('x'.repeat(1 << 24));",
    "stack overflow": "const deeper = () => deeper(); deeper();",
    "in its stack": "Error.prepareStackTrace = () => { throw 1; }; throw new Error('boom');",
    "rejected thenable": "return { then(_, reject) { reject(new Error('boom')); } };",
}


@pytest.mark.parametrize("code", THROWS.values(), ids=THROWS)
async def test_a_script_that_throws_fails_alone(everyone: Bystanders, code: str) -> None:
    assert await _end(everyone, code) == "failed"


FAILS = {
    "constructor": "register('op', class { constructor() { throw new Error('boom'); } async run() {} });",
    "unknown": "register('other', class { async run() {} });",
}


@pytest.mark.parametrize("script", FAILS.values(), ids=FAILS)
async def test_an_operation_that_cannot_be_called_fails_alone(everyone: Bystanders, script: str) -> None:
    assert await _end_of_script(everyone, script) == "failed"


# "leak floating promises"

LEAKS = {
    "rejects": "Promise.reject(new Error('boom')); (async () => { throw 1; })();",
    "writes": "for (let i = 0; i < 1000; i++) sharedStorage.set('late', 'x');",
    "ten thousand": "for (let i = 0; i < 10000; i++) sharedStorage.get('late');",
    "locks": "navigator.locks.request('leaked', () => new Promise(() => {}));",
}


@pytest.mark.parametrize("code", LEAKS.values(), ids=LEAKS)
async def test_a_script_that_leaks_floating_promises_ends_as_if_it_had_not(everyone: Bystanders, code: str) -> None:
    assert await _end(everyone, code) == "finished"


async def test_a_floating_promise_that_contributes_after_its_operation_is_ignored(everyone: Bystanders) -> None:
    world = everyone.world
    code = """
        sharedStorage.get("a").then(() => sharedStorage.get("b"))
            .then(() => privateAggregation.contributeToHistogram({ bucket: 1n, value: 1 }));
    """
    assert await _end(everyone, code) == "finished"
    async with asyncio.timeout(10):
        while "late-contribution" not in await world.verdicts(StorageEvent.RUN):
            await asyncio.sleep(0.02)
    assert "report-scheduled" not in await world.verdicts(PRIVATE_AGGREGATION)


async def test_a_script_that_leaks_an_endless_flow_of_promises_is_ended_alone(everyone: Bystanders) -> None:
    world = everyone.world
    url = await world.worklet(everyone.page, operation("(async () => { for (;;) await null; })();"))
    await world.outcome(everyone.page, RUN)
    await everyone.suffer_nothing()
    assert len(await world.ends_of(url)) == 1
    await everyone.suffer_nothing()


# "allocate without bound"

ALLOCATES = {
    "objects": "const held = []; for (;;) held.push({ x: held.length });",
    "buffers": "const held = []; for (;;) held.push(new Uint8Array(1 << 22).fill(1));",
    "with pauses": "const held = []; for (;;) { held.push(new Uint8Array(1 << 22).fill(1)); await crypto.subtle.digest("
    "'SHA-1', new Uint8Array(1)); }",
    "contributions": "for (;;) privateAggregation.contributeToHistogram({ bucket: 1n, value: 0 });",
    "writes": "for (let i = 0; ; i++) sharedStorage.append('grown', 'x'.repeat(1000));",
    "logs": "for (;;) console.log('x'.repeat(100000));",
}


@pytest.mark.parametrize("code", ALLOCATES.values(), ids=ALLOCATES)
async def test_a_script_that_allocates_without_bound_is_ended_alone(everyone: Bystanders, code: str) -> None:
    assert await _end(everyone, code) == "died"


async def test_a_script_that_allocates_webassembly_memory_without_bound_is_ended_or_refused_alone(
    everyone: Bystanders,
) -> None:
    code = """
        const held = [];
        for (;;) {
            held.push(new WebAssembly.Memory({ initial: 64 }));
            new Uint8Array(held.at(-1).buffer).fill(1);
        }
    """
    assert await _end(everyone, code) in ("died", "failed"), "the browser has no more memory for it, or the host"


# "or are not JavaScript"

NOT_JAVASCRIPT = {
    "HTML": "<!doctype html><p>Not found</p>",
    "JSON": '{"a": 1, "b": 2}',
    "text": "Service temporarily unavailable",
    "a string that does not end": "'",
    "import": "import './x.js';",
    "export": "export default 1;",
    "await": "await 1;",
    "PNG": b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR",
    "WebAssembly": b"\0asm\1\0\0\0",
    "no UTF-8": b"let a = \xff\xfe;",
    "UTF-16": "let a = 1;".encode("utf-16-be"),
}


@pytest.mark.parametrize("body", NOT_JAVASCRIPT.values(), ids=NOT_JAVASCRIPT)
async def test_what_is_not_javascript_is_a_syntax_error(everyone: Bystanders, body: str | bytes) -> None:
    everyone.world.answers["a.test/bad.js"] = Answer(body, JAVASCRIPT)
    outcome = await everyone.world.outcome(everyone.page, "sharedStorage.createWorklet('/bad.js')")
    assert outcome.startswith("OperationError: SyntaxError: ")
    await everyone.suffer_nothing()


@pytest.mark.parametrize("body", ["[" * 1_000_000, "a.b" * 2_000_000, "(" * 100_000 + ")" * 100_000])
async def test_what_no_parser_reads_in_one_go_is_refused_alone(everyone: Bystanders, body: str) -> None:
    everyone.world.answers["a.test/bad.js"] = Answer(body, JAVASCRIPT)
    outcome = await everyone.world.outcome(everyone.page, "sharedStorage.createWorklet('/bad.js')")
    assert outcome.startswith("OperationError: ")
    await everyone.suffer_nothing()


async def test_an_empty_script_is_one(everyone: Bystanders) -> None:
    assert await _end_of_script(everyone, "") == "failed"
