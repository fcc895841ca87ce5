"""What of a collected report goes into a batch: a record for each element of ``aggregation_service_payloads``."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import Any

from agent.aggregation.avro import Record
from agent.model.attribution_reporting.collected import CollectedAttributionReport


@dataclass(frozen=True, slots=True)
class LeftOutOfBatch:
    """Something of a collected report that cannot be exported."""

    id: int
    """Position of the report on the shelf."""
    where: str
    """The element at fault, such as ``aggregation_service_payloads[0]``; empty for the whole body."""
    why: str


@dataclass(slots=True)
class ReportRecords:
    """What one report gives."""

    sealed: list[Record] = field(default_factory=list)
    clear_text: list[Record] = field(default_factory=list)
    """Of the elements that have a ``debug_cleartext_payload``."""
    left_out: list[LeftOutOfBatch] = field(default_factory=list)


def records_of(report: CollectedAttributionReport) -> ReportRecords:
    """The records of ``report`` (section 2.1), whose kind has payloads."""
    found = ReportRecords()
    try:
        match json.loads(report.body.decode()):
            case {"shared_info": str(shared_info), "aggregation_service_payloads": [*elements]}:
                shared_info.encode()
            case _:
                raise ValueError("members are missing")  # noqa: TRY301 - told like all that is no report
    except (ValueError, RecursionError) as error:
        found.left_out.append(LeftOutOfBatch(report.id, "", f"it is no aggregatable report: {error}"))
        return found
    for position, element in enumerate(elements):
        where = f"aggregation_service_payloads[{position}]"
        origin = f"report {report.id}, {where}"
        try:
            found.sealed.append(_record(element, "payload", shared_info, origin))
            if "debug_cleartext_payload" in element:
                found.clear_text.append(_record(element, "debug_cleartext_payload", shared_info, origin))
        except ValueError as error:
            found.left_out.append(LeftOutOfBatch(report.id, where, str(error)))
    return found


def _record(element: Any, name: str, shared_info: str, where: str) -> Record:
    """The record of the member ``name`` of an element. Raises ValueError that says what is wrong with it."""
    match element:
        case {"key_id": str(key_id), **members} if isinstance(text := members.get(name), str):
            try:
                key_id.encode()
                return Record(base64.b64decode(text, validate=True), key_id, shared_info, where)
            except ValueError as error:
                raise ValueError(f"its key_id is no text, or {name} no base64: {error}") from None
    raise ValueError(f'it has no "key_id" and "{name}" of text')
