"""What adtech.test's server exports, asks for and gets back, with real jobs of the aggregation service."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from agent.aggregation.avro import read_domain
from agent.model.clock import HOUR
from agent.model.reports import ReportKind
from sites.questions import ATTRIBUTION_REPORTING, PRIVATE_AGGREGATION
from tests.aggregation.jobs import NOW
from tests.journeys.companies import Companies, companies

BANNER, SIDEBAR, LAMP = 0x559, 0x55A, 0xA85
POSTER = 1234
PURCHASE, PRICE = 32_768, 52 * 32


async def three_purchases(there: Companies) -> None:
    await there.send(1, (BANNER, PURCHASE), (LAMP, PRICE))
    await there.send(2, (BANNER, PURCHASE), (LAMP, PRICE))
    await there.send(3, (SIDEBAR, PURCHASE), (LAMP, PRICE), at=NOW - 2 * HOUR)


async def test_without_noise_the_summary_is_the_truth_for_every_bucket_that_was_asked_for(tmp_path: Path) -> None:
    async with companies(tmp_path, noise=False) as there:
        await three_purchases(there)
        batch = await there.measurement.export(ATTRIBUTION_REPORTING)
        answer = await there.measurement.ask(batch)
        spent = await there.ledger.spent(answer.job_request_id)
    assert (batch.reports, answer.return_code) == (3, "SUCCESS")
    true = {BANNER: 2 * PURCHASE, SIDEBAR: PURCHASE, LAMP: 3 * PRICE}
    assert answer.metrics == {int(bucket, 16): 0 for bucket in ATTRIBUTION_REPORTING.meanings} | true
    # One destination and one day of the ads, in two hours.
    assert {unit.unit.hour for unit in spent} == {NOW - HOUR, NOW - 2 * HOUR}
    assert len(spent) == 2


async def test_the_domain_is_every_bucket_that_stands_for_something_and_nothing_else(tmp_path: Path) -> None:
    async with companies(tmp_path) as there:
        await there.send(1, (BANNER, PURCHASE), (7, 1))
        answer = await there.measurement.ask(await there.measurement.export(ATTRIBUTION_REPORTING))
    (file,) = (tmp_path / "adtech-domains").iterdir()
    # Four campaigns and six products.
    assert len(answer.metrics) == 10
    assert set(read_domain(file)) == set(answer.metrics) == {int(text, 16) for text in ATTRIBUTION_REPORTING.meanings}


async def test_the_noise_is_of_scale_65536_by_epsilon_and_repeats_with_its_seed(tmp_path: Path) -> None:
    metrics = []
    for run, seed in enumerate((1, 1, 2)):
        async with companies(tmp_path / str(run), seed=seed) as there:
            await three_purchases(there)
            answer = await there.measurement.ask(await there.measurement.export(ATTRIBUTION_REPORTING))
        metrics.append(answer.metrics)
    first, again, other = metrics
    assert first == again
    errors = {bucket: metric - {BANNER: 2, SIDEBAR: 1}.get(bucket, 0) * PURCHASE for bucket, metric in first.items()}
    errors[LAMP] -= 3 * PRICE
    # Scale 6,553.6 at epsilon 10: none of ten draws beyond 15 scales (10 e^-15), and not all within a fifth of one.
    assert max(map(abs, errors.values())) < 15 * 6_553.6
    assert max(map(abs, errors.values())) > 6_553.6 / 5
    assert all(other[bucket] != metric for bucket, metric in first.items())


async def test_a_second_job_over_the_same_batch_is_refused_and_spends_nothing(tmp_path: Path) -> None:
    async with companies(tmp_path) as there:
        await three_purchases(there)
        batch = await there.measurement.export(ATTRIBUTION_REPORTING)
        first = await there.measurement.ask(batch)
        again = await there.measurement.ask(batch)
        spent = await there.ledger.spent(again.job_request_id)
    assert first.job_request_id != again.job_request_id
    assert again.return_code == "PRIVACY_BUDGET_EXHAUSTED"
    assert (again.metrics, spent) == ({}, [])


async def test_a_batch_has_the_hours_that_are_over_and_in_no_batch_yet(tmp_path: Path) -> None:
    async with companies(tmp_path, noise=False) as there:
        await there.send(1, (BANNER, PURCHASE))
        await there.send(2, (BANNER, PURCHASE), at=NOW)
        first = await there.measurement.export(ATTRIBUTION_REPORTING)
        at_once = await there.measurement.export(ATTRIBUTION_REPORTING)
        there.clock.advance(HOUR)
        later = await there.measurement.export(ATTRIBUTION_REPORTING)
        codes = [(await there.measurement.ask(batch)).return_code for batch in (first, later)]
    assert [batch.reports for batch in (first, at_once, later)] == [1, 0, 1]
    # No hour is in two batches, so neither budget is spent for the other.
    assert codes == ["SUCCESS", "SUCCESS"]


async def test_two_who_ask_at_once_have_no_report_in_two_batches(tmp_path: Path) -> None:
    async with companies(tmp_path, noise=False) as there:
        await there.send(1, (BANNER, PURCHASE))
        batches = await asyncio.gather(*(there.measurement.export(ATTRIBUTION_REPORTING) for _ in range(3)))
    assert [batch.reports for batch in batches] == [1, 0, 0]


async def test_copies_for_debugging_and_reports_of_the_other_api_are_in_no_batch(tmp_path: Path) -> None:
    async with companies(tmp_path, noise=False) as there:
        await there.send(1, (BANNER, PURCHASE))
        await there.send(1, (BANNER, PURCHASE), kind=ReportKind.AGGREGATABLE_DEBUG)
        await there.send(2, (POSTER, 16_384), kind=ReportKind.PRIVATE_AGGREGATION)
        answers = [
            await there.measurement.ask(await there.measurement.export(question))
            for question in (ATTRIBUTION_REPORTING, PRIVATE_AGGREGATION)
        ]
    purchases, reach = answers
    assert (purchases.batch.reports, purchases.metrics[BANNER]) == (1, PURCHASE)
    assert (reach.batch.reports, reach.metrics[POSTER]) == (1, 16_384)


async def test_the_company_s_pages_ask_for_a_batch_and_once_more_and_list_both(tmp_path: Path) -> None:
    async with companies(tmp_path, noise=False) as there:
        await there.send(1, (BANNER, PURCHASE))
        first = await there.request("POST", "/measurement/batches", {"api": "attribution-reporting"})
        document = json.loads(first.body)
        wanted = {"job_request_id": document["job_request_id"]}
        again = await there.request("POST", "/measurement/batches/again", wanted)
        listed = json.loads((await there.request("GET", "/measurement/batches")).body)["batches"]
    assert {"bucket": "0x559", "metric": PURCHASE} in document["facts"]
    assert (document["reports"], document["epsilon"]) == (1, 10)
    # Of scale 6,553.6: the deviation is that times root 2, and 90 % lie within ln 10 = 2.30 of it.
    assert round(document["standard_deviation"]) == 9_268
    assert round(document["interval"] / 6_553.6, 2) == 2.3
    assert json.loads(again.body)["result_info"]["return_code"] == "PRIVACY_BUDGET_EXHAUSTED"
    assert [one["result_info"]["return_code"] for one in listed] == ["SUCCESS", "PRIVACY_BUDGET_EXHAUSTED"]
    assert listed[1]["facts"] == []


async def test_what_cannot_be_asked_is_answered_with_an_error_and_what_would_help(tmp_path: Path) -> None:
    async with companies(tmp_path) as there:
        for path, document, status, code in (
            ("batches", {"api": "attribution-reporting"}, 409, "nothing-to-export"),
            ("batches", {"api": "topics"}, 404, "unknown-api"),
            ("batches", {}, 404, "unknown-api"),
            ("batches/again", {"job_request_id": "job-1"}, 404, "unknown-job-request-id"),
        ):
            response = await there.request("POST", f"/measurement/{path}", document)
            error = json.loads(response.body)["error"]
            assert (response.status, error["code"], bool(error["fix"])) == (status, code, True)
        assert await there.ledger.jobs(after=0, limit=10) == []
