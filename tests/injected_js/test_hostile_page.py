"""A page that replaces every builtin neither stops nor sees a call."""

from __future__ import annotations

import asyncio

import pytest

from tests.injected_js.conftest import SERVICES, URL, NewHost

pytestmark = pytest.mark.browser

HOSTILE = """
    const seen = Object.setPrototypeOf([], null), results = Object.setPrototypeOf([], null);
    const note = (text) => { seen[seen.length] = text; };
    const { attribution, privateAttribution } = navigator, services = attribution.aggregationServices;
    const own = Reflect.ownKeys, define = Object.defineProperty, describe = Object.getOwnPropertyDescriptor;
    const names = ["id", "api", "method", "options", "report", "error", "name", "message", "dom", "answer", "context",
      "resolve", "reject", "index", "at", "interface", "services", "ask", "tell", "isActive", "detail", "bubbles",
      "cancelable", "composed", "get", "set", "value", "writable", "enumerable", "configurable", "done", "next",
      "length", "cause", "isDOMException", "apply", "toJSON", "0", "1", "2", "required", "convert",
      "url", "protocol", "apiVersion", "refused", "tellRefusal"];
    const globals = ["Array", "CustomEvent", "DOMException", "Error", "EventTarget", "Function", "JSON", "Map", "Math",
      "Number", "Object", "Promise", "Proxy", "RangeError", "ReferenceError", "Reflect", "Set", "String", "Symbol",
      "TypeError", "URL", "Uint8Array", "WeakMap", "atob"];
    const holders = [Document, Event, Object.getPrototypeOf(Uint8Array), Object.getPrototypeOf([].values())];
    for (let i = 0; i < globals.length; i++) holders[holders.length] = globalThis[globals[i]];
    const spoil = (object, where) => {
      const keys = own(object);
      for (let i = 0; i < keys.length; i++) {
        const d = describe(object, keys[i]);
        if (!d.configurable || keys[i] === "constructor" || keys[i] === "then") continue;
        const text = where + " " + (typeof keys[i] === "symbol" ? "symbol" : keys[i]);
        const trap = function () { note(text); throw text; };
        if (typeof d.value === "function") d.value = trap;
        else if (d.get) d.get = trap;
        else continue;
        define(object, keys[i], d);
      }
    };
    for (let i = 0; i < holders.length; i++) {
      const prototype = holders[i].prototype, name = "holder " + i;
      spoil(holders[i], name);
      if (typeof prototype === "object") spoil(prototype, name);
    }
    const inherited = (name) => ({ __proto__: null, configurable: true,
      get() { note("get " + name); }, set() { note("set " + name); } });
    for (let i = 0; i < names.length; i++) define(Object.prototype, names[i], inherited(names[i]));
    for (let i = 0; i < globals.length; i++) {
      define(globalThis, globals[i], { __proto__: null, configurable: true, get() { note("global " + globals[i]); } });
    }
    seen.length = 0;
    """


async def test_a_page_that_breaks_every_builtin_neither_stops_nor_sees_a_call(new_host: NewHost) -> None:
    page = f"""<!doctype html><script>
    (async () => {{
      {HOSTILE}
      try {{
        const conversion = {{ aggregationService: "a", histogramSize: 2, __proto__: null }};
        const measured = await attribution.measureConversion(conversion);
        results[0] = measured.report[255];
        await attribution.saveImpression({{ histogramIndex: 1, priority: -1, __proto__: null }});
        const impression = {{ histogramIndex: 1, ad: "x", conversionSite: "xn--9ca.example", __proto__: null }};
        privateAttribution.saveImpression(impression);
        const seedConversion = {{ aggregator: "a", histogramSize: 3, __proto__: null }};
        results[1] = (await privateAttribution.measureConversion(seedConversion))[254];
        impression.conversionSite = "com";
        try {{
          privateAttribution.saveImpression(impression);
        }} catch (e) {{ results[2] = typeof e; }}
        results[3] = typeof services.get("https://first.test/service") + typeof services.keys() + services.size;
      }} catch (e) {{ results[4] = e; }}
      window.seen = seen;
      window.results = results;
    }})();
    </script>"""
    host = await new_host(pages={URL: (page, {})})
    for _ in range(100):
        if await host.evaluate("typeof results") == "object":
            break
        await asyncio.sleep(0.02)
    length = int(await host.evaluate("seen.length"))
    assert [await host.evaluate(f"seen[{index}]") for index in range(length)] == []
    results = [await host.evaluate(f"results[{index}]") for index in range(5)]
    assert results == [255, 254, "object", f"objectobject{len(SERVICES)}", None]
    assert [(call["api"], call["method"], call["options"]) for call in host.calls] == [
        ("attribution", "measureConversion", {"aggregationService": "a", "histogramSize": 2}),
        ("attribution", "saveImpression", {"histogramIndex": 1, "priority": -1}),
        ("privateAttribution", "saveImpression", {"ad": "x", "conversionSite": "xn--9ca.example", "histogramIndex": 1}),
        ("privateAttribution", "measureConversion", {"aggregator": "a", "histogramSize": 3}),
    ]
    message = 'conversionSite: "com" is not a site (a host such as shop.example)'
    assert [call["refused"] for call in host.refusals] == [{"name": "SyntaxError", "message": message}]
