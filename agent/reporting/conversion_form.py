"""The clear text of conversion reports as JSON values, without the id: what two runs of one story have in common."""

from __future__ import annotations

from typing import Any

from agent.model.attribution import ConversionRequest
from agent.model.conversion_report import ConversionReport, clear_report, report_time
from agent.model.reports import ConversionContent, Report

Json = dict[str, Any]


def made_report(request: ConversionRequest, histogram: tuple[int, ...], now: int) -> Json:
    """The report of a conversion at ``now`` (milliseconds)."""
    return _form(clear_report(request, histogram, report_id=b"", now=now))


def recorded_report(report: Report, content: ConversionContent, max_value: int) -> Json:
    """A report that is stored with this ``content``."""
    return _form(
        ConversionReport(
            dialect=content.dialect,
            service=content.service,
            report_id=b"",
            time=report_time(report.created),
            micro_epsilon=content.micro_epsilon,
            max_value=max_value,
            budget_source=content.conversion_site,
            collector=content.collector,
            histogram=content.histogram,
        )
    )


def _form(report: ConversionReport) -> Json:
    return {
        "dialect": report.dialect.value,
        "service": report.service,
        "time": report.time,
        "microEpsilon": report.micro_epsilon,
        "maxValue": report.max_value,
        "budgetSource": report.budget_source,
        "collector": report.collector,
        "histogram": list(report.histogram),
    }
