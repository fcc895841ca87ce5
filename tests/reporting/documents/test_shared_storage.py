"""What the command line tells of Shared Storage and Private Aggregation."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agent.cli.operations import OPERATIONS
from agent.crypto.public_keys import CoordinatorKey
from agent.delivery.assembly import sealed_private_aggregation_body
from agent.model.attribution_reporting.reports import Contribution
from agent.model.clock import DAY, Clock
from agent.model.events import Event
from agent.model.private_aggregation import (
    Batch,
    DebugDetails,
    PrivateAggregationApi,
    PrivateAggregationConfig,
    PrivateAggregationContent,
)
from agent.model.rng import SeededRng
from agent.model.settings import Settings
from agent.model.shared_storage import StorageEvent
from agent.runtime import Agent
from agent.verbs.private_aggregation import complete, rules_of
from tests.cli.conftest import Tallyhost

ADTECH, OTHER = "https://adtech.test", "https://other.test"
NOW = 1_780_304_400_000
STARTED = "2026-06-01T09:00:00+00:00"
KEY_BYTES = 2 * len("views-1234")


def batch(value: int, **more: Any) -> Batch:
    contributions = (Contribution(1234, value),) if value else ()
    return Batch(PrivateAggregationApi.SHARED_STORAGE, ADTECH, "https://news.test", NOW, contributions, **more)


async def contribute(agent: Agent, *batches: Batch) -> None:
    rules = rules_of(agent.settings, agent.rng, enabled=True)
    for one in batches:
        await agent._database.transact("complete", lambda c, one=one: complete(c, one, rules, now=NOW))  # type: ignore[misc]


async def fill(agent: Agent) -> None:
    """Two origins store something, and one contributes twice, the second time too much."""
    await agent.shared_storage.set(ADTECH, "views-1234", "111")
    await agent.shared_storage.set(ADTECH, "z", "")
    await agent.shared_storage.set(OTHER, "long", "v" * 100)
    await agent.shared_storage.navigated(ADTECH, 1.5, site="news.test")
    await contribute(agent, batch(16_384), batch(60_000))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """For a profile."""
    return tmp_path / "profile"


@pytest.fixture
def profile(folder: Path) -> str:
    """A profile at rest, by the wall clock, by which commands read it."""

    async def make() -> None:
        async with Agent.open_profile(folder, seed=7) as agent:
            await fill(agent)

    asyncio.run(make())
    return str(folder)


@pytest.fixture
def shown(folder: Path) -> Callable[..., dict[str, Any]]:
    """What ``state show`` says of something after a while."""

    async def ask(what: str, later: str, limit: int | None) -> dict[str, Any]:
        async with Agent.open_profile(folder, seed=7, clock=Clock.frozen(NOW)) as agent:
            await fill(agent)
            await agent.clock.advance(later)
            document = await OPERATIONS["state.show"](agent, {"what": what, "limit": limit})
            return dict(json.loads(json.dumps(document)))

    def show(what: str, *, later: str = "0s", limit: int | None = None) -> dict[str, Any]:
        return asyncio.run(ask(what, later, limit))

    return show


Shown = Callable[..., dict[str, Any]]


def test_every_entry_stands_with_its_size_age_and_expiry(shown: Shown) -> None:
    first, empty, long = shown("shared-storage", later="2d")["entries"]
    assert first == {
        "origin": ADTECH,
        "key": "views-1234",
        "value": "111",
        "bytes": KEY_BYTES + 2 * 3,
        "written": STARTED,
        "age": 2 * DAY,
        "expires": "2026-07-01T09:00:00+00:00",
    }
    assert (empty["key"], empty["value"], empty["bytes"]) == ("z", "", 2)
    assert (long["origin"], long["bytes"]) == (OTHER, 2 * 104)


def test_every_origin_stands_with_what_is_left_of_its_quota(shown: Shown) -> None:
    document = shown("shared-storage")
    told = [(one["origin"], one["length"], one["bytes_used"], one["bytes_left"]) for one in document["origins"]]
    first = KEY_BYTES + 2 * 3 + 2
    assert told == [(ADTECH, 2, first, 5_242_880 - first), (OTHER, 1, 208, 5_242_880 - 208)]
    assert document["origins"][0]["creation_time"] == STARTED


def test_bits_that_selecturl_spent_stand_by_site(shown: Shown) -> None:
    (budget,) = shown("shared-storage")["navigation_budgets"]
    assert (budget["site"], budget["budget"]) == (ADTECH, 12)
    assert budget["spent"] == [{"time": STARTED, "bits": 1.5}]


def test_an_entry_that_has_expired_is_shown_no_more(shown: Shown) -> None:
    assert shown("shared-storage", later="30d")["entries"] == []


def test_contributions_stand_by_site_api_and_window_and_a_refused_one_spent_nothing(shown: Shown) -> None:
    (budget,) = shown("private-aggregation")["contribution_budgets"]
    assert (budget["site"], budget["api"]) == (ADTECH, "shared-storage")
    assert budget["windows"] == [
        {"length": 600_000, "budget": 65_536, "spent": 16_384, "left": 49_152},
        {"length": 86_400_000, "budget": 1_048_576, "spent": 16_384, "left": 1_032_192},
    ]


def test_what_was_spent_leaves_each_window_at_its_end(shown: Shown) -> None:
    (budget,) = shown("private-aggregation", later="20m")["contribution_budgets"]
    assert [window["spent"] for window in budget["windows"]] == [0, 16_384]


def test_a_report_that_waits_is_listed_with_its_time(shown: Shown) -> None:
    (report,) = shown("private-aggregation")["pending_reports"]
    # 10 to 60 minutes after the batch, and 0.1 s.
    assert "2026-06-01T09:10:00" < report["next_attempt"] < "2026-06-01T10:00:01"
    assert report["content"]["contributions"] == [{"bucket": 1234, "value": 16_384, "filtering_id": 0}]


def test_limit_leaves_out_the_rest_of_each_list_and_counts_it(shown: Shown) -> None:
    document = shown("shared-storage", limit=1)
    assert [len(document[name]) for name in ("origins", "entries", "navigation_budgets")] == [1, 1, 1]
    assert document["left_out"] == {"origins": 1, "entries": 2, "navigation_budgets": 0}


def test_people_read_the_same(tallyhost: Tallyhost, profile: str) -> None:
    stored = tallyhost("state", "show", "shared-storage", "--profile", profile).out
    assert "views-1234" in stored
    assert f"{'v' * 39}…" in stored
    assert "5,242,880" in stored
    contributed = tallyhost("state", "show", "private-aggregation", "--profile", profile, "--limit", "1").out
    assert "reports that wait" in contributed
    assert ADTECH in contributed


def test_a_fresh_profile_says_that_nothing_is_there(tallyhost: Tallyhost, tmp_path: Path) -> None:
    (tmp_path / "fresh").mkdir()
    for what, said in (("shared-storage", "nothing stored"), ("private-aggregation", "all untouched")):
        assert said in tallyhost("state", "show", what, "--profile", str(tmp_path / "fresh")).out


def test_explain_tells_by_how_much_a_budget_did_not_suffice(tallyhost: Tallyhost, profile: str) -> None:
    out = tallyhost("explain", "last", "--profile", profile).out
    assert "insufficient-budget" in out
    # 16,384 + 60,000 - 65,536
    (line,) = [line for line in out.splitlines() if "10,848" in line]
    assert line.strip().startswith("FAIL")
    assert "fix" in out


def test_explain_does_not_end_a_batch_at_a_check_that_does_not_end_it(tallyhost: Tallyhost, folder: Path) -> None:
    """Debug mode that is not allowed leaves the report itself alone."""

    async def make() -> None:
        settings = Settings(third_party_cookies=False)
        async with Agent.open_profile(folder, seed=7, clock=Clock.frozen(NOW), settings=settings) as agent:
            await contribute(agent, batch(1, debug=DebugDetails(enabled=True, key=5)))

    asyncio.run(make())
    out = tallyhost("explain", "last", "--profile", str(folder)).out
    assert "report-scheduled" in out
    assert "FAIL" in out
    assert "stops here" not in out


def test_explain_last_may_be_a_write_to_shared_storage(tallyhost: Tallyhost, folder: Path) -> None:
    async def make() -> None:
        async with Agent.open_profile(folder, seed=7, clock=Clock.frozen(NOW)) as agent:
            await agent.shared_storage.set(ADTECH, "k", "v" * 2_621_440)

    asyncio.run(make())
    event = tallyhost("explain", "last", "--profile", str(folder), "--json").document["explanation"]
    assert (event["kind"], event["verdict"]) == ("shared-storage.set", "quota-exceeded")
    assert not event["checks"][-1]["passed"]


def test_explain_last_tells_of_an_operation_s_contributions_rather_than_of_its_end(
    tallyhost: Tallyhost, folder: Path
) -> None:
    data = {"origin": ADTECH, "batch": 1}
    ended = Event(StorageEvent.RUN, NOW, "finished", "operation finished", "news.test", data)

    async def make() -> None:
        async with Agent.open_profile(folder, seed=7, clock=Clock.frozen(NOW)) as agent:
            await contribute(agent, batch(65_537))
            await agent.note(ended)

    asyncio.run(make())
    event = tallyhost("explain", "last", "--profile", str(folder), "--json").document["explanation"]
    assert (event["kind"], event["verdict"]) == ("private-aggregation", "insufficient-budget")


@pytest.mark.parametrize("origin", [ADTECH, OTHER])
def test_explain_last_tells_of_an_operation_that_contributed_nothing_that_it_ended(
    tallyhost: Tallyhost, folder: Path, origin: str
) -> None:
    """Also where somebody else's contributions stand before it, or a write of its own origin."""
    ended = Event(StorageEvent.RUN, NOW, "failed", "operation failed", "news.test", {"origin": origin})

    async def make() -> None:
        async with Agent.open_profile(folder, seed=7, clock=Clock.frozen(NOW)) as agent:
            await contribute(agent, batch(1))
            if origin == ADTECH:
                await agent.shared_storage.set(ADTECH, "k", "v")
            await agent.note(ended)

    asyncio.run(make())
    event = tallyhost("explain", "last", "--profile", str(folder), "--json").document["explanation"]
    assert (event["kind"], event["verdict"]) == ("shared-storage.run", "failed")


