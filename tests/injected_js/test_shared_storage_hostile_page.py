"""A page that replaces every builtin neither stops nor sees a call of Shared Storage."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.injected_js.conftest import URL, NewHost
from tests.injected_js.test_hostile_page import HOSTILE

pytestmark = pytest.mark.browser

HOSTILE_TO_CLONES = HOSTILE.replace(
    "const holders = [",
    "const holders = [Node, Element, HTMLElement, HTMLIFrameElement, HTMLImageElement, NodeList, MutationObserver,"
    "MutationRecord, Crypto, Response, Headers, Request, Date, RegExp, ArrayBuffer, DataView, BigInt, Boolean, WeakSet,"
    "UserActivation, Scheduler, CSSStyleDeclaration, HTMLFencedFrameElement,",
).replace(
    'const names = ["id",',
    'const names = ["id", "worklet", "number", "isRequested", "isExpired", "waiting", "lock", "op", "key", "methods",'
    '"ignoreIfPresent", "urn", "eligibility", "writable", "keepAlive", "data", "urls", "reportingMetadata", "config",'
    '"text", "textType", "credentials", "dataOrigin", "word", "origin", "standsAlone", "subtree", "childList",',
)
PAGE = f"""<!doctype html><script>
    (async () => {{
      const {{ sharedStorage, SharedStorageSetMethod, Map, Set, Date, RegExp, Uint8Array, Error }} = window;
      const reportingMetadata = {{ __proto__: null, click: "https://r.test/" }};
      const urls = [{{ url: "/a", reportingMetadata, __proto__: null }}];
      const data = {{ m: new Map([[1, new Set([2n])]]), d: new Date(5), r: /x/giu,
        b: new Uint8Array([1, 2]).subarray(1), w: Object("s"),
        e: new TypeError("t"), u: undefined, z: -0, __proto__: null }};
      delete data.e.stack;
      const frame = document.createElement("iframe");
      {HOSTILE_TO_CLONES}
      try {{
        await sharedStorage.set("k", "v", {{ withLock: "l", __proto__: null }});
        await sharedStorage.delete("k");
        const batch = [new SharedStorageSetMethod("k", "v")];
        define(batch, Symbol_iterator, {{ __proto__: null, value: function () {{ let left = 1;
          return {{ __proto__: null, next: () => ({{ __proto__: null, done: left-- < 1, value: batch[0] }}) }}; }} }});
        await sharedStorage.batchUpdate(batch);
        await sharedStorage.worklet.addModule("/w.js");
        await sharedStorage.run("op", {{ data, keepAlive: true, __proto__: null }});
        define(urls, Symbol_iterator, {{ __proto__: null, value: function () {{ let left = 1;
          return {{ __proto__: null, next: () => ({{ __proto__: null, done: left-- < 1, value: urls[0] }}) }}; }} }});
        const urn = await sharedStorage.selectURL("op", urls, {{ keepAlive: true, __proto__: null }});
        results[0] = typeof urn;
        try {{ await sharedStorage.run("op", {{ privateAggregationConfig: {{ contextId: "x", filteringIdMaxBytes: 9,
          aggregationCoordinatorOrigin: "https://publickeyservice.msmt.aws.privacysandboxservices.com",
          __proto__: null }}, __proto__: null }}); }} catch (e) {{ results[1] = typeof e; }}
      }} catch (e) {{ results[2] = e; }}
      window.seen = seen;
      window.results = results;
    }})();
    </script>""".replace("(async () => {", "(async () => { const Symbol_iterator = Symbol.iterator;", 1)


async def test_a_page_that_breaks_every_builtin_neither_stops_nor_sees_a_call(new_host: NewHost) -> None:
    host = await new_host(pages={URL: (PAGE, {})})
    for _ in range(100):
        if await host.evaluate("typeof results") == "object":
            break
        await asyncio.sleep(0.02)
    length = int(await host.evaluate("seen.length"))
    assert [await host.evaluate(f"seen[{index}]") for index in range(length)] == []
    assert [await host.evaluate(f"results[{index}]") for index in range(3)] == ["string", "object", None]
    methods = [call["method"] for call in host.calls]
    assert methods == ["update", "update", "update", "createWorklet", "run", "selectURL"]
    update, _, batch, _, run, select = [call["options"] for call in host.calls]
    write = {"op": "set", "key": "k", "value": "v", "ignoreIfPresent": False}
    assert update == {"methods": [write], "lock": "l", "batch": False}
    assert batch == {"methods": [write], "lock": None, "batch": True}
    assert json.loads(run["data"]) == [
        [0],
        ["object", "m", [1], "d", [2], "r", [3], "b", [4], "w", [5], "e", [6], "u", ["u"], "z", ["n", "-0"]],
        ["map", 1, [7]],
        ["date", 5],
        ["regexp", "x", "giu"],
        ["view", "Uint8Array", [8], 1, 1],
        ["wrapper", "s"],
        ["error", "TypeError", True, "t", ["u"], False, ["u"]],
        ["set", ["b", "2"]],
        ["buffer", "AQI=", None],
    ]
    assert select["urls"] == [{"url": "https://page.test/a", "reportingMetadata": {"click": "https://r.test/"}}]
    assert [call["refused"]["message"] for call in host.refusals] == ["filteringIdMaxBytes is too big"]


FRAMES = f"""<!doctype html><body><script>
    (async () => {{
      const urn = "urn:uuid:01234567-89ab-4cde-8f01-23456789abcd", {{ apply, getOwnPropertyDescriptor: of }} = Reflect;
      const setFrameSource = of(HTMLIFrameElement.prototype, "src").set, {{ append }} = Element.prototype;
      const setImageSource = of(HTMLImageElement.prototype, "src").set, {{ body }} = document;
      const setWritable = of(HTMLImageElement.prototype, "sharedStorageWritable").set, nativeFetch = window.fetch;
      const frame = document.createElement("iframe"), image = document.createElement("img");
      {HOSTILE_TO_CLONES}
      try {{
        apply(setFrameSource, frame, [urn]);
        apply(append, body, [frame]);
        apply(setWritable, image, [true]);
        apply(setImageSource, image, ["/i"]);
        nativeFetch("/u", {{ sharedStorageWritable: true, __proto__: null }});
      }} catch (e) {{ results[0] = e; }}
      window.seen = seen;
      window.results = results;
    }})();
    </script>"""


async def test_frames_and_requests_of_such_a_page_are_as_of_any_other(new_host: NewHost) -> None:
    host = await new_host(pages={f"{URL}frames": (FRAMES, {})})
    host.answer = lambda call: {"url": f"{URL}ad"} if call["method"] == "resolveUrn" else {}
    await host.page.goto(f"{URL}frames")
    for _ in range(100):
        if [frame.url for frame in host.page.frames[1:]] == ["https://page.test/ad"]:
            break
        await asyncio.sleep(0.02)
    length = int(await host.evaluate("seen.length"))
    assert [await host.evaluate(f"seen[{index}]") for index in range(length)] == []
    assert await host.evaluate("results[0]") is None
    assert [frame.url for frame in host.page.frames[1:]] == ["https://page.test/ad"]
    assert sorted(call["method"] for call in host.calls) == ["element", "request", "resolveUrn"]
