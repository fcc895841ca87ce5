"""How a command reaches an agent: the running one through its control endpoint, else the profile at rest."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.cli.output import Document
from agent.cli.session import Session
from agent.model.errors import HostEnvironmentError, TallyhostError, UsageError

if TYPE_CHECKING:
    from agent.cli.config import Config
    from storage.profile import Control

_PATIENCE, _PATIENCE_TO_CONNECT = 120, 5
"""Seconds."""
_EXIT_CODES = {kind.exit_code: kind for kind in (TallyhostError, UsageError, HostEnvironmentError)}


class NoAgent(HostEnvironmentError):  # noqa: N818 - what happened, in the words of the message
    """The profile is in memory, and no agent runs that has one."""

    def __init__(self) -> None:
        super().__init__(
            "no agent with a profile in memory is running",
            rule="what is in memory goes with its agent",
            fix="start one with `tallyhost open URL`, or name a kept profile with --profile DIR",
        )


def ask(session: Session, name: str, **asked: Any) -> Document:
    """The answer of the profile's agent to the operation ``name``.

    Raises TallyhostError as the operation does, and HostEnvironmentError where there is no agent to ask.
    """
    import asyncio  # noqa: PLC0415 - slow to import, and `--help` asks nobody

    return asyncio.run(ask_agent(session.config, name, asked))


async def ask_agent(config: Config, name: str, asked: Mapping[str, Any]) -> Document:
    """See :func:`ask`, for what runs in an event loop already."""
    from agent.cli.config import MEMORY  # noqa: PLC0415 - see ask
    from agent.cli.running import find_running  # noqa: PLC0415

    profile = config.profile
    control = find_running(profile)
    if control is not None:
        import aiohttp  # noqa: PLC0415

        try:
            return await _ask_running(control, name, asked)
        except aiohttp.ClientConnectorError:
            pass  # left behind by an agent that was killed: the profile is at rest
    if profile == MEMORY:
        raise NoAgent
    # Slow to import, and a running agent needs none of it here.
    from agent.cli.operations import OF_RUNNING_AGENTS, OPERATIONS  # noqa: PLC0415

    if name in OF_RUNNING_AGENTS:
        raise HostEnvironmentError(
            "no agent is running on this profile",
            where=profile,
            rule="chaos, and how fast the clock goes, end with their agent",
            fix=f"start one with `tallyhost open URL --profile {profile}`",
        )
    from agent.cli.launch import settings_of  # noqa: PLC0415
    from agent.runtime import Agent  # noqa: PLC0415

    async with Agent.open_profile(_existing(profile), settings=settings_of(config)) as agent:
        return await OPERATIONS[name](agent, asked)


def _existing(profile: str) -> Path:
    folder = Path(profile).expanduser()
    if not folder.is_dir():
        raise UsageError("no such profile", where=profile, fix="`tallyhost open URL --profile DIR` makes one")
    return folder


async def _ask_running(control: Control, name: str, asked: Mapping[str, Any]) -> Document:
    import aiohttp  # noqa: PLC0415 - see ask

    headers = {"Authorization": f"Bearer {control.token}"}
    patience = aiohttp.ClientTimeout(total=_PATIENCE, sock_connect=_PATIENCE_TO_CONNECT)
    async with (
        aiohttp.ClientSession(timeout=patience, headers=headers) as client,
        client.post(f"{control.address}/v1/{name}", json=dict(asked)) as response,
    ):
        if response.content_type != "application/json":
            raise HostEnvironmentError(
                f"the agent answered {response.status}: {(await response.text()).strip()}",
                where=control.address,
                fix="restart the agent, which writes a new control.json",
            )
        document: Document = await response.json()
    if (error := document.get("error")) is not None:
        kind = _EXIT_CODES.get(error["exit_code"], TallyhostError)
        raise kind(error["what"], where=error["where"], rule=error["rule"], fix=error["fix"])
    del document["schema"]
    return document
