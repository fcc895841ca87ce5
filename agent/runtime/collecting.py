"""A reporting origin's collector for scripts and tests: it takes what agents send, and gives batches of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from agent.aggregation.batch_folder import SHARD_REPORTS
from agent.aggregation.collected_batches import Export, export_avro, export_json
from agent.aggregation.collector import Answer, Collector
from agent.aggregation.collector_apps import add_receivers, receiver_app
from agent.model.attribution_reporting.collected import CollectedAttributionReports, Selection
from agent.model.clock import Clock, parse_instant
from agent.model.errors import UsageError
from agent.model.reports import ReportKind
from storage.collected_attribution_reports import DatabaseAttributionCollection
from storage.database import MEMORY, AsyncDatabase

Instant = int | str
"""Milliseconds since 1970, or ISO 8601."""


class OpenCollector:
    """A collector and its shelf. Make it with :func:`open_collector`."""

    def __init__(self, store: CollectedAttributionReports, clock: Clock) -> None:
        self.store = store
        """What it has received."""
        self._collector = Collector(store, clock)

    async def receive(self, path: str, content_type: str, body: bytes) -> Answer:
        """Take what was posted to ``path``; see :meth:`agent.aggregation.collector.Collector.receive`."""
        return await self._collector.receive(path, content_type, body)

    def add_to(self, app: web.Application) -> None:
        """Let an aiohttp application take reports where browsers send them."""
        add_receivers(app, self._collector)

    @property
    def app(self) -> web.Application:
        """An aiohttp application that does nothing else, for :meth:`agent.runtime.Agent.map`."""
        return receiver_app(self._collector)

    async def export_avro(
        self,
        folder: Path | str,
        kind: ReportKind | str,
        *,
        api: str | None = None,
        destination: str | None = None,
        from_time: Instant | None = None,
        until_time: Instant | None = None,
        shard_reports: int = SHARD_REPORTS,
    ) -> Export:
        """See :func:`agent.aggregation.collected_batches.export_avro`, and ``Selection`` for what selects."""
        selection = _selection(kind, api, destination, from_time, until_time)
        return await export_avro(self.store, Path(folder), selection, shard_reports=shard_reports)

    async def export_json(
        self,
        folder: Path | str,
        kind: ReportKind | str,
        *,
        api: str | None = None,
        destination: str | None = None,
        from_time: Instant | None = None,
        until_time: Instant | None = None,
        shard_reports: int = SHARD_REPORTS,
    ) -> Export:
        """See :func:`agent.aggregation.collected_batches.export_json`, and ``Selection`` for what selects."""
        selection = _selection(kind, api, destination, from_time, until_time)
        return await export_json(self.store, Path(folder), selection, shard_reports=shard_reports)


@asynccontextmanager
async def open_collector(file: Path | str = MEMORY, *, clock: Clock | None = None) -> AsyncIterator[OpenCollector]:
    """A collector that keeps what it receives in ``file``, or in memory, for the time of the ``async with``.

    ``clock``: the wall clock by default. Raises HostEnvironmentError for a file that cannot be used.
    """
    clock = clock or Clock()
    async with await AsyncDatabase.open(MEMORY if file == MEMORY else Path(file), now=clock.now()) as database:
        yield OpenCollector(DatabaseAttributionCollection(database), clock)


def _selection(kind: str, api: str | None, destination: str | None, *times: Instant | None) -> Selection:
    try:
        wanted = ReportKind(kind)
    except ValueError:
        raise UsageError(
            f"{kind!r} is no kind of report", where="export", rule=f"one of {', '.join(ReportKind)}"
        ) from None
    from_time, until_time = (_milliseconds(time) for time in times)
    return Selection(wanted, api, destination, from_time, until_time)


def _milliseconds(time: Instant | None) -> int | None:
    if not isinstance(time, str):
        return time
    try:
        return parse_instant(time)
    except ValueError as error:
        raise UsageError(f"{time!r} is no time", where="export", fix="write for example 2026-01-05T09:00Z") from error
