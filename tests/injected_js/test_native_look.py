"""Functions look native in every realm that a page can reach, and leave no frame in a stack."""

from __future__ import annotations

import pytest

from tests.injected_js.conftest import URL, Host, NewHost

pytestmark = pytest.mark.browser

CHILD = "https://page.test/child"
GETTER = "Object.getOwnPropertyDescriptor({}.prototype, '{}').get"
FUNCTIONS = {
    "navigator.attribution.saveImpression": "saveImpression",
    "navigator.attribution.measureConversion": "measureConversion",
    "navigator.privateAttribution.saveImpression": "saveImpression",
    "navigator.privateAttribution.measureConversion": "measureConversion",
    GETTER.format("Navigator", "attribution"): "get attribution",
    GETTER.format("Navigator", "privateAttribution"): "get privateAttribution",
    GETTER.format("Attribution", "aggregationServices"): "get aggregationServices",
    GETTER.format("PrivateAttribution", "aggregationServices"): "get aggregationServices",
}
SHARED_STORAGE = [
    "SharedStorageModifierMethod",
    "SharedStorageSetMethod",
    "SharedStorageAppendMethod",
    "SharedStorageDeleteMethod",
    "SharedStorageClearMethod",
    "SharedStorageWorklet",
    "SharedStorage",
    "sharedStorage",
]
NAVIGATOR_METHODS = [
    "joinAdInterestGroup",
    "leaveAdInterestGroup",
    "clearOriginJoinedAdInterestGroups",
    "runAdAuction",
    "deprecatedURNToURL",
    "canLoadAdAuctionFencedFrame",
]
TEXTS = [f"function {name}() {{ [native code] }}" for name in FUNCTIONS.values()]
MAPLIKE = ["size", "entries", "forEach", "get", "has", "keys", "values"]
REALMS = {
    "about:blank, in one task": "open = () => add({})",
    "about:blank": "open = () => loaded(add({}))",
    "srcdoc": "open = () => loaded(add({ srcdoc: '<p>text' }))",
    "same origin": f"open = () => loaded(add({{ src: '{CHILD}' }}))",
    "nested": "open = async () => (await loaded(add({ srcdoc: '<iframe></iframe>' }))).frames[0]",
    "document.open": """open = () => {
      const w = add({});
      w.document.open(); w.document.write("<p>"); w.document.close();
      return w;
    }""",
    "popup": "open = () => window.open('about:blank')",
    "popup of same origin": f"""open = async () => {{
      const w = window.open("{CHILD}");
      await new Promise((go) => {{ w.onload = go; }});
      return w;
    }}""",
}
OPEN = """
    const frames = new Map();
    const add = (attributes) => {
      const frame = Object.assign(document.createElement("iframe"), attributes);
      document.body.append(frame);
      frames.set(frame.contentWindow, frame);
      return frame.contentWindow;
    };
    const loaded = async (w) => {
      const frame = frames.get(w);
      if (frame.src || frame.srcdoc) await new Promise((go) => { frame.onload = go; });
      return frame.contentWindow;
    };
    let open;
    """
LIST = f"(w) => [{', '.join('w.eval(' + repr(text) + ')' for text in FUNCTIONS)}]"


@pytest.mark.parametrize("how", ["String(f)", "f.toString()", "`${f}`", "Function.prototype.toString.call(f)"])
async def test_to_string_gives_native_code_under_the_right_name(shared_host: Host, how: str) -> None:
    assert await shared_host.run(f"return ({LIST})(window).map((f) => {how})") == TEXTS


async def test_the_other_functions_look_native_without_their_name(shared_host: Host) -> None:
    texts = await shared_host.run(
        """
        const all = Object.getOwnPropertyDescriptors(AttributionAggregationServices.prototype);
        const next = Object.getPrototypeOf(navigator.attribution.aggregationServices.keys()).next;
        const functions = argument.map((name) => all[name].value ?? all[name].get);
        functions.push(next, Attribution, AttributionAggregationServices, PrivateAttribution);
        return functions.map((f) => Function.prototype.toString.call(f));
        """,
        MAPLIKE,
    )
    assert set(texts) == {"function () { [native code] }"}
    assert len(texts) == len(MAPLIKE) + 4


