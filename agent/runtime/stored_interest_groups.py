"""Interest groups as they are stored: for pages and auctions, and for the agent's owner."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from agent.engines.protected_audience.auction import Bid
from agent.model.clock import Clock
from agent.model.protected_audience import InterestGroup, JoinedGroup
from agent.model.protected_audience_limits import ProtectedAudienceLimits
from agent.runtime.transactions import Transactions
from agent.verbs import protected_audience as verbs
from storage import interest_groups as store
from storage.database import AsyncDatabase


class StoredInterestGroups:
    """The groups of one profile; what changes them leaves its events. Origins are serialised."""

    def __init__(
        self, database: AsyncDatabase, transactions: Transactions, clock: Clock, limits: ProtectedAudienceLimits
    ) -> None:
        self._database, self._transactions, self._clock, self._limits = database, transactions, clock, limits

    async def read(self, limit: int | None = None) -> list[JoinedGroup]:
        """Every group that is not expired, or the first ``limit`` of them, by owner and name."""
        now, most = self._clock.now(), -1 if limit is None else limit
        return await self._database.transact("read interest groups", lambda c: store.read(c, now=now, limit=most))

    async def count(self) -> int:
        """How many groups are not expired."""
        now = self._clock.now()
        return await self._database.transact("count interest groups", lambda c: store.count(c, now=now))

    # What pages do, each at the instant at which they asked for it: by now the clock may have been moved.

    async def bidding(self, buyers: Collection[str], *, now: int) -> list[JoinedGroup]:
        """The groups of ``buyers`` that are not expired."""
        return await self._database.transact("read bidding groups", lambda c: verbs.bidding_groups(c, buyers, now=now))

    async def join(self, group: InterestGroup, joining_origin: str, *, now: int) -> None:
        """Join a group on a page of ``joining_origin``."""
        limits = self._limits
        await self._transactions.apply("join group", lambda c: verbs.join(c, group, joining_origin, limits, now=now))

    async def leave(self, owner: str, name: str, joining_origin: str, *, now: int) -> None:
        """Leave a group."""
        await self._transactions.apply("leave group", lambda c: verbs.leave(c, owner, name, joining_origin, now=now))

    async def clear(self, owner: str, joining_origin: str, kept: Collection[str], *, now: int) -> None:
        """Leave the groups of ``owner`` that were joined on ``joining_origin``, but those named."""
        await self._transactions.apply(
            "clear groups", lambda c: verbs.clear_joined(c, owner, joining_origin, kept, now=now)
        )

    async def count_bids(self, groups: Sequence[InterestGroup], winner: Bid | None, *, now: int) -> None:
        """Count what an auction's groups did."""
        await self._database.transact("count bids", lambda c: verbs.count_bids(c, groups, winner, now=now))
