from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp import web

from agent.browser.network.hosts import HostMap, Refusal, RefusalKind, Tls, Upstream
from agent.model.errors import UsageError


def test_a_mapped_host_leads_to_its_target_on_every_scheme_and_port() -> None:
    hosts = HostMap()
    hosts.map("shop.test", "http://localhost:3000")
    target = Upstream("localhost", 3000)
    assert hosts.resolve("https", "shop.test", 443) == target
    assert hosts.resolve("http", "shop.test", 80) == target
    assert hosts.resolve("https", "shop.test", 8443) == target


def test_host_names_match_without_case_and_final_dot() -> None:
    hosts = HostMap()
    hosts.map("Shop.TEST.", "http://localhost:3000")
    assert hosts.resolve("https", "shop.test.", 443) == Upstream("localhost", 3000)


def test_a_star_stands_for_names_below_and_gives_way_to_an_exact_name() -> None:
    hosts = HostMap()
    hosts.map("*.shop.test", "http://localhost:1")
    hosts.map("img.shop.test", "http://localhost:2")
    assert hosts.resolve("https", "a.b.shop.test", 443) == Upstream("localhost", 1)
    assert hosts.resolve("https", "img.shop.test", 443) == Upstream("localhost", 2)
    assert isinstance(hosts.resolve("https", "shop.test", 443), Refusal)


def test_a_later_mapping_replaces_an_earlier() -> None:
    hosts = HostMap()
    hosts.map("shop.test", "http://localhost:1")
    hosts.map("shop.test", "http://localhost:2")
    assert hosts.resolve("https", "shop.test", 443) == Upstream("localhost", 2)


@pytest.mark.parametrize("host", ["localhost", "app.localhost", "127.0.0.1", "127.8.9.1", "::1"])
def test_loopback_hosts_pass_through_as_they_are(host: str) -> None:
    assert HostMap().resolve("http", host, 3000) == Upstream(host, 3000)
    assert HostMap().resolve("https", host, 3000) == Upstream(host, 3000, Tls.UNVERIFIED)


@pytest.mark.parametrize("host", ["example.com", "10.0.0.1", "0.0.0.0", "localhost.com", "2001:db8::1"])  # noqa: S104
def test_nothing_else_leaves_the_machine_unasked(host: str) -> None:
    refusal = HostMap().resolve("https", host, 443)
    assert isinstance(refusal, Refusal)
    assert refusal.kind is RefusalKind.NOT_MAPPED
    assert host in refusal.what
    assert f"--map {host}=" in refusal.fix
    assert "--allow-network" in refusal.fix


def test_allowed_network_verifies_the_real_certificate() -> None:
    hosts = HostMap(allow_network=True)
    assert hosts.resolve("https", "example.com", 443) == Upstream("example.com", 443, Tls.VERIFIED)
    assert hosts.resolve("http", "example.com", 80) == Upstream("example.com", 80)


@pytest.mark.parametrize(
    ("target", "upstream"),
    [
        ("http://localhost", Upstream("localhost", 80)),
        ("http://[::1]:3000/", Upstream("::1", 3000)),
        ("https://localhost:3443", Upstream("localhost", 3443, Tls.UNVERIFIED)),
        ("https://staging.example.com", Upstream("staging.example.com", 443, Tls.VERIFIED)),
    ],
)
def test_a_target_is_the_address_of_a_server(target: str, upstream: Upstream) -> None:
    assert HostMap().map("shop.test", target) == upstream


@pytest.mark.parametrize(
    "target",
    [
        "http://localhost:3000/app",
        "http://localhost:3000?x",
        "http://me@localhost",
        "http://localhost:99999",
        "http://",
        "http://[::1",
    ],
)
def test_a_target_with_more_or_less_than_an_address_is_refused(target: str) -> None:
    hosts = HostMap()
    with pytest.raises(UsageError, match="no address of a server") as caught:
        hosts.map("shop.test", target)
    assert "http://localhost:3000" in caught.value.fix
    assert isinstance(hosts.resolve("https", "shop.test", 443), Refusal)


@pytest.mark.parametrize("host", ["", "https://shop.test", "shop.test:443", "shop.test/x", "a..b", "*", "shop test"])
def test_what_is_no_host_name_is_refused(host: str) -> None:
    with pytest.raises(UsageError, match="no host name"):
        HostMap().map(host, "http://localhost:3000")


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="neither a URL nor a folder"):
        HostMap().map("shop.test", tmp_path / "absent")


def test_an_upstream_reads_as_an_address() -> None:
    assert str(Upstream("::1", 3000)) == "http://[::1]:3000"
    assert str(Upstream("localhost", 3443, Tls.UNVERIFIED)) == "https://localhost:3443"


async def test_what_is_mapped_by_default_gives_way_to_whatever_is_mapped() -> None:
    async with HostMap(allow_network=True) as hosts:
        by_default = hosts.map_by_default(["keys.test", "a.keys.test"], web.Application())
        assert hosts.resolve("https", "keys.test", 443) == by_default
        assert hosts.resolve("https", "A.keys.test.", 443) == by_default
        mapped = hosts.map("*.keys.test", "http://localhost:1")
        assert hosts.resolve("https", "a.keys.test", 443) == mapped
        assert hosts.resolve("https", "keys.test", 443) == by_default
        mapped = hosts.map("keys.test", "http://localhost:2")
        assert hosts.resolve("https", "keys.test", 443) == mapped
