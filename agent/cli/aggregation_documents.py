"""A ledger's words as JSON values and back, as a command and a running agent tell them to each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from agent.model.aggregation import JobStatus, Settlement, StoredJob
from agent.model.aggregation_values import result_info_of, result_info_values, spent_of, spent_values

Document = dict[str, Any]


def job_document(job: StoredJob) -> Document:
    """A job, instants in milliseconds."""
    values = asdict(job)
    values["result_info"] = None if job.result_info is None else result_info_values(job.result_info)
    return values


def job_of(values: Mapping[str, Any]) -> StoredJob:
    """What :func:`job_document` told."""
    result = values["result_info"]
    return StoredJob(
        **{
            **values,
            "status": JobStatus(values["status"]),
            "result_info": None if result is None else result_info_of(result),
        }
    )


def settlement_document(settlement: Settlement) -> Document:
    """What asking for a budget came to."""
    return {"exhausted": spent_values(settlement.exhausted), "outcome": settlement.outcome}


def settlement_of(values: Mapping[str, Any]) -> Settlement:
    """What :func:`settlement_document` told."""
    return Settlement(spent_of(values["exhausted"]), values["outcome"])
