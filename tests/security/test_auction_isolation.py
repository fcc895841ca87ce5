"""A hostile auction script looks for ways out of its realm (protected-audience, "Script globals" and "Isolation").

Each test runs in ``generateBid`` and tries to reach what must not be there: the network, timers, another call, the
host's channel, or what the host's script left in the realm.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from agent.browser.launch import Browser
from agent.model.attribution_reporting.reports import Contribution
from agent.model.protected_audience import AuctionFunction, FunctionCall, FunctionResult
from agent.model.worklets import WorkletScript
from tests.conformance_data import conformance_file

pytestmark = pytest.mark.browser
_GOLDEN = "real-chromium/goldens/chromium143/auction__basic.json"
_IN_THE_CALL = {"privateAggregation", "sharedStorage"}
_ABSENT = """
    AbortController Blob BroadcastChannel Crypto DOMException Date DedicatedWorkerGlobalScope Event EventTarget
    MessageChannel Performance ReadableStream Request SharedStorage SharedStorageModifierMethod SharedWorker TextDecoder
    TextEncoder URL WebSocket Worker WorkerGlobalScope XMLHttpRequest atob caches clearTimeout close crypto document
    fetch importScripts indexedDB location name navigator onmessage origin performance postMessage queueMicrotask
    register scheduler self setInterval setTimeout structuredClone window TEMPORARY PERSISTENT
