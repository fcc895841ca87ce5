"""What reports say, as the JSON text that the store keeps of them."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

from agent.model.attribution import Dialect
from agent.model.attribution_reporting.registrations import SourceType
from agent.model.attribution_reporting.reports import (
    AggregatableContent,
    Contribution,
    DebugItem,
    EventLevelContent,
    VerboseContent,
)
from agent.model.reports import ConversionContent, ReportContent, ReportKind
from storage import json_texts

_FIELDS = {
    content: tuple(field.name for field in fields(content))
    for content in (ConversionContent, EventLevelContent, AggregatableContent, VerboseContent)
}


def dumps(content: ReportContent) -> str:
    """The text of ``content``; which of the types it is, the report's kind tells. Buckets are hexadecimal."""
    values = {name: getattr(content, name) for name in _FIELDS[type(content)]}
    if isinstance(content, AggregatableContent):
        values["contributions"] = [(hex(one.bucket), one.value, one.filtering_id) for one in content.contributions]
    elif isinstance(content, VerboseContent):
        values["items"] = [(item.type, item.body) for item in content.items]
    return json_texts.dumps(values)


def loads(kind: ReportKind, text: str) -> ReportContent:
    """The content that :func:`dumps` wrote for a report of ``kind``."""
    values: dict[str, Any] = json_texts.loads(text)
    match kind:
        case ReportKind.ATTRIBUTION_CONVERSION:
            values["dialect"] = Dialect(values["dialect"])
            values["histogram"] = tuple(values["histogram"])
            return ConversionContent(**values)
        case ReportKind.EVENT_LEVEL | ReportKind.EVENT_LEVEL_DEBUG:
            values["destinations"] = tuple(values["destinations"])
            values["source_type"] = SourceType(values["source_type"])
            return EventLevelContent(**values)
        case ReportKind.AGGREGATABLE | ReportKind.AGGREGATABLE_DEBUG | ReportKind.AGGREGATE_DEBUG:
            values["contributions"] = tuple(
                Contribution(int(bucket, 16), value, id_) for bucket, value, id_ in values["contributions"]
            )
            return AggregatableContent(**values)
        case ReportKind.VERBOSE_DEBUG:
            values["items"] = tuple(DebugItem(type_, body) for type_, body in values["items"])
            return VerboseContent(**values)
