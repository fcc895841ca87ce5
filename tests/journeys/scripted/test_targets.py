"""What a journey puts behind hosts, and what cannot stand there."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent.journeys.scripted.targets import SiteError, standing
from tests.expectations.agents import an_agent


@pytest.mark.parametrize(
    ("target", "what"),
    [
        ("none", "neither a URL nor a folder"),
        ("pages/index.html", "neither a URL nor a folder"),
        ("ftp://x", "neither a URL nor a folder"),
        ("http://localhost:3000/x", "no address of a server"),
        ("demo/nows", "the demo has no site 'nows.test'; nearest is 'news.test'"),
        ("x" * 300, "cannot be read: File name too long"),
    ],
)
async def test_what_cannot_stand_behind_a_host_is_told_with_the_host(tmp_path: Path, target: str, what: str) -> None:
    (tmp_path / "pages").mkdir()
    (tmp_path / "pages" / "index.html").touch()
    async with an_agent() as agent:
        with pytest.raises(SiteError, match=what) as refused:
            async with standing(agent, {"a.test": "pages", "shop.test": target}, tmp_path):
                raise AssertionError("it stands")
        assert refused.value.host == "shop.test"


async def test_folders_are_relative_to_the_journey(tmp_path: Path) -> None:
    (tmp_path / "pages").mkdir()
    async with an_agent() as agent, standing(agent, {"a.test": "pages", "b.test": "../"}, tmp_path / "pages" / ".."):
        assert {"a.test", "b.test"} <= set(agent.hosts.mapped())
