"""What a job asks for: what the worker makes of ``job_parameters``, and what the front end refuses before.

A refusal is data: which parameter, what it says, which rule, what to do. Numbers are read as Java reads them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from agent.model.aggregation import DEFAULT_EPSILON, DEFAULT_THRESHOLD_PERCENTAGE, MAX_EPSILON, JobParameters

LONGEST_JOB_REQUEST_ID: Final = 128
MOST_PREFIXES: Final = 50
LEAST_EPSILON: Final = 1e-12
"""Below it the noise outgrows the 64 bits that a summary has for a value: the one range that is ours."""
_MAX_LONG: Final = 2**63 - 1
_MAX_UNSIGNED_LONG: Final = 2**64 - 1

_JOB_REQUEST_ID: Final = re.compile(r"""[A-Za-z0-9!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{}~]+""")
_DOUBLE: Final = re.compile(r"([+-]?(?:NaN|Infinity|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?))[fFdD]?")
_LONG: Final = re.compile(r"[+-]?[0-9]{1,99}")
_UNSIGNED_LONG: Final = re.compile(r"[0-9]{1,99}")
_BLANKS: Final = "".join(map(chr, range(0x21)))
"""What Java's ``trim`` takes off."""
_SHOWN: Final = 80


@dataclass(frozen=True, slots=True)
class InvalidParameter:
    """A parameter that a job is refused for."""

    name: str
    """As the request spells it."""
    value: str
    """What it says, after 80 characters cut; empty where it says nothing."""
    rule: str
    fix: str

    def __str__(self) -> str:
        said = f"{self.name}={self.value}" if self.value else self.name
        return f"{said}: {self.rule}"


class _InvalidError(Exception):
    def __init__(self, name: str, value: object, rule: str, fix: str) -> None:
        super().__init__(name)
        self.parameter = InvalidParameter(name, _shown(value), rule, fix)


def read_parameters(
    job_parameters: Mapping[str, str], *, domain_required: bool = False
) -> JobParameters | InvalidParameter:
    """``job_parameters`` as the worker understands them (section 4), or the first that makes the job INVALID_JOB.

    Names that the service does not know are skipped. ``domain_required``: whether the location of a domain must be
    given, as the service has it where domains are not optional.
    """
    try:
        origin, site = _origin_or_site(job_parameters)
        if domain_required:
            _check_domain(job_parameters)
        return JobParameters(
            attribution_report_to=origin,
            reporting_site=site,
            debug_privacy_epsilon=_epsilon(job_parameters),
            report_error_threshold_percentage=_percentage(job_parameters),
            input_report_count=_report_count(job_parameters),
            filtering_ids=_filtering_ids(job_parameters),
            debug_run=job_parameters.get("debug_run", "").lower() == "true",
        )
    except _InvalidError as invalid:
        return invalid.parameter


def check_request(request: Mapping[str, Any]) -> tuple[InvalidParameter, ...]:
    """What the front end answers 400 for (section 4), all of it; empty where it takes the job."""
    return tuple(_request_errors(request))


def _origin_or_site(given: Mapping[str, str]) -> tuple[str | None, str | None]:
    names = ("attribution_report_to", "reporting_site")
    there = [name for name in names if name in given]
    if len(there) != 1:
        raise _InvalidError(
            " or ".join(names),
            ", ".join(given[name] for name in there),
            "exactly one of attribution_report_to and reporting_site is given",
            "give the reports' origin as attribution_report_to, or its site as reporting_site; leave the other out",
        )
    value = given[there[0]]
    if not value.strip():
        raise _InvalidError(
            there[0], value, "is not blank", f"name what the reports are collected by: {there[0]}=https://adtech.test"
        )
    return given.get(names[0]), given.get(names[1])


def _check_domain(given: Mapping[str, str]) -> None:
    for name in ("output_domain_bucket_name", "output_domain_blob_prefix"):
        if not given.get(name, "").strip():
            raise _InvalidError(
                name,
                given.get(name, ""),
                "the output domain is named by output_domain_bucket_name and output_domain_blob_prefix",
                "give both, or run the service with domains optional",
            )


def _epsilon(given: Mapping[str, str]) -> float:
    text = given.get("debug_privacy_epsilon")
    epsilon = None if text is None else _double(text)
    if epsilon is None:  # what is no number counts as absent, in the service too
        return DEFAULT_EPSILON
    rule = f"is above 0 and at most {MAX_EPSILON:g}"
    if 0 < epsilon < LEAST_EPSILON:
        rule = f"is at least {LEAST_EPSILON:g}, for the noise would not fit the 64 bits of a summary's values"
    elif 0 < epsilon <= MAX_EPSILON:
        return epsilon
    raise _InvalidError(
        "debug_privacy_epsilon", text, rule, f"give one in that range, or leave it out for {DEFAULT_EPSILON:g}"
    )


