"""``tallyhost check``: whether a browser would take a header, and every problem it has."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path

import rich_click as click

from agent.cli.output import print_error
from agent.cli.session import Session, with_session
from agent.engines.attribution_reporting.header_check import HeaderCheck, HeaderKind, check_header, limits_when_stored
from agent.engines.attribution_reporting.source_limits import Finding
from agent.model.attribution_reporting.limits import AttributionReportingLimits
from agent.model.attribution_reporting.registrations import Issue, Severity, SourceType
from agent.model.errors import TallyhostError, UsageError
from agent.reporting.documents.header import finding_document, header_document, place
from agent.reporting.documents.write_header import WRITE_HEADER, check_write_header

_STDIN = "-"
_FILE = "@"
_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow"}
_LINE_RULE = '{"header": "source|trigger|eligible|info|os", "value": TEXT, "source_type": "navigation|event"}'
_KINDS = [kind.value for kind in HeaderKind]
_SOURCE_TYPES = [source_type.value for source_type in SourceType]


@click.group("check")
def check() -> None:
    """Check a header before a browser does."""


@check.command("header")
@click.argument("value", metavar="VALUE", required=False)
@click.option("--kind", type=click.Choice([*_KINDS, WRITE_HEADER]), help="Which header VALUE belongs to.")
@click.option(
    "--source-type",
    "source_type",
    type=click.Choice(_SOURCE_TYPES),
    default=SourceType.NAVIGATION.value,
    show_default=True,
    help="How the source came about.",
)
@click.option("--batch", is_flag=True, help="Check one header for each line of standard input.")
@with_session()
def header(session: Session, value: str | None, kind: str | None, source_type: str, batch: bool) -> int:
    """Say whether a header parses, with every problem, and what it means in full.

    VALUE is the header's value; @FILE reads it from a file, - from standard input. Limits of storage are no problems
    of a header, and those that a source meets whatever else is stored are told beside them.

    With --batch each line of standard input is a header of Attribution Reporting,
    {"header": KIND, "value": TEXT, "source_type": TEXT}, and each line of the output, in the same order,
    {"accept", "errors", "warnings", "normalized"}.
    """
    where = "tallyhost check header"
    if batch:
        if value is not None or kind is not None:
            raise UsageError("--batch takes neither VALUE nor --kind", where=where, rule=f"a line is {_LINE_RULE}")
        return _check_lines(sys.stdin.buffer, session.config.attribution_reporting_limits)
    if value is None or kind is None:
        raise UsageError("--kind and VALUE are needed", where=where, fix="tallyhost check header --kind source VALUE")
    limits, of_type = session.config.attribution_reporting_limits, SourceType(source_type)
    if kind == WRITE_HEADER:
        checked = check_write_header(_read(value), session.config.shared_storage_limits)
    else:
        checked = check_header(HeaderKind(kind), _read(value), of_type, limits)
    stored = () if checked.source is None else limits_when_stored(checked.source, of_type, limits)
    if session.output.as_json:
        session.output.document(
            {"kind": kind, **header_document(checked), "when_stored": [finding_document(one) for one in stored]}
        )
    else:
        _tell(session, checked, stored)
    return 0 if checked.accept else TallyhostError.exit_code


def _read(value: str) -> bytes:
    """The bytes of the field's value, without the white space around it, which HTTP takes away too."""
    if value == _STDIN:
        content = sys.stdin.buffer.read()
    elif value.startswith(_FILE):
        file = value.removeprefix(_FILE)
        try:
            content = Path(file).read_bytes()
        except OSError as error:
            raise UsageError(
                f"cannot be read: {error.strerror}", where=file, rule="@FILE reads the header's value from a file"
            ) from None
    else:
        content = os.fsencode(value)
    return content.strip(b" \t\r\n")


def _tell(session: Session, checked: HeaderCheck, stored: tuple[Finding, ...]) -> None:
    output = session.output
    for issue in (*checked.errors, *checked.warnings):
        output.line(f"{issue.severity.value:<8} {place(issue.path)}  {issue.message}", _STYLES[issue.severity])
        if issue.rule:
            output.line(f"         rule  {issue.rule}")
        if issue.fix:
            output.line(f"         fix   {issue.fix}")
    if not checked.accept:
        output.line("refused", "bold red")
        return
    for finding in stored:
        word, style = ("ok", "green") if finding.check.passed else ("limit", "bold red")
        output.line(f"{word:<8} {finding.check.rule}  {finding.check.detail}", style)
        if not finding.check.passed:
            output.line(f"         rule  such a source is not stored: {finding.verdict}")
            output.line(f"         fix   {finding.check.fix}")
    output.line("accepted", "green")
    form = checked.normalized
    if form is not None:
        output.line(form if isinstance(form, str) else json.dumps(form, indent=2, ensure_ascii=False))


def _check_lines(lines: Iterable[bytes], limits: AttributionReportingLimits) -> int:
    """Check a header for each line; the exit code."""
    exit_code = 0
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            kind, value, source_type = _asked(line)
        except UsageError as error:
            error.where = f"line {number}"
            print_error(error, as_json=False)
            exit_code = error.exit_code
            document = header_document(HeaderCheck(False, (Issue(None, f"line {number}: {error.what}"),), (), None))
        else:
            document = header_document(check_header(kind, value, source_type, limits))
        sys.stdout.write(json.dumps(document) + "\n")
    return exit_code


def _asked(line: bytes) -> tuple[HeaderKind, bytes, SourceType]:
    """What a line of a batch asks for; UsageError where it is none."""
    try:
        asked = json.loads(line)
    except (ValueError, RecursionError):
        raise UsageError("is no JSON", rule=_LINE_RULE) from None
    match asked:
        case {"header": str(kind), "value": str(value)} if kind in _KINDS:
            source_type = asked.get("source_type") or SourceType.NAVIGATION.value
        case _:
            raise UsageError("is no header to check", rule=_LINE_RULE)
    if source_type not in _SOURCE_TYPES:
        raise UsageError("has an unknown source_type", rule=_LINE_RULE)
    return HeaderKind(kind), value.encode("utf-8", "surrogatepass"), SourceType(source_type)
