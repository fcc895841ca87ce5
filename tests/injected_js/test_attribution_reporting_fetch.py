"""The option of fetch and Request, and XMLHttpRequest.setAttributionReporting, as Chromium 143 has them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.injected_js.conftest import URL, Host, NewHost
from tests.injected_js.registering import Registering

pytestmark = pytest.mark.browser

ELIGIBILITIES = {
    (False, False): ("empty", "0"),
    (False, True): ("trigger", "1"),
    (True, False): ("event-source", "2"),
    (True, True): ("event-source-or-trigger", "3"),
}
BOTH = "{ eventSourceEligible: true, triggerEligible: true }"
OPENED = "const x = new XMLHttpRequest(); x.open('GET', '/u')"
OF_DICTIONARY = "property from 'AttributionReportingRequestOptions': Required member is undefined."
OF_INIT = "Failed to read the 'attributionReporting' property from 'RequestInit': "
FETCH = "Failed to execute 'fetch' on 'Window': "
REQUEST = "Failed to construct 'Request': "
XHR = "Failed to execute 'setAttributionReporting' on 'XMLHttpRequest': "
NOT_OPENED = ["DOMException InvalidStateError", f"{XHR}The object's state must be OPENED."]


@pytest.fixture(scope="module")
async def one_page(shared_host: Host) -> Registering:
    return Registering(shared_host)


@pytest.fixture
async def page(one_page: Registering) -> Registering:
    await one_page.reopen()
    return one_page


@pytest.mark.parametrize("flags", ELIGIBILITIES)
@pytest.mark.parametrize(
    "how",
    [
        "await fetch('/u#f', { attributionReporting: argument })",
        "await fetch(new Request('/u', { attributionReporting: argument }))",
        "await fetch(new Request('/u', { attributionReporting: argument }).clone())",
        "await fetch(new Request(new Request('/u', { attributionReporting: argument }), { cache: 'no-store' }))",
        "await fetch(new (class R extends Request {})('/u', { attributionReporting: argument }), { keepalive: true })",
        f"await fetch(new Request('/u', {{ attributionReporting: {BOTH} }}), {{ attributionReporting: argument }})",
        f"{OPENED}; x.setAttributionReporting(argument); await new Promise((go) => {{ x.onload = go; x.send(); }})",
    ],
)
async def test_a_request_is_announced_with_what_it_is_eligible_for(
    page: Registering, how: str, flags: tuple[bool, bool]
) -> None:
    await page.run(how, {"eventSourceEligible": flags[0], "triggerEligible": flags[1]})
    eligibility, ending = ELIGIBILITIES[flags]
    (options,) = page.announced()
    assert options["eligibility"] == eligibility
    assert options.get("url") == (None if options["kind"] == "xhr" else f"{URL}u")
    request = await page.one_sent(f"{URL}u")
    assert request.headers["accept"] == f"*/*;t={options['token']}"
    assert options["token"][15:] == ending


@pytest.mark.parametrize("mode", ["cors", "no-cors"])
async def test_the_pages_own_accept_stands_beside_the_token(page: Registering, mode: str) -> None:
    read = await page.run(
        f"""
        const r = new Request("/u", {{ mode: argument, headers: {{ accept: "a/b" }}, attributionReporting: {BOTH} }});
        const x = new XMLHttpRequest();
        x.open("GET", "/x");
        x.setRequestHeader("accept", "c/d");
        x.setAttributionReporting({BOTH});
        x.setRequestHeader("accept", "e/f");
        x.send();
        await fetch(r);
        return r.headers.get("accept");
        """,
        mode,
    )
    assert read == "a/b"
    tokens = {options["kind"]: options["token"] for options in page.announced()}
    assert (await page.one_sent(f"{URL}u")).headers["accept"] == f"a/b, */*;t={tokens['fetch']}"
    assert (await page.one_sent(f"{URL}x")).headers["accept"] == f"c/d, */*;t={tokens['xhr']}, e/f"


async def test_method_body_and_headers_of_the_request_stay(page: Registering) -> None:
    used = await page.run(
        f"""
        const r = new Request("/u", {{ method: "POST", body: "text", headers: {{ "x-own": "1" }} }});
        await fetch(r, {{ attributionReporting: {BOTH} }});
        return r.bodyUsed;
        """
    )
    request = await page.one_sent(f"{URL}u")
    assert (used, request.method, request.post_data, request.headers["x-own"]) == (True, "POST", "text", "1")


@pytest.mark.parametrize(
    "call", ["fetch('/u')", "fetch(new Request('/u'), {})", "fetch('/u', { attributionReporting: undefined })"]
)
async def test_other_requests_are_left_alone(page: Registering, call: str) -> None:
    await page.run(f"await {call}")
    assert page.announced() == []
    assert (await page.one_sent(f"{URL}u")).headers["accept"] == "*/*"


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("{ eventSourceEligible: true }", f"Failed to read the 'triggerEligible' {OF_DICTIONARY}"),
        ("{}", f"Failed to read the 'eventSourceEligible' {OF_DICTIONARY}"),
        ("null", "The provided value is not of type 'AttributionReportingRequestOptions'."),
        ("5", "The provided value is not of type 'AttributionReportingRequestOptions'."),
    ],
)
async def test_wrong_options_are_refused_in_chromiums_words(page: Registering, option: str, message: str) -> None:
    thrown = page.host.thrown
    init = f"{{ attributionReporting: {option} }}"
    assert await thrown(f"fetch('/u', {init})") == ["rejected", "TypeError", FETCH + OF_INIT + message]
    assert await thrown(f"new Request('/u', {init})") == ["thrown", "TypeError", REQUEST + OF_INIT + message]
    call = f"(() => {{ const x = new XMLHttpRequest(); x.open('GET', '/u'); x.setAttributionReporting({option}); }})()"
    assert await thrown(call) == ["thrown", "TypeError", XHR + message]
    assert page.requests[1:] == []


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ("", NOT_OPENED),
        ("x.open('GET', '/u'); x.send();", NOT_OPENED),
        ("x.open('GET', '/u'); x.send(); x.abort();", NOT_OPENED),
        ("x = {};", ["TypeError", "Illegal invocation"]),
        ("argument = [];", ["TypeError", f"{XHR}1 argument required, but only 0 present."]),
    ],
)
async def test_xhr_takes_the_option_between_open_and_send_alone(
    page: Registering, before: str, expected: list[str]
) -> None:
    call = f"""((x, argument) => {{
        {before} XMLHttpRequest.prototype.setAttributionReporting.apply(x, argument);
    }})(new XMLHttpRequest(), [{BOTH}])"""
    assert await page.host.thrown(call) == ["thrown", *expected]
    assert page.announced() == []


@pytest.mark.parametrize(
    ("call", "message"),
    [
        ("fetch('http://[', {})", f"{FETCH}Failed to parse URL from http://["),
        ("fetch('/u', { method: 'PUT', mode: 'no-cors', X })", f"{FETCH}'PUT' is unsupported in no-cors mode."),
        ("fetch('http://[', { X })", f"{FETCH}Failed to parse URL from http://["),
        ("fetch('/u', 5)", f"{FETCH}The provided value is not of type 'RequestInit'."),
        ("fetch()", f"{FETCH}1 argument required, but only 0 present."),
        ("fetch(Symbol(), { X })", f"{FETCH}Cannot convert a Symbol value to a string"),
        ("new Request('http://[', { X })", f"{REQUEST}Failed to parse URL from http://["),
    ],
)
async def test_what_the_browser_refuses_it_refuses_in_its_own_words(page: Registering, call: str, message: str) -> None:
    expression = call.replace("X", f"attributionReporting: {BOTH}")
    assert (await page.host.thrown(expression))[1:] == ["TypeError", message]
    assert page.announced() == []


async def test_arguments_are_converted_once_and_in_their_order(page: Registering) -> None:
    read = await page.run(
        f"""
        const read = [], url = {{ toString() {{ read.push("url"); return "/u"; }} }};
        const init = {{
            get attributionReporting() {{ read.push("option"); return {BOTH}; }},
            get method() {{ read.push("method"); return "GET"; }},
        }};
        await fetch(url, init);
        new Request(url, init);
        return read;
        """
    )
    assert read == ["url", "option", "method"] * 2


async def test_what_the_pages_getters_throw_passes_through(page: Registering) -> None:
    caught = await page.run(
        """
        const mine = new Error("Failed to be mine"), { stack } = mine;
        const init = { get attributionReporting() { throw mine; } };
        const results = [await fetch("/u", init).catch((e) => e)];
        try { new Request("/u", init); } catch (e) { results.push(e); }
        return results.map((e) => e === mine && e.stack === stack);
        """
    )
    assert caught == [True, True]


async def test_an_insecure_page_may_not_use_the_option(new_host: NewHost) -> None:
    host = await new_host("http://page.test/")
    message = "attributionReporting: Attribution Reporting operations are only available in secure contexts."
    option = f"{{ attributionReporting: {BOTH} }}"
    assert await host.thrown(f"fetch('/u', {option})") == ["rejected", "TypeError", FETCH + message]
    assert await host.thrown(f"new Request('/u', {option})") == ["thrown", "TypeError", REQUEST + message]
    assert await host.run("return 'setAttributionReporting' in XMLHttpRequest.prototype") is False


async def test_where_the_policy_refuses_the_option_is_not_allowed(new_host: NewHost) -> None:
    host = await new_host()
    await host.evaluate(f"""{host.config.resolver}(0, '{{"withoutFeatures":["attribution-reporting"]}}'), 0""")
    option = f"{{ attributionReporting: {BOTH} }}"
    xhr = f"(() => {{ const x = new XMLHttpRequest(); x.open('GET', '/'); x.setAttributionReporting({BOTH}); }})()"
    for call in (f"fetch('/u', {option})", f"new Request('/u', {option})", xhr):
        assert (await host.thrown(call))[1] == "DOMException NotAllowedError"


async def test_switched_off_the_interfaces_stay_and_nothing_is_announced(new_host: NewHost) -> None:
    page = Registering(await new_host(attribution_reporting=False))
    await page.run(
        f"""
        await fetch("/u", {{ attributionReporting: {BOTH} }});
        const x = new XMLHttpRequest();
        x.open("GET", "/x");
        x.setAttributionReporting({BOTH});
        x.send();
        """
    )
    assert page.announced() == []
    assert [(await page.one_sent(URL + path)).headers["accept"] for path in "ux"] == ["*/*", "*/*"]
    assert (await page.host.thrown("fetch('/u', { attributionReporting: {} })"))[1] == "TypeError"


SURFACE: dict[str, Any] = {
    "const i = document.createElement('img'); i.setAttribute('attributionsrc', '/r'); return i.attributionSrc": "/r",
    "return document.createElement('img').attributionSrc": "",
    "const a = document.createElement('a'); a.attributionSrc = 'x'; return a.outerHTML": '<a attributionsrc="x"></a>',
    "return ['Image', 'Anchor', 'Script', 'Area', 'IFrame'].map((n) =>"
    " 'attributionSrc' in window[`HTML${n}Element`].prototype)": [True, True, True, True, False],
    "return ['attributionReporting' in Request.prototype, Request.name, Request.length]": [False, "Request", 1],
    "return [fetch.name, fetch.length, open.name, open.length]": ["fetch", 1, "open", 0],
    "return Request.prototype.constructor === Request && new Request('/') instanceof Request": True,
}


@pytest.mark.parametrize("body", SURFACE)
async def test_the_surface_is_that_of_chromium_143(page: Registering, body: str) -> None:
    assert await page.run(body) == SURFACE[body]
