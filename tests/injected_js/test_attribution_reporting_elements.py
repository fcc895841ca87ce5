"""`attributionsrc` on img and script: every way to set it sends; templates and documents without a window never do."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.injected_js.conftest import URL, Host, NewHost
from tests.injected_js.registering import Registering, open_page

pytestmark = pytest.mark.browser

ORIGIN = "https://page.test"
MARKUP = "<p><img attributionsrc=/a></p>"
ELEMENT = "const e = document.createElement(argument ?? 'img');"


@pytest.fixture(scope="module")
async def one_page(shared_host: Host) -> Registering:
    return Registering(shared_host)


@pytest.fixture
async def page(one_page: Registering) -> Registering:
    await one_page.reopen()
    return one_page


@pytest.mark.parametrize("tag", ["img", "script"])
@pytest.mark.parametrize(
    "how",
    [
        "e.attributionSrc = '/a';",
        "e.setAttribute('attributionsrc', '/a');",
        "e.setAttribute('AttributionSrc', '/a');",
        "e.setAttributeNS(null, 'attributionsrc', '/a');",
        "const n = document.createAttribute('attributionsrc'); n.value = '/a'; e.setAttributeNode(n);",
        "const n = document.createAttribute('attributionsrc'); n.value = '/a'; e.attributes.setNamedItem(n);",
        "e.toggleAttribute('attributionsrc'); e.getAttributeNode('attributionsrc').value = '/a';",
    ],
)
async def test_a_detached_element_sends_when_its_attribute_is_set(page: Registering, tag: str, how: str) -> None:
    await page.run(ELEMENT + how, tag)
    assert page.background_urls == [f"{ORIGIN}/a"]
    await page.one_sent(f"{ORIGIN}/a")


@pytest.mark.parametrize(
    "how",
    [
        f"document.createElement('div').innerHTML = '{MARKUP}';",
        f"document.body.innerHTML = '{MARKUP}';",
        "document.body.innerHTML = '<IMG ATTRIBUTIONSRC=/a>';",
        f"document.body.appendChild(document.createElement('p')).outerHTML = '{MARKUP}';",
        *(
            f"document.body.append(document.createElement('i'));"
            f"document.body.firstChild.insertAdjacentHTML('{where}', '{MARKUP}');"
            for where in ("beforebegin", "afterbegin", "beforeend", "afterend")
        ),
        f"document.body.setHTMLUnsafe('{MARKUP}');",
        f"document.createElement('div').attachShadow({{ mode: 'closed' }}).innerHTML = '{MARKUP}';",
        f"new Range().createContextualFragment('{MARKUP}');",
        f"document.write('{MARKUP}');",
        f"document.open(); document.write('<p>'); document.write('{MARKUP}'); document.close();",
    ],
)
async def test_elements_made_from_markup_send_once(page: Registering, how: str) -> None:
    await page.run(how)
    assert page.background_urls == [f"{ORIGIN}/a"]


@pytest.mark.parametrize(
    ("how", "times"),
    [
        ("e.attributionSrc = '/a'; e.attributionSrc = '/a';", 2),
        ("e.attributionSrc = '/a'; e.cloneNode();", 2),
        ("e.attributionSrc = '/a'; document.importNode(e);", 2),
        ("e.attributionSrc = '/a'; document.body.append(e); getSelection().getRangeAt(0).cloneContents();", 2),
        ("e.attributionSrc = '/a'; document.body.append(e); document.body.prepend(e);", 1),
        ("e.attributionSrc = '/a'; e.toggleAttribute('attributionsrc', true);", 1),
        ("e.attributionSrc = '/a'; document.adoptNode(e);", 1),
        ("e.id = 'attributionsrc'; e.title = '/a'; e.removeAttribute('attributionsrc');", 0),
    ],
)
async def test_each_set_and_each_copy_sends_again_and_nothing_else(page: Registering, how: str, times: int) -> None:
    await page.run("getSelection().selectAllChildren(document.documentElement);" + ELEMENT + how)
    assert page.background_urls == [f"{ORIGIN}/a"] * times


@pytest.mark.parametrize(
    "how",
    [
        f"document.createElement('template').innerHTML = '{MARKUP}';",
        f"document.body.innerHTML = '<template>{MARKUP}</template>';",
        f"new DOMParser().parseFromString('{MARKUP}', 'text/html');",
        f"Document.parseHTMLUnsafe('{MARKUP}');",
        f"document.implementation.createHTMLDocument().body.innerHTML = '{MARKUP}';",
        "document.createElement('iframe').setAttribute('attributionsrc', '/a');",
        "document.createElement('a').attributionSrc = '/a';",
        "document.createElementNS('http://www.w3.org/2000/svg', 'script').setAttribute('attributionsrc', '/a');",
        "new Image().setAttributeNS('urn:x', 'x:attributionsrc', '/a');",
    ],
)
async def test_other_elements_and_documents_without_a_window_never_send(page: Registering, how: str) -> None:
    await page.run(how)
    assert page.announced() == []


async def test_what_was_in_a_template_sends_when_it_is_imported_and_not_when_it_is_moved(page: Registering) -> None:
    body = f"const t = document.createElement('template'); t.innerHTML = '{MARKUP}';"
    await page.run(f"{body} document.body.append(t.content);")
    assert page.background_urls == []
    await page.run(f"{body} document.importNode(t.content, true);")
    assert page.background_urls == [f"{ORIGIN}/a"]


@pytest.mark.parametrize(
    ("value", "urls"),
    [
        ("", []),
        (" \n\t/a  https://b.test/b#fragment\r\n", [f"{ORIGIN}/a", "https://b.test/b"]),
        ("https:// http://a.test/ ftp://a.test/ data:,x //b.test/c", ["https://b.test/c"]),
        (
            "http://localhost/1 http://x.localhost:8080/ http://127.1/ http://[::1]/",
            ["http://localhost/1", "http://x.localhost:8080/", "http://127.0.0.1/", "http://[::1]/"],
        ),
        ("http://localhost.test/ http://127.test/ http://128.0.0.1/", []),
    ],
)
async def test_each_word_that_is_a_suitable_url_gets_a_request(page: Registering, value: str, urls: list[str]) -> None:
    await page.run("new Image().attributionSrc = argument;", value)
    assert page.background_urls == urls


async def test_urls_are_relative_to_the_base(new_host: NewHost) -> None:
    page = await open_page(new_host, pages={URL: ("<!doctype html><base href=https://b.test/x/>", {})})
    await page.run("new Image().attributionSrc = 'y';")
    assert page.background_urls == ["https://b.test/x/y"]


async def test_a_background_request_is_a_get_with_the_token_and_the_policy_of_the_element(page: Registering) -> None:
    await page.run(
        """
        const e = new Image();
        e.crossOrigin = ""; e.loading = "lazy";
        e.attributionSrc = "/default";
        e.referrerPolicy = "no-referrer";
        e.attributionSrc = "/none";
        """
    )
    token = page.announced("request")[0]["token"]
    assert re.fullmatch(r"[A-Za-z0-9_-]{15}3", token)
    request, unreferred = await page.one_sent(f"{ORIGIN}/default"), await page.one_sent(f"{ORIGIN}/none")
    assert (request.method, request.headers["accept"]) == ("GET", f"*/*;t={token}")
    assert request.headers["referer"] == URL
    assert "referer" not in unreferred.headers
    assert page.announced("request")[1]["token"] != token


@pytest.mark.parametrize(
    ("how", "urls"),
    [
        ("e.attributionSrc = ''; e.src = '/s';", ["/s"]),
        ("e.src = '/s'; e.attributionSrc = '';", ["/s"]),
        ("e.attributionSrc = '/a'; e.setAttribute('SRC', '/s#f');", ["/s"]),
        ("e.attributionSrc = ''; e.src = '/s'; e.src = '/s';", ["/s", "/s"]),
        ("e.attributionSrc = ''; e.srcset = '/1 1x, /2,3 2x,/4';", ["/1", "/2,3", "/4"]),
        ("e.src = '/s';", []),
        ("e.attributionSrc = '/a';", []),
    ],
)
async def test_the_own_request_of_an_element_with_the_attribute_is_announced(
    page: Registering, how: str, urls: list[str]
) -> None:
    await page.run(ELEMENT + how)
    expected = [{"destination": "image", "parsed": False, "url": ORIGIN + url} for url in urls]
    assert page.announced("element") == expected


PARSED = """<!doctype html><template id=t><img attributionsrc=/in-template></template>
    <img attributionsrc=/one src=/own><script>document.write("<img attributionsrc=/written src=/written-own>")</script>
    <img id=e attributionsrc=/two><script>e.setAttribute("attributionsrc", "/set")</script>
    <script>document.body.append(t.content)</script><script attributionsrc=/three></script>"""


async def test_elements_of_the_document_send_once_while_it_is_parsed_and_in_the_order_of_scripts(
    new_host: NewHost,
) -> None:
    page = await open_page(new_host, pages={URL: (PARSED, {})})
    await page.settle()
    assert page.background_urls == [f"{ORIGIN}/{path}" for path in ("one", "written", "two", "set", "three")]
    assert page.announced("element") == [
        {"destination": "image", "parsed": True, "url": f"{ORIGIN}/own"},
        {"destination": "image", "parsed": False, "url": f"{ORIGIN}/written-own"},
    ]


async def test_a_document_that_navigates_while_it_is_parsed_sends_before(new_host: NewHost) -> None:
    text = "<!doctype html><img attributionsrc=/early><script>location.replace('/next')</script>"
    page = await open_page(new_host, pages={URL: (text, {})})
    await page.settle()
    assert page.background_urls == [f"{ORIGIN}/early"]


@pytest.mark.parametrize(
    "how",
    [
        f"f.srcdoc = '{MARKUP}';",
        "f.src = URL.createObjectURL(new Blob(['<img attributionsrc=https://page.test/a>'], { type: 'text/html' }));",
        "later = () => { f.contentDocument.body.innerHTML = '<img attributionsrc=/a>'; };",
        "later = () => { f.contentDocument.write('<img attributionsrc=/a>'); f.contentDocument.close(); };",
        "later = () => f.contentDocument.body.appendChild(new Image()).setAttribute('attributionsrc', '/a');",
        "f.src = '/frame';",
    ],
)
async def test_frames_send_for_their_own_documents(new_host: NewHost, how: str) -> None:
    page = await open_page(new_host, pages={f"{ORIGIN}/frame": (MARKUP, {})})
    await page.run(
        f"""
        const f = document.createElement("iframe");
        let later = () => {{}};
        {how}
        await new Promise((go) => {{ f.onload = go; document.body.append(f); }});
        later();
        """
    )
    assert page.background_urls == [f"{ORIGIN}/a"]


async def test_a_document_that_takes_over_the_window_of_the_empty_one_is_seen_to_when_the_host_says_so(
    new_host: NewHost,
) -> None:
    page = await open_page(new_host, pages={f"{ORIGIN}/frame": (MARKUP, {})})
    contexts: list[int] = []
    page.host.session.on("Runtime.executionContextCreated", lambda event: contexts.append(event["context"]["id"]))
    await page.run(
        """
        const f = document.createElement("iframe");
        f.src = "/frame";
        document.body.append(f);
        f.contentWindow.mine = 1;
        await new Promise((go) => { f.onload = go; });
        if (f.contentWindow.mine !== 1) throw new Error("the window is another one");
        """
    )
    for _ in range(2):
        expression = f"""{page.host.config.resolver}(0, '{{"newDocument":true}}')"""
        await page.host.session.send("Runtime.evaluate", {"expression": expression, "contextId": contexts[0]})
    await page.settle()
    assert page.background_urls == [f"{ORIGIN}/a"]


SETTERS = "new Image().attributionSrc = '/a'; document.body.innerHTML = '<img attributionsrc=/b src=/c>';"


@pytest.mark.parametrize(
    "settings",
    [{"url": "http://page.test/"}, {"attribution_reporting": False}],
    ids=["in an insecure document", "switched off"],
)
async def test_nothing_is_announced_or_requested(new_host: NewHost, settings: dict[str, Any]) -> None:
    page = await open_page(new_host, **settings)
    await page.run(SETTERS)
    assert page.announced() == []
    assert [request.url.rpartition("/")[2] for request in page.requests] == ["c"]


async def test_nothing_is_announced_or_requested_where_the_policy_refuses(page: Registering) -> None:
    forbidden = '{"withoutFeatures":["attribution-reporting"]}'
    await page.host.evaluate(f"{page.host.config.resolver}(0, '{forbidden}'), 0")
    await page.run(SETTERS)
    assert page.announced() == []
    assert [request.url for request in page.requests] == [f"{ORIGIN}/c"]


async def test_trusted_types_do_not_hinder_and_connect_src_governs(new_host: NewHost) -> None:
    policy = "require-trusted-types-for 'script'; img-src 'none'; connect-src https://allowed.test"
    page = await open_page(new_host, pages={URL: ("<!doctype html>", {"content-security-policy": policy})})
    await page.run(
        """
        new Image().attributionSrc = "https://allowed.test/a https://refused.test/b";
        const types = trustedTypes.createPolicy("p", { createHTML: (text) => text });
        document.body.innerHTML = types.createHTML("<img attributionsrc=https://allowed.test/c>");
        """
    )
    assert [request.url for request in page.requests] == ["https://allowed.test/a", "https://allowed.test/c"]
