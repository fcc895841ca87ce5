"""Chaos on the way of reports and of requests for keys."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from agent.delivery import sender
from agent.delivery.assembly import Assembler
from agent.delivery.chaos import Chaos
from agent.delivery.public_keys import NoKeys, PublicKeys
from agent.delivery.scheduler import Scheduler
from agent.delivery.sender import Outcome, Sender
from agent.model.chaos_input import chaos_rule
from agent.model.chaos_rules import ChaosRules
from agent.model.clock import HOUR, MINUTE, SECOND, Clock
from agent.model.events import Event
from agent.model.interfaces import Answer, NoAnswer
from agent.model.rng import SeededRng
from storage.database import AsyncDatabase
from tests.delivery.test_sender import BODY, Network, report
from tests.delivery.world import START, Coordinator, World

HOST = "collector.test"


@dataclass
class Trying:
    """A sender with chaos in its way."""

    clock: Clock = field(default_factory=Clock.frozen)
    noted: list[Event] = field(default_factory=list)
    network: Network = field(default_factory=lambda: Network(lambda _: Answer(200)))
    mapped: bool = True

    def __post_init__(self) -> None:
        self.rules = ChaosRules(SeededRng(7))
        self.chaos = Chaos(self.rules, self.clock, self.note, lambda _: self.mapped)

    async def note(self, event: Event) -> None:
        self.noted.append(event)

    async def send(self, **troubles: Any) -> sender.Attempt:
        self.rules.set(chaos_rule(HOST, **troubles))
        return await Sender(self.network, "Test/1", self.chaos).send(report(), BODY)


async def test_without_chaos_for_its_host_a_report_is_sent_as_ever() -> None:
    trying = Trying()
    trying.rules.set(chaos_rule("other.test", fail=1))
    attempt = await Sender(trying.network, "Test/1", trying.chaos).send(report(), BODY)
    assert attempt.outcome is Outcome.DELIVERED
    assert attempt.chaos == ()
    assert trying.noted == []


async def test_a_report_that_fails_never_reaches_its_server_and_its_event_names_rule_and_report() -> None:
    trying = Trying()
    attempt = await trying.send(fail=1, status=500)
    assert (attempt.outcome, attempt.detail, attempt.transient) == (Outcome.FAILED, "500", False)
    assert trying.network.requests == []
    (event,) = trying.noted
    assert (event.kind, event.verdict, event.time) == ("chaos", "failed", trying.clock.now())
    assert event.data["report"] == report().id
    assert event.data["rule"]["host"] == HOST
    (check,) = attempt.chaos
    assert not check.passed
    assert check.fix == f"tallyhost chaos clear {HOST}"


async def test_a_reset_has_chromiums_name_and_counts_as_the_networks_failure() -> None:
    attempt = await Trying().send(reset=1)
    assert attempt.outcome is Outcome.FAILED
    assert "net::ERR_CONNECTION_RESET" in attempt.detail
    assert attempt.transient


async def test_a_stall_shorter_than_the_limit_times_out_by_itself() -> None:
    attempt = await Trying().send(stall="29s")
    assert "net::ERR_TIMED_OUT" in attempt.detail
    assert attempt.transient


@pytest.mark.parametrize("trouble", [{"stall": "30s"}, {"slow": "31s"}])
async def test_a_delay_of_the_senders_limit_runs_into_it_at_once_where_the_clock_stands_still(
    trouble: dict[str, str],
) -> None:
    trying = Trying()
    before = asyncio.get_running_loop().time()
    attempt = await trying.send(**trouble)
    assert (attempt.detail, attempt.transient) == ("no response within 30 s", True)
    assert asyncio.get_running_loop().time() - before < 5
    assert [event.verdict for event in trying.noted] == ["stalled"]
    assert not attempt.chaos[0].passed


async def test_on_a_running_clock_a_stall_takes_its_seconds_of_that_clock() -> None:
    trying = Trying(clock=Clock())
    trying.clock.run(100)
    before = trying.clock.now()
    attempt = await trying.send(stall="30s")
    assert attempt.detail == "no response within 30 s"
    assert 30 * SECOND <= trying.clock.now() - before < 10 * MINUTE


async def test_the_senders_own_limit_ends_a_stall_and_still_names_the_chaos(monkeypatch: pytest.MonkeyPatch) -> None:
    attempt = await Trying(clock=Clock()).send(stall="40ms")
    assert "net::ERR_TIMED_OUT" in attempt.detail
    monkeypatch.setattr(sender, "TIMEOUT_SECONDS", 0.05)
    attempt = await Trying(clock=Clock()).send(stall="1h")
    assert attempt.detail == "no response within 0.05 s"
    assert len(attempt.chaos) == 1


async def test_a_slow_answer_comes_and_the_check_says_that_it_was_held_back() -> None:
    trying = Trying(clock=Clock())
    before = asyncio.get_running_loop().time()
    attempt = await trying.send(slow="100ms")
    assert asyncio.get_running_loop().time() - before >= 0.1
    assert attempt.outcome is Outcome.DELIVERED
    assert len(trying.network.requests) == 1
    assert [check.passed for check in attempt.chaos] == [True]


async def test_a_host_that_is_not_mapped_has_nothing_to_go_wrong() -> None:
    trying = Trying(mapped=False, network=Network(lambda _: NoAnswer(mapped=False, detail="not mapped")))
    attempt = await trying.send(fail=1, times=1)
    assert attempt.outcome is Outcome.NOT_MAPPED
    assert [rule.times for rule in trying.rules.all] == [1]


async def test_a_rule_for_the_target_of_a_redirect_strikes_there() -> None:
    trying = Trying(network=Network(lambda _: Answer(307, "https://second.test/")))
    trying.rules.set(chaos_rule("second.test", fail=1))
    attempt = await Sender(trying.network, "Test/1", trying.chaos).send(report(), BODY)
    assert (attempt.detail, len(trying.network.requests)) == ("503", 1)


@pytest.mark.parametrize(
    ("trouble", "told"),
    [
        ({"fail": 1}, "503"),
        ({"reset": 1}, "net::ERR_CONNECTION_RESET"),
        ({"stall": "1m"}, "no response within 30 s"),
    ],
)
async def test_keys_that_chaos_kept_away_say_so(trouble: dict[str, Any], told: str) -> None:
    trying, coordinator = Trying(), Coordinator()
    trying.rules.set(chaos_rule("keys.test", times=1, **trouble))
    keys = PublicKeys(coordinator, trying.clock, "Test/1", trying.chaos)
    missing = await keys.of("https://keys.test")
    assert isinstance(missing, NoKeys)
    assert told in missing.detail
    assert [check.rule for check in missing.chaos] == ["no chaos"]
    assert "report" not in trying.noted[0].data
    assert not isinstance(await keys.of("https://keys.test"), NoKeys), "the rule has ended"
    await keys.close()


@pytest.fixture
async def database() -> AsyncIterator[AsyncDatabase]:
    async with await AsyncDatabase.open(":memory:", now=START) as database:
        yield database


def troubled(world: World, seed: int = 7) -> tuple[Scheduler, ChaosRules]:
    """A scheduler over the world's store, with chaos in its way."""

    async def note(_: Event) -> None:
        pass

    rules = ChaosRules(SeededRng(seed))
    chaos = Chaos(rules, world.clock, note, lambda _: True)
    keys = PublicKeys(world.coordinator, world.clock, "Test/1", chaos)
    assembler, sending = Assembler(keys, world.limits, world.rng), Sender(world.server, "Test/1", chaos)
    publish, limits, rng = world.published.append, world.limits, world.rng
    return Scheduler(world.queue, assembler, sending, world.clock, publish, limits=limits, rng=rng), rules


