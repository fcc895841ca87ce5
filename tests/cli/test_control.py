from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import aiohttp
import pytest

from agent.cli.control import control_endpoint
from agent.cli.running import find_running
from agent.model.clock import DEFAULT_FROZEN_START
from agent.runtime import Agent
from storage.profile import Control


class Clock:
    """As much of an agent's clock as the questions of this module need."""

    def __init__(self) -> None:
        self.moved = 0
        self.speed = 0

    def now(self) -> int:
        return DEFAULT_FROZEN_START + self.moved

    async def advance(self, by: str) -> int:
        if by != "2d":
            raise ValueError(f"{by!r} is no duration")
        self.moved += 172_800_000
        return self.now()


@pytest.fixture
def agent() -> Agent:
    return cast("Agent", SimpleNamespace(clock=Clock()))


async def post(control: Control, name: str, asked: object, **headers: str) -> tuple[int, Any]:
    every = {"Authorization": f"Bearer {control.token}", **headers}
    async with (
        aiohttp.ClientSession() as client,
        client.post(f"{control.address}/v1/{name}", json=asked, headers=every) as response,
    ):
        return response.status, await response.json() if response.content_type == "application/json" else None


async def test_it_answers_who_has_the_token(agent: Agent) -> None:
    async with control_endpoint(agent, ":memory:") as control:
        assert await post(control, "time.advance", {"by": "2d"}) == (
            200,
            {"schema": 1, "now": "2026-01-07T09:00:00+00:00", "milliseconds": 1_767_776_400_000, "speed": 0},
        )


async def test_its_address_is_announced_only_while_it_runs(agent: Agent) -> None:
    async with control_endpoint(agent, ":memory:") as control:
        assert control.address.startswith("http://127.0.0.1:")
        assert find_running(":memory:") == control
    assert find_running(":memory:") is None


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": ""}, 401),
        ({"Authorization": "Bearer guess"}, 401),
        ({"Authorization": "Bearer gu\u00e9ss"}, 401),
        ({"Origin": "https://news.test"}, 403),
        ({"Origin": "null"}, 403),
        ({"Content-Type": "text/plain"}, 403),
        ({"Host": "rebound.test"}, 421),
        ({"Host": "localhost"}, 421),
    ],
    ids=str,
)
async def test_a_page_cannot_reach_it(agent: Agent, headers: dict[str, str], status: int) -> None:
    async with control_endpoint(agent, ":memory:") as control:
        assert (await post(control, "time.advance", {"by": "2d"}, **headers))[0] == status
    assert agent.clock.now() == DEFAULT_FROZEN_START


async def test_a_preflight_gets_no_permission(agent: Agent) -> None:
    asks = {
        "Origin": "https://news.test",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    async with (
        control_endpoint(agent, ":memory:") as control,
        aiohttp.ClientSession() as client,
        client.options(f"{control.address}/v1/time.now", headers=asks) as response,
    ):
        assert response.status == 403
        assert not [name for name in response.headers if name.lower().startswith("access-control-")]


async def test_an_operation_it_does_not_have_is_named(agent: Agent) -> None:
    async with control_endpoint(agent, ":memory:") as control:
        status, answer = await post(control, "state.polish", {})
    assert status == 404
    assert "state.polish" in answer["error"]["what"]


@pytest.mark.parametrize("asked", [[], "text", 7])
async def test_a_body_that_is_no_object_is_refused(agent: Agent, asked: object) -> None:
    async with control_endpoint(agent, ":memory:") as control:
        status, _ = await post(control, "time.now", asked)
    assert status == 400


async def test_a_body_of_no_known_coding_and_one_that_is_nested_too_deep_are_refused(agent: Agent) -> None:
    async with control_endpoint(agent, ":memory:") as control, aiohttp.ClientSession() as client:
        for kind, body in (("application/json; charset=nothing", b"{}"), ("application/json", b"[" * 100_000)):
            headers = {"Authorization": f"Bearer {control.token}", "Content-Type": kind}
            async with client.post(f"{control.address}/v1/time.now", data=body, headers=headers) as response:
                assert response.status == 400
                assert "one JSON object" in (await response.json())["error"]["what"]


async def test_a_token_in_no_coding_is_refused(agent: Agent) -> None:
    async with control_endpoint(agent, ":memory:") as control:
        host, _, port = control.address.removeprefix("http://").rpartition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        fields = f"Host: {host}:{port}\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n"
        writer.write(b"POST /v1/time.now HTTP/1.1\r\n%bAuthorization: Bearer \xff\r\n\r\n{}" % fields.encode())
        assert (await reader.read()).startswith(b"HTTP/1.1 401 ")
        writer.close()


async def test_a_refused_operation_travels_as_an_error_with_its_exit_code(agent: Agent) -> None:
    async with control_endpoint(agent, ":memory:") as control:
        status, answer = await post(control, "time.advance", {"by": "soon"})
    assert status == 400
    assert answer["error"]["exit_code"] == 2
    assert "soon" in answer["error"]["what"]
