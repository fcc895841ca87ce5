"""W3C Attribution in a running agent: impressions, conversions, and the reports that conversions give."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

from agent.crypto.keys import KeyRing
from agent.model.attribution import CallContext, ConversionRequest, Dialect
from agent.model.clock import Clock
from agent.model.errors import PageException
from agent.model.reports import Report
from agent.model.rng import Rng
from agent.model.settings import Settings
from agent.runtime.outgoing import seal
from agent.runtime.transactions import Transactions
from agent.verbs import attribution as verbs
from agent.verbs.attribution import Outcome
from storage import reports as report_store


class Attribution:
    """The verbs of one profile; conversion reports are sealed to the current one of ``keys``."""

    def __init__(
        self, transactions: Transactions, settings: Settings, clock: Clock, rng: Rng, keys: KeyRing, *, enabled: bool
    ) -> None:
        self._transactions, self._settings, self._clock = transactions, settings, clock
        self._rng, self._keys, self._enabled = rng, keys, enabled

    async def save_impression(
        self, dialect: Dialect, context: CallContext, options: Mapping[str, Any]
    ) -> PageException | None:
        """Save an impression; gives what the page sees thrown. ``options`` are converted WebIDL members."""

        def work(connection: sqlite3.Connection) -> Outcome:
            return verbs.save_impression(
                connection,
                dialect,
                context,
                options,
                limits=self._settings.limits,
                now=self._clock.now(),
                enabled=self._enabled,
            )

        return (await self._transactions.apply("save impression", work)).exception

    async def measure_conversion(
        self, dialect: Dialect, context: CallContext, options: Mapping[str, Any], *, report_url: str | None = None
    ) -> PageException | Report:
        """Measure a conversion; gives its report, or what the page sees thrown.

        With ``report_url`` the report is queued to be sent there (draft, section 11).
        """
        report: Report | None = None
        now = self._clock.now()

        def work(connection: sqlite3.Connection) -> Outcome:
            return verbs.measure_conversion(
                connection,
                dialect,
                context,
                options,
                limits=self._settings.limits,
                services=self._settings.aggregation_services,
                rng=self._rng,
                now=now,
                enabled=self._enabled,
            )

        def keep(connection: sqlite3.Connection, outcome: Outcome) -> None:
            nonlocal report
            if isinstance(outcome.request, ConversionRequest) and outcome.histogram is not None:
                report = seal(
                    outcome.request,
                    outcome.histogram,
                    key=self._keys.current.public,
                    rng=self._rng,
                    now=now,
                    event_id=outcome.events[0].id,
                    report_url=report_url,
                )
                report_store.insert(connection, report)

        outcome = await self._transactions.apply("measure conversion", work, keep)
        if outcome.exception is not None:
            return outcome.exception
        assert report is not None
        return report

    async def clear_impressions_for_site(self, site: str) -> None:
        """``Clear-Site-Data: "impressions"`` from ``site``."""
        now = self._clock.now()
        await self._transactions.apply(
            "clear impressions", lambda c: verbs.clear_impressions_for_site(c, site, now=now)
        )
