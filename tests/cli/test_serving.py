"""The agent that ``tallyhost up --demo`` serves."""

from __future__ import annotations

import pytest

from agent.cli.config import load_config
from agent.cli.output import Output
from agent.cli.serving import demo_agent
from agent.cli.session import Session


@pytest.mark.browser
async def test_the_demo_s_sites_show_what_the_agent_among_them_does() -> None:
    async with demo_agent(Session(load_config({"seed": "7"}), Output())) as agent:
        await agent.new_page("https://news.test/")
        home = await agent.new_page("https://home.test/")
        await home.wait_for_function(
            "fetch('/strip.json').then((answer) => answer.text()).then((text) => text.includes('news.test'))"
        )
    assert agent.seed == 7
