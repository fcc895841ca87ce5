"""What reports say, for tests that know of which API they are."""

from __future__ import annotations

from agent.model.reports import ConversionContent, Report


def conversion(report: Report) -> ConversionContent:
    """The content of a conversion report."""
    assert isinstance(report.content, ConversionContent)
    return report.content
