"""The servers of adtech.test and aggregator.test without their pages, for the tests beside this module."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web

from agent.aggregation.collector_apps import (
    attribution_receiver_app,
    attribution_reports_app,
    private_aggregation_receiver_app,
)
from agent.aggregation.job_app import job_app
from agent.browser.network.client import Answer as Response
from agent.browser.network.client import HostClient
from agent.browser.network.hosts import HostMap
from agent.crypto.keys import KeyRing
from agent.journeys.measurement import Measurement
from agent.model.clock import HOUR, SECOND, Clock
from agent.model.reports import ReportKind
from agent.model.rng import SeededRng
from storage.aggregation_jobs import DatabaseJobLedger
from storage.collected_attribution_reports import DatabaseAttributionCollection
from storage.database import MEMORY, AsyncDatabase
from tests.aggregation.jobs import KEY, KEYS, NOW, record

_PATHS = {
    ReportKind.AGGREGATABLE: "attribution-reporting/report-aggregate-attribution",
    ReportKind.AGGREGATABLE_DEBUG: "attribution-reporting/debug/report-aggregate-attribution",
    ReportKind.PRIVATE_AGGREGATION: "private-aggregation/report-shared-storage",
}


@dataclass
class Companies:
    """Both companies, and the clock that they share; it stands at ``NOW``, the beginning of an hour."""

    measurement: Measurement
    client: HostClient
    ledger: DatabaseJobLedger
    clock: Clock

    async def send(
        self,
        number: int,
        *contributions: tuple[int, int],
        at: int = NOW - HOUR,
        kind: ReportKind = ReportKind.AGGREGATABLE,
    ) -> None:
        """A sealed report, as a browser delivers it, that was scheduled for ``at``."""
        changes: dict[str, Any] = {"scheduled_report_time": str(at // SECOND)}
        if kind is ReportKind.PRIVATE_AGGREGATION:
            changes |= {"api": "shared-storage", "attribution_destination": None, "source_registration_time": None}
        sealed = record(number, contributions=contributions, **changes)
        entry = {"payload": base64.b64encode(sealed.payload).decode(), "key_id": sealed.key_id}
        body = {"shared_info": sealed.shared_info, "aggregation_service_payloads": [entry]}
        response = await self.request("POST", f"/.well-known/{_PATHS[kind]}", body)
        assert response.status == 200, response.body

    async def request(self, method: str, path: str, document: Any = None) -> Response:
        """A request to adtech.test."""
        body = b"" if document is None else json.dumps(document).encode()
        fields = [("Content-Type", "application/json")] if body else []
        response = await self.client.fetch(method, f"https://adtech.test{path}", fields, body)
        assert isinstance(response, Response)
        return response


@asynccontextmanager
async def companies(root: Path, *, noise: bool = True, seed: int = 1) -> AsyncIterator[Companies]:
    """The two companies with buckets below ``root``."""
    async with AsyncExitStack() as stack:
        hosts = await stack.enter_async_context(HostMap())
        client = await stack.enter_async_context(HostClient(hosts))
        database = await stack.enter_async_context(await AsyncDatabase.open(MEMORY, now=0))
        clock, shelf, ledger = Clock.frozen(NOW), DatabaseAttributionCollection(database), DatabaseJobLedger(database)
        measurement = Measurement(client, root, clock)
        adtech, aggregator = web.Application(), web.Application()
        adtech.add_subapp("/.well-known/attribution-reporting/", attribution_receiver_app(shelf, clock))
        adtech.add_subapp("/.well-known/private-aggregation/", private_aggregation_receiver_app(shelf, clock))
        adtech.add_subapp("/attribution-collector/", attribution_reports_app(shelf, KeyRing(KEY)))
        adtech.add_subapp("/measurement/", measurement.app())
        jobs = job_app(ledger=ledger, keys=KEYS, rng=SeededRng(seed), clock=clock, root=root, noise=noise, reveal=True)
        aggregator.add_subapp("/frontend/", jobs)
        hosts.map("adtech.test", adtech)
        hosts.map("aggregator.test", aggregator)
        yield Companies(measurement, client, ledger, clock)