""".split()  # noqa: SIM905 - a list to read


@pytest_asyncio.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    """One for the module."""
    async with Browser() as browser:
        yield browser


async def _call(browser: Browser, body: str, before: str = "") -> FunctionResult:
    """Run ``body`` in ``generateBid`` of a script that begins with ``before``."""
    script = WorkletScript("https://buyer.test/bid.js", f"{before}\nfunction generateBid() {{ {body} }}")
    return await browser.auction_scripts.call(FunctionCall(script, AuctionFunction.GENERATE_BID, "[]", 5000))


async def _result(browser: Browser, body: str, before: str = "") -> Any:
    """What ``body`` returns."""
    result = await _call(browser, body, before)
    assert result.failure is None, result.failure
    return result.value


async def test_the_names_of_the_global_object_are_chromium_143s(browser: Browser) -> None:
    notes = json.loads(conformance_file(_GOLDEN).read_text("utf-8"))["notes"]["sendReportTo"]
    in_report_win = set(notes["/win"]["data"][4])
    of_call = {"sendReportTo", "registerAdBeacon", "registerAdMacro", "reportWin"}
    of_this_call = {
        "forDebuggingOnly",
        "realTimeReporting",
        "setBid",
        "setPriority",
        "setPrioritySignalsOverride",
    }
    found = set(await _result(browser, "return Object.getOwnPropertyNames(globalThis);"))
    assert found == in_report_win - of_call | of_this_call
    at_top = set(await _result(browser, "return names;", "const names = Object.getOwnPropertyNames(globalThis);"))
    assert {name for name in found - at_top if not name.startswith("SharedStorage")} == of_this_call | _IN_THE_CALL


@pytest.mark.parametrize("where", ["typeof {}", "typeof globalThis['{}']", "new Function('return typeof {}')()"])
async def test_no_name_of_a_window_or_a_worker_is_there(browser: Browser, where: str) -> None:
    looks = ",".join(where.format(name) for name in _ABSENT)
    assert await _result(browser, f"return [{looks}];") == ["undefined"] * len(_ABSENT)


async def test_every_function_of_the_realm_reads_as_native(browser: Browser) -> None:
    body = r"""
        const odd = [], seen = new Set([generateBid]), queue = [["globalThis", globalThis]];
        const native = /^function [^(]*\(\) \{ \[native code\] \}$/;
        while (queue.length) {
          const [path, object] = queue.shift();
          if (seen.has(object)) continue;
          seen.add(object);
          if (typeof object === "function" && !native.test(Function.prototype.toString.call(object))) odd.push(path);
          for (const key of Reflect.ownKeys(object)) {
            const descriptor = Reflect.getOwnPropertyDescriptor(object, key);
            for (const part of ["value", "get", "set"]) {
              const value = descriptor[part];
              if (Object(value) === value) queue.push([`${path}.${String(key)}`, value]);
            }
          }
          const prototype = Object.getPrototypeOf(object);
          if (prototype) queue.push([`${path}.__proto__`, prototype]);
        }
        return [odd.filter((path) => !path.startsWith("globalThis.generateBid.")), seen.size > 400];
    """
    assert await _result(browser, body) == [[], True]


async def test_nothing_reaches_the_network(browser: Browser) -> None:
    asked: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readline()).decode("latin-1"))
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    here = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    body = f"""
        const tries = [() => import("{here}/a.js"), () => eval("import('{here}/b.js')"),
          () => WebAssembly.compileStreaming("{here}/c.wasm"), () => import("file:///etc/passwd"),
          () => import("{here}/d.json", {{ with: {{ type: "json" }} }})];
        for (const attempt of tries) try {{ attempt().catch(() => 0); }} catch {{}}
        const until = new Int32Array(new SharedArrayBuffer(4));
        Atomics.wait(until, 0, 0, 500);
        //# sourceMappingURL={here}/map
    """
    try:
        assert (await _call(browser, body)).failure is None
        assert asked == []
    finally:
        server.close()


async def test_nothing_is_shared_between_calls(browser: Browser) -> None:
    leave = "Object.prototype.left = globalThis.left = 1; Array.prototype.push = () => 'left';"
    assert await _result(browser, "return globalThis.left;", leave) == 1
    assert await _result(browser, "return [typeof globalThis.left, [].push(1)];") == ["undefined", 1]


async def test_the_hosts_function_is_found_nowhere(browser: Browser) -> None:
    binding, hear = browser.auction_scripts._binding, browser.auction_scripts._hear
    body = """
        const found = [], seen = new Set(), queue = [globalThis];
        while (queue.length) {
          const object = queue.pop();
          if (Object(object) !== object || seen.has(object)) continue;
          seen.add(object);
          for (const key of Reflect.ownKeys(object)) {
            if (String(key).includes("NAME")) found.push(String(key));
            const d = Reflect.getOwnPropertyDescriptor(object, key);
            queue.push(d.value, d.get, d.set);
          }
          queue.push(Object.getPrototypeOf(object));
        }
        return found;
    """
    assert await _result(browser, body.replace("NAME", binding)) == []
    assert await _result(browser, f"return [typeof {binding}, '{hear}' in globalThis];") == ["undefined", False]


async def test_stack_traces_give_no_function_or_receiver_of_the_hosts_script(browser: Browser) -> None:
    body = """
        const leaks = [];
        let traces = 0;
        Error.stackTraceLimit = 100;
        Error.prepareStackTrace = (error, sites) => {
          traces++;
          for (const site of sites) {
            const f = site.getFunction(), self = site.getThis();
            const text = f && Function.prototype.toString.call(f);
            if (text && !text.includes("[native code]") && !text.includes("OWN")) leaks.push(text);
            if (Object(self) === self && self !== globalThis && self !== spy) leaks.push(`this of ${site}`);
          }
          return "";
        };
        const look = () => { /* OWN */ new Error().stack; return "k"; };
        const spy = { get bucket() { /* OWN */ look(); return 1n; }, get value() { /* OWN */ look(); return 1; } };
        look();
        privateAggregation.contributeToHistogram(spy);
        return [leaks, traces];
    """
    assert await _result(browser, body) == [[], 3]


_POISON = """
    const own = Reflect.ownKeys, define = Object.defineProperty, describe = Object.getOwnPropertyDescriptor;
    let noted = "nothing noted";
    const poisoned = ["Array", "BigInt", "Error", "Function", "JSON", "Map", "Math", "Number", "Object", "Promise",
      "Reflect", "Set", "String", "Symbol", "TypeError", "WeakMap"].map((name) => globalThis[name]);
    for (let i = 0; i < poisoned.length; i++) {
      for (const holder of [poisoned[i], poisoned[i].prototype]) {
        if (!holder) continue;
        for (const key of own(holder)) {
          const d = describe(holder, key);
          if (!d.configurable || typeof d.value !== "function" || key === "constructor") continue;
          if (key === Symbol.iterator || key === "next") continue; // these loops' own
          d.value = () => { noted = `${i} ${String(key)}`; throw noted; };
          define(holder, key, { __proto__: null, ...d });
        }
      }
    }
    for (const name of ["bucket", "value", "filteringId", "methods", "lock", "batch", "op", "key", "toJSON", "event"]) {
      define(Object.prototype, name, { __proto__: null, configurable: true,
        get() { noted = `get ${name}`; }, set() { noted = `set ${name}`; } });
    }
"""


async def test_a_script_that_replaces_every_builtin_neither_stops_nor_sees_the_hosts_calls(browser: Browser) -> None:
    result = await _call(
        browser,
        """privateAggregation.contributeToHistogram({ __proto__: null, bucket: 5n, value: 1, filteringId: 0n });
        sharedStorage.set("a", "2");
        return noted;""",
        _POISON,
    )
    assert (result.value, result.failure) == ("nothing noted", None)
    assert result.contributions == (Contribution(5, 1),)
    assert len(result.writes) == 1
