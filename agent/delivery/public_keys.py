"""The keys of aggregation coordinators: fetched when a payload needs them, kept while they are fresh.

Everyone who waits for a coordinator shares one request, and fails with it; a set that went stale is never used
(payload section 5).
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from ada_url import URL

from agent.crypto.public_keys import KEYS_PATH, BadKeySetError, CoordinatorKey, parse_key_set
from agent.delivery.chaos import Chaos, Strikes
from agent.delivery.freshness import age, freshness_lifetime
from agent.delivery.hops import Hops
from agent.delivery.request_fields import Fields, key_request_fields
from agent.model.clock import Clock, format_instant
from agent.model.events import Check, Event, Trace
from agent.model.interfaces import Answer, Fetch, Fetched, NoAnswer
from agent.model.tasks import Tasks

TIMEOUT_SECONDS = 30.0
MAX_BYTES = 1 << 20
COORDINATOR_KEYS = "coordinator-keys"
"""The kind of the event that each request for keys leaves."""
_FIX = "have the coordinator answer with its keys; for the real ones the agent answers itself unless they are mapped"


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

    def __init__(
        self,
        fetch: Fetch,
        clock: Clock,
        user_agent: str,
        chaos: Chaos | None = None,
        note: Callable[[Event], Awaitable[None]] | None = None,
    ) -> None:
        """``note`` stores the event of each request."""
        self._fetch, self._clock, self._user_agent, self._chaos, self._note = fetch, clock, user_agent, chaos, note
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
        strikes, hops = Strikes(self._chaos, TIMEOUT_SECONDS), Hops()
        keys = await self._ask(coordinator, strikes, hops)
        if self._note is not None:
            await self._note(self._event(coordinator, keys, strikes.checks, hops))
        return replace(keys, chaos=tuple(strikes.checks)) if isinstance(keys, NoKeys) else keys

    def _event(
        self, coordinator: str, keys: tuple[CoordinatorKey, ...] | NoKeys, before: Sequence[Check], hops: Hops
    ) -> Event:
        """What a request came to; it may have left, whatever came of it."""
        data: dict[str, object] = {"url": coordinator + KEYS_PATH}
        if hops.records:
            (data["http"],) = hops.records
        if isinstance(keys, NoKeys):
            verdict = "failed" if keys.not_mapped is None else "not-mapped"
            check = Check("a key set", False, keys.detail, _FIX)
        else:
            fresh = self._fresh.get(coordinator)
            until = "kept for no later payload" if fresh is None else f"fresh until {format_instant(fresh.expiry)}"
            verdict, data["keys"] = "fetched", [key.id for key in keys]
            check = Check("a key set", True, f"{len(keys)} key{'' if len(keys) == 1 else 's'}, {until}")
        summary, now = f"keys of {coordinator}: {verdict}", self._clock.now()
        return Event(COORDINATOR_KEYS, now, verdict, summary, data=data, trace=Trace((*before, check)))

    async def _ask(self, coordinator: str, strikes: Strikes, hops: Hops) -> tuple[CoordinatorKey, ...] | NoKeys:
        url = coordinator + KEYS_PATH
        answer: Fetched | Answer | NoAnswer
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                fields = key_request_fields(self._user_agent)
                answer = await hops.told("GET", url, fields, self._answer(strikes, url, fields))
        except TimeoutError:
            return NoKeys(f"no keys from {url}: no response within {TIMEOUT_SECONDS:g} s")
        if isinstance(answer, Answer):
            return NoKeys(f"no keys from {url}: {answer.status}")
        if isinstance(answer, NoAnswer):
            if not answer.mapped:
                return NoKeys(f"no keys from {url}: host not mapped", str(URL(coordinator).hostname))
            return NoKeys(f"no keys from {url}: {answer.detail}")
        return self._keep(coordinator, answer)

    async def _answer(self, strikes: Strikes, url: str, fields: Fields) -> Answer | Fetched | NoAnswer:
        return await strikes.meet("GET", url) or await self._fetch(url, fields, MAX_BYTES + 1)

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
