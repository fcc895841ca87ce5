"""The keys of aggregation coordinators: fetched when a payload needs them, kept while they are fresh.

Everyone who waits for a coordinator shares one request, and fails with it; a set that went stale is never used
(payload section 5).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

from ada_url import URL

from agent.crypto.public_keys import KEYS_PATH, BadKeySetError, CoordinatorKey, parse_key_set
from agent.delivery.chaos import Chaos, Strikes
from agent.delivery.freshness import age, freshness_lifetime
from agent.delivery.request_fields import key_request_fields
from agent.model.clock import Clock
from agent.model.events import Check
from agent.model.interfaces import Answer, Fetch, Fetched, NoAnswer
from agent.model.tasks import Tasks

TIMEOUT_SECONDS = 30.0
MAX_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class NoKeys:
    """Why a coordinator's keys cannot be had now."""

    detail: str
    not_mapped: str | None = None
    """The coordinator's host, where it is not mapped, so that nothing was sent."""
    chaos: tuple[Check, ...] = ()
    """What chaos did to the request, if it did."""


@dataclass(frozen=True, slots=True)
class _KeySet:
    keys: tuple[CoordinatorKey, ...]
    expiry: int
    """The instant from which on they are stale."""


class PublicKeys:
    """The key sets of one agent's coordinators. :meth:`close` ends what is being fetched."""

    def __init__(self, fetch: Fetch, clock: Clock, user_agent: str, chaos: Chaos | None = None) -> None:
        self._fetch, self._clock, self._user_agent, self._chaos = fetch, clock, user_agent, chaos
        self._fresh: dict[str, _KeySet] = {}
        self._under_way: dict[str, asyncio.Task[tuple[CoordinatorKey, ...] | NoKeys]] = {}
        self._tasks = Tasks()

    async def of(self, coordinator: str) -> tuple[CoordinatorKey, ...] | NoKeys:
        """The keys of the coordinator with this origin, 1 to 10, or why there are none."""
        kept = self._fresh.get(coordinator)
        if kept is not None and self._clock.now() < kept.expiry:
            return kept.keys
        task = self._under_way.get(coordinator)
        if task is None:
            task = self._tasks.start(self._fetch_set(coordinator), f"keys of {coordinator}")
            self._under_way[coordinator] = task
            task.add_done_callback(lambda _: self._under_way.pop(coordinator, None))
        # One who gives up must not take the request from the others.
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Stop."""
        await self._tasks.close()

    async def _fetch_set(self, coordinator: str) -> tuple[CoordinatorKey, ...] | NoKeys:
        self._fresh.pop(coordinator, None)
        strikes = Strikes(self._chaos, TIMEOUT_SECONDS)
        keys = await self._ask(coordinator, strikes)
        return replace(keys, chaos=tuple(strikes.checks)) if isinstance(keys, NoKeys) else keys

    async def _ask(self, coordinator: str, strikes: Strikes) -> tuple[CoordinatorKey, ...] | NoKeys:
        url = coordinator + KEYS_PATH
        answer: Fetched | Answer | NoAnswer
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                fields = key_request_fields(self._user_agent)
                answer = await strikes.meet("GET", url) or await self._fetch(url, fields, MAX_BYTES + 1)
        except TimeoutError:
            return NoKeys(f"no keys from {url}: no response within {TIMEOUT_SECONDS:g} s")
        if isinstance(answer, Answer):
            return NoKeys(f"no keys from {url}: {answer.status}")
        if isinstance(answer, NoAnswer):
            if not answer.mapped:
                return NoKeys(f"no keys from {url}: host not mapped", str(URL(coordinator).hostname))
            return NoKeys(f"no keys from {url}: {answer.detail}")
        return self._keep(coordinator, answer)

    def _keep(self, coordinator: str, answer: Fetched) -> tuple[CoordinatorKey, ...] | NoKeys:
        url = coordinator + KEYS_PATH
        if not 200 <= answer.status <= 299:
            return NoKeys(f"no keys from {url}: {answer.status}")
        if len(answer.body) > MAX_BYTES:
            return NoKeys(f"no keys from {url}: the answer is longer than {MAX_BYTES:,} bytes")
        try:
            keys = parse_key_set(answer.body)
        except BadKeySetError as error:
            return NoKeys(f"bad key set from {url}: {error}")
        lifetime, already = freshness_lifetime(answer.headers), age(answer.headers)
        if lifetime and already > lifetime:
            return NoKeys(f"no keys from {url}: the answer has expired already")
        if lifetime:
            self._fresh[coordinator] = _KeySet(keys, self._clock.now() + lifetime - already)
        return keys
