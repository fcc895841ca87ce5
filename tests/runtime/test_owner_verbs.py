"""Whatever an owner does, in whatever order: refusals alone are raised, no time goes back, no report leaves twice."""

from __future__ import annotations

import asyncio
import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, TypeVar

import pytest
from aiohttp import web
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from agent.cli.operations import OPERATIONS
from agent.model.attribution import CallContext, Dialect
from agent.model.attribution_reporting.eligibility import (
    REGISTER_SOURCE,
    REGISTER_TRIGGER,
    Eligibility,
    RegistrationResponse,
)
from agent.model.clock import DAY, DEFAULT_FROZEN_START, HOUR, LATEST, MINUTE, SECOND, Clock
from agent.model.errors import TallyhostError, UsageError
from agent.model.presets import settings_for
from agent.model.reports import Report, ReportKind, ReportState
from agent.runtime import Agent
from agent.runtime.local_testing import set_local_testing_mode

T = TypeVar("T")
Verb = Callable[[], Any]
SITES = st.sampled_from(["news.test", "shop.test", "adtech.test"])
ORIGINS = st.sampled_from(["https://adtech.test", "https://unmapped.test"])
STEPS = st.sampled_from([0, 1, 3 * MINUTE, HOUR, "2d", 31 * DAY])
PICKS = st.integers(0, 20)
WAITING = {ReportState.PENDING, ReportState.SENDING, ReportState.NOT_SENT}
REAL = {ReportKind.EVENT_LEVEL, ReportKind.AGGREGATABLE}
SHOWN = ("state", "sources", "triggers", "reports", "shared-storage", "private-aggregation", "budgets")
SOURCE: dict[str, Any] = {"destination": "https://shop.test", "aggregation_keys": {"a": "0x5"}}
TRIGGER: dict[str, Any] = {
    "event_trigger_data": [{"trigger_data": "3"}],
    "aggregatable_trigger_data": [{"key_piece": "0x400", "source_keys": ["a"]}],
    "aggregatable_values": {"a": 100},
}
DEBUG = {"debug_key": "7", "debug_reporting": True}
CONVERSION = {"aggregationService": "https://aggregator.test", "histogramSize": 4}
AR = "/.well-known/attribution-reporting/"
OF_REAL_REPORTS_THAT_WAIT = """
    SELECT position FROM reports WHERE state IN ('pending', 'sending', 'not-sent')
    AND kind IN ('event-level', 'aggregatable')
"""


class Collector:
    """adtech.test: answers as it is told, and takes each report once, not before its time."""

    def __init__(self) -> None:
        self.status = 200
        self.now: Callable[[], int] = int
        self.reachable = True
        self.taken: set[tuple[str, str]] = set()
        self.hastened: set[str] = set()
        """Ids of reports whose time is not to be asked: their owner had them sent, or they were loaded."""
        self.wrong: list[str] = []

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        document = json.loads(body) if request.path.startswith(AR) else None
        if isinstance(document, dict):  # messages for debugging have no ids
            info = json.loads(document.get("shared_info", "null")) or document
            self._read(request.path, info["report_id"], int(info.get("scheduled_report_time", 0)) * SECOND)
        if not self.reachable:
            self.wrong.append("a report was sent while the profile was offline")
        return web.Response(status=self.status)

    def _read(self, path: str, report: str, due: int) -> None:
        early = due >= self.now() + SECOND  # bodies have whole seconds
        if early and "debug" not in path and report not in self.hastened:
            self.wrong.append(f"{report} was sent at {self.now()}, and is due {due}")
        if self.status == 200:
            if (path, report) in self.taken:
                self.wrong.append(f"{report} was taken twice")
            self.taken.add((path, report))

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/{path:.*}", self.take)
        return app


