"""Conversion reports of the W3C API, aggregated by the profile's own service on its memory of what counted already."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from agent.aggregation.outcome import AggregationError, AggregationResult
from agent.aggregation.service import aggregate
from agent.crypto.keys import KeyRing
from agent.model.rng import Rng
from agent.model.settings import Settings
from storage.aggregation_ledger import AggregationLedger
from storage.database import AsyncDatabase


async def aggregate_conversions(
    database: AsyncDatabase,
    reports: Sequence[bytes],
    *,
    epsilon: float,
    keys: KeyRing,
    rng: Rng,
    now: int,
    settings: Settings,
    noise: bool | None,
    reveal: bool,
) -> AggregationResult | AggregationError:
    """One batch in one transaction; parameters as for :func:`agent.aggregation.service.aggregate`.

    ``noise``: as ``settings`` say where it is None.
    """

    def work(connection: sqlite3.Connection) -> AggregationResult | AggregationError:
        return aggregate(
            reports,
            epsilon=epsilon,
            keys=keys,
            ledger=AggregationLedger(connection),
            rng=rng,
            now=now,
            minimum_batch=settings.minimum_batch,
            value_cap=settings.limits.value_cap,
            noise=settings.noise if noise is None else noise,
            reveal=reveal,
        )

    return await database.transact("aggregate", work)
