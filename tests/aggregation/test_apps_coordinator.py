"""The agent's own coordinator."""

from __future__ import annotations

from aiohttp.test_utils import TestClient, TestServer

from agent.aggregation.apps import coordinator_app
from agent.crypto.keys import KeyRing, generate_key
from agent.crypto.public_keys import KEYS_PATH, CoordinatorKey, parse_key_set
from agent.delivery.freshness import freshness_lifetime
from agent.model.clock import DAY
from agent.model.rng import SeededRng


async def test_it_serves_the_current_key_of_its_ring_as_a_key_set_that_is_fresh_for_a_week() -> None:
    old, current = generate_key(SeededRng(1)), generate_key(SeededRng(2))
    async with TestClient(TestServer(coordinator_app(KeyRing(old, current)))) as client:
        answer = await client.get(KEYS_PATH)
        assert answer.status == 200
        assert answer.content_type == "application/json"
        assert parse_key_set(await answer.read()) == (CoordinatorKey(current.id.hex(), current.public_key),)
        assert freshness_lifetime(list(answer.headers.items())) == 7 * DAY
