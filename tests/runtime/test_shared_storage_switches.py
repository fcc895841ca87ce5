"""What is off in Chromium 143 and can be switched on, and whom debug mode is allowed to, in real Chromium."""

from __future__ import annotations

import json

import pytest

from agent.model.private_aggregation import PRIVATE_AGGREGATION
from agent.model.private_aggregation_limits import PrivateAggregationLimits
from agent.model.settings import Settings
from agent.model.shared_storage import StorageEvent
from agent.model.shared_storage_limits import SharedStorageLimits
from agent.runtime import Agent
from tests.scenarios.world import CORS, JAVASCRIPT, A, Answer, World, operation

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]
B, C = "https://b.test", "https://c.test"
TRUST = "c.test/.well-known/shared-storage/trusted-origins"


@pytest.fixture
def agent_settings(request: pytest.FixtureRequest) -> Settings:
    """See :mod:`agent.pytest_fixtures`."""
    settings: Settings = request.param
    return settings


@pytest.fixture
async def world(agent: Agent) -> World:
    """The profile and its servers."""
    return World(agent)


CUSTOM = Settings(shared_storage_limits=SharedStorageLimits(custom_data_origin=True))


@pytest.mark.parametrize("agent_settings", [CUSTOM], indirect=True)
@pytest.mark.parametrize(("trusted", "is_allowed"), [(B, True), (A, False)])
async def test_a_third_partys_data_is_open_to_the_scripts_that_it_trusts(
    world: World, trusted: str, is_allowed: bool
) -> None:
    trust = json.dumps([{"scriptOrigin": trusted, "contextOrigin": A}])
    world.answers[TRUST] = Answer(trust, "application/json", headers=CORS)
    world.answers["b.test/w.js"] = Answer(operation("await sharedStorage.set('k', 'v');"), JAVASCRIPT, headers=CORS)
    page = await world.open()
    made = f"sharedStorage.createWorklet('{B}/w.js', {{ dataOrigin: '{C}' }})"
    outcome = await world.outcome(page, f"globalThis.w = await {made}, undefined")
    asked = {one.url: one.headers for one in world.asked}
    assert asked[TRUST]["Origin"] == A
    if is_allowed:
        assert outcome is None
        assert asked["b.test/w.js"]["Sec-Shared-Storage-Data-Origin"] == C
        await page.evaluate("w.run('op')")
        await world.until_ended(1)
        assert await world.entries(C) == {"k": "v"}
    else:
        refused = f"Access of data from {C} by a worklet script at {B}/w.js invoked by {A} has not been allowed."
        assert outcome == f"OperationError: {refused}"
        assert await world.entries(C) == {}
    assert await world.entries() == {}
    assert await world.entries(B) == {}


@pytest.mark.parametrize("agent_settings", [Settings()], indirect=True)
async def test_a_third_partys_data_is_open_to_nobody_by_default(world: World) -> None:
    page = await world.open()
    outcome = await world.outcome(page, f"await sharedStorage.createWorklet('/w.js', {{ dataOrigin: '{C}' }})")
    assert outcome.startswith("TypeError: ")
    assert outcome.endswith('The "dataOrigin" parameter is not a valid keyword or URL.')
    assert "a.test/w.js" not in [one.url for one in world.asked]


ON_EVENT = """
    const on = (name, bucket) =>
        privateAggregation.contributeToHistogramOnEvent(`reserved.${name}`, { bucket, value: 1 });
    on("report-success", 101n);
    on("too-many-contributions", 102n);
    for (let bucket = 30n; bucket > 0n; bucket--) privateAggregation.contributeToHistogram({ bucket, value: 2 });
"""
REPORTS_ERRORS = PrivateAggregationLimits(developer_mode=True, error_reporting=True)


@pytest.mark.parametrize("agent_settings", [Settings(private_aggregation_limits=REPORTS_ERRORS)], indirect=True)
async def test_with_error_reporting_the_events_contribution_and_the_first_19_leave(world: World) -> None:
    await world.operate(await world.open(), ON_EVENT)
    (report,) = await world.sent(1)
    assert report.items == [(102, 1, 0), *((bucket, 2, 0) for bucket in range(30, 11, -1))]


@pytest.mark.parametrize("agent_settings", [Settings()], indirect=True)
async def test_without_error_reporting_there_is_no_such_method(world: World) -> None:
    outcome = await world.inside(await world.open(), "return typeof privateAggregation.contributeToHistogramOnEvent;")
    assert outcome == "undefined"


DEBUGGED = """
    privateAggregation.enableDebugMode({ debugKey: 5n });
    privateAggregation.contributeToHistogram({ bucket: 1n, value: 1 });
"""
AT_ONCE = PrivateAggregationLimits(developer_mode=True)


def _only_a(top_level: str, reporting: str) -> bool:
    return (top_level, reporting) == (A, A)


@pytest.mark.parametrize(
    ("agent_settings", "debugged"),
    [
        (Settings(private_aggregation_limits=AT_ONCE, debug_mode_allowed=_only_a), [A]),
        (Settings(private_aggregation_limits=AT_ONCE, third_party_cookies=False), []),
        (Settings(private_aggregation_limits=AT_ONCE), [A, B]),
    ],
    indirect=["agent_settings"],
    ids=["a predicate", "no third-party cookies", "third-party cookies"],
)
async def test_debug_mode_takes_effect_where_it_is_allowed_and_is_silently_off_elsewhere(
    world: World, debugged: list[str]
) -> None:
    for origin in (A, B):
        await world.operate(await world.open(f"{origin}/"), DEBUGGED)
    reports = await world.sent(2 + len(debugged))
    assert sorted(one.info["reporting_origin"] for one in reports if one.is_debug) == debugged
    real = {one.info["reporting_origin"]: one for one in reports if not one.is_debug}
    assert {origin: one.body.get("debug_key") for origin, one in real.items()} == {
        origin: "5" if origin in debugged else None for origin in (A, B)
    }
    told = [event.trace.checks for event in await world.agent.events.all(PRIVATE_AGGREGATION)]
    allowed = [check.passed for checks in told for check in checks if check.rule == "debug mode allowed"]
    assert allowed == [origin in debugged for origin in (A, B)]


@pytest.mark.parametrize("agent_settings", [Settings(private_aggregation=False)], indirect=True)
async def test_with_private_aggregation_off_contributions_come_to_nothing_and_leave_an_event(world: World) -> None:
    config = "keepAlive: true, privateAggregationConfig: { contextId: 'c' }"
    await world.operate(await world.open(), DEBUGGED + "await sharedStorage.set('k', 'v');", config)
    await world.agent.clock.advance("1h")
    assert world.reports == []
    assert await world.entries() == {"k": "v"}
    assert await world.verdicts(PRIVATE_AGGREGATION) == ["disabled"]
    assert await world.verdicts(StorageEvent.RUN) == ["finished"]
