"""Random registrations under tight limits: the agent decides as the rules that are written down as plainly as told."""

from __future__ import annotations

import json
import operator
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agent.engines.attribution_reporting.source_registration import parse_source_registration
from agent.engines.attribution_reporting.trigger_registration import parse_trigger_registration
from agent.model.attribution_reporting.eligibility import Eligibility
from agent.model.attribution_reporting.facts import FakeReport
from agent.model.attribution_reporting.limits import AttributionReportingLimits
from agent.model.attribution_reporting.registrations import SourceType
from agent.model.clock import DAY, HOUR, MINUTE, SECOND
from storage.database import Database
from tests.engines.attribution_reporting.registration_world import NOON
from tests.verbs.plain_rules import PlainRules
from tests.verbs.reporting_world import ReportingWorld

Json = dict[str, Any]

PAGES = ("https://news.test",) * 4 + ("https://www.news.test", "https://blog.test")
ADTECHS = ("https://adtech.test",) * 6 + ("https://www.adtech.test", "https://rival.test")
SHOPS = ("https://a.test", "https://b.test", "https://c.test")
FIXED = AttributionReportingLimits(aggregatable_report_min_delay=HOUR, aggregatable_report_delay_span=0)
TIGHT = {
    "max_sources_per_origin": (2, 6),
    "max_destinations_per_source_site_reporting_site": (2,),
    "max_destinations_per_rate_limit_window_reporting_site": (1, 2),
    "max_destinations_per_rate_limit_window": (1, 2),
    "max_destinations_per_reporting_site_per_day": (2,),
    "rate_limit_max_source_registration_reporting_origins": (1, 2),
    "rate_limit_max_attribution_reporting_origins": (1,),
    "rate_limit_max_attributions": (1, 3),
    "rate_limit_max_reporting_origins_per_source_reporting_site": (2,),
    "rate_limit_time_window": (3 * DAY,),
    "max_event_level_reports_per_destination": (1, 3),
    "max_aggregatable_reports_per_destination": (1, 3),
    "max_aggregatable_reports_per_source": (1, 2),
}
"""Values of limits that registrations soon run into."""


@dataclass(frozen=True, slots=True)
class Step:
    """A registration, some time after the one before."""

    after: int
    page: str
    adtech: str
    source_type: SourceType | None
    """None for a trigger."""
    header: Json
    noise: int | None = None
    """How many reports the randomised response makes up, as far as the source allows them; None for the truth."""


def some(choices: str | tuple[str, ...], most: int) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(choices), min_size=1, max_size=most, unique=True)


