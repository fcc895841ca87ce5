"""Functions of auctions' scripts in fresh realms of a real browser (protected-audience sections 2 and 3)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from agent.browser.auction_realm import AuctionRealm
from agent.browser.launch import Browser
from agent.browser.worklet_page import WorkletPage
from agent.model.attribution_reporting.reports import Contribution
from agent.model.private_aggregation import DebugDetails
from agent.model.protected_audience import (
    AuctionFunction,
    EventContribution,
    FunctionCall,
    FunctionResult,
    Signal,
    StorageWrite,
)
from agent.model.shared_storage import ClearMethod, SetMethod
from agent.model.worklets import WorkletScript

pytestmark = pytest.mark.browser

URL = "https://buyer.test/bid.js"
GENERATE_BID = AuctionFunction.GENERATE_BID
AMPLE = 5000


@pytest_asyncio.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    """One for the module."""
    async with Browser() as browser:
        yield browser


async def call(
    browser: Browser,
    text: str,
    *arguments: Any,
    function: AuctionFunction = GENERATE_BID,
    timeout: int = AMPLE,
    **policy: bool,
) -> FunctionResult:
    """Call a function of the script ``text``."""
    arguments_ = json.dumps(arguments)
    return await browser.auction_scripts.call(
        FunctionCall(WorkletScript(URL, text), function, arguments_, timeout, **policy)
    )


async def bid(browser: Browser, body: str, **more: Any) -> FunctionResult:
    """Run the function body in ``generateBid``."""
    return await call(browser, f"function generateBid(...given) {{ {body} }}", **more)


async def thrown(browser: Browser, statements: list[str], function: AuctionFunction = GENERATE_BID) -> list[str | None]:
    """What each statement throws, all in one call."""
    tries = "".join(
        f"try {{ {one}; out.push(null) }} catch (e) {{ out.push(`${{e.name}}: ${{e.message}}`) }}" for one in statements
    )
    result = await call(browser, f"function {function}() {{ const out = []; {tries} return out }}", function=function)
    assert result.failure is None, result.failure
    texts: list[str | None] = result.value
    return texts


# The call.


async def test_arguments_and_result_cross_as_json(browser: Browser) -> None:
    result = await call(
        browser, "function generateBid(a, b) { return { a, b, n: arguments.length, u: undefined } }", {"x": [1]}, None
    )
    assert (result.value, result.failure) == ({"a": {"x": [1]}, "b": None, "n": 2}, None)


async def test_state_of_the_top_level_never_survives(browser: Browser) -> None:
    script = "let calls = 0; function generateBid() { return ++calls }"
    assert [(await call(browser, script)).value for _ in range(2)] == [1, 1]


async def test_many_calls_run_at_once(browser: Browser) -> None:
    results = await asyncio.gather(*(bid(browser, f"return {n}") for n in range(8)))
    assert [result.value for result in results] == list(range(8))


async def test_an_exception_is_told_with_its_line_and_what_was_done_before_is_kept(browser: Browser) -> None:
    result = await bid(
        browser, "privateAggregation.contributeToHistogram({ bucket: 1n, value: 2 });\n\nthrow new Error('no')"
    )
    assert result.failure == f"{URL}:3 Uncaught Error: no."
    assert result.contributions == (Contribution(1, 2),)
    assert not result.timed_out


async def test_an_exception_of_the_interface_has_the_line_of_the_call(browser: Browser) -> None:
    result = await bid(browser, "\nprivateAggregation.contributeToHistogram()")
    assert result.failure == (
        f"{URL}:2 Uncaught TypeError: privateAggregation.contributeToHistogram(): at least 1 argument(s) are required."
    )


@pytest.mark.parametrize(
    ("script", "failure"),
    [
        ("let x = 1;\nlet x = 2;", f"{URL}:2 Uncaught SyntaxError: Identifier 'x' has already been declared."),
        ("throw 'text'", f"{URL}:1 Uncaught text."),
        ("const generateBid = () => 1", f"{URL} `generateBid` is not a function."),
    ],
)
async def test_a_script_without_the_function_fails(browser: Browser, script: str, failure: str) -> None:
    result = await call(browser, script)
    assert (result.value, result.failure) == (None, failure)


async def test_a_function_that_does_not_end_is_stopped_and_its_last_bid_stands(browser: Browser) -> None:
    contribute = "privateAggregation.contributeToHistogram({ bucket: 7n, value: 1 });"
    body = f"{contribute} setBid({{ bid: 1 }}); setBid({{ bid: 2 }}); for (;;);"
    result = await bid(browser, body, timeout=50)
    assert (result.timed_out, result.value) == (True, {"bid": 2})
    assert result.failure == f"{URL} execution of `generateBid` timed out."
    assert result.contributions == (Contribution(7, 1),)
    assert 50 <= result.duration < 1000


async def test_a_top_level_that_does_not_end_is_stopped(browser: Browser) -> None:
    result = await call(browser, "for (;;);", timeout=50)
    assert (result.timed_out, result.failure) == (True, f"{URL} top-level execution timed out.")


async def test_a_bid_that_was_set_is_forgotten_by_a_function_that_ends(browser: Browser) -> None:
    assert (await bid(browser, "setBid({ bid: 1 })")).value is None


@pytest.mark.parametrize(
    ("function", "failure"),
    [
        (GENERATE_BID, f"{URL} generateBid() bid has invalid ad value."),
        (AuctionFunction.SCORE_AD, f"{URL} scoreAd() did not return an object or a number."),
        (AuctionFunction.REPORT_RESULT, None),
    ],
)
async def test_a_value_without_a_json_text_is_none(browser: Browser, function: AuctionFunction, failure: str) -> None:
    result = await call(browser, f"function {function}() {{ return 1n }}", function=function)
    assert (result.value, result.failure) == (None, failure)


@pytest.mark.parametrize(
    "body",
    [
        "Promise.resolve().then(() => { for (;;); }); for (;;);",
        "(async () => { for (;;) await 0; })();",
        "Error.prepareStackTrace = () => { for (;;); }; throw new Error('x');",
        "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);",
    ],
)
async def test_code_that_goes_on_in_other_ways_is_stopped_and_what_it_did_is_kept(browser: Browser, body: str) -> None:
    contribute = "privateAggregation.contributeToHistogram({ bucket: 7n, value: 1 });"
    result = await bid(browser, f"{contribute} {body}", timeout=120)
    assert result.contributions == (Contribution(7, 1),)


async def test_a_function_that_cannot_be_stopped_in_time_is_ended_with_its_realm(browser: Browser) -> None:
    body = "throw Object.setPrototypeOf(new Error('x'), new Proxy({}, { get() { for (;;); } }))"
    result = await bid(browser, body, timeout=120)
    assert (result.timed_out, result.failure) == (True, f"{URL} execution of `generateBid` timed out.")
    assert (await bid(browser, "return 2")).value == 2


async def test_a_machine_too_slow_for_the_hosts_own_questions_changes_no_result(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    say = AuctionRealm._say
    cut_short: list[str] = []

    async def slow(self: AuctionRealm, what: str, *values: object, limit: int | None = None) -> Any:
        answer = await say(self, what, *values, limit=limit)
        if what in ("spent", "result") and cut_short.count(what) < 3:
            cut_short.append(what)
            return {"error": {"message": "Execution was terminated"}}
        return answer

    monkeypatch.setattr(AuctionRealm, "_say", slow)
    result = await bid(browser, "return 7")
    assert (result.value, result.failure, result.timed_out) == (7, None, False)
    assert cut_short == ["spent"] * 3 + ["result"] * 3


async def test_a_realm_that_answers_no_question_of_the_hosts_is_ended_in_time(
    browser: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    say = AuctionRealm._say

    async def mute(self: AuctionRealm, what: str, *values: object, limit: int | None = None) -> Any:
        # As the pipe of a browser that is gone answers: at once.
        return {"error": {}} if what == "result" else await say(self, what, *values, limit=limit)

    monkeypatch.setattr(AuctionRealm, "_say", mute)
    async with asyncio.timeout(10):
        assert (await bid(browser, "return 7", timeout=100)).timed_out


# What it can do.


async def test_contributions_debug_details_and_signals_come_back_in_order(browser: Browser) -> None:
    result = await bid(
        browser,
        """privateAggregation.contributeToHistogram({ bucket: 2n ** 127n, value: 1, filteringId: 255n });
        privateAggregation.contributeToHistogram({ bucket: '12', value: 1.9 });
        privateAggregation.contributeToHistogramOnEvent('reserved.win',
          { bucket: { baseValue: 'winning-bid', scale: 2, offset: -3n },
            value: { baseValue: 'script-run-time', offset: -4 } });
        privateAggregation.contributeToHistogramOnEvent('click', { bucket: 5n, value: 6, filteringId: 7n });
        privateAggregation.contributeToHistogramOnEvent('reserved.nope', { bucket: 5n, value: 6 });
        privateAggregation.enableDebugMode({ debugKey: 77n });""",
    )
    assert result.failure is None
    assert result.contributions == (Contribution(2**127, 1, 255), Contribution(12, 1))
    assert result.on_event == (
        EventContribution("reserved.win", Signal("winning-bid", 2, -3), Signal("script-run-time", 1, -4)),
        EventContribution("click", 5, 6, 7),
        EventContribution("reserved.nope", 5, 6),
    )
    assert result.debug == DebugDetails(True, 77)


async def test_errors_of_private_aggregation_have_the_words_of_auctions(browser: Browser) -> None:
    """Rows of private-aggregation section 1 that no capture has."""
    event = "privateAggregation.contributeToHistogramOnEvent('reserved.win', {})"
    plain = "privateAggregation.contributeToHistogram({ bucket: 1n, value: 1, filteringId: -1n })"
    rows = {
        plain: "BigInt must be non-negative",
        event.format(
            "{ bucket: { baseValue: 'winning-bid', offset: 1 }, value: 1 }"
        ): "Bucket's 'offset' must be BigInt",
        event.format("{ bucket: 1n, value: { baseValue: 'nope' } }"): "Value's 'baseValue' is invalid",
        event.format(
            "{ bucket: { baseValue: 'winning-bid', offset: 1n << 128n }, value: 1 }"
        ): "Bucket BigInt is too large",
        "privateAggregation.enableDebugMode({ debugKey: 1n << 64n })": "BigInt is too large",
    }
    assert await thrown(browser, list(rows)) == [f"TypeError: {message}" for message in rows.values()]


async def test_a_bad_debug_key_does_not_use_up_the_one_call(browser: Browser) -> None:
    enable = "privateAggregation.enableDebugMode"
    texts = await thrown(browser, [f"{enable}({{ debugKey: -1n }})", f"{enable}({{ debugKey: 1n }})", f"{enable}()"])
    assert texts == [
        "TypeError: BigInt must be non-negative",
        None,
        "TypeError: enableDebugMode may be called at most once",
    ]


async def test_once_is_not_there_for_reporting_functions(browser: Browser) -> None:
    once = "privateAggregation.contributeToHistogramOnEvent('reserved.once', { bucket: 1n, value: 1 })"
    method = "privateAggregation.contributeToHistogramOnEvent()"
    refusal = f"TypeError: {method} reserved.once is not available in reporting methods"
    assert await thrown(browser, [once], AuctionFunction.REPORT_WIN) == [refusal]
    assert await thrown(browser, [once]) == [None]


async def test_policy_refuses_private_aggregation_but_events_are_dropped_in_silence(browser: Browser) -> None:
    body = "{} privateAggregation.contributeToHistogram({{ bucket: 1n, value: 1 }})"
    on_event = "privateAggregation.contributeToHistogramOnEvent('reserved.always', { bucket: 1n, value: 1 });"
    result = await bid(browser, body.format(on_event), private_aggregation_allowed=False)
    message = 'The "private-aggregation" Permissions Policy denied the method on privateAggregation'
    assert result.failure == f"{URL}:1 Uncaught TypeError: {message}."
    assert (result.contributions, result.on_event) == ((), ())


async def test_writes_of_shared_storage_come_back(browser: Browser) -> None:
    result = await bid(
        browser,
        """sharedStorage.set('a', 1, { ignoreIfPresent: true });
        const methods = [new SharedStorageClearMethod(), new SharedStorageSetMethod('k', 'v')];
        sharedStorage.batchUpdate(methods, { withLock: 'l' });
        return [typeof sharedStorage.get, sharedStorage.clear()];""",
    )
    assert (result.failure, result.value) == (None, ["undefined", None])
    assert result.writes == (
        StorageWrite((SetMethod("a", "1", True),), None, False),
        StorageWrite((ClearMethod(), SetMethod("k", "v")), "l", True),
        StorageWrite((ClearMethod(),), None, False),
    )


async def test_policy_refuses_shared_storage(browser: Browser) -> None:
    result = await bid(browser, "sharedStorage.set('a', 'b')", shared_storage_allowed=False)
    message = 'The "shared-storage" Permissions Policy denied the method on sharedStorage'
    assert (result.failure, result.writes) == (f"{URL}:1 Uncaught TypeError: {message}.", ())


@pytest.mark.parametrize(
    ("body", "url", "fails"),
    [
        ("sendReportTo('https://a.test/r')", "https://a.test/r", False),
        ("sendReportTo('http://a.test/r')", None, True),
        ("sendReportTo('https://a.test/r'); sendReportTo('https://a.test/s')", None, True),
    ],
)
async def test_a_reporting_function_may_name_one_https_url(
    browser: Browser, body: str, url: str | None, fails: bool
) -> None:
    result = await call(browser, f"function reportResult() {{ {body} }}", function=AuctionFunction.REPORT_RESULT)
    assert (result.report_url, result.failure is not None) == (url, fails)


# What it can reach.


async def test_only_the_language_is_there_at_the_top_level(browser: Browser) -> None:
    names = (
        "privateAggregation",
        "sharedStorage",
        "setBid",
        "Date",
        "fetch",
        "setTimeout",
        "crypto",
        "TextEncoder",
        "self",
    )
    kinds = ", ".join(f"typeof {name}" for name in (*names, "console", "WebAssembly", "SharedArrayBuffer"))
    result = await call(browser, f"const kinds = [{kinds}]; function generateBid() {{ return kinds }}")
    assert result.value == ["undefined"] * len(names) + ["object", "object", "function"]


async def test_nothing_but_the_language_stands_behind_the_global_object(browser: Browser) -> None:
    result = await bid(
        browser,
        """const names = [];
        for (let o = Object.getPrototypeOf(globalThis); o !== Object.prototype; o = Object.getPrototypeOf(o)) {
          names.push(...Reflect.ownKeys(o).map(String));
        }
        return [names, String(globalThis), typeof TEMPORARY];""",
    )
    assert result.value == [[], "[object Object]", "undefined"]


async def test_a_script_that_replaces_builtins_changes_nothing_of_the_interface(browser: Browser) -> None:
    hostile = """Object.keys = JSON.stringify = JSON.parse = Reflect.apply = () => { throw 1 };
      Object.prototype.toJSON = () => 9;"""
    body = "privateAggregation.contributeToHistogram({ bucket: 1n, value: 2 }); sharedStorage.set('a', 'b'); return 5"
    result = await call(browser, f"{hostile} function generateBid() {{ {body} }}", 1)
    assert (result.value, result.failure) == (5, None)
    assert (result.contributions, len(result.writes)) == ((Contribution(1, 2),), 1)


async def test_a_script_that_fills_its_memory_takes_down_no_other(browser: Browser) -> None:
    other = bid(browser, "return 1")
    filling = bid(browser, "const all = []; for (;;) all.push(new Array(1e6).fill(all.length))", timeout=AMPLE)
    filled, answered = await asyncio.gather(filling, other)
    assert (filled.timed_out, filled.value, answered.value) == (True, None, 1)
    assert (await bid(browser, "return 2")).value == 2


async def test_a_script_that_contributes_without_end_is_stopped(browser: Browser) -> None:
    result = await bid(
        browser, "for (;;) privateAggregation.contributeToHistogram({ bucket: 1n, value: 1 })", timeout=100
    )
    assert result.timed_out
    assert 0 < len(result.contributions) < 100_000


async def test_a_new_process_is_made_when_that_of_the_realms_has_died(browser: Browser) -> None:
    assert (await bid(browser, "return 1")).value == 1
    page = browser.auction_scripts._pages.page
    assert page is not None
    spinning, _ = await asyncio.gather(bid(browser, "for (;;);", timeout=AMPLE), _crash(page))
    assert spinning.timed_out
    assert (await bid(browser, "return 2")).value == 2


async def _crash(page: WorkletPage) -> None:
    await asyncio.sleep(0.2)
    page.crash()