class OwnerMachine(RuleBasedStateMachine):
    """An agent, in memory or on a kept profile, whose wall clock goes on by a rule."""

    @initialize(frozen=st.booleans(), kept=st.booleans(), seed=st.sampled_from([None, 1]))
    def start(self, frozen: bool, kept: bool, seed: int | None) -> None:
        self.runner, self.folder = asyncio.Runner(), Path(tempfile.mkdtemp(prefix="tallyhost-owner-"))
        self.frozen, self.kept, self.seed = frozen, kept, seed
        self.wall = self.latest = DEFAULT_FROZEN_START
        self.collector, self.saved = Collector(), list[Path]()
        self.profile = 0
        self.do(self.open())
        self.live_before()

    def live_before(self) -> None:
        """One saved state has reports of every fate, and this agent has lived since then, or has it yet to load."""
        self.source("https://adtech.test", "news.test", DEBUG)
        self.trigger("https://adtech.test", {})
        self.collector.status = 404
        self.send_pending()
        self.collector.status = 200
        for origin in ("https://adtech.test", "https://unmapped.test"):
            self.source(origin, "news.test", {})
            self.trigger(origin, {})
        self.save()
        if self.kept:
            self.close_and_open(passes=0, runs=False, anew=True)

    def teardown(self) -> None:
        if hasattr(self, "stack"):
            self.do(self.stack.aclose())
            self.runner.close()
            shutil.rmtree(self.folder)

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(asyncio.wait_for(work, 20))

    def refused(self, verb: Verb) -> None:
        """``verb`` raises that it cannot be, and changes nothing."""
        before = self.do(self.everything())
        with pytest.raises(UsageError):
            self.do(called(verb))
        assert self.do(self.everything()) == before

    async def everything(self) -> list[str]:
        return await self.agent._database.transact("dump", lambda connection: list(connection.iterdump()))

    async def open(self) -> None:
        where = self.folder / f"profile-{self.profile}" if self.kept else ":memory:"
        clock = Clock.frozen() if self.frozen else Clock(lambda: self.wall)
        self.stack, rules = AsyncExitStack(), settings_for(noise=False)
        opened = Agent.open_profile(where, clock=clock, seed=self.seed, settings=rules)
        self.agent = await self.stack.enter_async_context(opened)
        self.agent.map("adtech.test", self.collector.app())
        self.collector.now, self.collector.reachable = self.agent.clock.now, True

    def reports(self) -> list[Report]:
        return self.do(self.agent.reports.all())

    def hasten(self, reports: list[Report]) -> None:
        self.collector.hastened |= {getattr(report.content, "report_id", report.id) for report in reports}

    # Time.

    @rule(step=STEPS)
    def advance(self, step: int | str) -> None:
        self.do(called(lambda: self.agent.clock.advance(step)))

    @rule(passes=st.sampled_from([0, DAY]))
    def next(self, passes: int) -> None:
        self.wall += passes
        due = self.do(self.agent.clock.next())
        assert due is None or self.agent.clock.now() >= due

    @rule(passes=st.sampled_from([0, 1, HOUR, 3 * DAY]))
    def freeze(self, passes: int) -> None:
        self.do(self.agent.clock.freeze())
        self.wall += passes

    @precondition(lambda self: not self.frozen)
    @rule(speed=st.sampled_from([1, "10x", 10_000]), passes=st.sampled_from([1, HOUR]))
    def run(self, speed: int | str, passes: int) -> None:
        self.do(self.agent.clock.run(speed))
        self.wall += passes

    # What pages do.

    @rule(origin=ORIGINS, site=SITES, more=st.sampled_from([{}, DEBUG, {"expiry": "86400"}, {"destination": 3}]))
    def source(self, origin: str, site: str, more: dict[str, Any]) -> None:
        fields = {REGISTER_SOURCE: json.dumps(SOURCE | more).encode()}
        kind = Eligibility.NAVIGATION_SOURCE
        response = RegistrationResponse(f"https://{site}", f"{origin}/s", kind, fields, debug_permission=True)
        self.do(self.agent.register(response))

    @rule(origin=ORIGINS, more=st.sampled_from([{}, DEBUG, {"event_trigger_data": [{"priority": "9"}]}]))
    def trigger(self, origin: str, more: dict[str, Any]) -> None:
        fields = {REGISTER_TRIGGER: json.dumps(TRIGGER | more).encode()}
        kind = Eligibility.TRIGGER
        response = RegistrationResponse("https://shop.test", f"{origin}/t", kind, fields, debug_permission=True)
        self.do(self.agent.register(response))

    @rule(site=SITES, days=st.sampled_from([1, 30]))
    def impression(self, site: str, days: int) -> None:
        options = {"histogramIndex": 1, "lifetimeDays": days}
        self.do(self.agent.save_impression(Dialect.CURRENT, CallContext(site), options))

    @rule(origin=st.none() | ORIGINS)
    def conversion(self, origin: str | None) -> None:
        url = origin and f"{origin}/conversion"
        context = CallContext("shop.test")
        self.do(self.agent.measure_conversion(Dialect.CURRENT, context, CONVERSION, report_url=url))

    # What goes wrong.

    @rule(
        host=st.sampled_from(["adtech.test", "*.test", "*"]),
        how=st.sampled_from([{"fail": 1}, {"reset": "50%", "times": 2}, {"fail": 1, "status": 404}]),
    )
    def chaos(self, host: str, how: dict[str, Any]) -> None:
        self.do(called(lambda: self.agent.chaos.set(host, **how)))

    @rule()
    def end_chaos(self) -> None:
        self.do(called(self.agent.chaos.clear))
        self.refused(lambda: self.agent.chaos.clear("adtech.test"))

    @rule(status=st.sampled_from([200, 200, 503]))
    def server(self, status: int) -> None:
        self.collector.status = status

    @rule(offline=st.booleans())
    def set_offline(self, offline: bool) -> None:
        self.collector.reachable = self.collector.reachable or not offline
        self.do(self.agent.set_offline(offline))
        self.collector.reachable = not offline

    @rule(enabled=st.booleans())
    def local_testing(self, enabled: bool) -> None:
        set_local_testing_mode(self.agent, enabled=enabled)

    # Reports.

    @rule(state=st.sampled_from(ReportState), offline=st.booleans())
    def send(self, state: ReportState, offline: bool) -> None:
        self.set_offline(offline)
        if reports := [report for report in self.reports() if report.state is state]:
            report = reports[0]
            self.hasten([report])
            if report.state in WAITING | {ReportState.FAILED}:
                self.do(self.agent.reports.send(report.id))
            else:
                self.refused(lambda: self.agent.reports.send(report.id))

    @rule()
    def send_pending(self) -> None:
        self.hasten(self.reports())
        self.do(self.agent.reports.send_pending())

    @rule(pick=PICKS)
    def drop(self, pick: int) -> None:
        if reports := self.reports():
            dropped = self.do(self.agent.reports.drop(reports[pick % len(reports)].id))
            self.refused(lambda: self.agent.reports.drop(dropped.id))

    # Refusals.

    @rule(step=st.sampled_from([-1, "-1s", "soon", LATEST]))
    def ask_for_what_cannot_be(self, step: int | str) -> None:
        agent, none = self.agent, self.folder / "none"
        none.write_text("no saved state, but longer than a header")
        verbs: list[Verb] = [
            lambda: agent.clock.advance(step),
            lambda: agent.clock.to(agent.clock.now() - 1),
            lambda: agent.clock.to("10000-01-01"),
            lambda: agent.clock.run(0.5),
            lambda: agent.chaos.set("adtech.test", fail=2),
            lambda: agent.state.load(none),
            lambda: agent.state.load(self.folder),
            lambda: agent.state.clear(site="com"),
            lambda: agent.reports.drop("no id"),
            lambda: agent.explain("event:0"),
        ]
        before = self.do(self.everything()), agent.clock.now(), agent.chaos.document()
        for verb in verbs:
            with pytest.raises((TallyhostError, ValueError)):
                self.do(called(verb))
        assert (self.do(self.everything()), agent.clock.now(), agent.chaos.document()) == before

    # Memory.

    @rule()
    def save(self) -> None:
        self.saved.append(self.folder / f"{len(self.saved)}.state")
        self.do(self.agent.state.save(self.saved[-1]))

    @precondition(lambda self: self.saved)
    @rule(pick=PICKS)
    def load(self, pick: int) -> None:
        self.collector.taken.clear()  # what was sent since then waits again
        self.do(self.agent.state.load(self.saved[pick % len(self.saved)]))
        self.hasten(self.reports())

    @precondition(lambda self: self.kept)
    @rule(passes=st.sampled_from([0, DAY]), runs=st.booleans(), anew=st.booleans())
    def close_and_open(self, passes: int, runs: bool, anew: bool) -> None:
        """A profile goes on where it was, with a clock that stands or, from then on, with one that goes."""
        self.do(self.stack.aclose())
        self.wall += passes
        self.frozen = self.frozen and not runs
        if anew:
            self.profile += 1
            self.collector.taken.clear()
        self.do(self.open())
        if anew:
            self.latest = self.agent.clock.now()

    @rule(site=SITES, keep=st.booleans())
    def clear(self, site: str, keep: bool) -> None:
        self.do(self.agent.state.clear(site=site, keep_history=keep))
        assert not self.waiting_for(f"https://{site}/")
        if not keep:
            assert site not in {one.impression_site for one in self.do(self.agent.state.impressions())}
            sources = self.do(self.agent.state.sources())
            assert f"https://{site}" not in {one.registrant.context_site for one in sources}

    @rule(origin=ORIGINS)
    def clear_origin(self, origin: str) -> None:
        self.do(self.agent.clear_reporting_origin(origin))
        assert not self.waiting_for(f"{origin}/")

    @rule(reset=st.booleans())
    def forget_everything(self, reset: bool) -> None:
        self.do(self.agent.state.reset() if reset else self.agent.state.clear_history())
        assert not self.do(self.agent.state.impressions())
        assert not self.do(self.agent.state.sources())
        assert not self.waiting_for("https://")
        assert not reset or self.reports() == []

    def waiting_for(self, beginning: str) -> list[Report]:
        """The real reports that are still to be sent to URLs that begin so."""
        waiting = [one for one in self.reports() if one.state in WAITING and one.kind in REAL]
        return [one for one in waiting if (one.delivered_to or "").startswith(beginning)]

    # What holds.

    @invariant()
    def everything_holds(self) -> None:
        if hasattr(self, "agent"):
            self.do(self.agree())
            self.do(self.tell())

    async def agree(self) -> None:
        """The facades agree with one another, with the store and with what arrived."""
        agent = self.agent
        await agent.clock.advance(0)
        now = agent.clock.now()
        assert now >= self.latest
        self.latest = now
        assert self.collector.wrong == []
        events, reports = await agent.events.all(), await agent.reports.all()
        assert all(event.time <= now for event in events)
        states = Counter(report.state for report in reports)
        assert await agent.reports.count_by_state() == states
        assert ReportState.SENDING not in states
        due = [one.next_attempt for one in reports if one.state is ReportState.PENDING and one.next_attempt]
        assert await agent.reports.next_due() == min(due, default=None)
        assert not self.collector.reachable or agent.clock.speed or min(due, default=LATEST) > now
        assert all(one.expiry_time > now for one in await agent.state.sources())
        summary = await agent.state.summary()
        assert summary.impressions == len(await agent.state.impressions())
        assert summary.budgets == len(await agent.state.budgets())
        waiting = await agent.state.sql(OF_REAL_REPORTS_THAT_WAIT)
        found = await agent.state.sql("SELECT position FROM pending_attribution_reports")
        assert sorted(waiting.rows) == sorted(found.rows)

    async def tell(self) -> None:
        """The latest events and reports have their explanation, and every view of the state can be told as JSON."""
        agent = self.agent
        wanted = [f"event:{event.id}" for event in (await agent.events.latest(5)).rows]
        wanted += [f"report:{report.id}" for report in (await agent.reports.latest(5)).rows]
        for name in wanted:
            json.dumps(await OPERATIONS["explain"](agent, {"id": name}))
        for what in SHOWN:
            json.dumps(await OPERATIONS["state.show"](agent, {"what": what, "limit": 5}))


async def called(verb: Verb) -> None:
    """Call ``verb`` where a loop runs, and wait for what it gives."""
    given = verb()
    if isinstance(given, Awaitable):
        await given
    await asyncio.sleep(0)


TestOwner = OwnerMachine.TestCase
TestOwner.settings = settings(
    max_examples=10,
    stateful_step_count=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)
