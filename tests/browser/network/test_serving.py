from __future__ import annotations

from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from yarl import URL

from tests.browser.network.support import World


@pytest.fixture
def site(tmp_path: Path) -> Path:
    folder = tmp_path / "site"
    (folder / "blog").mkdir(parents=True)
    (folder / "index.html").write_text("home")
    (folder / "blog" / "index.html").write_text("blog")
    (folder / "style.css").write_text("p{}")
    (tmp_path / "secret.txt").write_text("secret")
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    return folder


@pytest.mark.parametrize(
    ("path", "status", "kind", "text"),
    [
        ("/", 200, "text/html", "home"),
        ("/blog/", 200, "text/html", "blog"),
        ("/style.css", 200, "text/css", "p{}"),
    ],
)
async def test_a_folder_answers_with_its_files(
    world: World, site: Path, path: str, status: int, kind: str, text: str
) -> None:
    world.hosts.map("site.test", site)
    async with world.session() as session, session.get(f"https://site.test{path}") as response:
        assert (response.status, response.content_type, await response.text()) == (status, kind, text)


async def test_a_directory_without_final_slash_is_redirected(world: World, site: Path) -> None:
    world.hosts.map("site.test", str(site))
    async with world.session() as session, session.get("https://site.test/blog", allow_redirects=False) as response:
        assert (response.status, response.headers["Location"]) == (302, "/blog/")


@pytest.mark.parametrize(
    ("asked", "location"),
    [
        ("/blog?utm_source=ad&next=%2Fcart", "/blog/?utm_source=ad&next=%2Fcart"),
        ("/who%3F", "/who%3F/"),
        ("/no%231", "/no%231/"),
        ("/50%2525", "/50%2525/"),
    ],
)
async def test_the_redirect_to_a_directory_keeps_the_query_and_what_is_encoded(
    world: World, site: Path, asked: str, location: str
) -> None:
    for name in ("who?", "no#1", "50%25"):
        (site / name).mkdir()
    world.hosts.map("site.test", site)
    url = URL(f"https://site.test{asked}", encoded=True)
    async with world.session() as session, session.get(url, allow_redirects=False) as response:
        assert (response.status, response.headers["Location"]) == (302, location)


@pytest.mark.parametrize("path", ["/%00", "/" + "a" * 300, "/circle", "/circle/x"])
async def test_a_path_that_no_file_can_have_is_not_found(world: World, site: Path, path: str) -> None:
    (site / "circle").symlink_to("circle")
    world.hosts.map("site.test", site)
    url = URL(f"https://site.test{path}", encoded=True)
    async with world.session() as session, session.get(url) as response:
        assert response.status == 404


@pytest.mark.parametrize("path", ["/absent", "/../secret.txt", "/%2e%2e/secret.txt", "/link.txt", "/index.html/x"])
async def test_nothing_outside_the_folder_is_served(world: World, site: Path, path: str) -> None:
    upstream = world.hosts.map("site.test", site)
    wire = await world.tunnel("site.test")
    wire.send(f"GET {path} HTTP/1.1\r\nHost: site.test\r\nConnection: close\r\n\r\n".encode())
    answer = await wire.rest()
    assert answer.startswith(b"HTTP/1.1 404 ")
    assert b"secret" not in answer
    assert upstream.host == "127.0.0.1"


async def test_an_application_that_fails_to_start_refuses_instead_of_hanging(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(_: web.Application) -> None:
        raise RuntimeError("no database")

    app = web.Application()
    app.on_startup.append(fail)
    world.hosts.map("shop.test", app)
    async with world.session() as session, session.get("https://shop.test/") as response:
        assert response.status == 502
    assert "serve a mapped application failed" in caplog.text


async def test_applications_end_with_their_map(world: World) -> None:
    upstream = world.hosts.map("shop.test", web.Application())
    async with aiohttp.ClientSession() as session:
        async with session.get(str(upstream)) as response:
            assert response.status == 404
        await world.hosts.close()
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(str(upstream))
