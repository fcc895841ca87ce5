"""The agent's own reports as a batch, and what an aggregation of them gives."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest
from aiohttp import web

from agent.aggregation.avro import read_facts
from agent.aggregation.report_files import plan_shards, read_records
from agent.model.attribution_reporting.eligibility import (
    REGISTER_SOURCE,
    REGISTER_TRIGGER,
    Eligibility,
    RegistrationResponse,
)
from agent.model.clock import DAY, DEFAULT_FROZEN_START, Clock, format_instant
from agent.runtime import Agent
from tests.cli.conftest import Tallyhost

SOURCE = {"destination": "https://shop.test", "aggregation_keys": {"a": "0x5"}}
TRIGGER = {
    "aggregatable_trigger_data": [{"key_piece": "0x400", "source_keys": ["a"]}],
    "aggregatable_values": {"a": 100},
    "aggregatable_source_registration_time": "include",
}
BUCKET = 0x405
"""The two pieces of the key."""


async def attribute(agent: Agent) -> None:
    """One source, and one trigger that makes an aggregatable report."""
    fields = {REGISTER_SOURCE: json.dumps(SOURCE).encode()}
    await agent.register(
        RegistrationResponse("https://news.test", "https://adtech.test/s", Eligibility.NAVIGATION_SOURCE, fields)
    )
    fields = {REGISTER_TRIGGER: json.dumps(TRIGGER).encode()}
    await agent.register(RegistrationResponse("https://shop.test", "https://adtech.test/t", Eligibility.UNSET, fields))


async def accept(_: web.Request) -> web.Response:
    return web.Response()


def server() -> web.Application:
    """An ad tech's server that takes every report."""
    application = web.Application()
    application.router.add_post("/{path:.*}", accept)
    return application


def profile_with(folder: Path, *, mapped: bool, days: int) -> str:
    """A profile at rest, ``days`` after a report was made for a server that is ``mapped`` or not."""

    async def fill() -> None:
        async with Agent.open_profile(folder, seed=7, clock=Clock.frozen()) as agent:
            if mapped:
                agent.map("adtech.test", server())
            await attribute(agent)
            await agent.clock.advance(f"{days}d")

    asyncio.run(fill())
    return str(folder)


@pytest.fixture
def sent(tmp_path: Path) -> str:
    """A profile whose report has arrived."""
    return profile_with(tmp_path / "sent", mapped=True, days=2)


@pytest.mark.parametrize("name", ["batch.avro", "batch.json", "batch.jsonl"])
def test_what_was_sent_can_be_aggregated_in_every_form(tallyhost: Tallyhost, sent: str, name: str) -> None:
    exported = tallyhost("reports", "export", name, "--profile", sent)
    assert (exported.code, exported.out) == (0, f"1 report in {name}\n")
    # At rest the profile goes by the machine's time, for which the report of the frozen clock is too old.
    now = format_instant(DEFAULT_FROZEN_START + 3 * DAY)
    summed = tallyhost("aggregate", name, "--no-domain", "--noise=off", "--profile", sent, "--now", now)
    assert (summed.code, summed.err) == (0, "")
    assert read_facts(Path("tallyhost-summary/output.avro")) == {BUCKET: 100}


def test_json_keeps_each_report_as_it_was_sent(tallyhost: Tallyhost, sent: str) -> None:
    for name in ("a.json", "a.jsonl"):
        assert tallyhost("reports", "export", name, "--profile", sent).code == 0
    (report,) = json.loads(Path("a.json").read_text())
    assert Path("a.jsonl").read_text() == json.dumps(report, separators=(",", ":")) + "\n"
    (shard,) = plan_shards([Path("a.json")])
    (record,) = read_records(shard)
    assert record.shared_info == report["shared_info"]


def test_reports_of_hosts_that_are_not_mapped_are_exported_where_asked_for(
    tallyhost: Tallyhost, tmp_path: Path
) -> None:
    profile = profile_with(tmp_path / "kept", mapped=False, days=2)
    refused = tallyhost("reports", "export", "a.avro", "--profile", profile)
    assert refused.code == 2
    assert "1 did not arrive" in refused.err
    assert not Path("a.avro").exists()
    exported = tallyhost("reports", "export", "a.avro", "--undelivered", "--profile", profile, "--json")
    assert exported.document == {"file": "a.avro", "reports": 1, "undelivered": 1, "pending": 0}


def test_reports_that_wait_are_told(tallyhost: Tallyhost, tmp_path: Path) -> None:
    profile = profile_with(tmp_path / "waiting", mapped=True, days=0)
    refused = tallyhost("reports", "export", "a.avro", "--profile", profile)
    assert refused.code == 2
    assert "1 wait: `tallyhost time next`" in refused.err


def test_another_kind_is_exported_where_it_is_named(tallyhost: Tallyhost, sent: str) -> None:
    refused = tallyhost("reports", "export", "a.avro", "--kind", "private-aggregation", "--profile", sent)
    assert refused.code == 2
    assert "no report was sent of the kind private-aggregation" in refused.err


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("a.txt",), "a.txt: .txt is no form of reports"),
        (("a",), "a: a name without extension is no form of reports"),
        (
            ("a.avro", "--kind", "aggregatable", "--kind", "aggregatable-debug"),
            "--kind: aggregatable-debug beside aggregatable",
        ),
    ],
)
def test_what_makes_no_batch_is_refused(
    tallyhost: Tallyhost, tmp_path: Path, arguments: tuple[str, ...], what: str
) -> None:
    run = tallyhost("reports", "export", *arguments, "--profile", str(tmp_path / "nowhere"))
    assert run.code == 2
    assert what in run.err
    assert "rule" in run.err
    assert "fix" in run.err
