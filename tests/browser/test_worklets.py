"""Worklets in Chromium: they live, run scripts, are called, and end (worklet-isolation sections 1 and 3)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from agent.browser.launch import Browser
from agent.model.attribution_reporting.reports import Contribution
from agent.model.shared_storage import SetMethod
from agent.model.worklets import OperationResult, ScriptFailure, StorageFailure, WorkletScript
from tests.browser.worklet_world import URL, Services, lines_of, load, loaded, operation, running

pytestmark = pytest.mark.browser


@pytest_asyncio.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    """One for the module."""
    async with Browser() as browser:
        yield browser


async def test_an_operation_reads_what_is_stored_and_contributes_under_its_own_number(browser: Browser) -> None:
    script = running("""
        const value = await sharedStorage.get("bucket");
        privateAggregation.contributeToHistogram({ bucket: BigInt(value), value: 3 });
    """)
    async with loaded(browser, script, services=Services({"bucket": "1208925819614629174706176"})) as made:
        assert await made.go(5) == OperationResult()
        assert made.services.told == [("get", 5, "bucket")]
        assert made.services.contributions == [(5, Contribution(1 << 80, 3))]


async def test_what_a_worklet_writes_arrives_in_order_with_its_lock_and_its_batch(browser: Browser) -> None:
    script = running("""
        await sharedStorage.set("a", "1");
        await sharedStorage.batchUpdate([new SharedStorageSetMethod("b", "2")], { withLock: "l" });
    """)
    async with loaded(browser, script) as made:
        assert await made.go() == OperationResult()
        assert made.services.told == [
            ("update", 1, (SetMethod("a", "1"),), None, False),
            ("update", 1, (SetMethod("b", "2"),), "l", True),
        ]


async def test_a_refused_write_rejects_in_the_worklet(browser: Browser) -> None:
    services = Services(refusal=StorageFailure("OperationError", "sharedStorage.set() failed"))
    script = running("await sharedStorage.set('a', '1').catch((e) => console.log(e.name, e.message));")
    async with loaded(browser, script, services=services) as made:
        await made.go()
        assert services.lines == ["OperationError sharedStorage.set() failed"]


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("\n      throw new Error('boom')", f"Error: boom\n    at {URL}:2:13"),
        ("throw 5", "5"),
        ("throw undefined", "undefined"),
        ("import x from './y.js'", "SyntaxError: Cannot use import statement outside a module"),
        ("<!doctype html>", "SyntaxError: Unexpected token '<'"),
        ("throw {stack: 'mine'}", "mine"),
    ],
)
async def test_a_module_script_that_fails_says_why(browser: Browser, script: str, message: str) -> None:
    worklet = await browser.worklets.create(Services(), options={})
    assert await worklet.add_module(WorkletScript(URL, script)) == ScriptFailure(message)
    await worklet.close()


async def test_a_module_script_is_a_classic_sloppy_script_whose_names_stay(browser: Browser) -> None:
    script = "let kept = 1; class Kept {} var own = (function () { return this === globalThis; })();"
    async with loaded(
        browser, script + running("kept++; console.log(kept, typeof Kept, own, globalThis.own);")
    ) as made:
        await made.go(1)
        await made.go(2)
        assert made.services.lines == ["2 function true true", "3 function true true"]


async def test_an_operation_that_throws_tells_where_and_no_frame_of_ours(browser: Browser) -> None:
    async with loaded(browser, "class Op {\n run() {\n  throw new Error('boo'); } }\nregister('go', Op)") as made:
        assert await made.go() == OperationResult(
            failure=ScriptFailure(f"Error: boo\n    at Op.run ({URL}:3:9)"), uncaught_error=True
        )


async def test_select_url_gets_its_urls_and_gives_the_index(browser: Browser) -> None:
    async with loaded(browser, running("console.log(first); return 1;")) as made:
        call = operation(urls=("https://a.test/", "https://b.test/"))
        assert await made.worklet.call(call) == OperationResult(index=1)
        assert made.services.lines == ["Array(2) [https://a.test/, https://b.test/]"]


async def test_worklets_have_realms_of_their_own(browser: Browser) -> None:
    script = "globalThis.count = (globalThis.count ?? 0) + 1; Array.prototype.mine ??= 0; Array.prototype.mine++;"
    async with loaded(browser, script), loaded(browser, script + running("console.log(count, [].mine);")) as second:
        await second.go()
        assert second.services.lines == ["1 1"]


async def test_twenty_interleaved_operations_contribute_each_under_its_own_number(browser: Browser) -> None:
    # Contributions after waits for the host, bare awaits, and what the browser settles on its own.
    script = running("""
        const mine = Number(await sharedStorage.get("mine"));
        for (let turn = 0; turn < 6; turn++) {
          privateAggregation.contributeToHistogram({ bucket: BigInt(turn), value: 1 });
          await null;
          if (turn % 3 === 0) await sharedStorage.get("other");
          if (turn % 3 === 1) await crypto.subtle.digest("SHA-256", new Uint8Array(turn * 1000));
          if (turn % 3 === 2) await (async () => { for await (const key of sharedStorage.keys()) await key; })();
          privateAggregation.contributeToHistogram({ bucket: BigInt(turn), value: 2 });
        }
    """)
    services = Services({"mine": "1"}, delays=[0.001 * (n * 7 % 13) for n in range(60)])
    async with loaded(browser, script, services=services) as made:
        results = await asyncio.gather(*(made.go(number) for number in range(1, 21)))
    assert results == [OperationResult()] * 20
    expected = [Contribution(turn, value) for turn in range(6) for value in (1, 2)]
    for number in range(1, 21):
        assert [c for owner, c in services.contributions if owner == number] == expected
    assert services.late == 0


async def test_contributions_of_floating_promises_after_the_end_are_late(browser: Browser) -> None:
    script = running("""
        (async () => {
          await sharedStorage.get("a");
          try { privateAggregation.contributeToHistogram({ bucket: 1n, value: 1 }); } catch {}
          console.log("floated");
        })();
    """)
    async with loaded(browser, script, services=Services(delays=[0.1])) as made:
        assert await made.go() == OperationResult()
        async with asyncio.timeout(10):
            while made.services.lines != ["floated"]:
                await asyncio.sleep(0.01)
        assert made.services.contributions == []
        assert made.services.late == 1


async def test_webassembly_and_natively_asynchronous_functions_keep_the_operation(browser: Browser) -> None:
    # The smallest module there is.
    script = running("""
        const bytes = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]);
        await WebAssembly.compile(bytes);
        privateAggregation.contributeToHistogram({ bucket: 1n, value: 1 });
        await WebAssembly.instantiate(bytes);
        privateAggregation.contributeToHistogram({ bucket: 2n, value: 1 });
        await crypto.subtle.digest("no such", bytes).catch((e) => console.log(e.name));
        privateAggregation.contributeToHistogram({ bucket: 3n, value: 1 });
    """)
    async with loaded(browser, script) as made:
        assert await made.go(9) == OperationResult()
        assert made.services.contributions == [(9, Contribution(bucket, 1)) for bucket in (1, 2, 3)]
        assert made.services.lines == ["NotSupportedError"]


async def test_locks_are_asked_for_and_given_back(browser: Browser) -> None:
    script = running("await navigator.locks.request('l', async (lock) => console.log(lock.name, lock.mode));")
    async with loaded(browser, script) as made:
        going = asyncio.ensure_future(made.go())  # noqa: TID251 - awaited below
        await asyncio.sleep(0.1)
        assert made.services.lines == []
        made.services.lock_free.set()
        assert await going == OperationResult()
        assert made.services.lines == ["l exclusive"]
        assert made.services.told == [("request_lock", "l", "exclusive", False, False), ("release_lock", 7)]


async def test_a_stolen_lock_rejects_the_request_in_the_operation_that_made_it(browser: Browser) -> None:
    script = running("""
        try {
          await navigator.locks.request("l", () => new Promise(() => console.log("held")));
        } catch (e) {
          console.log(e.name);
          privateAggregation.contributeToHistogram({ bucket: 1n, value: 1 });
        }
    """)
    async with loaded(browser, script) as made:
        made.services.lock_free.set()
        going = asyncio.ensure_future(made.go(4))  # noqa: TID251 - awaited below
        async with asyncio.timeout(10):
            while made.services.lines != ["held"]:
                await asyncio.sleep(0.01)
        made.worklet.lock_broken(7)
        assert await going == OperationResult()
        assert made.services.lines == ["held", "AbortError"]
        assert made.services.contributions == [(4, Contribution(1, 1))]


async def test_console_calls_and_uncaught_exceptions_are_told(browser: Browser) -> None:
    script = running("""
        console.log("a", 1, { b: 2 }, [3]);
        console.warn(undefined, null);
        Promise.reject(new RangeError("nobody caught me"));
    """)
    async with loaded(browser, script) as made:
        await made.go()
        async with asyncio.timeout(10):
            while len(made.services.logs) < 3:
                await asyncio.sleep(0.01)
        logs = made.services.logs
        assert logs[:2] == [("log", "a 1 {b: 2} Array(1) [3]"), ("warn", "undefined null")]
        assert logs[2][0] == "error"
        assert "RangeError: nobody caught me" in logs[2][1]


async def test_close_ends_an_operation_that_never_would_and_tells_nobody(browser: Browser) -> None:
    for code in ("for (;;);", "for (;;) await null;", "await new Promise(() => {});"):
        made = await load(browser, running(code))
        going = asyncio.ensure_future(made.go())  # noqa: TID251 - awaited below
        await asyncio.sleep(0.1)
        await made.worklet.close()
        async with asyncio.timeout(10):
            assert await going == OperationResult(died=True)
        assert made.services.ends == []


@pytest.mark.parametrize(
    "code",
    [
        "for (;;);",
        "for (;;) await null;",
        "for (;;) try { for (;;); } finally { for (;;); }",
        "Atomics.wait(new Int32Array(new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }).buffer), 0, 0);",
        "/^(a+)+$/.test('a'.repeat(60) + 'b');",
        "const held = []; for (;;) held.push(new Uint8Array(1 << 20).fill(1));",
    ],
    ids=["loop", "microtasks", "finally", "waiting", "regular expression", "allocation"],
)
async def test_a_closed_worklet_is_gone_whatever_it_was_doing(browser: Browser, code: str) -> None:
    made = await load(browser, running(code))
    going = asyncio.ensure_future(made.go())  # noqa: TID251 - awaited below
    await asyncio.sleep(0.2)
    page, session = made.worklet.page, made.worklet.worker.session
    await made.worklet.close()
    assert (await going).died
    async with asyncio.timeout(14):
        await asyncio.sleep(0.05)
        while session in page.ending:
            await asyncio.sleep(0.01)
    assert not page.closed


async def test_close_is_safe_twice_and_in_the_midst_of_the_module_script(browser: Browser) -> None:
    worklet = await browser.worklets.create(Services(), options={})
    adding = asyncio.ensure_future(worklet.add_module(WorkletScript(URL, "for (;;);")))  # noqa: TID251
    await asyncio.sleep(0.1)
    await worklet.close()
    await worklet.close()
    async with asyncio.timeout(10):
        assert isinstance(await adding, ScriptFailure)
    assert await worklet.call(operation()) == OperationResult(died=True)
    assert isinstance(await worklet.add_module(WorkletScript(URL, "1")), ScriptFailure)


async def test_a_worklet_that_spins_blocks_no_other(browser: Browser) -> None:
    async with loaded(browser, running("for (;;);")) as spinning, loaded(browser, running("")) as other:
        going = asyncio.ensure_future(spinning.go())  # noqa: TID251 - awaited below
        async with asyncio.timeout(5):
            for number in range(1, 6):
                assert await other.go(number) == OperationResult()
        assert not going.done()
        await spinning.worklet.close()
        assert (await going).died


async def test_worklets_made_at_once_share_one_page(browser: Browser) -> None:
    made = await asyncio.gather(*(load(browser, running("console.log('here')")) for _ in range(8)))
    results = await asyncio.gather(*(one.go() for one in made))
    assert results == [OperationResult()] * 8
    assert [one.services.lines for one in made] == [["here"]] * 8
    for one in made:
        await one.worklet.close()


async def test_import_is_refused_in_chromiums_words(browser: Browser) -> None:
    lines = await lines_of(
        browser,
        """
        const tries = [
          () => import("/wl.js"), () => import("https://elsewhere.test/x.js"), () => eval("import('./y.js')"),
          () => new Function("return import('/z.js')")(),
        ];
        for (const attempt of tries) await attempt().catch((e) => console.log(e.constructor === TypeError, e.message));
        """,
    )
    assert lines == ["true import() is disallowed on WorkletGlobalScope."] * 4


async def test_the_users_side_of_playwright_sees_nothing_of_the_hidden_page() -> None:
    async with Browser() as browser:
        playwright_browser = browser._browser
        users = await playwright_browser.new_context()
        page = await users.new_page()
        seen: list[object] = []

        def see(shown: object) -> None:
            seen.append(shown)

        users.on("page", see)
        page.on("worker", see)
        async with loaded(browser, running("console.log('here')")) as made:
            await made.go()
            assert playwright_browser.contexts == [users]
            assert users.pages == [page]
            assert page.workers == []
            assert seen == []
            assert await page.evaluate("1 + 1") == 2


async def test_a_crash_ends_its_worklets_and_the_next_gets_a_new_process() -> None:
    async with Browser() as browser:
        first, second = await load(browser, running("await new Promise(() => {})")), await load(browser, running(""))
        going = asyncio.ensure_future(first.go())  # noqa: TID251 - awaited below
        await asyncio.sleep(0.1)
        assert browser.worklets._pages.page is not None
        browser.worklets._pages.page.crash()
        async with asyncio.timeout(10):
            assert await going == OperationResult(died=True)
        assert first.services.ends == second.services.ends == ["its process is gone"]
        assert await second.go() == OperationResult(died=True)
        async with loaded(browser, running("console.log('again')")) as made:
            assert await made.go() == OperationResult()
            assert made.services.lines == ["again"]


async def test_a_browser_that_closes_ends_its_worklets() -> None:
    async with Browser() as browser:
        made = await load(browser, running("await new Promise(() => {})"))
        going = asyncio.ensure_future(made.go())  # noqa: TID251 - awaited below
        await asyncio.sleep(0.05)
    async with asyncio.timeout(10):
        assert await going == OperationResult(died=True)
