from __future__ import annotations

import pytest

from agent.model.site import (
    is_potentially_trustworthy,
    is_suitable_origin,
    parse_a_site,
    registrable_domain,
    schemeful_site,
    serialized_origin,
    site_of_origin,
)


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("shop.test", "shop.test"),
        ("a.b.shop.test", "shop.test"),
        ("a.shop.co.uk", "shop.co.uk"),
        ("user.github.io", "user.github.io"),
        ("github.io", None),
        ("co.uk", None),
        ("localhost", None),
        ("127.0.0.1", None),
        ("[::1]", None),
        ("shop.test.", "shop.test."),
        ("test.", None),
        (".shop.test", "shop.test"),
        ("a..test", ".test"),
        ("", None),
        (".", None),
    ],
)
def test_a_registrable_domain_is_one_label_more_than_its_public_suffix(host: str, domain: str | None) -> None:
    assert registrable_domain(host) == domain


def test_the_parent_of_a_wildcard_rule_is_no_public_suffix() -> None:
    # Rules of the list: jp, *.kawasaki.jp, !city.kawasaki.jp
    assert registrable_domain("kawasaki.jp") == "kawasaki.jp"
    assert registrable_domain("x.kawasaki.jp") is None
    assert registrable_domain("y.x.kawasaki.jp") == "y.x.kawasaki.jp"
    assert registrable_domain("city.kawasaki.jp") == "city.kawasaki.jp"


def test_a_wildcard_parent_that_another_wildcard_covers_is_a_public_suffix() -> None:
    # Rules of the list: *.cloud.int.apple, *.r.cloud.int.apple
    assert registrable_domain("r.cloud.int.apple") is None


@pytest.mark.parametrize(
    ("text", "site"),
    [
        ("Shop.TEST", "shop.test"),
        ("www.shop.test", "shop.test"),
        ("é.example", "xn--9ca.example"),
        ("%66oo.example", "foo.example"),
        ("xn--a.example", None),
        ("https://shop.test", None),
        ("shop.test:443", None),
        ("user@shop.test", None),
        ("shop.test/", None),
        ("shop.test?x", None),
        ("shop.test#x", None),
        ("shop.test\\x", None),
        (" shop.test", None),
        ("shop\n.test", None),
        ("", None),
        ("test", None),
        ("0x7f.1", None),
        ("\ud800.test", None),
    ],
)
def test_parse_a_site_takes_a_host_and_nothing_else(text: str, site: str | None) -> None:
    assert parse_a_site(text) == site


def test_localhost_is_a_site_only_with_the_developers_switch() -> None:
    for text in ("localhost", "LOCALHOST", "a.localhost"):
        assert parse_a_site(text) is None
    assert parse_a_site("localhost", allow_localhost=True) == "localhost"
    assert parse_a_site("b.a.localhost", allow_localhost=True) == "a.localhost"
    assert parse_a_site("notlocalhost.test") == "notlocalhost.test"


@pytest.mark.parametrize(
    ("origin", "site"),
    [
        ("https://www.shop.test:8443", "shop.test"),
        ("http://localhost:3000", "localhost"),
        ("http://127.0.0.1:1", "127.0.0.1"),
        ("https://[::1]", "[::1]"),
        ("https://github.io", "github.io"),
    ],
)
def test_the_site_of_an_origin_falls_back_to_its_host(origin: str, site: str) -> None:
    assert site_of_origin(origin) == site


@pytest.mark.parametrize("origin", ["null", "", "about:blank", "data:text/html,x"])
def test_an_origin_without_a_host_has_no_site(origin: str) -> None:
    with pytest.raises(ValueError, match="no origin with a host"):
        site_of_origin(origin)


@pytest.mark.parametrize(
    ("url", "trustworthy"),
    [
        ("https://shop.test/x", True),
        ("wss://shop.test", True),
        ("http://shop.test", False),
        ("http://localhost:8080/", True),
        ("http://a.localhost/", True),
        ("http://127.8.9.1/", True),
        ("http://[::1]:5/", True),
        ("http://127.0.0.1.test/", False),
        ("http://notlocalhost/", False),
        ("ftp://localhost/", False),
        ("nonsense", False),
    ],
)
def test_https_and_loopback_are_potentially_trustworthy(url: str, trustworthy: bool) -> None:
    assert is_potentially_trustworthy(url) is trustworthy


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://www.Shop.test/x?y#z", "https://www.shop.test"),
        ("https://shop.test:443", "https://shop.test"),
        ("http://shop.test:8080/", "http://shop.test:8080"),
        ("blob:https://shop.test/1", "https://shop.test"),
        ("data:text/html,x", "null"),
        ("nonsense", "null"),
        ("\ud800", "null"),
    ],
)
def test_an_origin_is_scheme_host_and_a_port_that_is_not_the_schemes_own(url: str, origin: str) -> None:
    assert serialized_origin(url) == origin


@pytest.mark.parametrize(
    ("origin", "site"),
    [
        ("https://www.shop.test:8443/x", "https://shop.test"),
        ("http://www.shop.test", "http://shop.test"),
        ("http://localhost:3000", "http://localhost"),
        ("https://[::1]:1", "https://[::1]"),
        ("https://user.github.io", "https://user.github.io"),
        ("https://co.uk", "https://co.uk"),
    ],
)
def test_a_schemeful_site_has_scheme_and_registrable_domain_and_no_port(origin: str, site: str) -> None:
    assert schemeful_site(origin) == site


@pytest.mark.parametrize("origin", ["null", "", "data:text/html,x", "file:///x"])
def test_an_opaque_origin_has_no_schemeful_site(origin: str) -> None:
    with pytest.raises(ValueError, match="no origin with a host"):
        schemeful_site(origin)


@pytest.mark.parametrize(
    ("url", "suitable"),
    [
        ("https://shop.test/x", True),
        ("https://10.0.0.1", True),
        ("http://shop.test", False),
        ("http://localhost:8080", True),
        ("http://a.localhost", True),
        ("http://127.8.9.1", True),
        ("http://[::1]", True),
        ("wss://shop.test", False),
        ("file:///x", False),
        ("data:text/html,x", False),
        ("shop.test", False),
    ],
)
def test_suitable_is_https_or_http_to_a_loopback_host(url: str, suitable: bool) -> None:
    assert is_suitable_origin(url) is suitable