def header(often: Mapping[str, st.SearchStrategy[Any]], **rarely: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    fields = {**often, **{name: st.one_of(st.none(), st.none(), value) for name, value in rarely.items()}}
    return st.fixed_dictionaries(fields).map(
        lambda one: {key: value for key, value in one.items() if value is not None}
    )


SOURCES = header(
    {
        "destination": st.one_of(st.just([SHOPS[0]]), some(SHOPS, 3)),
        "expiry": st.sampled_from((DAY // SECOND, 30 * DAY // SECOND, 30 * DAY // SECOND)),
        "aggregation_keys": st.just({"a": "0x1", "b": "0x2"}),
    },
    priority=st.sampled_from(("-1", "1")),
    destination_limit_priority=st.sampled_from(("-1", "1")),
    attribution_scopes=st.fixed_dictionaries(
        {"limit": st.sampled_from((2, 3)), "values": some("uvw", 2), "max_event_states": st.sampled_from((15, 15, 16))}
    ),
    max_event_level_reports=st.sampled_from((0, 1, 2)),
    named_budgets=st.sampled_from(({"n": 0}, {"n": 3})),
    aggregatable_report_window=st.just(HOUR // SECOND),
    event_report_windows=st.just({"end_times": [HOUR // SECOND, DAY // SECOND]}),
)
ENTRY = header({"priority": st.sampled_from("123")}, deduplication_key=st.sampled_from("12"))
EVENT_LEVEL = header({"event_trigger_data": st.lists(ENTRY, min_size=1, max_size=1)})
AGGREGATABLE = header(
    {
        "aggregatable_values": st.dictionaries(
            st.sampled_from("aabc"), st.sampled_from((1, 2, 50_000)), min_size=1, max_size=2
        )
    },
    trigger_context_id=st.just("id"),
    named_budgets=st.just([{"name": "n"}]),
    aggregatable_deduplication_keys=some("12", 1).map(lambda keys: [{"deduplication_key": key} for key in keys]),
)
SCOPED = header({}, attribution_scopes=some("uvw", 2))
TRIGGERS = st.one_of(
    st.builds(operator.or_, EVENT_LEVEL, SCOPED),
    st.builds(operator.or_, AGGREGATABLE, SCOPED),
    st.builds(operator.or_, EVENT_LEVEL, AGGREGATABLE),
)
AFTER = st.sampled_from((1, 1, 1, 1, SECOND, SECOND, MINUTE, MINUTE + 1, HOUR, DAY, DAY + 1, 3 * DAY))
STEPS = st.one_of(
    st.builds(
        Step,
        AFTER,
        st.sampled_from(PAGES),
        st.sampled_from(ADTECHS),
        st.sampled_from(SourceType),
        SOURCES,
        st.sampled_from((None, None, None, None, 0, 2)),
    ),
    st.builds(Step, AFTER, st.sampled_from((SHOPS[0], *SHOPS[:2])), st.sampled_from(ADTECHS), st.none(), TRIGGERS),
)
LIMITS = st.fixed_dictionaries({}, optional={name: st.sampled_from(values) for name, values in TIGHT.items()})


def by_the_agent(world: ReportingWorld, step: Step, response: tuple[FakeReport, ...] | None) -> tuple[str | None, ...]:
    where = {"on": step.page, "by": step.adtech}
    if step.source_type is None:
        world.trigger(where, **step.header, debug_reporting=False)
        return world.event().data.get("event_level"), world.event().data.get("aggregatable")
    navigation = step.source_type is SourceType.NAVIGATION
    eligibility = Eligibility.NAVIGATION_SOURCE if navigation else Eligibility.EVENT_SOURCE
    world.chance.response = response
    return (world.source({**where, "eligibility": eligibility}, **step.header),)


def by_the_rules(
    rules: PlainRules, step: Step, now: int, response: tuple[FakeReport, ...] | None
) -> tuple[str | None, ...]:
    header = json.dumps(step.header).encode()
    if step.source_type is None:
        trigger = parse_trigger_registration(header, FIXED).value
        assert trigger is not None
        return rules.trigger(step.page, step.adtech, now, trigger)
    source = parse_source_registration(header, step.source_type, FIXED).value
    assert source is not None
    return (rules.source(step.page, step.adtech, now, source, response),)


def response_of(step: Step) -> tuple[FakeReport, ...] | None:
    if step.noise is None or step.source_type is None:
        return None
    source = parse_source_registration(json.dumps(step.header).encode(), step.source_type, FIXED).value
    assert source is not None
    last = len(source.event_report_windows.end_times) - 1
    return tuple(FakeReport(0, min(number, last)) for number in range(min(step.noise, source.max_event_level_reports)))


def deliver(world: ReportingWorld) -> None:
    world.database.transact(
        "deliver",
        lambda c: c.execute(
            "UPDATE reports SET state = 'sent' WHERE state = 'pending' AND next_attempt <= ?", (world.now,)
        ),
    )


def pending(world: ReportingWorld, kind: str) -> int:
    sql = "SELECT count(*) FROM pending_attribution_reports WHERE source_id IS NOT NULL AND kind = ?"
    return int(world.database.connection.execute(sql, (kind,)).fetchone()[0])


def play(world: ReportingWorld, steps: list[Step]) -> None:
    rules = PlainRules(world.limits)
    for step in steps:
        world.now += step.after
        deliver(world)
        rules.deliver(world.now)
        response = response_of(step)
        decided = by_the_agent(world, step, response)
        assert decided == by_the_rules(rules, step, world.now, response)
        deliver(world)
        rules.deliver(world.now)
        for kind in ("event-level", "aggregatable"):
            assert pending(world, kind) == rules.pending(kind)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(limits=LIMITS, steps=st.lists(STEPS, min_size=10, max_size=40))
def test_the_agent_decides_as_the_plain_rules_do(limits: dict[str, int], steps: list[Step]) -> None:
    with Database.open(":memory:", now=NOON) as database:
        play(ReportingWorld(database, replace(FIXED, **limits)), steps)  # type: ignore[arg-type]
