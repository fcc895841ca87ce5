"""Scenarios 28 to 38: what operations contribute, and the reports that come of it."""

from __future__ import annotations

import pytest

from agent.model.clock import HOUR, MINUTE, SECOND
from agent.model.private_aggregation import PRIVATE_AGGREGATION
from agent.model.settings import Settings
from tests.runtime.test_shared_storage_seed import FREQUENCY_WORKLET, MEASURE_REACH, REACH_WORKLET, K
from tests.scenarios.world import A, Answer, Report, World, operation

pytestmark = pytest.mark.browser
PATH = "a.test/.well-known/private-aggregation/report-shared-storage"
DEBUG_PATH = "a.test/.well-known/private-aggregation/debug/report-shared-storage"
DEV = pytest.mark.usefixtures("developer_mode")
CONTEXT = "keepAlive: true, privateAggregationConfig: { contextId: 'c' }"
NULLS = [(0, 0, 0)]


def contribute(bucket: int, value: int, filtering_id: int | None = None) -> str:
    more = "" if filtering_id is None else f", filteringId: {filtering_id}n"
    return f"privateAggregation.contributeToHistogram({{ bucket: {bucket}n, value: {value}{more} }});"


def debug(key: int) -> str:
    return f"privateAggregation.enableDebugMode({{ debugKey: {key}n }});"


def pair(reports: list[Report]) -> tuple[Report, Report]:
    """The report and its debug duplicate."""
    (report,) = [one for one in reports if not one.is_debug]
    (duplicate,) = [one for one in reports if one.is_debug]
    return report, duplicate


@DEV
async def test_28_the_reach_example_reports_once(world: World) -> None:
    world.script("a.test/reach.js", REACH_WORKLET)
    for views in (1, 2):
        page = await world.open()
        await page.evaluate(f"async () => {{ {MEASURE_REACH} }}")
        await world.until_ended(views)
    (report,) = await world.sent(1)
    assert report.path == PATH
    assert report.items == [(1234, 128, 0)] + NULLS * 19


@DEV
async def test_29_the_fourth_view_is_more_than_three(world: World) -> None:
    world.script("a.test/reach.js", FREQUENCY_WORKLET)
    found = []
    for view in range(1, K + 2):
        page = await world.open()
        await page.evaluate(f"async () => {{ sharedStorage.append('freq', '1'); {MEASURE_REACH} }}")
        await world.until_ended(view)
        await world.agent.clock.advance(0)
        found.append(len(world.reports))
    assert found == [0, 0, 0, 1]


@DEV
async def test_30_a_report_and_its_debug_duplicate_say_the_same_merged_and_sorted(world: World) -> None:
    page = await world.open()
    code = "".join(contribute(bucket, 10) for bucket in (9, 3, 7, 3, 2**100, 5, 9))
    await world.operate(page, debug(1234) + code + contribute(3, 1, 2) + contribute(3, 1, 1))
    report, duplicate = pair(await world.sent(2))
    assert (report.path, duplicate.path) == (PATH, DEBUG_PATH)
    assert report.body["shared_info"] == duplicate.body["shared_info"]
    expected = [(3, 20, 0), (3, 1, 1), (3, 1, 2), (5, 10, 0), (7, 10, 0), (9, 20, 0), (2**100, 10, 0)]
    for one in (report, duplicate):
        assert one.body["debug_key"] == "1234"
        assert one.items == expected + NULLS * 13
        assert len(one.sealed) == 895


@DEV
async def test_31_the_first_20_of_30_buckets_are_kept(world: World) -> None:
    page = await world.open()
    await world.operate(page, "".join(contribute(bucket, 1) for bucket in range(30, 0, -1)))
    (report,) = await world.sent(1)
    assert report.items == [(bucket, 1, 0) for bucket in range(11, 31)]


async def test_32_a_report_waits_10_to_60_minutes_and_its_debug_duplicate_does_not(world: World) -> None:
    page = await world.open()
    began = world.agent.clock.now()
    await world.operate(page, debug(1) + contribute(1, 2))
    (duplicate,) = await world.sent(1)
    assert duplicate.is_debug
    scheduled = int(duplicate.info["scheduled_report_time"]) * SECOND
    assert began + 10 * MINUTE <= scheduled < began + HOUR
    await world.agent.clock.advance(scheduled - began - SECOND)
    assert len(world.reports) == 1
    await world.agent.clock.advance(2 * SECOND)
    report, _ = pair(world.reports)
    assert report.body["shared_info"] == duplicate.body["shared_info"]


async def test_33_with_a_context_id_a_report_comes_5_s_later_although_nothing_was_contributed(world: World) -> None:
    page = await world.open()
    await world.operate(page, "", CONTEXT)
    await world.agent.clock.advance(5 * SECOND)
    assert world.reports == []
    await world.agent.clock.advance(100)
    (report,) = world.reports
    assert (report.path, report.body["context_id"], report.items) == (PATH, "c", NULLS * 20)
    assert "debug_key" not in report.body
    assert "debug_mode" not in report.info
    await world.agent.clock.advance("2h")
    assert len(world.reports) == 1


async def test_33_without_a_context_id_nothing_comes_of_nothing(world: World) -> None:
    page = await world.open()
    await world.operate(page, "")
    await world.agent.clock.advance("2h")
    assert world.reports == []


