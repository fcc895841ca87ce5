"""Assets are served from the package, and nothing else of it."""

from __future__ import annotations

import pytest
from aiohttp.test_utils import TestClient, TestServer

from sites.pages import content_security_policy, read_asset
from sites.world import demo_sites


@pytest.mark.parametrize(
    "path",
    [
        "/common/layout.html",
        "/common/apis.d.ts",
        "/common/nothing.css",
        "/common/..%2Fpages.py",
        "/common/..%2Fnews%2Fswifts.svg",
        "/common/%2e%2e%2fworld.py",
        "/shop/thanks.html",
        "/news/..%5Cpages.py",
        "/adtech/ad.svg.j2",
    ],
)
async def test_a_file_that_is_no_asset_of_this_site_is_not_served(path: str) -> None:
    for app in demo_sites().values():
        async with TestClient(TestServer(app)) as client:
            assert (await client.get(path)).status == 404


async def test_one_site_does_not_serve_the_assets_of_another() -> None:
    async with TestClient(TestServer(demo_sites()["news.test"])) as client:
        assert (await client.get("/news/swifts.svg")).status == 200
        assert (await client.get("/shop/thanks.js")).status == 404


def test_a_policy_names_what_is_added_beside_the_own_origin() -> None:
    policy = content_security_policy(connect=["https://a.test"], frame=["https://b.test"], ancestors="https://c.test")
    directives = policy.split("; ")
    assert "connect-src 'self' https://home.test https://a.test" in directives
    assert "frame-src https://b.test" in directives
    assert "frame-ancestors https://c.test" in directives
    assert "img-src 'self'" in directives


def test_a_policy_without_frames_leaves_them_to_the_default_of_none() -> None:
    assert "frame-src" not in content_security_policy()
    assert content_security_policy().startswith("default-src 'none'")


def test_a_missing_asset_is_a_file_not_found_error() -> None:
    with pytest.raises(FileNotFoundError):
        read_asset("common/nothing.css")
