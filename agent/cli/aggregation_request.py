"""What `tallyhost aggregate` asks for: the domain and the parameters, from flags, files and the reports."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from agent.aggregation.domains import Domain, no_name, read_domain_file, read_key_structure_file
from agent.aggregation.report_files import plan_shards, read_records
from agent.cli.toml_lines import line_of
from agent.engines.aggregation.explained_reports import shown
from agent.engines.aggregation.parameters import InvalidParameter, check_request, read_parameters
from agent.engines.aggregation.shared_info import parse_shared_info
from agent.model.errors import UsageError
from agent.model.site import schemeful_site

ORIGIN, SITE = "attribution_report_to", "reporting_site"
FLAGS = {
    ORIGIN: "--attribution-report-to",
    SITE: "--reporting-site",
    "debug_privacy_epsilon": "--epsilon",
    "report_error_threshold_percentage": "--error-threshold",
    "input_report_count": "--input-report-count",
    "filtering_ids": "--filtering-ids",
    "debug_run": "--debug-run",
}
"""The flag for each job parameter."""
_LOCATIONS = frozenset({"output_domain_bucket_name", "output_domain_blob_prefix"})
"""Parameters that say where files lie in a cloud, which here the command line says."""
_SHOWN_ORIGINS = 10
_FILE_RULE = 'a createJob request, or its job_parameters alone: {"debug_privacy_epsilon": "10", "debug_run": "true"}'


def read_request(path: Path) -> tuple[dict[str, str], str | None]:
    """The job parameters of a file, and the job_request_id where it is a whole createJob request.

    Parameters of locations are left out. Raises UsageError.
    """
    document = _json_object(path)
    parameters = document.get("job_parameters", document)
    job_request_id = document.get("job_request_id") if parameters is not document else None
    if not isinstance(parameters, dict):
        raise UsageError("job_parameters is no object", where=str(path), rule=_FILE_RULE)
    if job_request_id is not None and not isinstance(job_request_id, str):
        raise UsageError("job_request_id is no text", where=str(path), rule=_FILE_RULE)
    for name, value in parameters.items():
        if name not in FLAGS and name not in _LOCATIONS:
            known = ", ".join(sorted({*FLAGS, *_LOCATIONS}))
            raise UsageError(
                f"no such job parameter: {name}", where=str(path), rule=f"job_parameters are among {known}"
            )
        if not isinstance(value, str):
            raise UsageError(
                f"{name} is no text but {json.dumps(value)}",
                where=str(path),
                rule="every job parameter is text, as the service's front end takes it",
                fix=f'"{name}": "{json.dumps(value).strip(chr(34))}"',
            )
    return {name: value for name, value in parameters.items() if name in FLAGS}, job_request_id


def checked_job_id(job_request_id: str) -> str:
    """The id of a job, as the service's front end takes it. Raises UsageError."""
    for error in check_request({"job_request_id": job_request_id}):
        if error.name == "job_request_id":
            raise UsageError(f"{error.value!r} cannot be used", where="--job", rule=error.rule, fix=error.fix)
    return job_request_id


def combined(from_file: Mapping[str, str], from_flags: Mapping[str, str | None]) -> dict[str, str]:
    """The parameters of both; a flag wins, and a flag for whom the reports are wins over either form of the file's.

    Raises UsageError for a flag whose value the service would refuse.
    """
    given = {name: value for name, value in from_flags.items() if value is not None}
    kept = dict(from_file)
    if ORIGIN in given or SITE in given:
        kept = {name: value for name, value in kept.items() if name not in {ORIGIN, SITE}}
    parameters = kept | given
    named = {} if {ORIGIN, SITE} & given.keys() else {ORIGIN: "https://any.test"}
    judged = read_parameters(named | given)
    if isinstance(judged, InvalidParameter):
        flag = FLAGS.get(judged.name, f"{FLAGS[ORIGIN]} or {FLAGS[SITE]}")
        raise UsageError(
            f"{judged.value!r} cannot be used" if judged.value else "it says nothing",
            where=flag,
            rule=judged.rule,
            fix=judged.fix,
        )
    return parameters


def domain_of(file: Path | None, structure: Path | None, *, no_domain: bool) -> Domain:
    """The buckets of the summary with their names. A key structure beside a domain gives names alone.

    Raises UsageError.
    """
    if no_domain and file is not None:
        raise UsageError(
            "--domain and --no-domain contradict each other",
            rule="a summary has the buckets of a domain, or those of the reports",
            fix="leave one of them out",
        )
    if file is None and structure is None and not no_domain:
        raise UsageError(
            "there is no domain",
            rule="a summary has the buckets of a domain, whether or not a report has them",
            fix="--domain FILE lists them, --key-structure FILE describes them; --no-domain takes those of the reports",
        )
    listed = read_domain_file(file) if file is not None else None
    described = read_key_structure_file(structure, line_of) if structure is not None else None
    says_which = Domain(None) if no_domain else listed or described or Domain(None)
    names = described or listed
    return replace(says_which, name_of=no_name if names is None else names.name_of)


def count_origins(
    reports: Sequence[Path], progress: Callable[[int, int], None] = lambda _done, _total: None
) -> Counter[str]:
    """How many reports name each reporting origin; those whose shared_info cannot be read name none.

    ``progress`` is told (parts read, parts). Raises UsageError for files that are no reports.
    """
    found: Counter[str] = Counter()
    shards = plan_shards(reports)
    for done, shard in enumerate(shards):
        progress(done, len(shards))
        for record in read_records(shard):
            if (info := parse_shared_info(record.shared_info)) is not None:
                found[info.reporting_origin] += 1
    return found


def only_origin(found: Counter[str], where: str) -> str:
    """The one reporting origin of all reports. Raises UsageError that names those that were found."""
    if len(found) == 1:
        return next(iter(found))
    rule = "a job is for one reporting origin, or for one site"
    if not found:
        raise UsageError(
            "no report names a reporting origin",
            where=where,
            rule=rule,
            fix=f"name it with {FLAGS[ORIGIN]}, to see why each report is left out",
        )
    told = ", ".join(f"{shown(origin)} ({number:,})" for origin, number in found.most_common(_SHOWN_ORIGINS))
    if len(found) > _SHOWN_ORIGINS:
        told += f" and {len(found) - _SHOWN_ORIGINS:,} more"
    sites = {_site(origin) for origin in found}
    one_site = f"{FLAGS[SITE]} {site}, or " if len(sites) == 1 and (site := sites.pop()) else ""
    raise UsageError(
        f"the reports name {len(found):,} reporting origins: {told}",
        where=where,
        rule=rule,
        fix=f"{one_site}{FLAGS[ORIGIN]} {shown(found.most_common(1)[0][0])}",
    )


def _site(origin: str) -> str:
    try:
        return schemeful_site(origin)
    except ValueError:
        return ""


def _json_object(path: Path) -> dict[str, Any]:
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", where=str(path), rule=_FILE_RULE) from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"no JSON: {error}", where=str(path), rule=_FILE_RULE) from None
    if not isinstance(document, dict):
        raise UsageError("no JSON object", where=str(path), rule=_FILE_RULE)
    return document
