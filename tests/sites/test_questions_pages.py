"""Summaries of the older APIs on the pages of the company that asks and of the service, in a real Chromium."""

from __future__ import annotations

import pytest
from playwright.async_api import BrowserContext, Page, expect

from tests.sites.conftest import World
from tests.sites.stub_jobs import SUMMARY, batch, job, refused_job

pytestmark = pytest.mark.browser

ATTRIBUTION, REACH, AGGREGATOR = (
    "https://adtech.test/attribution",
    "https://adtech.test/reach",
    "https://aggregator.test/",
)


async def opened(visitor: BrowserContext, address: str) -> Page:
    page = await visitor.new_page()
    await page.goto(address)
    return page


async def test_a_batch_is_exported_and_its_sums_are_drawn_in_purchases_and_euros_without_the_truth(
    visitor: BrowserContext, world: World
) -> None:
    page = await opened(visitor, ATTRIBUTION)
    await page.get_by_test_id("measure").click()
    card = page.get_by_test_id("summary")
    await expect(card).to_contain_text("job-1: SUCCESS")
    counts, prices = card.get_by_role("img").nth(0), card.get_by_role("img").nth(1)
    # 3,277 of 32,768 are a tenth of a purchase; 6,400 of 32 are 200 euros, of which 104 were true.
    await expect(counts).to_have_accessible_name("Front page banner: 2.1, Article sidebar: -0.1")
    await expect(prices).to_have_accessible_name("region 5, Heron desk lamp: -96")
    await expect(card).to_contain_text("The noise has a standard deviation of 0.28 purchases")
    await expect(card).to_contain_text("The noise has a standard deviation of 290 euros")
    await expect(card.locator(".true")).to_have_count(0)
    assert world.asked == [{"api": "attribution-reporting"}]


async def test_what_cannot_be_exported_yet_is_said_with_what_would_help(visitor: BrowserContext, world: World) -> None:
    page = await opened(visitor, REACH)
    await page.get_by_test_id("measure").click()
    await expect(page.get_by_test_id("measured")).to_have_text(
        "Not asked: no report is there yet. What would help: let an hour pass."
    )
    await expect(page.get_by_test_id("measure")).to_be_enabled()
    assert world.asked == [{"api": "private-aggregation"}]


async def test_earlier_answers_about_the_same_api_are_shown_the_latest_first_and_refused_ones_too(
    visitor: BrowserContext, world: World
) -> None:
    world.measured += [
        batch("job-1", "attribution-reporting"),
        batch("job-2", "private-aggregation"),
        batch("job-3", "attribution-reporting", "PRIVACY_BUDGET_EXHAUSTED"),
    ]
    cards = (await opened(visitor, ATTRIBUTION)).get_by_test_id("summary")
    await expect(cards.get_by_role("heading")).to_have_text(["job-3: PRIVACY_BUDGET_EXHAUSTED", "job-1: SUCCESS"])


async def test_the_service_shows_each_job_s_truth_beside_the_noised_sums_and_what_it_spent(
    visitor: BrowserContext, world: World
) -> None:
    world.jobs.append(job("job-1", summary=SUMMARY))
    page = await opened(visitor, AGGREGATOR)
    card = page.get_by_test_id("job")
    await expect(card.get_by_role("img").first).to_have_accessible_name(
        "Front page banner: true 2.0, noised 2.1, Article sidebar: true 0.0, noised -0.1"
    )
    await expect(card.get_by_role("img").nth(1)).to_have_accessible_name(
        "region 5, Heron desk lamp: true 104, noised -96"
    )
    await expect(card.locator(".facts > div")).to_have_text(
        [
            "Batchlamps.avro",
            "Reports3",
            "Epsilon10",
            "Noise scale6,553.6",
            "Standard deviation9,268",
            "Budget units spent2",
        ]
    )
    await expect(card.get_by_role("img").first.locator("path.error")).to_have_count(2)
    await card.get_by_text("What was asked").click()
    await expect(card.get_by_role("row")).to_contain_text(["attribution_report_to", "debug_privacy_epsilon"])


async def test_asking_about_the_same_reports_again_shows_the_refusal_and_who_spent_the_budget(
    visitor: BrowserContext, world: World
) -> None:
    world.jobs.append(job("job-1", summary=SUMMARY))
    page = await opened(visitor, AGGREGATOR)
    await page.get_by_test_id("ask-again").click()
    refusal = page.get_by_test_id("job").first
    await expect(refusal).to_contain_text("job-again: PRIVACY_BUDGET_EXHAUSTED")
    await expect(refusal).to_contain_text("job-1 spent 1 budget unit of these reports before.")
    await expect(page.get_by_test_id("job-count")).to_have_text("2")
    assert world.asked == [{"job_request_id": "job-1"}]


async def test_a_job_that_waits_says_so_and_one_that_failed_says_why(visitor: BrowserContext, world: World) -> None:
    failed = {"return_code": "INVALID_JOB", "return_message": "debug_privacy_epsilon is above 64"}
    world.jobs += [job("job-1", result_info=failed), job("job-2", job_status="RECEIVED", result_info=None)]
    page = await opened(visitor, AGGREGATOR)
    await expect(page.get_by_test_id("jobs")).to_contain_text("job-2: RECEIVED")
    await expect(page.get_by_test_id("job")).to_contain_text("debug_privacy_epsilon is above 64")


@pytest.mark.parametrize("address", [ATTRIBUTION, AGGREGATOR])
async def test_summaries_fit_a_phone_and_break_no_policy(visitor: BrowserContext, world: World, address: str) -> None:
    world.jobs += [job("job-1", summary=SUMMARY), refused_job("job-2", "job-1")]
    world.measured += [batch("job-1", "attribution-reporting"), batch("job-2", "attribution-reporting", "INVALID_JOB")]
    page = await visitor.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    await page.set_viewport_size({"width": 360, "height": 740})
    await page.goto(address)
    await expect(page.get_by_text("job-1: SUCCESS")).to_be_visible()
    for summary in await page.get_by_text("What was asked").all():
        await summary.click()
    assert await page.evaluate("document.documentElement.scrollWidth") == 360
    assert complaints == []
