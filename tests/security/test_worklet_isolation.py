"""A hostile worklet script looks for ways out of its realm (worklet-isolation section 1).

Each test runs in a worklet and tries to reach what must not be there: the network, the DOM, timers, another worklet,
the host's channel, or what the host's script left in the realm.
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
from agent.model.worklets import OperationResult
from tests.browser.worklet_world import Services, lines_of, loaded, running
from tests.conformance_data import conformance_file

pytestmark = pytest.mark.browser
_GOLDEN = "real-chromium/goldens/chromium143/ss__worklet_globals.json"
_ABSENT = """
    AbortController Blob BroadcastChannel Cache CacheStorage CompressionStream DOMException
    DedicatedWorkerGlobalScope Event EventSource EventTarget File FileReader FormData Headers IDBFactory ImageBitmap
    ImageData MessageChannel MessageEvent MessagePort Notification OffscreenCanvas Performance Request Response
    SharedArrayBuffer SharedWorker URL URLSearchParams WebSocket WebSocketStream WebTransport Worker
    WorkerGlobalScope WorkerLocation WorkerNavigator XMLHttpRequest addEventListener atob btoa caches
    cancelAnimationFrame clearInterval clearTimeout close createImageBitmap crossOriginIsolated dispatchEvent
    document fetch fonts importScripts indexedDB isSecureContext location name navigation onmessage origin
    performance postMessage queueMicrotask reportError requestAnimationFrame scheduler self setInterval setTimeout
    structuredClone trustedTypes webkitRequestFileSystem window
