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
    assert [api["api"] for api in first["apis"]] == ["navigator.privateAttribution", "navigator.attribution"]
    for api in first["apis"]:
        assert api["campaigns"] == [campaign.label for campaign in story.CAMPAIGNS]
        # Each purchase has the value 1 and is credited at most once.
        assert 0 < sum(api["true"]) <= api["reports"]
        # Ten standard deviations: the noise is seeded, and far from this for any seed.
        errors = [abs(noised - true) for noised, true in zip(api["noised"], api["true"], strict=True)]
        assert max(errors) < 10 * api["standardDeviation"]
    reported = first["attributionReporting"]
    assert [campaign["campaign"] for campaign in reported["campaigns"]] == [one.label for one in story.CAMPAIGNS]
    for campaign in reported["campaigns"]:
        # With this seed no report is made up, so that each tells of a purchase.
        assert campaign["eventLevelReports"] <= campaign["purchases"]
    # The rates of 3 windows and 1 report of 2 kinds, and of 3 reports of 8 kinds: s / (s - 1 + e^14), s = C(nw + m, m).
    assert reported["randomizedTriggerRate"] == {"event": 0.0000058, "navigation": 0.0024263}
    counted = sum(bucket["value"] for bucket in reported["buckets"] if bucket["unit"] == "bought")
    assert 0 < counted <= 32_768 * reported["aggregatableReports"]
    # The newsletter's ad is a response field, which only the current dialect knows.
    assert first["apis"][0]["true"][2] == 0
    _check_reach(first["reach"])


def _check_reach(told: dict[str, Any]) -> None:
    assert [campaign["campaign"] for campaign in told["campaigns"]] == [one.label for one in reach.counted()]
    for campaign in told["campaigns"]:
        assert campaign["true"] <= campaign["shown"]
        assert abs(campaign["noised"] - campaign["true"]) < 10 * told["standardDeviation"]
    *_, everywhere, often = told["campaigns"]
    # The poster was shown more often than there are users, some of whom saw it three times.
    assert everywhere["shown"] > 20 >= everywhere["true"] > often["true"] > 0
    # Every browser reported once for each campaign, and for the frequency; nothing was lost and nothing came twice.
    assert told["reports"] == sum(campaign["true"] for campaign in told["campaigns"])
    assert [creative["label"] for creative in told["creatives"]] == [one.headline for one in story.POSTER.creatives]
    shown = [creative["shown"] for creative in told["creatives"]]
    assert sum(shown) == everywhere["shown"]
    # They take turns, beginning with the first.
    assert shown == sorted(shown, reverse=True)