@pytest.mark.parametrize("realm", REALMS)
async def test_to_string_of_every_reachable_realm_agrees(new_host: NewHost, realm: str) -> None:
    host = await new_host(everywhere=True)
    body = f"""{OPEN} {REALMS[realm]};
        const w = await open(), list = {LIST};
        const texts = (of, by) => list(of).map((f) => by.Function.prototype.toString.call(f));
        return [texts(window, w), texts(w, window), texts(w, w), list(w)[0] !== list(window)[0]];
        """
    assert await host.run(body) == [TEXTS, TEXTS, TEXTS, True]


async def test_an_overridden_to_string_is_left_to_the_page(host: Host) -> None:
    body = f"""{OPEN}
        Function.prototype.toString = function () {{ return "mine"; }};
        const functions = ({LIST})(window), w = add({{}});
        return [String(functions[0]), functions.map((f) => w.Function.prototype.toString.call(f))];
        """
    assert await host.run(body) == ["mine", TEXTS]


async def test_builtins_of_the_page_stay_as_they_are(new_host: NewHost, host: Host) -> None:
    body = r"""
        // Those in the place of Navigator's own methods show no name (native_look.js).
        const nameless = argument.map((name) => Navigator.prototype[name]);
        const look = (f) => nameless.includes(f) ? String(f).replace(f.name, "") : String(f);
        const of = (w) => JSON.stringify([Function, Object, Array, Promise, JSON, Reflect, Error, Navigator].map((o) =>
          [o, o.prototype ?? {}].map((p) => Reflect.ownKeys(p).map((key) => {
            const d = Object.getOwnPropertyDescriptor(p, key);
            return [String(key), typeof d.value, typeof d.get, d.writable, d.enumerable, d.configurable,
              typeof d.value === "function" ? look(d.value) : "", d.get ? String(d.get) : ""];
          }))));
        return [of(window), Object.getOwnPropertyNames(window)];
        """
    bare_page = await host.context.new_page()
    await bare_page.goto(URL)
    bare, bare_names = await bare_page.evaluate(f"(argument) => {{ {body} }}", NAVIGATOR_METHODS)
    without = await new_host(dialects=frozenset())
    assert await without.run(body, NAVIGATOR_METHODS) == [bare, [*bare_names, *SHARED_STORAGE]]
    names = (await host.run(body, NAVIGATOR_METHODS))[1]
    attribution = {"Attribution", "AttributionAggregationServices", "PrivateAttribution"}
    assert set(names) - set(bare_names) == attribution | set(SHARED_STORAGE)
    assert len(names) == len(bare_names) + len(attribution) + len(SHARED_STORAGE)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("navigator.privateAttribution.saveImpression()", "TypeError"),
        (
            "navigator.privateAttribution.saveImpression({ histogramIndex: 1, ad: 1, conversionSite: 'com' })",
            "SyntaxError",
        ),
        ("navigator.attribution.saveImpression()", "TypeError"),
        ("navigator.attribution.aggregationServices.get()", "TypeError"),
        ("navigator.attribution.aggregationServices.keys().next.call(1)", "TypeError"),
        ("Attribution()", "TypeError"),
        ("new Attribution()", "TypeError"),
        ("Attribution.prototype.aggregationServices", "TypeError"),
        ("Navigator.prototype.attribution", "TypeError"),
    ],
)
async def test_an_exception_has_the_frames_of_the_page_alone(shared_host: Host, expression: str, message: str) -> None:
    frames = await shared_host.run(
        f"""
        Error.prepareStackTrace = (error, sites) => sites.map((site) => site.getFunctionName());
        try {{
          const innermost = async () => {expression};
          const outermost = () => innermost();
          const error = await outermost().catch((e) => e);
          return [error.name, ...error.stack];
        }} finally {{ delete Error.prepareStackTrace; }}
        """
    )
    assert frames[:3] == [message, "innermost", "outermost"]


async def test_a_rejection_by_the_host_has_no_frames(new_host: NewHost) -> None:
    host = await new_host()
    host.answer = lambda _: {"error": {"name": "RangeError", "message": "too much", "dom": False}}
    body = "return navigator.attribution.saveImpression({ histogramIndex: 1 }).catch((e) => e.stack)"
    assert await host.run(body) == "RangeError: Failed to execute 'saveImpression' on 'Attribution': too much"