""".split()  # noqa: SIM905 - a list to read


@pytest_asyncio.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    """One for the module."""
    async with Browser() as browser:
        yield browser


async def _result(browser: Browser, code: str) -> Any:
    """What ``code`` returns, as JSON, from within an operation."""
    line = (await lines_of(browser, f"console.log(JSON.stringify(await (async () => {{ {code} }})()));"))[0]
    return json.loads(line)


def _golden_rows() -> list[tuple[str, str, dict[str, Any]]]:
    rows = json.loads(conformance_file(_GOLDEN).read_text("utf-8"))["notes"]["globals"]
    return [(name, code, outcome) for name, code, outcome in rows]


async def test_the_global_object_is_chromium_143s_name_by_name_and_row_by_row(browser: Browser) -> None:
    expected = [(name, code, outcome) for name, code, outcome in _golden_rows() if outcome["how"] == "returns"]
    assert len(expected) > 20
    for name, code, outcome in expected:
        # Codes see the realm as the script's own top level does.
        value = await _result(browser, f"return (0, eval)({json.dumps(code)});")
        shown = (
            json.dumps(value, separators=(",", ":"), ensure_ascii=False) if isinstance(value, (list, dict)) else value
        )
        wanted = outcome.get("json", outcome.get("value"))
        assert (str(shown).lower() if isinstance(shown, bool) else shown) == wanted, name


@pytest.mark.parametrize("where", ["typeof {}", "typeof globalThis['{}']", "new Function('return typeof {}')()"])
async def test_no_name_of_a_window_or_a_worker_is_there(browser: Browser, where: str) -> None:
    looks = ",".join(where.format(name) for name in _ABSENT)
    assert await _result(browser, f"return [{looks}];") == ["undefined"] * len(_ABSENT)


async def test_the_prototype_chain_of_the_global_object_leads_to_nothing_native(browser: Browser) -> None:
    code = """
        const seen = [];
        const up = [Object.getPrototypeOf, Reflect.getPrototypeOf, (o) => o.__proto__,
          (o) => Object.getOwnPropertyDescriptor(Object.prototype, "__proto__").get.call(o),
          (o) => Reflect.getPrototypeOf(new Proxy(o, {})),
          (o) => Object.prototype.__lookupGetter__("__proto__").call(o)];
        for (const step of up) {
          const chain = [];
          for (let o = step(globalThis); o !== null; o = step(o)) {
            const isObjectPrototype = o === Object.prototype;
            chain.push(Object.prototype.toString.call(o), isObjectPrototype || Object.getOwnPropertyNames(o).join());
          }
          seen.push(chain.join());
        }
        return seen;
    """
    row = (
        "[object SharedStorageWorkletGlobalScope],constructor,[object WorkletGlobalScope],constructor,"
        "[object Object],true"
    )
    assert await _result(browser, code) == [row] * 6


async def test_what_the_browser_cannot_delete_is_told_by_no_reflection(browser: Browser) -> None:
    code = """
        const names = ["TEMPORARY", "PERSISTENT"], found = [];
        const scope = Object.getPrototypeOf(globalThis);
        for (const o of [globalThis, scope]) {
          const lists = [Object.getOwnPropertyNames(o), Reflect.ownKeys(o), Object.keys(o),
            Object.keys(Object.getOwnPropertyDescriptors(o)), Object.entries(o).map((entry) => entry[0])];
          for (const list of lists) for (const n of names) if (list.includes(n)) found.push(n);
          for (const n of names) {
            if (Object.hasOwn(o, n) || o.hasOwnProperty(n) || o.propertyIsEnumerable(n)) found.push(n);
            if (Object.getOwnPropertyDescriptor(o, n) ?? Reflect.getOwnPropertyDescriptor(o, n)) found.push(n);
          }
        }
        for (const n in globalThis) if (names.includes(n)) found.push(n);
        found.push(typeof TEMPORARY, typeof PERSISTENT);
        globalThis.TEMPORARY = 5;
        found.push(Object.hasOwn(globalThis, "TEMPORARY"), TEMPORARY);
        return found;
    """
    assert await _result(browser, code) == ["undefined", "undefined", True, 5]


async def test_names_that_the_browser_could_not_delete_can_be_declared(browser: Browser) -> None:
    script = "let TEMPORARY = 1; const PERSISTENT = 2;" + running("console.log(TEMPORARY, PERSISTENT);")
    async with loaded(browser, script) as made:
        await made.go()
        assert made.services.lines == ["1 2"]


async def test_every_function_of_the_realm_reads_as_native(browser: Browser) -> None:
    code = r"""
        const odd = [], seen = new Set(), queue = [["globalThis", globalThis]];
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
        odd.push(seen.size > 500);
        return odd;
    """
    assert await _result(browser, code) == [True]


async def test_nothing_reaches_the_network(browser: Browser) -> None:
    asked: list[str] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append((await reader.readline()).decode("latin-1"))
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    here = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    code = f"""
        const tries = [
          () => import("{here}/a.js"), () => import("{here.replace("http", "https")}/b.js"),
          () => eval("import('{here}/c.js')"),
          () => import("data:text/javascript,globalThis.got = 1"), () => import("blob:https://worklets.invalid/x"),
          () => import("file:///etc/passwd"), () => import("bare"), () => WebAssembly.compileStreaming("{here}/d.wasm"),
          () => WebAssembly.instantiateStreaming(Promise.resolve({{ url: "{here}/e.wasm" }})),
          () => import("{here}/f.json", {{ with: {{ type: "json" }} }}),
        ];
        const out = [];
        for (const attempt of tries) {{
          try {{ await attempt(); out.push("came through"); }} catch (e) {{ out.push(e instanceof TypeError); }}
        }}
        out.push(typeof got);
        //# sourceMappingURL={here}/map
        return out;
    """
    try:
        assert await _result(browser, code) == [True] * 10 + ["undefined"]
        assert asked == []
    finally:
        server.close()


async def test_there_is_no_way_to_wait_without_the_host(browser: Browser) -> None:
    # What is left of the language's own: Atomics on memory that WebAssembly shares, as in Chromium's worklets.
    code = "return [typeof setTimeout, typeof requestIdleCallback, typeof scheduler, typeof SharedArrayBuffer];"
    assert await _result(browser, code) == ["undefined"] * 4


async def test_the_hosts_function_is_found_nowhere(browser: Browser) -> None:
    binding, hear = browser.worklets._binding, browser.worklets._hear
    code = """
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
    assert await _result(browser, code.replace("NAME", binding)) == []
    assert await _result(browser, f"return [typeof {binding}, '{hear}' in globalThis];") == ["undefined", False]


