"""Key sets are fetched when they are needed, shared, and kept as long as they are fresh."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import pytest

from agent.crypto.public_keys import CoordinatorKey
from agent.delivery import public_keys
from agent.delivery.public_keys import MAX_BYTES, NoKeys, PublicKeys
from agent.model.clock import Clock
from agent.model.events import Event
from agent.model.interfaces import Fetched, NoAnswer

COORDINATOR = "https://coordinator.test"
URL = f"{COORDINATOR}/.well-known/aggregation-service/v1/public-keys"
KEYS = (CoordinatorKey("k1", bytes(range(32))),)
BODY = json.dumps({"keys": [{"id": "k1", "key": base64.b64encode(KEYS[0].public_key).decode()}]}).encode()


class Network:
    """Answers by ``answer`` and keeps what was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str], int]] = []
        self.answer: Callable[[], Awaitable[Fetched | NoAnswer]] = self.fresh()

    def fresh(
        self, *fields: tuple[str, str], status: int = 200, body: bytes = BODY
    ) -> Callable[[], Awaitable[Fetched | NoAnswer]]:
        async def answer() -> Fetched:
            return Fetched(status, fields or (("Cache-Control", "max-age=60"),), body)

        return answer

    async def __call__(self, url: str, headers: Sequence[tuple[str, str]], limit: int) -> Fetched | NoAnswer:
        self.asked.append((url, dict(headers), limit))
        return await self.answer()


class World:
    def __init__(self) -> None:
        self.network, self.clock = Network(), Clock.frozen()
        self.noted: list[Event] = []
        self.keys = PublicKeys(self.network, self.clock, "Test/1", note=self._note)

    async def _note(self, event: Event) -> None:
        self.noted.append(event)

    async def of(self) -> tuple[CoordinatorKey, ...] | NoKeys:
        return await self.keys.of(COORDINATOR)

    async def refusal(self) -> str:
        answer = await self.of()
        assert isinstance(answer, NoKeys)
        return answer.detail


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = World()
    yield world
    await world.keys.close()


async def test_keys_are_asked_for_at_the_coordinators_well_known_path(world: World) -> None:
    assert await world.of() == KEYS
    ((url, fields, limit),) = world.network.asked
    assert url == URL
    assert fields["User-Agent"] == "Test/1"
    assert limit == MAX_BYTES + 1


async def test_a_set_is_used_while_it_is_fresh_on_the_agents_clock_and_fetched_again_then(world: World) -> None:
    await world.of()
    world.clock.advance(59_999)
    assert await world.of() == KEYS
    assert len(world.network.asked) == 1
    world.clock.advance(1)
    assert await world.of() == KEYS
    assert len(world.network.asked) == 2


async def test_the_age_of_an_answer_is_taken_off_its_freshness(world: World) -> None:
    world.network.answer = world.network.fresh(("Cache-Control", "max-age=60"), ("Age", "50"))
    await world.of()
    world.clock.advance(9_999)
    await world.of()
    assert len(world.network.asked) == 1
    world.clock.advance(1)
    await world.of()
    assert len(world.network.asked) == 2


async def test_an_answer_that_has_expired_already_is_an_error(world: World) -> None:
    world.network.answer = world.network.fresh(("Cache-Control", "max-age=60"), ("Age", "61"))
    assert "expired already" in await world.refusal()


@pytest.mark.parametrize("field", [("Cache-Control", "max-age=0"), ("Cache-Control", "no-store"), ("X", "y")])
async def test_an_answer_without_freshness_serves_who_waits_and_is_not_kept(
    world: World, field: tuple[str, str]
) -> None:
    world.network.answer = world.network.fresh(field)
    assert await world.of() == KEYS
    assert await world.of() == KEYS
    assert len(world.network.asked) == 2


async def test_those_who_wait_share_one_request_and_fail_with_it(world: World) -> None:
    gate = asyncio.Event()

    async def slow() -> NoAnswer:
        await gate.wait()
        return NoAnswer(mapped=True, detail="connection refused")

    world.network.answer = slow
    waiting = [asyncio.gather(world.of()) for _ in range(3)]
    await asyncio.sleep(0)
    gate.set()
    refused = NoKeys(f"no keys from {URL}: connection refused")
    assert [list(await one) for one in waiting] == [[refused]] * 3
    assert len(world.network.asked) == 1


