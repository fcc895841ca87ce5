"""Stubs of the server that asks for summaries and of the service's jobs, and the documents that they give."""

from __future__ import annotations

from typing import Any, Protocol

from aiohttp import web

PURCHASE, PRICE = 32_768, 52 * 32
SUMMARY: dict[str, Any] = {
    "reports": 3,
    "units": 2,
    "epsilon": 10,
    "scale": 6553.6,
    "standard_deviation": 9268.2,
    "interval": 15_090,
    "facts": [
        {"bucket": "0x559", "metric": 2 * PURCHASE + 3277, "unnoised_metric": 2 * PURCHASE},
        {"bucket": "0x55a", "metric": -3277, "unnoised_metric": 0},
        {"bucket": "0xa85", "metric": 2 * PRICE - 6400, "unnoised_metric": 2 * PRICE},
        {"bucket": "0x7", "metric": 5, "unnoised_metric": 0},
    ],
}
"""Two purchases of lamps, and a bucket that nothing stands for."""


def job(job_request_id: str, **more: Any) -> dict[str, Any]:
    """A job as the service lists it, finished well unless ``more`` says otherwise."""
    return {
        "job_request_id": job_request_id,
        "job_status": "FINISHED",
        "input_data_blob_prefix": "lamps.avro",
        "job_parameters": {"attribution_report_to": "https://adtech.test", "debug_privacy_epsilon": "10"},
        "result_info": {"return_code": "SUCCESS", "return_message": "done"},
    } | more


def refused_job(job_request_id: str, spender: str) -> dict[str, Any]:
    """A job about what ``spender`` paid for before."""
    return job(
        job_request_id,
        result_info={"return_code": "PRIVACY_BUDGET_EXHAUSTED", "return_message": "spent before"},
        exhausted=[{"job_request_id": spender}],
    )


def batch(job_request_id: str, api: str, code: str = "SUCCESS") -> dict[str, Any]:
    """A batch as adtech.test's server lists it; the company is not told what was true."""
    told = code == "SUCCESS"
    facts = [{"bucket": fact["bucket"], "metric": fact["metric"]} for fact in SUMMARY["facts"]] if told else []
    return {
        "job_request_id": job_request_id,
        "api": api,
        "file": f"{api}-until-2026-01-07T09.avro",
        "result_info": {"return_code": code, "return_message": "what became of it"},
    } | {**SUMMARY, "facts": facts}


class Jobs(Protocol):
    """What the stubs know and note down."""

    jobs: list[dict[str, Any]]
    measured: list[dict[str, Any]]
    asked: list[dict[str, Any]]


def measurement(world: Jobs, open_to_all: Any) -> web.Application:
    """adtech.test's server: it has a batch for Attribution Reporting, and nothing to export for another API.

    ``open_to_all`` is a middleware that answers every origin.
    """

    async def listed(_request: web.Request) -> web.Response:
        return web.json_response({"schema": 1, "batches": world.measured})

    async def ask(request: web.Request) -> web.Response:
        document = await request.json()
        world.asked.append(document)
        if document["api"] != "attribution-reporting":
            error = {"code": "nothing-to-export", "message": "no report is there yet", "fix": "let an hour pass"}
            return web.json_response({"schema": 1, "error": error}, status=409)
        world.measured.append(batch(f"job-{len(world.measured) + 1}", document["api"]))
        return web.json_response({"schema": 1, **world.measured[-1]})

    async def again(request: web.Request) -> web.Response:
        document = await request.json()
        world.asked.append(document)
        world.jobs.append(refused_job("job-again", document["job_request_id"]))
        return web.json_response({"schema": 1})

    app = web.Application(middlewares=[open_to_all])
    app.router.add_route("OPTIONS", "/{path:.*}", listed)
    app.router.add_get("/batches", listed)
    app.router.add_post("/batches", ask)
    app.router.add_post("/batches/again", again)
    return app


def frontend(world: Jobs) -> web.Application:
    """The list of the service's jobs."""

    async def listed(_request: web.Request) -> web.Response:
        return web.json_response({"schema": 1, "jobs": world.jobs})

    app = web.Application()
    app.router.add_get("/v1alpha/jobs", listed)
    return app
