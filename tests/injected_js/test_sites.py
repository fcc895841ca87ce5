"""The seed's conversionSite is judged in the page exactly as the host judges it."""

from __future__ import annotations

import json

import pytest

from agent.browser.page_script import public_suffix_rules
from agent.model.site import parse_a_site
from tests.conformance_data import conformance_file
from tests.injected_js.conftest import Host, NewHost

pytestmark = pytest.mark.browser

JUDGE = """
    return argument.map((conversionSite) => {
      try {
        navigator.privateAttribution.saveImpression({ histogramIndex: 0, ad: "", conversionSite });
        return true;
      } catch (e) {
        if (e.name !== "SyntaxError") throw e;
        return false;
      }
    });
    """


async def test_parsing_a_site_agrees_with_the_draft(shared_host: Host) -> None:
    lines = conformance_file("attribution/site_parsing.jsonl").read_text("utf-8").splitlines()
    cases = {case["input"]: case["draft"] is not None for case in map(json.loads, lines)}
    assert dict(zip(cases, await shared_host.run(JUDGE, list(cases)), strict=True)) == cases


@pytest.mark.parametrize(
    ("text", "is_site"),
    [
        ("shop.example", True),
        ("WWW.Shop.Example", True),
        ("shop.example.", True),
        ("m\u00fcnchen.example", True),
        ("com", False),
        ("co.uk", False),
        ("a.co.uk", True),
        ("github.io", False),
        ("a.ck", False),
        ("www.ck", True),
        ("a.b.ck", True),
        ("kawasaki.jp", True),
        ("a.kawasaki.jp", False),
        ("city.kawasaki.jp", True),
        ("", False),
        (".", False),
        ("..", False),
        ("a..", False),
        ("localhost", False),
        ("a.localhost", False),
        ("127.0.0.1", False),
        ("1.2.3.4.", False),
        ("0x7f.1", False),
        ("[::1]", False),
        ("shop.example:443", False),
        ("https://shop.example", False),
        ("shop.example/", False),
        ("user@shop.example", False),
        (" shop.example", False),
        ("shop.exam\tple", False),
        ("shop.example\\", False),
        ("\ufffd.example", False),
    ],
)
async def test_a_site_is_a_host_with_a_registrable_domain(shared_host: Host, text: str, is_site: bool) -> None:
    assert await shared_host.run(JUDGE, [text]) == [is_site]


async def test_the_whole_list_is_there(shared_host: Host) -> None:
    """Every exception and wildcard, and one in nine of the other rules, with names around them, as the host has it."""
    hosts: set[str] = set()
    rules = [
        (label, domain)
        for group in public_suffix_rules().strip("/").split("/")
        for domain, *labels in [group.split()]
        for label in labels
    ]
    for index, (label, domain) in enumerate(rules):
        if index % 9 == 0 or label[0] in "!*":
            name = f"{label.lstrip('!').replace('*', 'anything')}.{domain}"
            hosts |= {name, domain, f"x.{name}", f"{name}x", f"x{name}"}
    judged = dict(zip(hosts, await shared_host.run(JUDGE, list(hosts)), strict=True))
    assert {host: is_site for host, is_site in judged.items() if is_site != (parse_a_site(host) is not None)} == {}
    assert len(rules) > 8000


async def test_localhost_counts_where_developers_allow_it(new_host: NewHost) -> None:
    host = await new_host(allow_localhost=True)
    texts = ["localhost", "shop.localhost", "127.0.0.1", "com", "shop.example"]
    assert await host.run(JUDGE, texts) == [parse_a_site(text, allow_localhost=True) is not None for text in texts]
