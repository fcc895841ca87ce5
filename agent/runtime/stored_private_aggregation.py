"""What the agent's owner sees of Private Aggregation beside its reports and events."""

from __future__ import annotations

from agent.model.clock import Clock
from agent.model.private_aggregation_limits import PrivateAggregationLimits
from agent.verbs.private_aggregation import SiteBudgets, budgets
from storage.database import AsyncDatabase


class StoredPrivateAggregation:
    """What sites spent of their budgets lately."""

    def __init__(self, database: AsyncDatabase, clock: Clock, limits: PrivateAggregationLimits) -> None:
        self._database, self._clock, self._limits = database, clock, limits

    async def budgets(self) -> list[SiteBudgets]:
        """What every site that spent something within the larger window has left, by site and API."""
        now = self._clock.now()
        return await self._database.transact(
            "read private aggregation budgets", lambda connection: budgets(connection, self._limits, now=now)
        )
