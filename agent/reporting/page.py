"""Writes a finished run as one static HTML file that needs nothing else: no script, no font, no network."""

from __future__ import annotations

import base64
import hashlib
from decimal import Decimal
from importlib import resources
from pathlib import Path

import jinja2
from markupsafe import Markup

from agent.model.clock import format_instant
from agent.reporting.charts import bar_charts, heat_charts, reach_chart, week_chart
from agent.reporting.model import AttributionReportingSummary, DemoRun, RowKind

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
    style = _read("sites", "common/site.css") + _read("agent.reporting", "templates/report.css")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    templates = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: _read("agent.reporting", f"templates/{name}")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters["instant"] = _instant
    return templates.get_template("report.html").render(
        run=run,
        style=Markup(style),  # noqa: S704  our own package data, and the policy's hash is over exactly these bytes
        policy=f"default-src 'none'; style-src 'sha256-{digest}'",
        bars=list(zip(run.apis, bar_charts(run.apis), strict=True)),
        noise=_noise(run.attribution_reporting),
        reach=reach_chart(run.reach),
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


def _instant(time: int) -> str:
    return format_instant(time).replace("T", " ")


def _read(package: str, path: str) -> str:
    return resources.files(package).joinpath(*path.split("/")).read_text("utf-8")
