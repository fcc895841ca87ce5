"""The static report: complete in itself, the same for the same run, and safe against what it shows."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import os
import re
from pathlib import Path

import pytest
from playwright.async_api import async_playwright

from agent.browser.chromium import find_chromium
from agent.model.clock import DAY
from agent.reporting.model import AttributionReportingSummary, DemoRun, ReachSummary, RowKind, TimelineRow
from agent.reporting.page import render_report, write_report
from tests.reporting.sample import ARRIVED, JOB, REACH, RUN, START, SUMMARY
from tests.sites.markup import Page


def test_the_report_is_written_into_a_folder_that_is_made(tmp_path: Path) -> None:
    path = write_report(RUN, tmp_path / "new" / "folder")
    assert path.parent == tmp_path / "new" / "folder"
    assert path.read_text("utf-8") == render_report(RUN)


def test_equal_runs_give_equal_bytes(tmp_path: Path) -> None:
    again = dataclasses.replace(RUN, timeline=tuple(dataclasses.replace(row) for row in RUN.timeline))
    assert write_report(RUN, tmp_path / "a").read_bytes() == write_report(again, tmp_path / "b").read_bytes()


def test_another_seed_gives_other_bytes() -> None:
    assert render_report(RUN) != render_report(dataclasses.replace(RUN, seed=8))


def test_the_page_has_a_language_a_title_and_one_heading() -> None:
    page = Page(render_report(RUN))
    assert page.all("html")[0].attributes["lang"] == "en"
    assert "seed 7" in page.all("title")[0].text
    assert [heading.text for heading in page.all("h1")] == ["12 people, 3 weeks, and one number for each campaign"]


def test_it_runs_no_script_and_loads_nothing() -> None:
    source = render_report(RUN)
    page = Page(source)
    assert not page.all("script")
    assert not page.all("link")
    assert not [element for element in page.elements if "src" in element.attributes]
    assert not re.findall(r"url\(|@import|https?://", source)


def test_the_policy_allows_this_style_and_nothing_else() -> None:
    page = Page(render_report(RUN))
    digest = base64.b64encode(hashlib.sha256(page.all("style")[0].text.encode()).digest()).decode()
    policy = next(
        meta.attributes["content"]
        for meta in page.all("meta")
        if "policy" in meta.attributes.get("http-equiv", "").lower()
    )
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'"


def test_every_picture_says_in_words_what_it_shows() -> None:
    pictures = [e for e in Page(render_report(RUN)).all("svg") if e.attributes.get("role") == "img"]
    # Four summaries, one of them in two units; the weeks; one site's budgets.
    assert len(pictures) == 7
    assert "Newsletter: true 0, noised -3." in pictures[0].attributes["aria-label"]


def test_the_numbers_stand_in_a_table_too() -> None:
    rows = [re.sub(r"\s+", " ", row.text).strip() for row in Page(render_report(RUN)).all("tr")]
    assert "Newsletter0-3-12 to 6" in rows
    assert sum("bought a lamp" in row for row in rows) == 18


def test_reports_by_campaign_stand_beside_the_truth_and_say_their_noise() -> None:
    page = Page(render_report(RUN))
    rows = [re.sub(r"\s+", " ", row.text).strip() for row in page.all("tr")]
    assert "Front page banner14598" in rows
    assert "region 5, Heron desk lamp0xa85104-71-542 to 399" in rows
    assert "Front page banner0x5598.08.17.6 to 8.6" in rows
    text = " ".join(page.all("body")[0].text.split())
    assert (
        "by chance: those of 0.24 % of the ads that were clicked, those of 0.00058 % of the ads that were seen." in text
    )
    assert "11 arrived, sealed." in text


def test_a_rate_that_no_report_told_is_not_told() -> None:
    for views, clicks, expected in (
        (None, 0.5, "by chance: those of 50 % of the ads that were clicked."),
        (None, None, "by chance."),
    ):
        summary = dataclasses.replace(ARRIVED, noise_of_views=views, noise_of_clicks=clicks)
        source = render_report(dataclasses.replace(RUN, attribution_reporting=summary))
        assert expected in " ".join(source.split())


def test_times_are_shown_in_utc_with_their_offset() -> None:
    assert "2026-01-05 09:00:00+00:00" in render_report(RUN)


def test_a_batch_without_noise_says_so() -> None:
    assert "noise off, so the two sums are equal" in render_report(RUN)
    noised = dataclasses.replace(RUN, summaries=(SUMMARY, JOB, REACH))
    assert "noise off" not in render_report(noised)


def test_every_summary_says_its_epsilon_its_noise_and_what_it_cost() -> None:
    cards = [" ".join(card.text.split()) for card in Page(render_report(RUN)).all("article")]
    (w3c,) = [card for card in cards if card.startswith("navigator.attribution")]
    assert "Purchases, noise of scale 4 (standard deviation 5.6)" in w3c
    assert re.search(r"Reports ?36 Epsilon ?0.5 Minimum batch ?20 The numbers", w3c)
    (job,) = [card for card in cards if card.startswith("Attribution Reporting")]
    assert "Purchases, noise of scale 0.2 (standard deviation 0.2828)" in job
    assert "Euros, noise of scale 204.8 (standard deviation 289.6)" in job
    assert re.search(r"Reports ?11 Epsilon ?10 Budget units spent ?9 The numbers", job)


def test_what_is_shown_cannot_become_markup() -> None:
    evil = '<img src=x onerror=alert(1)>"'
    row = TimelineRow(START, evil, evil, evil, RowKind.REPORT)
    source = render_report(dataclasses.replace(RUN, timeline=(row,), notes=(evil,)))
    assert "<img" not in source
    assert source.count("&lt;img") >= 4


def test_a_run_in_which_nothing_happened_has_a_report() -> None:
    nothing = AttributionReportingSummary((), aggregatable=0, debug=0, noise_of_views=None, noise_of_clicks=None)
    nobody = ReachSummary((), (), poster="")
    run = DemoRun(
        0,
        START,
        START,
        users=0,
        weeks=1,
        timeline=(),
        summaries=(),
        attribution_reporting=nothing,
        reach=nobody,
        budgets=(),
    )
    page = Page(render_report(run))
    assert page.all("h1")[0].text.startswith("0 people, 1 week,")


def test_reach_stands_beside_how_often_an_ad_was_shown_and_what_took_turns() -> None:
    page = Page(render_report(RUN))
    rows = [re.sub(r"\s+", " ", row.text).strip() for row in page.all("tr")]
    assert "Mending daysnews.test, shop.test31119.7" in rows
    assert "Bring the chair10" in rows
    labels = [picture.attributes["aria-label"] for picture in page.all("svg") if "aria-label" in picture.attributes]
    assert "Mending days: true 11.0, noised 9.7. " in "".join(labels)


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_the_report_fits_a_phone_and_breaks_no_policy(tmp_path: Path, scheme: str) -> None:
    users = tuple(f"user {n}" for n in range(60))
    rows = tuple(
        TimelineRow(START + n * DAY // 3, user, "shop.test", "bought", RowKind.CONVERSION)
        for n, user in enumerate(users)
    )
    path = write_report(dataclasses.replace(RUN, timeline=rows), tmp_path)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=find_chromium().path, chromium_sandbox=os.geteuid() != 0
        )
        page = await browser.new_page(
            viewport={"width": 360, "height": 740}, color_scheme="dark" if scheme == "dark" else "light"
        )
        complaints: list[str] = []
        page.on("console", lambda message: complaints.append(message.text))
        await page.goto(path.as_uri())
        ground = await page.evaluate("getComputedStyle(document.body).backgroundColor")
        width = await page.evaluate("document.documentElement.scrollWidth")
        await browser.close()
    assert complaints == []
    assert width == 360
    assert ground == {"light": "rgb(250, 249, 246)", "dark": "rgb(20, 22, 26)"}[scheme]
