from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp import ClientSession, web

from agent.model.errors import UsageError
from agent.pytest_support.sites import Sites
from agent.runtime import Agent
from tests.pytest_support.runs import a_run


async def text_of(agent: Agent, host: str) -> str:
    """What ``agent`` gets at the root of ``host``."""
    upstream = agent.hosts.resolve("https", host, 443)
    async with ClientSession() as session, session.get(f"{upstream}/") as answer:
        return await answer.text()


def says(text: str) -> web.Application:
    """An application that answers ``text``."""

    async def answer(_request: web.Request) -> web.Response:
        return web.Response(text=text)

    app = web.Application()
    app.router.add_get("/", answer)
    return app


async def test_folders_applications_and_servers_stand_behind_hosts(tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("news")
    async with a_run() as (running, sites):
        assert sites.serve("news.test", tmp_path) == "https://news.test"
        sites.serve("shop.test", says("shop"))
        server = sites.target("shop.test")
        assert server is not None
        sites.serve("blog.test", server)
        assert [await text_of(running.agent, f"{name}.test") for name in ("news", "shop", "blog")] == [
            "news",
            "shop",
            "shop",
        ]


async def test_what_is_served_anew_takes_its_place() -> None:
    async with a_run() as (running, sites):
        sites.serve("news.test", says("old"))
        sites.serve("news.test", says("new"))
        assert await text_of(running.agent, "news.test") == "new"


async def test_it_stays_for_the_agents_that_come_later() -> None:
    async with a_run() as (_, sites):
        sites.serve("news.test", says("news"))
        async with Agent.open_profile(":memory:") as later:
            sites.attach(later)
            assert await text_of(later, "news.test") == "news"
            sites.detach(later)


def test_a_session_may_serve_before_there_is_a_loop(tmp_path: Path) -> None:
    Sites().serve("news.test", tmp_path)


async def test_a_folder_that_is_not_there_is_refused_with_where_it_was_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match=str(tmp_path)):
        Sites().serve("news.test", "pages/news")


async def test_a_host_is_known_by_its_name_however_it_is_written() -> None:
    async with a_run() as (running, sites):
        assert sites.serve("News.Test.", says("news")) == "https://news.test"
        assert await text_of(running.agent, "news.test") == "news"


@pytest.mark.parametrize("host", ["https://news.test", "news.test/path", "a b"])
async def test_what_is_no_host_is_refused_and_spoils_no_other_test(host: str) -> None:
    async with a_run() as (_, sites):
        with pytest.raises(UsageError, match="is no host name"):
            sites.serve(host, says("news"))
        with pytest.raises(UsageError, match="is no address of a server"):
            sites.serve("news.test", "http://localhost:none")
        async with Agent.open_profile(":memory:") as later:
            sites.attach(later)
            sites.serve("shop.test", says("shop"))
            assert await text_of(later, "shop.test") == "shop"
            sites.detach(later)
