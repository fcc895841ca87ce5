"""``tallyhost reports``: the reports and what became of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import rich_click as click

from agent.cli.exported_reports import AGGREGATABLE_KINDS, PRODUCTION_KINDS, export_reports
from agent.cli.output import Document, Output, epsilon, print_listed
from agent.cli.reach import ask
from agent.cli.session import LATEST_FLAGS, PROFILE_FLAG, Session, with_session
from agent.model.reports import ReportKind, ReportState
from agent.reporting.aggregation_view import count
from agent.reporting.model import API_NAMES

_SHORT_ID = 12
_STATES = {
    ReportState.RETURNED: "given to the page",
    ReportState.PENDING: "waits to be sent",
    ReportState.SENDING: "is being sent",
    ReportState.SENT: "sent",
    ReportState.FAILED: "given up after every attempt failed",
    ReportState.NOT_SENT: "kept: its host is not mapped, and nothing leaves the machine unasked",
}


@click.group("reports")
def reports() -> None:
    """List the reports, show, send or drop one, or export those that an aggregation service takes."""


@reports.command("list")
@with_session(PROFILE_FLAG, *LATEST_FLAGS)
def list_latest(session: Session, limit: int, everything: bool) -> None:
    """List the latest reports, the oldest of them first."""
    answer = ask(session, "reports.list", limit=None if everything else limit)
    if session.output.as_json:
        session.output.document(answer)
        return
    report_table(session.output, answer)


def report_table(output: Output, answer: Document) -> None:
    """Print the reports of ``answer``, one line for each."""
    rows = (
        (
            report["id"][:_SHORT_ID],
            report["created"],
            report["kind"],
            report["site"],
            report["state"],
            report["delivered_to"] or "the page",
            report["last_result"],
        )
        for report in answer["reports"]
    )
    columns = ("id", "created", "kind", "site", "state", "to", "result")
    print_listed(output, answer, "reports", columns, rows, empty="no reports yet")


@reports.command("show")
@click.argument("report_id", metavar="ID")
@with_session(PROFILE_FLAG)
def show(session: Session, report_id: str) -> None:
    """Show the report ID (its beginning is enough) with its clear text, which never leaves the machine."""
    answer = ask(session, "reports.show", id=report_id)
    if session.output.as_json:
        session.output.document(answer)
        return
    for name, told in _in_words(answer["report"]):
        session.output.line(f"{name:<12} {told}")


@reports.command("send")
@click.argument("wanted", metavar="ID|all")
@with_session(PROFILE_FLAG)
def send(session: Session, wanted: str) -> None:
    """Send a report now, whatever its time, or all that wait; the clock stands.

    What was given up, or had nowhere to go, can be sent once more by its id.
    """
    if wanted == "all":
        answer = ask(session, "reports.send-pending")
        told = f"{count(answer['sent'], 'report')} sent, or tried: `tallyhost reports list`"
    else:
        answer = ask(session, "reports.send", id=wanted)
        report = answer["report"]
        told = f"{report['id'][:_SHORT_ID]}  {_STATES[report['state']]}  {report['last_result']}".rstrip()
    if session.output.as_json:
        session.output.document(answer)
    session.output.line(told)


@reports.command("drop")
@click.argument("wanted", metavar="ID")
@with_session(PROFILE_FLAG)
def drop(session: Session, wanted: str) -> None:
    """Forget the report whose id begins with ID."""
    answer = ask(session, "reports.drop", id=wanted)
    if session.output.as_json:
        session.output.document(answer)
    session.output.line(f"{answer['dropped']['id'][:_SHORT_ID]}  dropped")


@reports.command("export")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--kind",
    "kinds",
    multiple=True,
    type=click.Choice([kind.value for kind in AGGREGATABLE_KINDS]),
    help="Which reports [aggregatable and private-aggregation]; several times for several.",
)
@click.option("--undelivered", is_flag=True, help="Those too whose delivery was given up, or whose host is not mapped.")
@with_session(PROFILE_FLAG)
def export(session: Session, file: Path, kinds: tuple[str, ...], undelivered: bool) -> None:
    """Write the sealed reports that were sent into FILE, for `tallyhost aggregate`.

    FILE is an Avro batch where its name ends in .avro, a list of reports as they were sent where it ends in .json, and
    one report a line where it ends in .jsonl.
    """
    exported = export_reports(session, file, kinds or PRODUCTION_KINDS, undelivered=undelivered)
    if session.output.as_json:
        session.output.document(exported)
        return
    session.output.line(f"{count(exported['reports'], 'report')} in {file}")
    if exported["undelivered"] and not undelivered:
        session.output.line(f"{exported['undelivered']:,} more did not arrive: --undelivered takes them too", "yellow")
    if exported["pending"]:
        session.output.line(f"{exported['pending']:,} more wait to be sent: `tallyhost time next`", "yellow")


def _in_words(report: Document) -> Iterator[tuple[str, str]]:
    yield "report", report["id"]
    yield "kind", report["kind"]
    yield "made", report["created"]
    yield from _content(report["kind"], report["content"])
    if report["bytes"]:
        yield "sent" if report["delivered_to"] else "sealed", f"{report['bytes']} bytes (--json prints them)"
    yield "state", _STATES[report["state"]]
    if report["delivered_to"]:
        yield "goes to", report["delivered_to"]
        yield (
            "attempts",
            f"{report['attempts']}{', the last: ' if report['last_result'] else ''}{report['last_result']}",
        )
    if report["next_attempt"]:
        yield "next attempt", report["next_attempt"]
    if report["event_id"]:
        yield "why", f"tallyhost explain {report['event_id']}"


def _content(kind: str, content: Document) -> Iterator[tuple[str, str]]:
    match kind:
        case ReportKind.ATTRIBUTION_CONVERSION:
            buckets = {bucket: value for bucket, value in enumerate(content["histogram"]) if value}
            clear = ", ".join(f"{value} in bucket {bucket}" for bucket, value in buckets.items()) or "zeros alone"
            yield "by", f"{API_NAMES[content['dialect']]} on {content['conversion_site']}"
            yield "histogram", f"{clear}, of {content['histogram_size']} buckets (for your eyes alone)"
            yield "epsilon", epsilon(content["micro_epsilon"])
            yield "sealed for", content["service"]
        case ReportKind.EVENT_LEVEL | ReportKind.EVENT_LEVEL_DEBUG:
            yield "destination", ", ".join(content["destinations"])
            yield "source", f"{content['source_event_id']} ({content['source_type']})"
            yield "trigger data", str(content["trigger_data"])
        case ReportKind.VERBOSE_DEBUG:
            yield "says", ", ".join(item["type"] for item in content["items"])
        case ReportKind.PRIVATE_AGGREGATION | ReportKind.PRIVATE_AGGREGATION_DEBUG:
            yield "by", f"{content['api']} of {content['reporting_origin']}"
            if content["context_id"] is not None:
                yield "context id", content["context_id"]
            yield from _contributions(content)
        case _:
            yield "destination", content["attribution_destination"]
            yield from _contributions(content)


def _contributions(content: Document) -> Iterator[tuple[str, str]]:
    shown = (
        f"{one['value']} in bucket {one['bucket']:#x}" + (f" id {one['filtering_id']}" if one["filtering_id"] else "")
        for one in content["contributions"]
    )
    yield "contributes", f"{', '.join(shown) or 'nothing (null)'} (for your eyes alone)"
    yield "sealed for", content["coordinator"]