async def test_stack_traces_give_no_function_or_receiver_of_the_hosts_script(browser: Browser) -> None:
    code = """
        const leaks = [];
        let traces = 0;
        Error.stackTraceLimit = 100;
        Error.prepareStackTrace = (error, sites) => {
          traces++;
          for (const site of sites) {
            const f = site.getFunction(), self = site.getThis();
            const text = f && Function.prototype.toString.call(f);
            if (text && !text.includes("[native code]") && !text.includes("OWN")) leaks.push(text.slice(0, 200));
            if (Object(self) === self && self !== globalThis && !known.has(self)) leaks.push(`this of ${site}`);
          }
          return "";
        };
        const known = new Set([sharedStorage, privateAggregation, navigator.locks, crypto.subtle]);
        const look = /* OWN */ () => { new Error().stack; return "k"; };
        const spy = { toString: look, get key() { return look(); }, get value() { return look(); },
          get bucket() { look(); return 1n; }, [Symbol.iterator]: look };
        await sharedStorage.get(spy);
        await sharedStorage.set(spy, spy, { get ignoreIfPresent() { look(); return false; } });
        try { privateAggregation.contributeToHistogram(spy); } catch {}
        try { await sharedStorage.batchUpdate(spy); } catch {}
        for (const name of ["then", "constructor", "value", "done"]) {
          Object.defineProperty(Object.prototype, name, {
            __proto__: null, configurable: true, get() { look(); return undefined; },
            set(value) {
              const own = { __proto__: null, value, writable: true, enumerable: true, configurable: true };
              Object.defineProperty(this, name, own);
            },
          });
        }
        await sharedStorage.get("a");
        for await (const entry of sharedStorage.entries()) look();
        await navigator.locks.request("l", look);
        await crypto.subtle.digest("SHA-1", new Uint8Array(1));
        for (const name of ["then", "constructor", "value", "done"]) delete Object.prototype[name];
        Object.prototype.constructor = Object;
        delete Error.prepareStackTrace;
        return [leaks, traces > 8];
    """
    services = Services({"a": "1"})
    services.lock_free.set()
    async with loaded(
        browser, running(f"console.log(JSON.stringify(await (async () => {{ {code} }})()));"), services=services
    ) as made:
        assert await made.go() == OperationResult()
        assert json.loads(services.lines[0]) == [[], True]


_POISON = """
    const setPrototypeOf = Reflect.setPrototypeOf;
    const bareOf = (object) => { if (object) setPrototypeOf(object, null); return object; };
    const note = (text) => { globalThis.noted = (globalThis.noted ?? "") + text + " "; };
    const own = Reflect.ownKeys, define = Object.defineProperty, describe = Object.getOwnPropertyDescriptor;
    const names = ["id", "operation", "method", "args", "answered", "next", "steps", "index", "failure", "name",
      "data", "uncaughtError", "key", "value", "get", "set", "writable", "configurable", "enumerable", "length", "0",
      "1", "lock", "urls", "ended", "toJSON", "message", "error", "result", "reason", "batch", "methods", "op",
      "bucket", "filteringId"];
    const poisoned = ["Array", "BigInt", "Error", "Function", "JSON", "Map", "Math", "Number", "Object", "Promise",
      "Proxy", "RangeError", "Reflect", "Set", "String", "Symbol", "TypeError", "Uint8Array", "WeakMap", "Iterator"]
      .map((name) => globalThis[name]);
    globalThis.log = console.log.bind(console);
    globalThis.poison = () => {
      for (let i = 0; i < poisoned.length; i++) {
        const holders = [poisoned[i], poisoned[i].prototype];
        for (let j = 0; j < 2; j++) {
          if (!holders[j]) continue;
          const keys = own(holders[j]);
          for (let k = 0; k < keys.length; k++) {
            const d = bareOf(describe(holders[j], keys[k]));
            // What the language itself consults where code awaits.
            if (!d || !d.configurable || keys[k] === "constructor" || keys[k] === "then") continue;
            if (poisoned[i] === Promise && keys[k] === Symbol.species) continue;
            const text = `${i} ${j} ${typeof keys[k] === "symbol" ? "symbol" : keys[k]}`;
            const trap = function () { note(text); throw text; };
            if (typeof d.value === "function") d.value = trap;
            else if (d.get) d.get = trap;
            else continue;
            define(holders[j], keys[k], d);
          }
        }
      }
      for (let i = 0; i < names.length; i++) {
        const trap = function () { note("Object.prototype." + names[i]); return undefined; };
        const traps = { __proto__: null, get() { return trap(); }, set() { trap(); }, configurable: true };
        define(Object.prototype, names[i], traps);
      }
    };
"""


