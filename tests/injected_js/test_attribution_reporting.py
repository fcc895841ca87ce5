"""What holds for all of Attribution Reporting's scripts: no page sees them at work, breaks them or starves them."""

from __future__ import annotations

import asyncio

import pytest

from tests.injected_js.conftest import URL, Host, NewHost
from tests.injected_js.registering import Registering, open_page
from tests.injected_js.test_hostile_page import HOSTILE
from tests.injected_js.test_native_look import OPEN, REALMS

pytestmark = pytest.mark.browser

METHODS = {
    "Element": "setAttribute setAttributeNS toggleAttribute setAttributeNode setAttributeNodeNS insertAdjacentHTML"
    " setHTMLUnsafe attachShadow",
    "ShadowRoot": "setHTMLUnsafe",
    "NamedNodeMap": "setNamedItem setNamedItemNS",
    "Node": "cloneNode",
    "Document": "importNode open write writeln",
    "Range": "createContextualFragment cloneContents extractContents",
    "DOMParser": "parseFromString",
    "HTMLElement": "click",
    "Request": "clone",
    "XMLHttpRequest": "setAttributionReporting",
    "PermissionsPolicy": "features allowedFeatures allowsFeature getAllowlistForFeature",
}
ACCESSORS = {
    "Element": "innerHTML outerHTML",
    "ShadowRoot": "innerHTML",
    "Attr": "value",
    "HTMLImageElement": "attributionSrc src srcset",
    "HTMLScriptElement": "attributionSrc src",
    "HTMLTemplateElement": "content",
    "HTMLIFrameElement": "src",
}
ADDED = ["sharedStorageWritable"]
"""Attributes that this Chromium does not have."""
HOSTILE_TO_DOM = HOSTILE.replace(
    "const holders = [",
    "const holders = [Node, Element, HTMLElement, HTMLImageElement, HTMLScriptElement, NodeList, Attr, Request,"
    "Headers, XMLHttpRequest, MessageChannel, MessagePort, UserActivation, Crypto, WeakSet, Scheduler, RegExp,",
)
FACTS = """
    const shape = (o, key) => {
      const d = Object.getOwnPropertyDescriptor(o, key);
      const look = (f) => f && [f.name, f.length, Reflect.ownKeys(f).map(String), "prototype" in f, typeof f,
        /^function [^(]*\\(\\) { \\[native code\\] }$/.test(String(f))];
      return [key, look(d.value), look(d.get), look(d.set), d.writable, d.enumerable, d.configurable];
    };
    const { functions, added } = argument;
    return functions.map(([name, keys]) => {
      const p = window[name].prototype;
      const own = Reflect.ownKeys(p).map(String).filter((key) => !added.includes(key));
      return [name, own, keys.map((key) => shape(p, key))];
    }).concat([shape(window, "fetch"), shape(window, "open"), shape(window, "Request")]);
    """
FUNCTIONS = [
    (name, [*METHODS.get(name, "").split(), *ACCESSORS.get(name, "").split()]) for name in {**METHODS, **ACCESSORS}
]


async def test_replaced_functions_have_the_shape_of_the_native_ones(host: Host) -> None:
    bare_page = await host.context.new_page()
    await bare_page.goto(URL)
    asked = {"functions": FUNCTIONS, "added": ADDED}
    bare = await bare_page.evaluate(f"(argument) => {{ {FACTS} }}", asked)
    assert await host.run(FACTS, asked) == bare


@pytest.mark.parametrize(
    ("function", "name"),
    [
        ("fetch", "fetch"),
        ("Element.prototype.setAttribute", "setAttribute"),
        ("XMLHttpRequest.prototype.setAttributionReporting", "setAttributionReporting"),
        (
            "Object.getOwnPropertyDescriptor(HTMLImageElement.prototype, 'attributionSrc').set",
            "set attributionSrc",
        ),
        (
            "Object.getOwnPropertyDescriptor(HTMLScriptElement.prototype, 'attributionSrc').set",
            "set attributionSrc",
        ),
    ],
)
async def test_the_functions_that_pages_look_at_say_their_name(shared_host: Host, function: str, name: str) -> None:
    assert await shared_host.run(f"return String({function})") == f"function {name}() {{ [native code] }}"


