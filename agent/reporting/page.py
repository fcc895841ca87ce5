"""Writes a finished run as one static HTML file that needs nothing else: no script, no font, no network."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from agent.reporting.charts import bar_charts, heat_charts, week_chart
from agent.reporting.model import AttributionReportingSummary, DemoRun, RowKind
from agent.reporting.static_page import render_static

REPORT_NAME = "report.html"


def write_report(run: DemoRun, folder: Path) -> Path:
    """Write the report of ``run`` into ``folder``, which is made where it is missing; gives the file's path.

    Equal runs give equal bytes. Raises OSError where the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / REPORT_NAME
    path.write_bytes(render_report(run).encode())
    return path


def render_report(run: DemoRun) -> str:
    """The report of ``run`` as HTML text."""
    return render_static(
        "report.html",
        run=run,
        bars=[
            (summary, list(zip(summary.parts, charts, strict=True)))
            for summary, charts in zip(run.summaries, bar_charts(run.summaries), strict=True)
        ],
        noise=_noise(run.attribution_reporting),
        weeks=week_chart(run),
        heats=heat_charts(run.budgets),
        kinds=[kind for kind in RowKind if any(row.kind is kind and row.site for row in run.timeline)],
    )


def _noise(summary: AttributionReportingSummary) -> str:
    """How likely event-level reports are made up, in words; empty where none arrived."""
    rates = (("ads that were clicked", summary.noise_of_clicks), ("ads that were seen", summary.noise_of_views))
    return ", ".join(f"those of {_share(rate)} of the {ads}" for ads, rate in rates if rate is not None)


def _share(rate: float) -> str:
    """``0.24 %`` for 0.0024263; never in powers of ten."""
    return f"{Decimal(f'{rate * 100:.2g}'):f} %"
