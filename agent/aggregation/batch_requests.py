"""Batches over HTTP: one file for each request."""

from __future__ import annotations

import tempfile
from typing import IO, cast

from aiohttp import web

from agent.aggregation.collected_batches import Export, write_avro, write_json
from agent.aggregation.json_api import malformed_request
from agent.model.attribution_reporting.collected import CollectedAttributionReports, Selection
from agent.model.clock import parse_instant
from agent.model.errors import UsageError
from agent.model.reports import ReportKind


def add_batch_routes(app: web.Application, store: CollectedAttributionReports) -> None:
    """Give ``app`` the exports of ``store``, each as one file.

    ``GET /batches.avro``    ``?kind=KIND``, with ``api``, ``destination``, ``from`` and ``until`` (whole hours of
                             scheduled_report_time, ISO 8601); ``clear_text=true``: what there is in clear text
    ``GET /batches.jsonl``   the same but for ``clear_text``: each report as it was received, one on a line

    ``Tallyhost-Reports`` counts the file's entries, ``Tallyhost-Left-Out`` what of the selection cannot be in it.
    """

    async def avro(request: web.Request) -> web.Response:
        clear_text = request.query.get("clear_text") == "true"
        file = _temporary_file()
        try:
            export = await write_avro(store, file, _selection(request), clear_text=clear_text)
        except UsageError as error:
            raise malformed_request(error.what, error.fix) from error
        records = export.clear_text_records if clear_text else export.records
        return _file_answer(file, "application/octet-stream", records, export)

    async def json_lines(request: web.Request) -> web.Response:
        file = _temporary_file()
        export = await write_json(store, file, _selection(request))
        return _file_answer(file, "application/x-ndjson", export.records, export)

    app.router.add_get("/batches.avro", avro)
    app.router.add_get("/batches.jsonl", json_lines)


def query_kind(request: web.Request) -> ReportKind:
    """The query parameter ``kind``."""
    kind = request.query.get("kind", "")
    try:
        return ReportKind(kind)
    except ValueError:
        fix = f"write ?kind= with one of {', '.join(ReportKind)}"
        raise malformed_request(f"kind={kind} is no kind of report", fix) from None


def _selection(request: web.Request) -> Selection:
    try:
        return Selection(
            query_kind(request),
            api=request.query.get("api"),
            destination=request.query.get("destination"),
            from_time=_query_instant(request, "from"),
            until_time=_query_instant(request, "until"),
        )
    except UsageError as error:
        raise malformed_request(error.what, error.fix) from error


def _query_instant(request: web.Request, name: str) -> int | None:
    text = request.query.get(name)
    if text is None:
        return None
    try:
        instant = parse_instant(text)
    except (ValueError, OverflowError):
        instant = -1
    if instant < 0:
        raise malformed_request(f"{name}={text} is no time since 1970", f"write for example ?{name}=2026-01-05T09:00Z")
    return instant


def _temporary_file() -> IO[bytes]:
    return cast("IO[bytes]", tempfile.TemporaryFile())


def _file_answer(file: IO[bytes], content_type: str, entries: int, export: Export) -> web.Response:
    file.seek(0)
    counts = {"Tallyhost-Reports": str(entries), "Tallyhost-Left-Out": str(export.left_out)}
    # aiohttp closes the file, which has no name any more, once it is sent.
    return web.Response(body=file, content_type=content_type, headers=counts)
