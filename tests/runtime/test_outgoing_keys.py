"""The keys of an agent's own coordinator: rotated by its clock, and never served before they are safe."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import sys
from pathlib import Path

import pytest

from agent.aggregation.outcome import AggregationResult
from agent.browser.network.client import HostClient
from agent.browser.network.hosts import Refusal
from agent.crypto.aggregatable_payload import open_payload
from agent.crypto.conversion_report import Envelope, read_envelope
from agent.crypto.keys import KeyRing
from agent.crypto.public_keys import KEYS_PATH, parse_key_set
from agent.model.attribution import CallContext, Dialect
from agent.model.attribution_reporting.limits import COORDINATORS
from agent.model.clock import DAY, Clock
from agent.model.errors import HostEnvironmentError, UsageError
from agent.model.key_rotation import KEY_ROTATION
from agent.model.rng import SeededRng
from agent.model.settings import LOCAL_SERVICE, Settings
from agent.runtime import Agent
from agent.runtime.outgoing import keys_of
from storage.profile import Profile
from tests.conformance_data import REPOSITORY
from tests.runtime.test_outgoing_attribution import HOST, Collector, agent_with, aggregatable


async def served_ids(agent: Agent) -> list[str]:
    async with HostClient(agent.hosts) as client:
        answer = await client.fetch("GET", COORDINATORS[0] + KEYS_PATH, [])
    assert not isinstance(answer, Refusal)
    return [key.id for key in parse_key_set(answer.body)]


async def test_a_new_agent_knows_when_its_key_was_made(tmp_path: Path) -> None:
    clock = Clock.frozen()
    async with Agent.open_profile(tmp_path / "profile", clock=clock) as agent:
        assert agent.service_keys.current.made == clock.now()
        assert agent.service_keys.rotation is None


async def test_keys_rotate_by_the_agents_clock_and_each_rotation_is_an_event(tmp_path: Path) -> None:
    async with Agent.open_profile(tmp_path / "profile", clock=Clock.frozen()) as agent:
        ring = agent.service_keys
        ring.rotate_every(7 * DAY)
        first = ring.current
        assert await served_ids(agent) == [first.id.hex()]
        await agent.clock.advance("7d")
        assert await served_ids(agent) == [ring.current.id.hex()]
        assert list(ring) == [first, ring.current]
        (event,) = await agent.events.all(KEY_ROTATION)
        assert (event.time, event.data) == (ring.current.made, {"key_id": ring.current.id.hex(), "due": True})
    async with Agent.open_profile(tmp_path / "profile", clock=Clock.frozen()) as again:
        assert list(again.service_keys) == list(ring)
        assert again.service_keys.rotation == 7 * DAY


async def test_a_report_is_sealed_to_the_key_that_was_due_and_one_sealed_before_still_opens() -> None:
    collector = Collector()
    async with agent_with(":memory:", aggregatable(COORDINATORS[0])) as agent:
        agent.map(HOST, collector.app)
        old = agent.service_keys.current
        agent.service_keys.rotate_every(DAY)
        await agent.clock.advance("1d")
        current = agent.service_keys.current
        private_keys = agent.service_keys.private_keys()
    assert current != old
    assert set(private_keys) == {old.id.hex(), current.id.hex()}
    ((_, _, body),) = collector.posted
    report = json.loads(body)
    (payload,) = report["aggregation_service_payloads"]
    assert payload["key_id"] == current.id.hex()
    sealed = base64.b64decode(payload["payload"])
    assert open_payload(sealed, report["shared_info"], private_keys[payload["key_id"]]) is not None


async def test_the_w3c_service_shares_the_ring_and_opens_what_was_sealed_before_and_after_a_rotation() -> None:
    options = {"aggregationService": LOCAL_SERVICE.url, "histogramSize": 2}
    settings = Settings(minimum_batch=2)
    async with Agent.open_profile(":memory:", seed=1, clock=Clock.frozen(), settings=settings) as agent:
        reports = []
        for _ in range(2):
            body = await agent.measure_conversion(Dialect.CURRENT, CallContext("shop.test", None), options)
            assert isinstance(body, bytes)
            reports.append(body)
            agent.service_keys.rotate(agent.rng, agent.clock.now())
        envelopes = [read_envelope(report) for report in reports]
        ids = [envelope.key_id for envelope in envelopes if isinstance(envelope, Envelope)]
        assert ids == [key.id for key in agent.service_keys][:2]
        result = await agent.aggregate(reports, epsilon=1.0)
        assert isinstance(result, AggregationResult)
        assert result.batch.reports == 2


async def test_a_seeded_profile_that_is_opened_again_never_makes_a_key_twice(tmp_path: Path) -> None:
    ids = set()
    for _ in range(4):
        async with Agent.open_profile(tmp_path / "profile", seed=7, clock=Clock.frozen()) as agent:
            agent.service_keys.rotate(agent.rng, agent.clock.now())
            ids |= {key.id for key in agent.service_keys}
    assert len(ids) == 5


def test_a_rotation_that_cannot_be_written_is_told_and_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_path: Path, _text: str) -> None:
        raise OSError(28, "No space left on device")

    with Profile.open(tmp_path / "profile") as profile:
        keys = keys_of(profile, SeededRng(1), 5)
        before = profile.keys_path.read_text()
        monkeypatch.setattr("agent.runtime.outgoing.write_private", full)
        with pytest.raises(HostEnvironmentError, match="No space left"):
            keys.rotate(SeededRng(2), 6)
        assert [key.made for key in keys] == [5]
        assert profile.keys_path.read_text() == before


@pytest.mark.parametrize("torn", [b"", b"\xff\xfe\x00", b'{"keys": []}', b"[" * 100_000], ids=lambda torn: torn[:12])
async def test_a_torn_key_file_is_told_and_left_as_it_is(tmp_path: Path, torn: bytes) -> None:
    (tmp_path / "profile").mkdir()
    (tmp_path / "profile" / "lock").touch()
    file = tmp_path / "profile" / "keys.json"
    file.write_bytes(torn)
    with pytest.raises(UsageError, match="no key file") as caught:
        async with Agent.open_profile(tmp_path / "profile", clock=Clock.frozen()):
            pass
    assert str(file) in str(caught.value)
    assert file.read_bytes() == torn
    file.unlink()
    async with Agent.open_profile(tmp_path / "profile", clock=Clock.frozen()) as agent:
        assert len(list(agent.service_keys)) == 1


async def test_a_key_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with Profile.open(tmp_path / "profile") as profile:
        profile.keys_path.mkdir()
        with pytest.raises(HostEnvironmentError, match="cannot be read") as caught:
            keys_of(profile, SeededRng(1), 5)
        assert str(profile.keys_path) in str(caught.value)


SERVES_UNTIL_KILLED = """
import asyncio, sys
from pathlib import Path
from agent.model.clock import Clock
from agent.runtime import Agent
from tests.runtime.test_outgoing_keys import served_ids

async def main():
    async with Agent.open_profile(Path(sys.argv[1]), clock=Clock.frozen()) as agent:
        agent.service_keys.rotate_every(1000)
        while True:
            print(*await served_ids(agent), flush=True)
            await agent.clock.advance(1000)

asyncio.run(main())
"""


async def test_every_key_that_was_served_is_there_after_the_agent_was_killed(tmp_path: Path) -> None:
    profile, served = tmp_path / "profile", set()
    for rotations in (1, 4, 9):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", SERVES_UNTIL_KILLED, str(profile), stdout=asyncio.subprocess.PIPE, cwd=REPOSITORY
        )
        assert process.stdout is not None
        for _ in range(rotations):
            served.add((await asyncio.wait_for(process.stdout.readline(), 30)).decode().strip())
        os.kill(process.pid, signal.SIGKILL)
        served |= {line for line in (await process.stdout.read()).decode().splitlines() if len(line) == 16}
        await process.wait()
    ring = KeyRing.from_json((profile / "keys.json").read_text(), where="keys.json")
    assert served <= set(ring.private_keys())
    assert len(served) >= 10
