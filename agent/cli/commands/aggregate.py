"""``tallyhost aggregate``: a summary of collected reports, by the local aggregation service."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import rich_click as click

from agent.aggregation.job import Job
from agent.aggregation.outputs import Output as JobOutput
from agent.cli.aggregation_output import (
    finished_document,
    print_end,
    print_refusal,
    print_summary,
    view_of,
)
from agent.cli.aggregation_request import (
    ORIGIN,
    SITE,
    checked_job_id,
    combined,
    count_origins,
    domain_of,
    only_origin,
    read_request,
)
from agent.cli.aggregation_run import check_folders, open_home, progress_bar, run
from agent.cli.session import NOW_FLAG, PROFILE_FLAG, SEED_FLAG, Session, with_session
from agent.engines.aggregation.explained_reports import shown
from agent.model.aggregation import DEFAULT_EPSILON, DEFAULT_THRESHOLD_PERCENTAGE, MAX_EPSILON, ReturnCode
from agent.model.rng import token
from agent.reporting.aggregation_page import PAGE_NAME, write_page
from agent.reporting.aggregation_view import count

DEFAULT_OUTPUT = "tallyhost-summary"
_DONE = {ReturnCode.SUCCESS, ReturnCode.SUCCESS_WITH_ERRORS}
_FILE = click.Path(dir_okay=False, path_type=Path)
_PARAMETER_FLAGS = (
    click.option("--attribution-report-to", metavar="ORIGIN", help="Whose reports they are [the one origin of all]."),
    click.option("--reporting-site", metavar="SITE", help="The same for all origins of a site."),
    click.option(
        "--epsilon",
        type=click.FloatRange(0, MAX_EPSILON, min_open=True),
        metavar="NUMBER",
        help=f"Privacy parameter; more of it is less noise [{DEFAULT_EPSILON:g}].",
    ),
    click.option(
        "--error-threshold",
        type=click.FloatRange(0, 100),
        metavar="PERCENT",
        help=f"Refuse the job where more reports are left out [{DEFAULT_THRESHOLD_PERCENTAGE:g}].",
    ),
    click.option(
        "--input-report-count",
        type=click.IntRange(0),
        metavar="N",
        help="How many there are: lets a job that cannot succeed end early.",
    ),
    click.option("--filtering-ids", metavar="ID,...", help="The contributions that count, by their ids [0]."),
    click.option("--debug-run/--no-debug-run", default=None, help="Spend no budget; a debug summary beside the other."),
)
_DOMAIN_FLAGS = (
    click.option(
        "--domain",
        type=click.Path(path_type=Path),
        metavar="FILE",
        help="The buckets of the summary: Avro, a folder of such, or CSV with `bucket`.",
    ),
    click.option("--key-structure", type=_FILE, metavar="FILE", help="TOML that says what the bits of buckets mean."),
    click.option("--no-domain", is_flag=True, help="The summary has every bucket of the reports."),
)
_JOB_FLAGS = (
    click.option("--job", "job_id", metavar="ID", help="Name of the job, which stands for one answer [made up]."),
    click.option("--parameters", type=_FILE, metavar="FILE", help="A createJob request's job_parameters as JSON."),
    click.option("--keys", "keys_file", metavar="KEYS.json", help="Keys that open the reports [the agent's own]."),
    click.option("--clear-text", is_flag=True, help="Payloads are not sealed; of JSON reports, the debug copy."),
)
_OUTPUT_FLAGS = (
    click.option(
        "--output",
        type=click.Path(file_okay=False, path_type=Path),
        default=DEFAULT_OUTPUT,
        show_default=True,
        metavar="DIR",
        help="Folder for the files.",
    ),
    click.option("--html", type=_FILE, metavar="FILE", help="The page [summary.html in the folder]."),
    click.option("--reveal", is_flag=True, help="Show the sums without noise too; no file of the summary has them."),
    click.option("--limit", type=click.IntRange(1), default=50, show_default=True, metavar="N", help="Buckets shown."),
    click.option("--all", "everything", is_flag=True, help="Show all buckets, whatever --limit says."),
)
NOISE_FLAG = click.option("--noise/--no-noise", default=None, help="Noise in the sums [on].")
WORKERS_FLAG = click.option("--workers", metavar="N", help="Processes that open reports [one for each processor].")


@click.command("aggregate")
@click.argument("reports", nargs=-1, required=True, metavar="REPORTS...", type=click.Path(path_type=Path))
@with_session(
    *_DOMAIN_FLAGS,
    *_PARAMETER_FLAGS,
    *_JOB_FLAGS,
    *_OUTPUT_FLAGS,
    PROFILE_FLAG,
    SEED_FLAG,
    NOW_FLAG,
    NOISE_FLAG,
    WORKERS_FLAG,
)
def aggregate(session: Session, reports: tuple[Path, ...], **given: Any) -> int:
    """Add collected reports up with noise, as the aggregation service does, and show each bucket.

    REPORTS are files or folders: Avro batches, or reports as JSON, alone, in a list or one a line. Budget is spent in
    the profile, once for each report and filtering id; with the profile in memory it begins anew each time.
    """
    return asyncio.run(_aggregate(session, reports, given))


async def _aggregate(session: Session, reports: tuple[Path, ...], given: Mapping[str, Any]) -> int:
    output, config = session.output, session.config
    domain = domain_of(given["domain"], given["key_structure"], no_domain=given["no_domain"])
    from_file, named = ({}, None) if given["parameters"] is None else read_request(given["parameters"])
    parameters = combined(from_file, _from_flags(given))
    job_id = checked_job_id(given["job_id"] or named or f"job-{token(4)}")
    async with open_home(config, keys_file=given["keys_file"], clear_text=given["clear_text"]) as home:
        if not {ORIGIN, SITE} & parameters.keys():
            with progress_bar("reading reports", config) as progress:
                found = count_origins(reports, progress)
            parameters[ORIGIN] = origin = only_origin(found, " ".join(map(str, reports)))
            output.note(f"{count(found.total(), 'report')} for {shown(origin)}, the one origin that they name")
        job = Job(
            job_request_id=job_id,
            inputs=reports,
            output=JobOutput(given["output"]),
            parameters=parameters,
            domain=domain.buckets,
            domain_files=domain.files,
            clear_text=given["clear_text"],
        )
        page = given["html"] or given["output"] / PAGE_NAME
        check_folders({given["output"], page.parent})
        output.note(f"job {job_id}")
        finished = await run(config, home, job, domain.name_of)
    view = view_of(finished, domain.name_of, reveal=given["reveal"])
    files = list(finished.files) if view is None else [*finished.files, page]
    # The page comes last, so that the summary is told even where the page cannot be written.
    if output.as_json:
        output.document(finished_document(finished, view, files))
    elif view is None:
        print_refusal(output, finished)
    else:
        print_summary(output, view, view.rows if given["everything"] else view.rows[: given["limit"]])
    if view is not None:
        write_page(view, page)
    print_end(output, finished, given["output"], files, kept=home.kept)
    return 0 if finished.result_info.return_code in _DONE else 1


def _from_flags(given: Mapping[str, Any]) -> dict[str, str | None]:
    """The job parameters that the flags say, as the text that a request has."""
    debug_run = given["debug_run"]
    return {
        ORIGIN: given["attribution_report_to"],
        SITE: given["reporting_site"],
        "debug_privacy_epsilon": _text(given["epsilon"]),
        "report_error_threshold_percentage": _text(given["error_threshold"]),
        "input_report_count": _text(given["input_report_count"]),
        "filtering_ids": given["filtering_ids"],
        "debug_run": None if debug_run is None else str(debug_run).lower(),
    }


def _text(number: float | None) -> str | None:
    if number is not None and math.isnan(number):
        return "NaN"  # as the service spells it, which then refuses it
    return None if number is None else f"{number!r}".removesuffix(".0")