def test_a_report_is_listed_and_shown_with_what_it_contributes(tallyhost: Tallyhost, folder: Path) -> None:
    async def make() -> None:
        config = PrivateAggregationConfig(context_id="a context")
        async with Agent.open_profile(folder, seed=7, clock=Clock.frozen(NOW)) as agent:
            await contribute(agent, batch(7, config=config), batch(0, config=config))

    asyncio.run(make())
    reports = tallyhost("reports", "list", "--profile", str(folder), "--json").document["reports"]
    assert [report["kind"] for report in reports] == ["private-aggregation"] * 2
    said = [tallyhost("reports", "show", report["id"], "--profile", str(folder)).out for report in reports]
    assert "shared-storage of https://adtech.test" in said[0]
    assert "7 in bucket 0x4d2" in said[0]
    assert "nothing (null)" in said[1]
    assert all("a context" in text for text in said)


def test_two_contributions_to_one_bucket_with_different_ids_are_both_told(tallyhost: Tallyhost, folder: Path) -> None:
    async def make() -> None:
        entries = (Contribution(5, 1, 1), Contribution(5, 2, 2))
        one = Batch(PrivateAggregationApi.SHARED_STORAGE, ADTECH, "https://news.test", NOW, entries)
        async with Agent.open_profile(folder, seed=7, clock=Clock.frozen(NOW)) as agent:
            await contribute(agent, one)

    asyncio.run(make())
    (report,) = tallyhost("reports", "list", "--profile", str(folder), "--json").document["reports"]
    out = tallyhost("reports", "show", report["id"], "--profile", str(folder)).out
    assert "1 in bucket 0x5 id 1, 2 in bucket 0x5 id 2" in out


