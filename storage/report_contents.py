"""What reports say, as the JSON text that the store keeps of them."""

from __future__ import annotations

from collections.abc import Iterable
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
from agent.model.private_aggregation import DebugDetails, PrivateAggregationApi, PrivateAggregationContent
from agent.model.reports import ConversionContent, ReportContent, ReportKind
from storage import json_texts

_FIELDS = {
    content: tuple(field.name for field in fields(content))
    for content in (
        ConversionContent,
        EventLevelContent,
        AggregatableContent,
        VerboseContent,
        PrivateAggregationContent,
    )
}


def dumps(content: ReportContent) -> str:
    """The text of ``content``; which of the types it is, the report's kind tells. Buckets are hexadecimal."""
    values = {name: getattr(content, name) for name in _FIELDS[type(content)]}
    if isinstance(content, AggregatableContent | PrivateAggregationContent):
        values["contributions"] = [(hex(one.bucket), one.value, one.filtering_id) for one in content.contributions]
    if isinstance(content, PrivateAggregationContent):
        values["debug"] = content.debug.enabled, content.debug.key
    if isinstance(content, VerboseContent):
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
            values["contributions"] = _contributions(values["contributions"])
            return AggregatableContent(**values)
        case ReportKind.PRIVATE_AGGREGATION | ReportKind.PRIVATE_AGGREGATION_DEBUG:
            values["api"] = PrivateAggregationApi(values["api"])
            values["contributions"] = _contributions(values["contributions"])
            values["debug"] = DebugDetails(*values["debug"])
            return PrivateAggregationContent(**values)
        case ReportKind.VERBOSE_DEBUG:
            values["items"] = tuple(DebugItem(type_, body) for type_, body in values["items"])
            return VerboseContent(**values)


def _contributions(entries: Iterable[tuple[str, int, int]]) -> tuple[Contribution, ...]:
    return tuple(Contribution(int(bucket, 16), value, identifier) for bucket, value, identifier in entries)