async def attempts_by_report(database: AsyncDatabase, seed: int) -> dict[str, list[str]]:
    """Deliver ten reports to a host of which half the requests fail, and what each attempt came to."""
    world = World(database)
    scheduler, rules = troubled(world, seed)
    rules.set(chaos_rule(HOST, fail="50%"))
    await world.insert(*range(10))
    await scheduler.start()
    for _ in range(3):
        await scheduler.settle()
        world.clock.advance("1h")
    await scheduler.close()
    attempts: dict[str, list[str]] = {}
    for event in world.published:
        attempts.setdefault(event.data["report"], []).append(event.verdict)
    return attempts


async def test_of_one_seed_the_same_attempts_of_the_same_reports_fail() -> None:
    async def run(seed: int) -> dict[str, list[str]]:
        async with await AsyncDatabase.open(":memory:", now=START) as database:
            return await attempts_by_report(database, seed)

    first = await run(7)
    assert first == await run(7)
    assert first != await run(8)
    allowed = (["sent"], ["retry", "sent"], ["retry", "retry", "sent"], ["retry", "retry", "failed"])
    assert all(verdicts in allowed for verdicts in first.values())
    assert len(first) == 10
    assert any(len(verdicts) > 1 for verdicts in first.values())


async def test_a_report_is_delivered_by_the_retry_after_a_rule_has_ended(database: AsyncDatabase) -> None:
    world = World(database)
    scheduler, rules = troubled(world)
    rules.set(chaos_rule(HOST, fail=1, times=2))
    await world.insert(1)
    await scheduler.start()
    for step in (0, 5 * MINUTE, 15 * MINUTE):
        world.clock.advance(step)
        await scheduler.settle()
    assert await world.states() == [("sent", 3)]
    assert world.server.arrived == [b"1"]
    assert [event.verdict for event in world.published] == ["retry", "retry", "sent"]
    first, _, last = (event.trace for event in world.published)
    assert first.stopped_at is not None
    assert first.stopped_at.rule == "no chaos"
    assert HOST in first.stopped_at.detail
    assert last.stopped_at is None
    await scheduler.close()


async def test_at_ten_times_the_speed_a_report_leaves_at_its_time_on_that_clock(database: AsyncDatabase) -> None:
    world = World(database, clock=Clock())
    times: list[int] = []

    async def tell() -> Answer:
        times.append(world.clock.now())
        return Answer(200)

    world.server.behave = tell
    due = world.clock.now() + HOUR
    await world.insert(1, due=due)
    await world.scheduler.start()
    world.clock.run(10_000)  # an hour is 0.36 s, which no sleep of the old speed would end in time
    async with asyncio.timeout(10):
        while not times:
            await asyncio.sleep(0.01)
    assert times[0] >= due
    await world.scheduler.close()
