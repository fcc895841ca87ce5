"""Reports of Attribution Reporting on the real network of one machine: from the store to a collector, and opened."""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from aiohttp import web

from agent.crypto.aggregatable_payload import Payload, open_payload, read_payload
from agent.crypto.keys import generate_key
from agent.crypto.public_keys import KEYS_PATH
from agent.model.attribution_reporting.eligibility import (
    REGISTER_SOURCE,
    REGISTER_TRIGGER,
    Eligibility,
    RegistrationResponse,
)
from agent.model.attribution_reporting.limits import COORDINATORS
from agent.model.attribution_reporting.reports import AggregatableContent, Contribution
from agent.model.clock import Clock
from agent.model.reports import Report, ReportKind, ReportState
from agent.model.rng import SeededRng
from agent.runtime import Agent
from storage import reports
from tests.conformance_data import REPOSITORY
from tests.delivery.attribution_reports import AGGREGATABLE, DEBUG, NOW, REAL, WELL_KNOWN, attribution_report

HOST = "reporter.test"
PATH = "/.well-known/attribution-reporting"


@dataclass
class Collector:
    """A reporting origin's server: keeps what is posted."""

    posted: list[tuple[str, list[tuple[str, str]], bytes]] = field(default_factory=list)

    @property
    def app(self) -> web.Application:
        async def keep(request: web.Request) -> web.Response:
            self.posted.append((request.path, list(request.headers.items()), await request.read()))
            return web.Response()

        app = web.Application()
        app.router.add_post("/{path:.*}", keep)
        return app


@asynccontextmanager
async def agent_with(profile: Path | str, *added: Report) -> AsyncIterator[Agent]:
    async with Agent.open_profile(profile, seed=3, clock=Clock.frozen(NOW)) as agent:
        for report in added:
            await agent._database.transact("insert", lambda c, r=report: reports.insert(c, r))  # type: ignore[misc]
        yield agent


def aggregatable(coordinator: str) -> Report:
    content = replace(AGGREGATABLE, coordinator=coordinator)
    return replace(attribution_report(ReportKind.AGGREGATABLE), content=content)


async def test_every_kind_arrives_at_its_well_known_path() -> None:
    collector = Collector()
    added = [attribution_report(kind, number) for number, kind in enumerate([*REAL, *DEBUG])]
    own = [
        replace(report, content=replace(report.content, coordinator=COORDINATORS[0]))
        if isinstance(report.content, AggregatableContent)
        else report
        for report in added
    ]
    async with agent_with(":memory:", *own) as agent:
        agent.map(HOST, collector.app)
        await agent.clock.advance(0)
        assert [report.state for report in await agent.reports.all()] == [ReportState.SENT] * len(own)
    assert sorted(f"https://{HOST}{path}" for path, _, _ in collector.posted) == sorted(
        report.delivered_to or "" for report in own
    )


async def test_the_collector_sees_the_fields_of_chromium_in_their_order() -> None:
    collector = Collector()
    async with agent_with(":memory:", attribution_report()) as agent:
        agent.map(HOST, collector.app)
        await agent.clock.advance(0)
    ((_, fields, body),) = collector.posted
    assert [name for name, _ in fields] == [
        *("Host", "Connection", "Content-Length", "Pragma", "Cache-Control", "Content-Type", "Origin"),
        *("Sec-Fetch-Site", "Sec-Fetch-Mode", "Sec-Fetch-Dest", "User-Agent", "Accept-Encoding"),
    ]
    assert dict(fields)["Host"] == HOST
    assert dict(fields)["Content-Length"] == str(len(body))


@pytest.mark.parametrize("coordinator", COORDINATORS)
async def test_the_agents_own_coordinator_answers_for_the_real_ones_and_its_key_opens_the_payload(
    coordinator: str,
) -> None:
    collector = Collector()
    async with agent_with(":memory:", aggregatable(coordinator)) as agent:
        agent.map(HOST, collector.app)
        await agent.clock.advance(0)
        key = agent.service_keys.current
    ((_, _, body),) = collector.posted
    report = json.loads(body)
    assert report["aggregation_coordinator_origin"] == coordinator
    (payload,) = report["aggregation_service_payloads"]
    assert payload["key_id"] == key.id.hex()
    plaintext = open_payload(base64.b64decode(payload["payload"]), report["shared_info"], key.private_key)
    assert plaintext is not None
    opened = read_payload(plaintext)
    assert isinstance(opened, Payload)
    assert opened.data[:2] == AGGREGATABLE.contributions


async def test_a_coordinator_that_the_user_maps_wins() -> None:
    pair = generate_key(SeededRng(9))

    async def keys(_: web.Request) -> web.Response:
        return web.json_response({"keys": [{"id": "theirs", "key": base64.b64encode(pair.public_key).decode()}]})

    app = web.Application()
    app.router.add_get(KEYS_PATH, keys)
    collector = Collector()
    async with agent_with(":memory:", aggregatable(COORDINATORS[1])) as agent:
        agent.map("*.privacysandboxservices.com", app)
        agent.map(HOST, collector.app)
        await agent.clock.advance(0)
    ((_, _, body),) = collector.posted
    assert json.loads(body)["aggregation_service_payloads"][0]["key_id"] == "theirs"


async def test_a_coordinator_that_is_not_mapped_is_never_asked_and_the_report_waits_for_it() -> None:
    collector = Collector()
    async with agent_with(":memory:", aggregatable("https://coordinator.test")) as agent:
        agent.map(HOST, collector.app)
        await agent.clock.advance("30d")
        (kept,) = await agent.reports.all()
        assert (kept.state, kept.last_result) == (
            ReportState.NOT_SENT,
            "not sent: host not mapped (coordinator.test)",
        )


