"""`tallyhost chaos`, and what of `tallyhost time` only a running agent has."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest

from agent.cli.control import control_endpoint
from agent.model.clock import DEFAULT_FROZEN_START, Clock
from agent.runtime import Agent
from tests.cli.conftest import Run, Tallyhost

Asked = Callable[..., Coroutine[Any, Any, Run]]


@pytest.fixture
async def agent() -> AsyncIterator[Agent]:
    """An agent that runs with a profile in memory, which commands find."""
    async with Agent.open_profile(":memory:", clock=Clock.frozen()) as agent, control_endpoint(agent, ":memory:"):
        yield agent


@pytest.fixture
def ask(agent: Agent, tallyhost: Tallyhost) -> Asked:
    """Run a command beside the running agent."""
    del agent

    async def run(*arguments: str) -> Run:
        return await asyncio.to_thread(tallyhost, *arguments)

    return run


async def test_a_rule_is_set_shown_and_cleared(agent: Agent, ask: Asked) -> None:
    assert "nothing goes wrong on purpose" in (await ask("chaos", "show")).out
    run = await ask("chaos", "set", "adtech.test", "--fail", "50%", "--status", "500", "--times", "3")
    assert run.code == 0
    assert "adtech.test" in run.out
    assert "50 % fail with 500, for 3 more requests" in run.out
    (rule,) = agent.chaos.rules
    assert (rule.fail, rule.status, rule.times, rule.pages) == (0.5, 500, 3, True)
    assert (await ask("chaos", "clear", "adtech.test")).code == 0
    assert agent.chaos.rules == ()


async def test_every_trouble_has_its_flag(agent: Agent, ask: Asked) -> None:
    await ask("chaos", "set", "a.test", "--stall", "30s", "--reset", "10%", "--no-pages")
    await ask("chaos", "set", "*", "--slow", "2s")
    stalled, slow = agent.chaos.rules
    assert (stalled.stall, stalled.reset, stalled.pages) == (30_000, 0.1, False)
    assert (slow.host, slow.slow) == ("*", 2_000)


async def test_in_json_the_rules_are_documents_and_clear_without_a_host_ends_all(agent: Agent, ask: Asked) -> None:
    agent.chaos.set("a.test", fail="50%")
    agent.chaos.set("b.test", stall="30s")
    shown = (await ask("chaos", "show", "--json")).document
    assert shown["offline"] is False
    assert [(rule["host"], rule["fail"], rule["stall"]) for rule in shown["rules"]] == [
        ("a.test", 0.5, 0),
        ("b.test", 0, 30_000),
    ]
    assert (await ask("chaos", "clear", "--json")).document == {"offline": False, "rules": []}


async def test_offline_and_online_again(agent: Agent, ask: Asked) -> None:
    assert "offline: nothing is sent" in (await ask("chaos", "offline")).out
    assert agent.chaos.offline
    await ask("chaos", "online")
    assert not agent.chaos.offline


@pytest.mark.parametrize(
    "arguments",
    [
        ("https://adtech.test", "--fail", "50%"),
        ("adtech.test", "--fail", "150%"),
        ("adtech.test", "--fail=-5%"),
        ("adtech.test", "--stall=-3s"),
        ("adtech.test", "--fail", "50%", "--status", "200"),
        ("adtech.test", "--fail", "50%", "--times", "0"),
        ("adtech.test",),
    ],
)
async def test_a_bad_rule_is_refused_with_its_rule_and_fix_and_nothing_changes(
    agent: Agent, ask: Asked, arguments: tuple[str, ...]
) -> None:
    run = await ask("chaos", "set", *arguments)
    assert run.code == 2
    assert "  rule  " in run.err
    assert "  fix   " in run.err
    assert agent.chaos.rules == ()


async def test_there_is_nothing_to_clear_for_a_host_without_a_rule(agent: Agent, ask: Asked) -> None:
    agent.chaos.set("a.test", fail=1)
    run = await ask("chaos", "clear", "b.test")
    assert (run.code, "name one of a.test" in run.err) == (2, True)
    assert len(agent.chaos.rules) == 1


async def test_the_clock_of_a_running_agent_runs_fast_and_stops(agent: Agent, ask: Asked) -> None:
    assert (await ask("time", "run", "10x", "--json")).document["speed"] == 10
    assert agent.clock.speed == 10
    assert "it stands still" in (await ask("time", "freeze")).out
    assert agent.clock.speed == 0
    assert (await ask("time", "run", "--json")).document["speed"] == 1
    run = await ask("time", "run", "0x")
    assert (run.code, agent.clock.speed) == (2, 1)


async def test_the_clock_moves_to_an_instant_and_never_back(agent: Agent, ask: Asked) -> None:
    told = (await ask("time", "to", "2026-12-24T09:00Z", "--json")).document
    assert told == {"now": "2026-12-24T09:00:00+00:00", "milliseconds": agent.clock.now(), "speed": 0}
    run = await ask("time", "to", "2026-12-24T08:59Z")
    assert run.code == 2
    assert "the clock never goes back" in run.err
    assert agent.clock.now() > DEFAULT_FROZEN_START


@pytest.mark.parametrize("arguments", [("chaos", "show"), ("chaos", "offline"), ("time", "freeze"), ("time", "run")])
def test_what_no_profile_keeps_needs_a_running_agent(
    tallyhost: Tallyhost, profile: str, arguments: tuple[str, ...]
) -> None:
    run = tallyhost(*arguments, "--profile", profile)
    assert run.code == 3
    assert "no agent is running on this profile" in run.err
