"""A summary as the tests of its table and its page show it."""

from __future__ import annotations

from agent.engines.aggregation.key_structure import BucketName
from agent.model.aggregation import AggregatedFact, ErrorCounter, ReturnCode, Summary
from agent.model.clock import DEFAULT_FROZEN_START
from agent.model.events import Check
from agent.reporting.aggregation_view import Row, SummaryView, rows_of

SUMMARY = Summary(
    facts=(
        AggregatedFact(5, 1_300, 1_234, in_domain=True, in_reports=True),
        AggregatedFact(0x559, -40, 0, in_domain=True, in_reports=False),
    ),
    debug_facts=(),
    epsilon=10,
    scale=6_553.6,
    standard_deviation=9_268.19,
    interval=100,
)
REMARK = Check("INVALID_REPORT_ID", passed=False, detail="1 report left out: <img src=x>", fix="give it one")


def names(bucket: int) -> BucketName | None:
    """The larger bucket has a name and a scale."""
    return BucketName("sales: Summer", "sales", (("campaign", "Summer"),), 16, "EUR") if bucket == 0x559 else None


def rows(*, reveal: bool = False) -> tuple[Row, ...]:
    return rows_of(SUMMARY, names, reveal=reveal)


def view(*, reveal: bool = False, **changes: object) -> SummaryView:
    """A job with one report left out and one that came twice."""
    fields: dict[str, object] = {
        "job_request_id": "monday",
        "return_code": ReturnCode.SUCCESS_WITH_ERRORS,
        "rows": rows(reveal=reveal),
        "epsilon": 10.0,
        "scale": 6_553.6,
        "standard_deviation": 9_268.19,
        "interval": 100,
        "reports": 1_236,
        "counted": 1_234,
        "duplicates": 1,
        "left_out": {ErrorCounter.INVALID_REPORT_ID: 1},
        "left_out_total": 1,
        "units": 2,
        "debug_run": False,
        "clear_text": False,
        "finished_at": DEFAULT_FROZEN_START,
        "parameters": {"attribution_report_to": "https://adtech.test"},
        "remarks": (REMARK,),
    }
    return SummaryView(**fields | changes)  # type: ignore[arg-type]
