"""Private Aggregation in a running agent: operations end, and reports wait for their time."""

from __future__ import annotations

from collections.abc import Callable

from agent.model.private_aggregation import Batch
from agent.model.rng import Rng
from agent.model.settings import Settings
from agent.verbs import private_aggregation as verbs
from storage.database import AsyncDatabase


class PrivateAggregation:
    """The verbs of one profile; ``news`` is called when there are new events, and perhaps reports, in its store."""

    def __init__(
        self, database: AsyncDatabase, settings: Settings, rng: Rng, news: Callable[[], None], *, enabled: bool
    ) -> None:
        self._database, self._news = database, news
        self._rules = verbs.rules_of(settings, rng, enabled=enabled)

    async def complete(self, batch: Batch, *, now: int, auction: int | None = None) -> int | None:
        """Report ``batch``, which is complete at ``now`` (milliseconds), or leave an event that says why not.

        ``auction``: the number of the event of the auction that made it. Gives the number of the batch's own event,
        None where there is none.
        """
        outcome = await self._database.transact(
            "complete batch", lambda c: verbs.complete(c, batch, self._rules, now=now, auction=auction)
        )
        if not outcome.events:
            return None
        self._news()
        return outcome.events[0].id
