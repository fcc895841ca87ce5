from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

from agent.cli.control import control_endpoint
from agent.cli.running import announce, control_file
from agent.model.clock import DAY, DEFAULT_FROZEN_START, Clock
from agent.runtime import Agent
from storage.profile import Control
from tests.cli.conftest import Run, Tallyhost


async def in_thread(tallyhost: Tallyhost, *arguments: str) -> Run:
    """The command as another process would run it: beside the agent's event loop."""
    return await asyncio.to_thread(tallyhost, *arguments)


async def test_a_running_agent_is_asked_rather_than_its_profile(tallyhost: Tallyhost, tmp_path: Path) -> None:
    folder = str(tmp_path / "profile")
    async with Agent.open_profile(folder, clock=Clock.frozen()) as agent, control_endpoint(agent, folder):
        run = await in_thread(tallyhost, "time", "advance", "2d", "--profile", folder, "--json")
        assert run.document["milliseconds"] == DEFAULT_FROZEN_START + 2 * DAY
        assert agent.clock.now() == DEFAULT_FROZEN_START + 2 * DAY


async def test_an_agent_in_memory_is_found_without_naming_a_profile(tallyhost: Tallyhost) -> None:
    async with Agent.open_profile(":memory:", clock=Clock.frozen()) as agent, control_endpoint(agent, ":memory:"):
        run = await in_thread(tallyhost, "time", "now", "--json")
    assert run.document["milliseconds"] == DEFAULT_FROZEN_START
    assert (await in_thread(tallyhost, "time", "now")).code == 3


async def test_what_a_running_agent_refuses_keeps_its_exit_code(tallyhost: Tallyhost) -> None:
    async with Agent.open_profile(":memory:", clock=Clock.frozen()) as agent, control_endpoint(agent, ":memory:"):
        run = await in_thread(tallyhost, "explain", "last")
    assert run.code == 2
    assert "nothing was decided yet" in run.err


async def test_an_old_token_is_refused_by_the_agent_that_has_taken_the_port(tallyhost: Tallyhost) -> None:
    async with Agent.open_profile(":memory:") as agent, control_endpoint(agent, ":memory:") as control:
        announce(":memory:", Control(address=control.address, token="old", pid=control.pid))
        run = await in_thread(tallyhost, "time", "now")
    assert run.code == 3
    assert "401" in run.err


def test_the_file_of_an_agent_that_was_killed_does_not_hide_its_profile(tallyhost: Tallyhost, tmp_path: Path) -> None:
    folder = tmp_path / "profile"

    async def make() -> None:
        async with Agent.open_profile(folder):
            pass

    asyncio.run(make())
    # Port 1 of loopback: nothing listens there.
    control_file(str(folder)).write_text(
        json.dumps({"address": "http://127.0.0.1:1", "token": "x", "pid": os.getpid()}), encoding="utf-8"
    )
    assert tallyhost("time", "now", "--profile", str(folder)).code == 0