async def test_reports_due_survive_the_end_of_the_agent(tmp_path: Path) -> None:
    collector = Collector()
    async with agent_with(tmp_path / "profile", attribution_report(due=NOW + 60_000)):
        pass
    async with agent_with(tmp_path / "profile") as agent:
        agent.map(HOST, collector.app)
        await agent.clock.advance("1m")
    assert [path for path, _, _ in collector.posted] == [f"{PATH}/report-event-attribution"]


KILLED_WHILE_SENDING = """
import asyncio, sys
from pathlib import Path
from tests.runtime.test_outgoing_attribution import HOST, agent_with, attribution_report

async def main():
    async with agent_with(Path(sys.argv[1]), attribution_report()) as agent:
        agent.map(HOST, sys.argv[2])
        await agent.clock.advance(0)

asyncio.run(main())
"""


async def test_a_report_on_its_way_survives_that_the_agent_is_killed(tmp_path: Path) -> None:
    reached = asyncio.Event()

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        reached.set()
        await reader.read()
        writer.close()

    async with await asyncio.start_server(hang, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        command = [sys.executable, "-c", KILLED_WHILE_SENDING, str(tmp_path / "profile"), f"http://127.0.0.1:{port}"]
        process = await asyncio.create_subprocess_exec(*command, cwd=REPOSITORY)
        await asyncio.wait_for(reached.wait(), 30)
        process.kill()
        await process.wait()
    collector = Collector()
    async with agent_with(tmp_path / "profile") as agent:
        (kept,) = await agent.reports.all()
        assert (kept.state, kept.attempts) == (ReportState.SENDING, 1)
        agent.map(HOST, collector.app)
        await agent.clock.advance("1m")
        (sent,) = await agent.reports.all()
        assert (sent.state, sent.attempts) == (ReportState.SENT, 1)
    assert [path for path, _, _ in collector.posted] == [f"{PATH}/report-event-attribution"]


async def test_an_offline_agent_sends_nothing_until_it_is_online_again() -> None:
    collector = Collector()
    async with agent_with(":memory:", attribution_report()) as agent:
        agent.map(HOST, collector.app)
        await agent.set_offline(True)
        await agent.clock.advance("1h")
        assert collector.posted == []
        await agent.set_offline(False)
        await agent.clock.advance("1m")
    assert len(collector.posted) == 1


async def test_a_server_that_sends_a_body_without_end_is_not_waited_for() -> None:
    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(bytes(1 << 16))
            await asyncio.sleep(0)

    app = web.Application()
    app.router.add_post("/{path:.*}", endless)
    async with agent_with(":memory:", attribution_report()) as agent:
        agent.map(HOST, app)
        async with asyncio.timeout(10):
            await agent.clock.advance(0)
        (sent,) = await agent.reports.all()
    assert (sent.state, sent.last_result) == (ReportState.SENT, "200")
    assert sent.delivered_to == f"{WELL_KNOWN}/report-event-attribution"


SOURCE = {
    "destination": "https://shop.test",
    "aggregation_keys": {"campaignCounts": "0x159", "geoValue": "0x5"},
    "debug_key": "5",
}
TRIGGER = {
    "aggregatable_trigger_data": [
        {"key_piece": "0x400", "source_keys": ["campaignCounts"]},
        {"key_piece": "0xA80", "source_keys": ["geoValue"]},
    ],
    "aggregatable_values": {"campaignCounts": 32_768, "geoValue": 1_664},
    "debug_key": "6",
}


async def register(agent: Agent, context: str, field: str, value: object) -> None:
    response = RegistrationResponse(
        context_origin=context,
        url=f"https://{HOST}/register",
        eligibility=Eligibility.EVENT_SOURCE_OR_TRIGGER,
        fields={field: json.dumps(value).encode()},
        debug_permission=True,
    )
    await agent.register(response)


async def test_the_worked_example_arrives_at_once_as_debug_copy_and_within_ten_minutes_as_report() -> None:
    collector = Collector()
    async with agent_with(":memory:") as agent:
        agent.map(HOST, collector.app)
        await register(agent, "https://news.test", REGISTER_SOURCE, SOURCE)
        await register(agent, "https://shop.test", REGISTER_TRIGGER, TRIGGER)
        await agent.clock.advance(0)
        assert [path for path, _, _ in collector.posted] == [f"{PATH}/debug/report-aggregate-attribution"]
        await agent.clock.advance("10m")
        assert [path for path, _, _ in collector.posted[1:]] == [f"{PATH}/report-aggregate-attribution"]
        private_key = agent.service_keys.current.private_key
    copy, report = (json.loads(body) for _, _, body in collector.posted)
    assert copy["shared_info"] == report["shared_info"]
    for one in (copy, report):
        (payload,) = one["aggregation_service_payloads"]
        plaintext = open_payload(base64.b64decode(payload["payload"]), one["shared_info"], private_key)
        assert plaintext == base64.b64decode(payload["debug_cleartext_payload"])
        opened = read_payload(plaintext)
        assert isinstance(opened, Payload)
        assert opened.data == (Contribution(0x559, 32_768), Contribution(0xA85, 1_664), *[Contribution(0, 0)] * 18)


async def test_a_clock_that_is_moved_twice_at_once_leaves_nothing_unsent() -> None:
    collector = Collector()
    async with agent_with(":memory:", attribution_report(due=NOW + 2)) as agent:
        agent.map(HOST, collector.app)
        await asyncio.gather(agent.clock.advance(1), agent.clock.advance(1))
        assert len(collector.posted) == 1