async def test_a_script_that_replaces_every_builtin_neither_stops_nor_sees_the_hosts_calls(browser: Browser) -> None:
    script = _POISON + running("""
        const bytes = new Uint8Array(3), options = { __proto__: null, bucket: 5n, value: 1, filteringId: 0n };
        const { subtle } = crypto;
        poison();
        await sharedStorage.get("a");
        await sharedStorage.set("a", "2");
        privateAggregation.contributeToHistogram(options);
        await subtle.digest("SHA-1", bytes);
        privateAggregation.contributeToHistogram(options);
        log(globalThis.noted ?? "nothing noted");
    """)
    async with loaded(browser, script, services=Services({"a": "1"})) as made:
        assert await made.go(8) == OperationResult()
        assert made.services.lines == ["nothing noted"]
        assert made.services.contributions == [(8, Contribution(5, 1))] * 2
        # The realm is spoilt, and the next call is still the host's.
        assert (await made.go(9)).died is False


async def test_replacing_promise_and_its_methods_gives_no_other_operations_flow(browser: Browser) -> None:
    script = """
        const then = Promise.prototype.then;
        Promise.prototype.then = function (...handlers) { return Reflect.apply(then, this, handlers); };
        Object.defineProperty(Promise.prototype, "constructor", { get() { return class extends Promise {}; } });
    """ + running("""
        await crypto.subtle.digest("SHA-1", new Uint8Array(1));
        privateAggregation.contributeToHistogram({ bucket: 1n, value: 1 });
    """)
    async with loaded(browser, script) as made:
        results = await asyncio.gather(made.go(1), made.go(2))
        assert list(results) == [OperationResult()] * 2
        assert made.services.contributions in (
            [(1, Contribution(1, 1)), (2, Contribution(1, 1))],
            [(2, Contribution(1, 1)), (1, Contribution(1, 1))],
        )


async def test_worklets_share_nothing_but_the_language(browser: Browser) -> None:
    marks = "globalThis.mark = 1; Object.prototype.mark = 1; Error.mark = 1; console.mark = 1; crypto.mark = 1;"
    async with loaded(browser, running(marks)) as first:
        await first.go()
        code = "return [typeof mark, typeof {}.mark, typeof Error.mark, typeof console.mark, typeof crypto.mark];"
        assert await _result(browser, code) == ["undefined"] * 5


async def test_a_constructor_reached_through_what_is_left_makes_nothing_of_a_window(browser: Browser) -> None:
    code = """
        const GeneratorFunction = (function* () {}).constructor, AsyncFunction = (async () => {}).constructor;
        const looks = ["fetch", "self", "setTimeout", "postMessage", "WorkerGlobalScope"];
        const made = [Function, GeneratorFunction, AsyncFunction, eval.constructor, console.log.constructor,
          crypto.subtle.digest.constructor, sharedStorage.get.constructor];
        const out = [];
        for (const make of made) for (const name of looks) {
          const f = make(`return typeof ${name}`);
          const result = f();
          out.push(result.next ? result.next().value : await result);
        }
        return [...new Set(out)];
    """
    assert await _result(browser, code) == ["undefined"]