def test_decrypt_opens_a_report_with_the_agent_s_own_keys(tallyhost: Tallyhost, tmp_path: Path) -> None:
    content = PrivateAggregationContent(
        api=PrivateAggregationApi.SHARED_STORAGE,
        reporting_origin=ADTECH,
        report_id="5c8e2bd4-7ff9-4d3c-8d0d-3c7a3b0a2f11",
        scheduled_report_time=NOW,
        coordinator="https://coordinator.test",
        max_contributions=20,
        contributions=(Contribution(2**100, 9, 70_000),),
        filtering_id_max_bytes=3,
    )

    async def body() -> bytes:
        async with Agent.open_profile(tmp_path / "profile", seed=7) as agent:
            key = agent.service_keys.current
            return sealed_private_aggregation_body(content, CoordinatorKey(key.id.hex(), key.public_key), SeededRng(1))

    file = tmp_path / "report.json"
    file.write_bytes(asyncio.run(body()))
    sealed = base64.b64decode(json.loads(file.read_bytes())["aggregation_service_payloads"][0]["payload"])
    assert len(sealed) == 935  # 20 entries with ids of 3 bytes
    document = tallyhost("decrypt", str(file), "--profile", str(tmp_path / "profile"), "--json").document
    (payload,) = document["payloads"]
    assert payload["data"][0] == {"bucket": hex(2**100), "value": 9, "id": 70_000}
    assert payload["data"][1:] == [{"bucket": "0x0", "value": 0, "id": 0}] * 19


def test_a_report_whose_host_is_not_mapped_waits_without_a_time(shown: Shown) -> None:
    (report,) = shown("private-aggregation", later="1h")["pending_reports"]
    assert (report["state"], report["next_attempt"]) == ("not-sent", None)
