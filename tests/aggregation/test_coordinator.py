"""The agent's own coordinator: which keys it serves, for how long, and that none is ever lost."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer
from hypothesis import given
from hypothesis import strategies as st

from agent.aggregation.coordinator import coordinator_app
from agent.crypto.aggregatable_payload import open_payload, seal_payload
from agent.crypto.keys import KeyPair, KeyRing, generate_key
from agent.crypto.public_keys import KEYS_PATH, MAX_KEYS, CoordinatorKey, parse_key_set
from agent.delivery.freshness import freshness_lifetime
from agent.model.clock import DAY, HOUR, SECOND, WEEK, Clock
from agent.model.errors import HostEnvironmentError
from agent.model.rng import SeededRng

NOW = 1_800_000_000_000
OLD, CURRENT = generate_key(SeededRng(1), NOW - DAY), generate_key(SeededRng(2), NOW)


async def fetch(keys: KeyRing, clock: Clock | None = None, **more: Any) -> tuple[tuple[CoordinatorKey, ...], int]:
    """The served set, as Chromium reads it, and for how many milliseconds it is fresh."""
    app = coordinator_app(keys, clock=clock or Clock.frozen(NOW), rng=SeededRng(3), **more)
    async with TestClient(TestServer(app)) as client:
        answer = await client.get(KEYS_PATH)
        assert answer.status == 200
        assert answer.content_type == "application/json"
        return parse_key_set(await answer.read()), freshness_lifetime(list(answer.headers.items()))


def public(*keys: KeyPair) -> tuple[CoordinatorKey, ...]:
    return tuple(CoordinatorKey(key.id.hex(), key.public_key) for key in keys)


async def test_it_serves_the_current_key_of_its_ring_as_a_key_set_that_is_fresh_for_a_week() -> None:
    assert await fetch(KeyRing(OLD, CURRENT)) == (public(CURRENT), 7 * DAY)


async def test_it_serves_as_many_of_the_newest_keys_as_it_is_told_to() -> None:
    ring = KeyRing(*(generate_key(SeededRng(seed)) for seed in range(15)))
    served, _ = await fetch(ring, served=MAX_KEYS)
    assert served == public(*list(ring)[:4:-1])
    assert (await fetch(KeyRing(OLD, CURRENT), served=MAX_KEYS))[0] == public(CURRENT, OLD)


@pytest.mark.parametrize("served", [0, MAX_KEYS + 1])
async def test_a_set_that_chromium_would_refuse_is_never_served(served: int) -> None:
    with pytest.raises(ValueError, match="1 to 10"):
        await fetch(KeyRing(CURRENT), served=served)


@pytest.mark.parametrize(
    ("age", "fresh"), [(0, DAY), (DAY - HOUR, HOUR), (DAY - SECOND, SECOND), (DAY - 1, 0), (DAY - 1_999, SECOND)]
)
async def test_a_set_is_never_fresh_beyond_the_next_rotation(age: int, fresh: int) -> None:
    ring = KeyRing(CURRENT, rotation=DAY)
    assert await fetch(ring, Clock.frozen(NOW + age)) == (public(CURRENT), fresh)


async def test_a_set_is_fresh_for_a_week_at_most_however_far_the_next_rotation_is() -> None:
    assert (await fetch(KeyRing(CURRENT, rotation=30 * DAY)))[1] == WEEK


@pytest.mark.parametrize("late", [0, 1, 1_000 * DAY])
async def test_where_a_rotation_is_due_the_new_key_is_made_first_and_told_once(late: int) -> None:
    told: list[KeyPair] = []

    async def rotated(key: KeyPair) -> None:
        told.append(key)

    ring, clock = KeyRing(CURRENT, rotation=DAY), Clock.frozen(NOW + DAY + late)
    first = await fetch(ring, clock, rotated=rotated)
    assert list(ring) == [CURRENT, ring.current]
    assert ring.current.made == NOW + DAY + late
    assert first == (public(ring.current), DAY)
    assert await fetch(ring, clock, rotated=rotated) == first
    assert told == [ring.current]


async def test_keys_without_a_rotation_period_stay_whatever_the_clock_says() -> None:
    ring = KeyRing(CURRENT)
    assert await fetch(ring, Clock.frozen(NOW + 10_000 * DAY)) == (public(CURRENT), WEEK)


async def test_a_key_that_cannot_be_kept_is_never_served() -> None:
    def keep(_: str) -> None:
        raise HostEnvironmentError("the disk is full", fix="make room")

    ring = KeyRing(CURRENT, rotation=DAY, keep=keep)
    app = coordinator_app(ring, clock=Clock.frozen(NOW + DAY), rng=SeededRng(3))
    async with TestClient(TestServer(app)) as client:
        answer = await client.get(KEYS_PATH)
        error = (await answer.json())["error"]
    assert (answer.status, error["code"], error["fix"]) == (503, "no-new-key", "make room")
    assert "the disk is full" in error["message"]
    assert list(ring) == [CURRENT]


@dataclass
class Coordinator:
    """One that is run, killed and run again on the same file; whoever fetched its keys seals until they are stale."""

    served: int
    now: int = NOW
    file: str = ""
    sets: list[tuple[int, tuple[CoordinatorKey, ...]]] = field(default_factory=list)
    """What was served, with the instant from which it is stale."""
    sealed: list[tuple[str, bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        ring = KeyRing(keep=self.write)
        ring.rotate(SeededRng(7), self.now)
        self.start()

    def write(self, document: str) -> None:
        self.file = document

    def start(self) -> None:
        # The seed is the same each time: what it draws was drawn before.
        self.ring, self.rng = KeyRing.from_json(self.file, where="keys.json", keep=self.write), SeededRng(7)

    async def fetch(self) -> None:
        app = coordinator_app(self.ring, clock=Clock.frozen(self.now), rng=self.rng, served=self.served)
        route = next(route for route in app.router.routes() if route.method == "GET")
        request: Any = None  # which is not read
        answer: Any = await route.handler(request)
        keys = parse_key_set(answer.body)
        assert len(keys) == min(self.served, len(list(self.ring)))
        self.sets.append((self.now + freshness_lifetime(list(answer.headers.items())), keys))

    def seal(self) -> None:
        for stale, keys in self.sets:
            if self.now < stale:
                for key in keys:
                    self.sealed.append((key.id, seal_payload(b"payload", "{}", key.public_key, SeededRng(1))))


STEPS = st.lists(
    st.one_of(
        st.sampled_from(["fetch", "seal", "restart", "rotate"]),
        st.integers(min_value=1, max_value=10 * DAY),
        st.sampled_from([("every", None), ("every", HOUR), ("every", 3 * DAY)]),
    ),
    max_size=25,
)


@given(steps=STEPS, served=st.integers(min_value=1, max_value=MAX_KEYS))
async def test_whatever_was_sealed_to_a_key_while_it_was_fresh_opens_after_any_rotations_and_restarts(
    steps: list[Any], served: int
) -> None:
    coordinator = Coordinator(served)
    for step in [*steps, "fetch", "seal", "restart"]:
        match step:
            case int():
                coordinator.now += step
            case "fetch":
                await coordinator.fetch()
            case "seal":
                coordinator.seal()
            case "restart":
                coordinator.start()
            case "rotate":
                coordinator.ring.rotate(coordinator.rng, coordinator.now)
            case (_, every):
                coordinator.ring.rotate_every(every)
    assert coordinator.sealed
    private_keys = coordinator.ring.private_keys()
    for key_id, sealed in coordinator.sealed:
        assert open_payload(sealed, "{}", private_keys[key_id]) == b"payload"
    ids = [entry["id"] for entry in json.loads(coordinator.file)["keys"]]
    assert len(ids) == len(set(ids)) == len(private_keys)
