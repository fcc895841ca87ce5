"""A dashboard on a free port, over an agent without a browser whose clock is frozen."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest_asyncio

from agent.cli.operations import OPERATIONS
from agent.dashboard.app import dashboard_app, serve
from agent.model.attribution_reporting.eligibility import (
    REGISTER_SOURCE,
    REGISTER_TRIGGER,
    Eligibility,
    RegistrationResponse,
)
from agent.model.clock import Clock
from agent.model.settings import Settings
from agent.runtime import Agent

TOKEN = "the token of the run"
SOURCE = {"destination": "https://shop.test", "source_event_id": "12", "aggregation_keys": {"a": "0x5"}}
TRIGGER = {
    "event_trigger_data": [{"trigger_data": "3"}],
    "aggregatable_trigger_data": [{"key_piece": "0x400", "source_keys": ["a"]}],
    "aggregatable_values": {"a": 100},
}


@dataclass(frozen=True)
class Answer:
    """What a request got."""

    status: int
    text: str
    headers: Mapping[str, str]

    @property
    def json(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.text)
        return document


@dataclass(frozen=True)
class Dashboard:
    """A dashboard that is asked over its port."""

    agent: Agent
    address: str
    client: aiohttp.ClientSession

    @property
    def host(self) -> str:
        return self.address.removeprefix("http://")

    async def ask(self, method: str, path: str, **options: Any) -> Answer:
        async with self.client.request(method, f"{self.address}{path}", allow_redirects=False, **options) as response:
            return Answer(response.status, await response.text(), response.headers)

    async def get(self, path: str, **headers: str) -> Answer:
        return await self.ask("GET", path, headers=headers)

    async def api(self, method: str, path: str, body: object = None) -> Answer:
        """A request of the control API with the token."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        return await self.ask(method, f"/api/v1{path}", headers=headers, json=body)

    async def send(self, operation: str, **fields: str) -> Answer:
        """A form of one of its pages."""
        headers = {"Origin": self.address, "Sec-Fetch-Site": "same-origin"}
        return await self.ask("POST", f"/do/{operation}", data={"token": TOKEN, **fields}, headers=headers)


@asynccontextmanager
async def serving(agent: Agent) -> AsyncIterator[Dashboard]:
    """A dashboard of ``agent``."""
    async with serve(dashboard_app(agent, OPERATIONS, token=TOKEN), 0) as port, aiohttp.ClientSession() as client:
        yield Dashboard(agent, f"http://127.0.0.1:{port}", client)


@pytest_asyncio.fixture
async def dashboard() -> AsyncIterator[Dashboard]:
    """A dashboard of an agent to which nothing has happened yet."""
    opened = Agent.open_profile(":memory:", seed=7, clock=Clock.frozen(), settings=Settings())
    async with opened as agent, serving(agent) as dashboard:
        yield dashboard


async def register(agent: Agent, *, source: object = SOURCE, trigger: object = TRIGGER) -> None:
    """A click on news.test and what it leads to on shop.test, both told to adtech.test."""
    fields = {REGISTER_SOURCE: json.dumps(source).encode()}
    clicked = RegistrationResponse("https://news.test", "https://adtech.test/s", Eligibility.NAVIGATION_SOURCE, fields)
    await agent.register(clicked)
    fields = {REGISTER_TRIGGER: json.dumps(trigger).encode()}
    await agent.register(RegistrationResponse("https://shop.test", "https://adtech.test/t", Eligibility.UNSET, fields))
