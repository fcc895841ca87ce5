"""The profile's own sealed reports as a batch: what `tallyhost reports export` writes."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from agent.cli.reach import ask_agent
from agent.cli.session import Session
from agent.model.errors import UsageError
from agent.model.reports import ReportKind

PRODUCTION_KINDS = (ReportKind.AGGREGATABLE, ReportKind.PRIVATE_AGGREGATION)
AGGREGATABLE_KINDS = (
    *PRODUCTION_KINDS,
    ReportKind.AGGREGATABLE_DEBUG,
    ReportKind.PRIVATE_AGGREGATION_DEBUG,
    ReportKind.AGGREGATE_DEBUG,
)
"""What an aggregation service takes."""
_COPIES = {ReportKind.AGGREGATABLE_DEBUG, ReportKind.PRIVATE_AGGREGATION_DEBUG}


def export_reports(session: Session, file: Path, kinds: Sequence[str], *, undelivered: bool) -> dict[str, Any]:
    """Write the reports of ``kinds`` that were sent to ``file``, with ``undelivered`` those that were given up too.

    Gives how many were written, and how many of each sort there are. Raises UsageError for a file of another
    extension, for kinds that do not belong in one batch, and where there is no report.
    """
    write = _WRITERS.get(file.suffix)
    if write is None:
        raise UsageError(
            f"{file.suffix or 'a name without extension'} is no form of reports",
            where=str(file),
            rule="the name says the form: .avro is a batch as services take it, .json a list of reports as they were"
            " sent, .jsonl one of them a line",
            fix=f"{file.with_suffix('.avro')}",
        )
    copies = [kind for kind in kinds if kind in _COPIES]
    if copies and len(copies) < len(kinds):
        raise UsageError(
            f"{copies[0]} beside {next(kind for kind in kinds if kind not in _COPIES)}",
            where="--kind",
            rule="a debug copy has the shared ID of its report: in one batch, one of the two would count, or neither",
            fix="export each into a file of its own",
        )
    import asyncio  # noqa: PLC0415 - slow to import, and `--help` exports nothing

    bodies, counts = asyncio.run(_bodies(session, kinds, undelivered=undelivered))
    if not bodies:
        raise _nothing(kinds, counts)
    write(file, bodies)
    return {"file": str(file), "reports": len(bodies), **counts}


async def _bodies(session: Session, kinds: Sequence[str], *, undelivered: bool) -> tuple[list[str], Counter[str]]:
    """The bodies, oldest first, and how many reports were given up or wait."""
    bodies: list[str] = []
    counts = Counter({"undelivered": 0, "pending": 0})
    after = 0
    while True:
        asked = {"kinds": list(kinds), "after": after, "undelivered": undelivered}
        page = await ask_agent(session.config, "reports.export", asked)
        if page["last"] is None:
            return bodies, counts
        bodies += page["reports"]
        counts.update({name: page[name] for name in counts})
        after = page["last"]


def _nothing(kinds: Sequence[str], counts: Mapping[str, int]) -> UsageError:
    fix = "`tallyhost reports list` shows what there is"
    if counts["pending"]:
        fix = f"{counts['pending']:,} wait: `tallyhost time next` moves the clock to the next due report"
    if counts["undelivered"]:
        fix = f"{counts['undelivered']:,} did not arrive, their host perhaps not mapped: --undelivered takes them"
    return UsageError(
        f"no report was sent of the kind {' or '.join(kinds)}",
        where="tallyhost reports export",
        rule="reports leave when they are due, to hosts that are mapped",
        fix=fix,
    )


def _write_avro(file: Path, bodies: Sequence[str]) -> None:
    from agent.aggregation.avro import Record, write_reports  # noqa: PLC0415 - see export_reports

    write_reports(
        file,
        (
            Record(base64.b64decode(entry["payload"]), entry["key_id"], report["shared_info"])
            for report in map(json.loads, bodies)
            for entry in report["aggregation_service_payloads"]
        ),
    )


def _write_list(file: Path, bodies: Sequence[str]) -> None:
    file.write_text("[\n" + ",\n".join(bodies) + "\n]\n", encoding="utf-8", newline="\n")


def _write_lines(file: Path, bodies: Sequence[str]) -> None:
    file.write_text("".join(f"{body}\n" for body in bodies), encoding="utf-8", newline="\n")


_WRITERS: dict[str, Callable[[Path, Sequence[str]], None]] = {
    ".avro": _write_avro,
    ".jsonl": _write_lines,
    ".json": _write_list,
}