async def test_one_who_gives_up_does_not_take_the_request_from_the_others(world: World) -> None:
    gate = asyncio.Event()

    async def slow() -> Fetched:
        await gate.wait()
        return Fetched(200, (), BODY)

    world.network.answer = slow
    first, second = asyncio.gather(world.of()), asyncio.gather(world.of())
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    gate.set()
    assert list(await second) == [KEYS]


async def test_a_stale_set_is_not_used_when_its_coordinator_fails_and_the_next_request_may_succeed(
    world: World,
) -> None:
    await world.of()
    world.clock.advance("2m")
    good, world.network.answer = world.network.answer, world.network.fresh(status=503)
    assert await world.refusal() == f"no keys from {URL}: 503"
    world.network.answer = good
    assert await world.of() == KEYS


@pytest.mark.parametrize("status", [199, 300, 302, 404, 500])
async def test_a_status_that_is_not_200_to_299_is_a_failure_and_no_redirect_is_followed(
    world: World, status: int
) -> None:
    world.network.answer = world.network.fresh(("Location", "/elsewhere"), status=status)
    assert await world.refusal() == f"no keys from {URL}: {status}"
    assert len(world.network.asked) == 1


async def test_an_answer_of_one_mebibyte_is_read_and_a_longer_one_is_a_failure(world: World) -> None:
    world.network.answer = world.network.fresh(body=BODY.ljust(MAX_BYTES))
    assert await world.of() == KEYS
    world.clock.advance("2m")
    world.network.answer = world.network.fresh(body=BODY.ljust(MAX_BYTES + 1))
    assert "longer than 1,048,576 bytes" in await world.refusal()


async def test_a_bad_key_set_is_a_failure_with_its_place(world: World) -> None:
    world.network.answer = world.network.fresh(body=b'{"keys":[{"id":"a","key":"AAAA"}]}')
    assert await world.refusal() == f"bad key set from {URL}: keys[0].key is not the base64 of 32 bytes"


async def test_a_coordinator_that_does_not_answer_is_given_up(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def silent() -> Fetched:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr(public_keys, "TIMEOUT_SECONDS", 0.01)
    world.network.answer = silent
    assert await world.refusal() == f"no keys from {URL}: no response within 0.01 s"


async def test_a_coordinator_whose_host_is_not_mapped_is_told_by_its_host(world: World) -> None:
    async def absent() -> NoAnswer:
        return NoAnswer(mapped=False, detail="not mapped")

    world.network.answer = absent
    assert await world.of() == NoKeys(f"no keys from {URL}: host not mapped", "coordinator.test")


async def test_each_request_leaves_an_event_and_what_is_fresh_leaves_none(world: World) -> None:
    for _ in range(2):
        await world.of()
    (event,) = world.noted
    assert (event.kind, event.verdict, event.data["keys"]) == ("coordinator-keys", "fetched", ["k1"])
    assert event.data["url"] == event.data["http"]["url"] == URL
    assert (event.data["http"]["method"], event.data["http"]["status"]) == ("GET", 200)
    (check,) = event.trace.checks
    assert check.detail == "1 key, fresh until 2026-01-05T09:01:00+00:00"
    assert base64.b64encode(KEYS[0].public_key).decode() not in str(event), "what the answer says is not kept"


async def test_a_request_that_gives_no_keys_says_why_and_what_to_do(world: World) -> None:
    world.network.answer = world.network.fresh(status=503)
    await world.of()
    (event,) = world.noted
    assert (event.verdict, event.data["http"]["status"]) == ("failed", 503)
    (check,) = event.trace.checks
    assert check.detail == f"no keys from {URL}: 503"
    assert check.fix


async def test_a_coordinator_that_is_not_mapped_leaves_an_event_without_a_request(world: World) -> None:
    async def nowhere() -> NoAnswer:
        return NoAnswer(mapped=False, detail="host not mapped")

    world.network.answer = nowhere
    await world.of()
    (event,) = world.noted
    assert event.verdict == "not-mapped"
    assert "http" not in event.data