@pytest.mark.parametrize(
    "expression",
    [
        "document.body.setAttribute('', 1)",
        "document.body.toggleAttribute('')",
        "document.body.insertAdjacentHTML('nowhere', '')",
        "Element.prototype.setAttribute.call({}, 'src', '/')",
        "document.importNode(5)",
        "new Request('http://[')",
        "open('http://[', '_blank', 'attributionsrc')",
        "fetch('/', { attributionReporting: {} })",
        "new XMLHttpRequest().setAttributionReporting({ eventSourceEligible: 1, triggerEligible: 1 })",
        "HTMLTemplateElement.prototype.content",
    ],
)
async def test_an_exception_has_the_frames_of_the_page_alone(shared_host: Host, expression: str) -> None:
    frames = await shared_host.run(
        f"""
        Error.prepareStackTrace = (error, sites) => sites.map((site) => site.getFunctionName());
        try {{
          const innermost = async () => {expression};
          const outermost = () => innermost();
          return (await outermost().catch((e) => e)).stack;
        }} finally {{ delete Error.prepareStackTrace; }}
        """
    )
    assert frames[:2] == ["innermost", "outermost"]


async def test_a_page_that_breaks_every_builtin_neither_stops_nor_sees_a_registration(new_host: NewHost) -> None:
    page = f"""<!doctype html><body><img attributionsrc=/parsed><script>
    {{
      const image = new Image(), div = document.createElement("div"), request = new XMLHttpRequest();
      const setAttribute = Element.prototype.setAttribute, copy = Node.prototype.cloneNode;
      const inner = Object.getOwnPropertyDescriptor(Element.prototype, "innerHTML").set;
      const setOption = request.setAttributionReporting, send = request.send;
      const call = Reflect.apply, ask = fetch, show = window.open;
      request.open("GET", "/xhr");
      {HOSTILE_TO_DOM}
      const option = {{ eventSourceEligible: true, triggerEligible: true, __proto__: null }};
      call(setAttribute, image, ["attributionsrc", "/set"]);
      call(copy, image, []);
      call(inner, div, ["<img attributionsrc=/inner>"]);
      call(setOption, request, [option]);
      call(send, request, []);
      ask("/fetch", {{ attributionReporting: option, __proto__: null }});
      show("/open", "_blank", "attributionsrc=/opened");
      window.seen = seen;
    }}
    </script>"""
    opened = await open_page(new_host, pages={URL: (page, {})})
    host = opened.host
    for _ in range(100):
        if len(opened.announced()) >= 6:
            break
        await asyncio.sleep(0.02)
    length = int(await host.evaluate("seen.length"))
    assert [await host.evaluate(f"seen[{index}]") for index in range(length)] == []
    urls = [options.get("url") for options in opened.announced()]
    assert sorted(map(str, urls)) == sorted(
        [f"{URL}set", f"{URL}set", f"{URL}inner", "None", f"{URL}fetch", f"{URL}parsed"]
    )


async def test_ten_thousand_registrations_take_no_longer_each_than_a_hundred(host: Host) -> None:
    page = Registering(host)
    seconds = await page.run(
        """
        const list = document.body.appendChild(document.createElement("div"));
        const add = (n) => {
          const began = performance.now();
          for (let i = 0; i < n; i++) list.insertAdjacentHTML("beforeend", "<img attributionsrc=http://unsuitable.test>");
          return (performance.now() - began) / n;
        };
        add(1000);
        const few = add(1000);
        add(7000);
        return [few, add(1000)];
        """
    )
    assert seconds[1] < 3 * seconds[0]


@pytest.mark.parametrize("realm", REALMS)
async def test_to_string_of_every_reachable_realm_says_native(new_host: NewHost, realm: str) -> None:
    host = await new_host(everywhere=True)
    texts = await host.run(
        f"""{OPEN} {REALMS[realm]};
        const w = await open();
        const list = (v) => [v.fetch, v.open, v.Request, v.Element.prototype.setAttribute, v.Node.prototype.cloneNode];
        const texts = (of, by) => list(of).map((f) => by.Function.prototype.toString.call(f));
        return [...texts(window, w), ...texts(w, window), ...texts(w, w)];
        """
    )
    named, unnamed = "function {}() {{ [native code] }}", "function () { [native code] }"
    assert texts == [named.format("fetch"), unnamed, unnamed, named.format("setAttribute"), unnamed] * 3
