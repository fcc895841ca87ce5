"""The whole demo in real Chromium, as a user starts it."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from sites import reach, story


async def run_demo(folder: Path) -> dict[str, Any]:
    folder.mkdir()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "agent", "demo", "--exit", "--json", "--seed", "11",
        cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    output, log = await process.communicate()
    assert process.returncode == 0, log.decode()
    document: dict[str, Any] = json.loads(output)
    document["report"] = Path(document["report"]).relative_to(folder.resolve())
    return document


@pytest.mark.browser
@pytest.mark.slow
@pytest.mark.timeout(400)
async def test_the_same_seed_gives_the_same_histograms_and_the_same_report(tmp_path: Path) -> None:
    first, second = await asyncio.gather(run_demo(tmp_path / "first"), run_demo(tmp_path / "second"))
    assert first == second
    assert (tmp_path / "first" / first["report"]).read_bytes() == (tmp_path / "second" / first["report"]).read_bytes()
    names = ["navigator.privateAttribution", "navigator.attribution", "Attribution Reporting", "Private Aggregation"]
    assert [summary["api"] for summary in first["summaries"]] == names
    for summary in first["summaries"]:
        for part in summary["parts"]:
            # Twenty standard deviations: the noise is seeded, and nearer than this for any seed.
            errors = [abs(row["noised"] - row["true"]) for row in part["rows"]]
            assert max(errors) < 20 * part["standardDeviation"]
    *histograms, registered, counted = first["summaries"]
    for summary in histograms:
        (purchases,) = summary["parts"]
        assert [row["label"] for row in purchases["rows"]] == [campaign.label for campaign in story.CAMPAIGNS]
        # Each purchase has the value 1 and is credited at most once.
        assert 0 < sum(row["true"] for row in purchases["rows"]) <= summary["reports"]
    # The newsletter's ad is a response field, which only the current dialect knows.
    assert histograms[0]["parts"][0]["rows"][2]["true"] == 0
    _check_registered(registered, first["attributionReporting"])
    _check_reach(counted, first["reach"])
    refused = [note for note in first["notes"] if "PRIVACY_BUDGET_EXHAUSTED" in note]
    assert [note.partition(":")[0] for note in refused] == names[2:]


def _check_registered(summary: dict[str, Any], reported: dict[str, Any]) -> None:
    assert [campaign["campaign"] for campaign in reported["campaigns"]] == [one.label for one in story.CAMPAIGNS]
    for campaign in reported["campaigns"]:
        # With this seed no report is made up, so that each tells of a purchase.
        assert campaign["eventLevelReports"] <= campaign["purchases"]
    # The rates of 3 windows and 1 report of 2 kinds, and of 3 reports of 8 kinds: s / (s - 1 + e^14), s = C(nw + m, m).
    assert reported["randomizedTriggerRate"] == {"event": 0.0000058, "navigation": 0.0024263}
    purchases, prices = summary["parts"]
    # 65,536 by epsilon 10, at 32,768 for a purchase and 32 for a euro.
    assert summary["epsilon"] == 10
    assert (round(purchases["scale"], 6), round(prices["scale"], 6)) == (0.2, 204.8)
    # One job opened every report that arrived, and paid for it by hours, of which there are no more than reports.
    assert summary["reports"] == reported["aggregatableReports"] >= summary["budgetUnits"] > 0
    for row, campaign in zip(purchases["rows"], reported["campaigns"], strict=True):
        # A purchase that exceeds the budget of its ad is in no aggregatable report.
        assert row["label"] == campaign["campaign"]
        assert 0 <= row["true"] <= campaign["purchases"]
    cheapest, dearest = (choose(product.price for product in story.PRODUCTS) for choose in (min, max))
    bought = sum(row["true"] for row in purchases["rows"])
    assert bought * cheapest <= sum(row["true"] for row in prices["rows"]) <= bought * dearest


def _check_reach(summary: dict[str, Any], told: dict[str, Any]) -> None:
    (browsers,) = summary["parts"]
    rows = browsers["rows"]
    assert [row["label"] for row in rows] == [one["campaign"] for one in told["campaigns"]]
    assert [row["label"] for row in rows] == [one.label for one in reach.counted()]
    assert (summary["epsilon"], browsers["scale"]) == (2, 2)
    shown = [campaign["shown"] for campaign in told["campaigns"]]
    assert all(row["true"] <= times for row, times in zip(rows, shown, strict=True))
    *_, everywhere, often = rows
    # The poster was shown more often than there are users, some of whom saw it three times.
    assert shown[-2] > 20 >= everywhere["true"] > often["true"] > 0
    # Every browser reported once for each campaign, and for the frequency; nothing was lost and nothing came twice.
    assert summary["reports"] == sum(row["true"] for row in rows)
    assert [creative["label"] for creative in told["creatives"]] == [one.headline for one in story.POSTER.creatives]
    pictures = [creative["shown"] for creative in told["creatives"]]
    assert sum(pictures) == shown[-2]
    # They take turns, beginning with the first.
    assert pictures == sorted(pictures, reverse=True)
