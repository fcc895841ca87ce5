"""``tallyhost story``: stories through the real engine and SQLite without a browser, in two formats.

W3C Attribution's e2e files and JSONL of such cases, and Chromium's interop files of Attribution Reporting.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import rich_click as click

from agent.cli.output import print_error
from agent.cli.session import Session, with_session
from agent.model.errors import TallyhostError, UsageError

if TYPE_CHECKING:
    from agent.journeys.story import StoryResult

_HELP = """Run stories and say where the results are not the expected ones.

A FILE is one story as JSON, one story a line as JSONL, a folder of such files, or a bundle, a folder or a .zip: it is
played as it was recorded, and must give the same reports.

\b
A story is {"id": ..., "config": {...}, "events": [...]}. An event has
"event", "seconds" (whole, never going back), and besides for
  saveImpression           "site" and "options"
  measureConversion        "site", "options" and maybe "expected"
  clearImpressionsForSite  "site"
  clearBrowsingHistoryForAttribution  "sites" and "forgetVisits"
  clearExpiredImpressions, enableAPI, disableAPI   nothing
The first two take "intermediarySite" where a frame calls, all but
measureConversion take "expectedError". "expected" is a histogram or an
error: "RangeError", {"error": "DOMException", "name": "SyntaxError"}.

Without "config" the CONFIG.json beside the file applies, else the one in the folder above. Its keys are the limits,
such as maxLookbackDays; aggregationServices, a protocol by URL; and in the place of chance epochStart and
fairlyAllocateCreditFraction, from 0 to below 1.

\b
A story of Attribution Reporting has Chromium's interop format:
{"api_config": {...}, "input": {"registrations": [...]}, "output": {"reports": [...]}}, with // comments. Its
events have a "timestamp" (milliseconds, in a string) and
  "registration_request" and "responses"   the headers that register
  "connection": false or true              the network fails, or works again
  "navigation": true                       what retries wait for

The default_config.json beside the file, else the one in the folder above, applies where "api_config" says nothing.
"""


@click.command("story", help=_HELP)
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option("--emit", is_flag=True, help="Do not judge: print for each case one JSON line with its results.")
@with_session()
def story(session: Session, files: tuple[str, ...], emit: bool) -> int:
    """Run stories; gives the exit code."""
    unreadable = _Unreadable()
    results = _results(files, unreadable)
    if emit:
        for result in results:
            sys.stdout.write(result.emit() + "\n")
        return unreadable.exit_code
    failed = _judge(session, results)
    return unreadable.exit_code or failed


class _Unreadable:
    """Remembers that a case was not in the format; the cases after it are run all the same."""

    exit_code = 0

    def note(self, error: UsageError) -> None:
        self.exit_code = error.exit_code
        print_error(error, as_json=False)


def _results(files: tuple[str, ...], unreadable: _Unreadable) -> Iterator[StoryResult]:
    from agent.journeys.story_files import CONFIG_NAMES, run_file, story_files  # noqa: PLC0415

    for given in files:
        if Path(given).name in CONFIG_NAMES:
            continue
        try:
            paths = story_files(given)
        except UsageError as error:
            unreadable.note(error)
            continue
        for path in paths:
            yield from run_file(path, refused=unreadable.note)


def _judge(session: Session, results: Iterator[StoryResult]) -> int:
    """Print the verdicts; the exit code."""
    output = session.output
    told = []
    failed = passed = 0
    for result in results:
        for note in result.notes:
            output.line(f"note  {note}", "yellow")
        if result.mismatches:
            failed += 1
            output.line(f"FAIL  {result.id}", "bold red")
            for mismatch in result.mismatches:
                output.line(f"      {mismatch}")
        else:
            passed += 1
            if session.config.verbosity > 0:
                output.line(f"ok    {result.id}", "green")
        if output.as_json:
            mismatches = [asdict(mismatch) for mismatch in result.mismatches]
            notes = {"notes": list(result.notes)} if result.notes else {}
            told.append({"id": result.id, "mismatches": mismatches, **notes})
    if output.as_json:
        output.document({"passed": passed, "failed": failed, "stories": told})
    output.line(f"{passed} passed, {failed} failed")
    return TallyhostError.exit_code if failed else 0