def _percentage(given: Mapping[str, str]) -> float:
    text = given.get("report_error_threshold_percentage")
    if text is None:
        return DEFAULT_THRESHOLD_PERCENTAGE
    percentage = _double(text.strip(_BLANKS).removesuffix("%"))
    if percentage is None or not 0 <= percentage <= 100:
        raise _InvalidError(
            "report_error_threshold_percentage",
            text,
            "is a number from 0 to 100",
            f"give one in that range, or leave it out for {DEFAULT_THRESHOLD_PERCENTAGE:g}",
        )
    return percentage


def _report_count(given: Mapping[str, str]) -> int | None:
    text = given.get("input_report_count")
    if text is None:
        return None
    count = int(text) if _LONG.fullmatch(text) else -1
    if not 0 <= count <= _MAX_LONG:
        raise _InvalidError(
            "input_report_count",
            text,
            f"is a whole number from 0 to {_MAX_LONG}",
            "give the number of reports in the input, or leave it out",
        )
    return count


def _filtering_ids(given: Mapping[str, str]) -> frozenset[int]:
    text = given.get("filtering_ids", "").strip(_BLANKS)
    if not text:
        return frozenset({0})
    ids = set()
    for part in text.split(","):
        digits = part.strip(_BLANKS)
        if not _UNSIGNED_LONG.fullmatch(digits) or int(digits) > _MAX_UNSIGNED_LONG:
            raise _InvalidError(
                "filtering_ids",
                text,
                f"are whole numbers from 0 to {_MAX_UNSIGNED_LONG}, with commas between them",
                "write them in decimal, as in filtering_ids=0,3, or leave them out for 0",
            )
        ids.add(int(digits))
    return frozenset(ids)


def _double(text: str) -> float | None:
    """What Java's ``Double.parseDouble`` gives for a decimal number; None where it refuses."""
    match = _DOUBLE.fullmatch(text.strip(_BLANKS))
    return None if match is None else float(match[1])


def _request_errors(request: Mapping[str, Any]) -> Iterator[InvalidParameter]:
    job_request_id = request.get("job_request_id")
    if not isinstance(job_request_id, str) or not _is_job_request_id(job_request_id):
        yield InvalidParameter(
            "job_request_id",
            _shown(job_request_id),
            f"is 1 to {LONGEST_JOB_REQUEST_ID} ASCII letters, digits and !\"#$%&'()*+,-./:;<=>?@[\\]^_`{{}}~",
            "give each job a name of its own, such as batch-2026-01-05T09",
        )
    for name in ("input_data_bucket_name", "output_data_bucket_name", "output_data_blob_prefix"):
        if not _is_text(request.get(name)):
            yield InvalidParameter(name, _shown(request.get(name)), "is a text that is not blank", f"give {name}")
    yield from _prefix_errors(request)
    parameters = request.get("job_parameters")
    if not isinstance(parameters, Mapping):
        yield InvalidParameter(
            "job_parameters",
            _shown(parameters),
            "is an object",
            "give at least attribution_report_to or reporting_site",
        )
        return
    for name, value in parameters.items():
        if not isinstance(value, str):
            yield InvalidParameter(
                f"job_parameters.{name}",
                _shown(value),
                "is a string, numbers too",
                f'write it in quotes: "{_shown(value)}"',
            )


def _prefix_errors(request: Mapping[str, Any]) -> Iterator[InvalidParameter]:
    one, many = request.get("input_data_blob_prefix"), request.get("input_data_blob_prefixes")
    if (one is None) == (many is None):
        yield InvalidParameter(
            "input_data_blob_prefix or input_data_blob_prefixes",
            "" if one is None else f"{_shown(one)}, {_shown(many)}",
            "exactly one of input_data_blob_prefix and input_data_blob_prefixes is given",
            "give input_data_blob_prefix for one prefix, input_data_blob_prefixes for a list of them",
        )
    elif many is None:
        if not isinstance(one, str):
            yield InvalidParameter(
                "input_data_blob_prefix", _shown(one), "is a text", "give what the names of the input files begin with"
            )
    elif not isinstance(many, list) or not 1 <= len(many) <= MOST_PREFIXES or not all(map(_is_text, many)):
        yield InvalidParameter(
            "input_data_blob_prefixes",
            _shown(many),
            f"is a list of 1 to {MOST_PREFIXES} texts that are not blank",
            "give fewer, longer or shared prefixes: each matches all files whose names begin with it",
        )


def _is_job_request_id(text: str) -> bool:
    return len(text) <= LONGEST_JOB_REQUEST_ID and _JOB_REQUEST_ID.fullmatch(text) is not None


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _shown(value: object) -> str:
    """A value for a refusal, cut."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else repr(value)
    return text[:_SHOWN] + ("..." if len(text) > _SHOWN else "")