async def test_33_an_operation_that_never_ends_reports_what_it_had_contributed_by_5_s(world: World) -> None:
    page = await world.open()
    begun = "console.log('SAID 1');"
    await world.worklet(page, operation(contribute(7, 1) + begun + "await new Promise(() => {});" + contribute(8, 1)))
    await world.said(page, f"w.run('op', {{ {CONTEXT} }})")
    await world.agent.clock.advance(5 * SECOND)
    assert world.reports == []
    await world.agent.clock.advance(100)
    (report,) = world.reports
    assert (report.body["context_id"], report.contributions) == ("c", [(7, 1, 0)])


BYTES_3 = "keepAlive: true, privateAggregationConfig: { filteringIdMaxBytes: 3 }"


@DEV
async def test_34_filtering_ids_of_3_bytes_make_a_report_of_935_bytes_that_comes_in_any_case(world: World) -> None:
    page = await world.open()
    await world.operate(page, "", BYTES_3)
    (report,) = await world.sent(1)
    assert (len(report.sealed), report.contributions) == (935, [])


@DEV
async def test_34_a_filtering_id_must_fit_its_bytes(world: World) -> None:
    page = await world.open()
    assert await world.inside(page, contribute(1, 1, 70000), BYTES_3) is None
    (report,) = await world.sent(1)
    assert report.contributions == [(1, 1, 70000)]
    said = await world.inside(page, contribute(1, 1, 70000))
    assert said.startswith("DataError: ")
    assert said.endswith("contribution['filteringId'] is negative or does not fit in byte size")


@DEV
async def test_35_a_site_has_65536_for_10_minutes(world: World) -> None:
    page = await world.open()
    await world.operate(page, contribute(1, 60000))
    await world.operate(page, contribute(2, 11000))
    await world.operate(page, contribute(2, 11000), CONTEXT)
    sub = await world.open("https://sub.a.test/")
    await world.operate(sub, contribute(3, 6000))
    other = await world.open("https://other.test/")
    await world.operate(other, contribute(4, 11000))
    found = [(report.info["reporting_origin"], report.contributions) for report in await world.sent(3)]
    assert sorted(found) == [(A, []), (A, [(1, 60000, 0)]), ("https://other.test", [(4, 11000, 0)])]
    await world.agent.clock.advance("10m")
    await world.operate(sub, contribute(5, 65536))
    assert (await world.sent(4))[-1].contributions == [(5, 65536, 0)]


@DEV
async def test_35_exactly_65536_passes_and_65537_never(world: World) -> None:
    page = await world.open()
    await world.operate(page, contribute(1, 65537))
    await world.operate(page, contribute(1, 65536))
    (report,) = await world.sent(1)
    assert report.contributions == [(1, 65536, 0)]
    assert await world.verdicts(PRIVATE_AGGREGATION) == ["insufficient-budget", "report-scheduled"]


@DEV
async def test_36_operations_that_interleave_keep_their_contributions_apart(world: World) -> None:
    page = await world.open()
    await world.worklet(
        page,
        operation("""
            privateAggregation.enableDebugMode({ debugKey: first.key });
            for (let i = 0n; i < 6n; i++) {
                await sharedStorage.set(`${first.key}`, "1");
                privateAggregation.contributeToHistogram({ bucket: first.key * 100n + i, value: 1 });
                await null;
            }
        """),
    )
    await page.evaluate("""() => {
        for (const key of [1n, 2n]) w.run("op", { data: { key }, keepAlive: true });
    }""")
    await world.until_ended(2)
    for_key: dict[str, list[Report]] = {}
    for report in await world.sent(4):
        for_key.setdefault(report.body["debug_key"], []).append(report)
    assert sorted(for_key) == ["1", "2"]
    for key, reports in for_key.items():
        report, duplicate = pair(reports)
        assert report.contributions == duplicate.contributions == [(int(key) * 100 + i, 1, 0) for i in range(6)]


async def test_37_where_the_policy_denies_it_the_call_throws_and_nothing_is_reported(world: World) -> None:
    world.answers["a.test/"] = Answer(headers={"Permissions-Policy": "private-aggregation=()"})
    page = await world.open()
    said = await world.inside(page, contribute(1, 1))
    assert said == (
        "InvalidAccessError: Failed to execute 'contributeToHistogram' on 'PrivateAggregation':"
        ' The "private-aggregation" Permissions Policy denied the method on privateAggregation'
    )
    await world.until_ended(1)
    await world.agent.clock.advance("2h")
    assert world.reports == []


class TestDisallowed:
    """The API is not allowed by the attestation of its sites."""

    @pytest.fixture(params=["setting", "attestation"])
    def agent_settings(self, request: pytest.FixtureRequest) -> Settings:
        """See :mod:`agent.pytest_fixtures`."""
        if request.param == "setting":
            return Settings(private_aggregation=False)
        return Settings(enrolled_sites=frozenset({"https://other.test"}))

    async def test_37_where_the_api_is_disallowed_not_even_a_context_id_makes_a_report(self, world: World) -> None:
        page = await world.open()
        world.script("a.test/w.js", operation(contribute(1, 1)))
        run = f"sharedStorage.worklet.addModule('/w.js').then(() => sharedStorage.run('op', {{ {CONTEXT} }}))"
        await world.outcome(page, run)
        await world.agent.clock.advance("2h")
        assert world.reports == []


@pytest.mark.parametrize("status", [503, 204])
@DEV
async def test_38_a_failed_report_is_sent_again_after_5_and_15_minutes_and_then_gone(world: World, status: int) -> None:
    world.report_status = status
    page = await world.open()
    began = world.agent.clock.now()
    await world.operate(page, contribute(1, 1))
    await world.sent(1)
    for _ in range(60):
        await world.agent.clock.advance("1m")
    assert [report.at - began for report in world.reports] == [0, 5 * MINUTE, 20 * MINUTE]
