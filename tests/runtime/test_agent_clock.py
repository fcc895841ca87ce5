"""The agent's clock as its owner moves, stops and speeds it, and what a profile keeps of that."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from pathlib import Path

import pytest

from agent.model.clock import DAY, DEFAULT_FROZEN_START, HOUR, LATEST, MINUTE, SECOND, Clock, parse_instant
from agent.model.errors import HostEnvironmentError, UsageError
from agent.runtime import Agent, agent_clock
from storage import database
from storage.clock import read_ahead
from storage.database import AsyncDatabase

CHRISTMAS = "2026-12-24T09:00Z"


class Wall:
    """Time that a test moves."""

    def __init__(self) -> None:
        self.time = DEFAULT_FROZEN_START

    def __call__(self) -> int:
        return self.time


@pytest.fixture
def wall() -> Wall:
    return Wall()


async def kept_ahead(folder: Path) -> int:
    """What the profile at rest in ``folder`` keeps of its clock."""
    async with await AsyncDatabase.open(folder / "tallyhost.sqlite3", now=0) as database:
        return await database.transact("read clock", read_ahead)


async def test_to_moves_forward_to_an_instant_in_text_or_milliseconds() -> None:
    async with Agent.open_profile(":memory:", clock=Clock.frozen()) as agent:
        await agent.clock.to(CHRISTMAS)
        assert agent.clock.now() == parse_instant("2026-12-24T09:00:00+00:00")
        later = agent.clock.now() + 5
        await agent.clock.to(later)
        await agent.clock.to(later)
        assert agent.clock.now() == later


@pytest.mark.parametrize(
    ("instant", "what"),
    [
        ("2026-01-05T08:59:59Z", "that has passed: it is 2026-01-05T09:00:00"),
        (DEFAULT_FROZEN_START - 1, "that has passed"),
        ("soon", "is no time"),
        ("2026-13-01", "is no time"),
        (1 << 60, "the clock ends at 9999"),
    ],
)
async def test_to_refuses_the_past_and_what_is_no_time_and_nothing_moves(instant: int | str, what: str) -> None:
    async with Agent.open_profile(":memory:", clock=Clock.frozen()) as agent:
        with pytest.raises(UsageError, match=what):
            await agent.clock.to(instant)
        assert agent.clock.now() == DEFAULT_FROZEN_START


@pytest.mark.parametrize("speed", ["10x", "10X", " 10 ", 10, 10.0])
async def test_a_speed_is_a_number_or_text_with_an_x(wall: Wall, speed: str | float) -> None:
    async with Agent.open_profile(":memory:", clock=Clock(wall)) as agent:
        await agent.clock.run(speed)
        assert agent.clock.speed == 10
        before = agent.clock.now()
        wall.time += SECOND
        assert agent.clock.now() == before + 10 * SECOND
        await agent.clock.run()
        assert agent.clock.speed == 1


@pytest.mark.parametrize("speed", ["0x", "-1x", "fast", "", "10001x", 0.5, True, None, "1e3"])
async def test_a_speed_that_is_none_is_refused_and_changes_nothing(speed: str | float) -> None:
    async with Agent.open_profile(":memory:", clock=Clock.frozen()) as agent:
        with pytest.raises(UsageError, match="is no speed") as caught:
            await agent.clock.run(speed)
        assert "1x to 10000x" in caught.value.rule
        assert agent.clock.speed == 0


async def test_a_clock_whose_times_cannot_be_kept_does_not_run_faster(
    wall: Wall, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def full(*_: object) -> None:
        raise HostEnvironmentError("the disk is full")

    async with Agent.open_profile(":memory:", clock=Clock(wall)) as agent:
        with monkeypatch.context() as patch:
            patch.setattr(agent._database, "transact", full)
            with pytest.raises(HostEnvironmentError):
                await agent.clock.run(100)
        assert agent.clock.speed == 1


async def test_a_stopped_clock_moves_by_its_owner_alone(wall: Wall) -> None:
    async with Agent.open_profile(":memory:", clock=Clock(wall)) as agent:
        await agent.clock.freeze()
        wall.time += HOUR
        assert (agent.clock.now(), agent.clock.speed) == (DEFAULT_FROZEN_START, 0)
        await agent.clock.advance("2d")
        assert agent.clock.now() == DEFAULT_FROZEN_START + 2 * DAY


async def test_a_profile_goes_on_where_its_fast_clock_ended(wall: Wall, tmp_path: Path) -> None:
    folder = tmp_path / "profile"
    async with Agent.open_profile(folder, clock=Clock(wall)) as agent:
        await agent.clock.run(10)
        wall.time += HOUR
        ended = agent.clock.now()
        assert ended == DEFAULT_FROZEN_START + 10 * HOUR
    assert await kept_ahead(folder) == 9 * HOUR
    async with Agent.open_profile(folder, clock=Clock(wall)) as agent:
        assert agent.clock.now() == ended


async def test_a_profile_whose_clock_was_stopped_goes_on_with_the_wall_clock_and_never_back(
    wall: Wall, tmp_path: Path
) -> None:
    folder = tmp_path / "profile"
    async with Agent.open_profile(folder, clock=Clock(wall)) as agent:
        await agent.clock.advance("2h")
        await agent.clock.freeze()
        wall.time += HOUR
        ended = agent.clock.now()
    assert await kept_ahead(folder) == HOUR
    wall.time += 3 * HOUR
    async with Agent.open_profile(folder, clock=Clock(wall)) as agent:
        assert agent.clock.now() == ended + 3 * HOUR


async def test_a_profile_that_was_begun_at_a_later_time_is_not_opened_before_its_last_event(tmp_path: Path) -> None:
    later = DEFAULT_FROZEN_START + 200 * DAY
    async with Agent.open_profile(tmp_path / "profile", clock=Clock(lambda: later)) as agent:
        await agent.clock.advance("1h")
        assert await agent.shared_storage.set("https://shop.test", "key", "value") is None
        await agent.state.save(tmp_path / "later.state")
    for folder in (tmp_path / "profile", tmp_path / "another"):
        async with Agent.open_profile(folder, clock=Clock.frozen()) as agent:
            await agent.state.load(tmp_path / "later.state")
            assert agent.clock.now() == later + HOUR
    async with Agent.open_profile(tmp_path / "profile", clock=Clock.frozen()) as agent:
        assert agent.clock.now() == later + HOUR
        await agent.clock.advance("1h")
        assert agent.clock.now() == later + 2 * HOUR


async def test_a_stopped_clock_that_the_wall_clock_has_passed_can_be_moved_run_and_left(
    wall: Wall, tmp_path: Path
) -> None:
    folder = tmp_path / "profile"
    async with Agent.open_profile(folder, clock=Clock(wall)) as agent:
        await agent.clock.freeze()
        wall.time += HOUR
        await agent.clock.advance("10m")
        assert agent.clock.now() == DEFAULT_FROZEN_START + 10 * MINUTE
        await agent.clock.freeze()
        await agent.clock.run()
        wall.time += HOUR
        assert agent.clock.now() == DEFAULT_FROZEN_START + HOUR + 10 * MINUTE
    assert await kept_ahead(folder) == 0
    async with Agent.open_profile(folder, clock=Clock(wall)) as agent:
        assert agent.clock.now() == DEFAULT_FROZEN_START + 2 * HOUR


async def test_a_profile_whose_clock_came_to_its_end_can_be_opened_again_and_its_state_loaded(
    wall: Wall, tmp_path: Path
) -> None:
    async with Agent.open_profile(tmp_path / "profile", clock=Clock(wall)) as agent:
        await agent.clock.to("9999-12-31T23:59:59Z")
        await agent.state.save(tmp_path / "late.state")
    wall.time += HOUR
    for folder in (tmp_path / "profile", tmp_path / "another"):
        async with Agent.open_profile(folder, clock=Clock(wall)) as agent:
            await agent.state.load(tmp_path / "late.state")
            assert agent.clock.now() == LATEST
        assert await kept_ahead(folder) == LATEST - wall.time


async def test_an_agent_that_is_killed_while_its_clock_runs_fast_does_not_go_back(
    wall: Wall, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(agent_clock, "_KEEP_EVERY", 0.01)
    folder = tmp_path / "profile"
    async with Agent.open_profile(folder, clock=Clock(wall)) as agent:
        await agent.clock.run(100)
        wall.time += HOUR
        seen = agent.clock.now()
        await asyncio.sleep(0.3)
        # What another process would read now is what an agent that is killed leaves behind.
        async with await AsyncDatabase.open(folder / "tallyhost.sqlite3", now=0) as database:
            ahead = await database.transact("read clock", read_ahead)
        assert wall.time + ahead >= seen
        await agent.clock.run()


async def test_where_the_clock_was_moved_to_is_kept_before_anything_is_done_at_the_new_time(
    wall: Wall, tmp_path: Path
) -> None:
    folder = tmp_path / "profile"
    async with Agent.open_profile(folder, clock=Clock(wall)) as agent:
        arrived = asyncio.Event()

        async def arriving() -> None:
            await arrived.wait()

        agent.arrived = arriving
        moving = agent.clock.advance("2d")
        async with asyncio.timeout(10):
            while await kept_ahead(folder) != 2 * DAY:
                await asyncio.sleep(0.01)
        arrived.set()
        await moving


async def test_what_falls_due_at_ten_thousand_times_the_speed_is_delivered_without_another_word() -> None:
    async with Agent.open_profile(":memory:", clock=Clock()) as agent:
        moved = asyncio.get_running_loop().time()
        await agent.clock.run(10_000)
        before = agent.clock.now()
        while agent.clock.now() < before + HOUR:
            await asyncio.sleep(0.01)
        assert asyncio.get_running_loop().time() - moved < 10


async def test_a_fast_clock_is_kept_again_once_the_lock_of_another_process_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(agent_clock, "_KEEP_EVERY", 0.02)
    monkeypatch.setattr(database, "_BUSY_SECONDS", 0.01)
    async with Agent.open_profile(tmp_path / "profile") as agent:
        await agent.clock.run(100)
        path = tmp_path / "profile" / "tallyhost.sqlite3"
        with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            async with asyncio.timeout(10):
                while "cannot be kept" not in caplog.text:
                    await asyncio.sleep(0.01)
            other.execute("ROLLBACK")
            before = ahead = other.execute("SELECT ahead FROM clock").fetchone()[0]
            async with asyncio.timeout(10):
                while ahead <= before:
                    await asyncio.sleep(0.01)
                    ahead = other.execute("SELECT ahead FROM clock").fetchone()[0]
        assert ahead > before
