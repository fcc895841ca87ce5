"""A summary of collected reports, by the local aggregation service: what ``tallyhost aggregate`` runs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

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
from agent.cli.session import Session
from agent.engines.aggregation.explained_reports import shown
from agent.model.aggregation import ReturnCode
from agent.model.rng import token
from agent.reporting.aggregation_page import PAGE_NAME, write_page
from agent.reporting.aggregation_view import count

_DONE = {ReturnCode.SUCCESS, ReturnCode.SUCCESS_WITH_ERRORS}


async def aggregate_and_tell(session: Session, reports: tuple[Path, ...], given: Mapping[str, Any]) -> int:
    """Run the job that the flags ``given`` ask for, write its files and print its summary; the exit code."""
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
