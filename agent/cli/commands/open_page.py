"""``tallyhost open``: a page in the agent, and what the agent does while it is open."""

from __future__ import annotations

import asyncio
import signal

import rich_click as click

from agent.cli.control import control_endpoint
from agent.cli.launch import launch_agent
from agent.cli.operations import event_document
from agent.cli.output import Output
from agent.cli.session import AGENT_FLAGS, Session, with_session
from agent.model.events import Event
from agent.runtime import Agent


@click.command("open")
@click.argument("url")
@click.option("--exit", "leave", is_flag=True, help="Leave once the page has loaded; otherwise Ctrl-C leaves.")
@with_session(*AGENT_FLAGS)
def open_page(session: Session, url: str, leave: bool) -> None:
    """Open URL in the agent and show what it does; `state`, `time`, `reports` and `explain` reach it meanwhile."""
    asyncio.run(_open(session, url, leave))


async def _open(session: Session, url: str, leave: bool) -> None:
    output = session.output
    stop = asyncio.Event()
    for ending in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(ending, stop.set)
    async with launch_agent(session.config) as agent, control_endpoint(agent, session.config.profile) as control:
        profile = session.config.profile
        if output.as_json:
            output.document({"agent": {"address": control.address, "pid": control.pid, "profile": profile}})
        else:
            output.note(f"profile {profile}  control {control.address}  {'' if leave else 'Ctrl-C leaves'}")
        async with asyncio.TaskGroup() as group:
            follower = group.create_task(_follow(agent, output))
            page = await agent.new_page(url)
            page.on("close", lambda _: stop.set())
            if leave:
                await page.wait_for_load_state("networkidle")
            else:
                await stop.wait()
            follower.cancel()


async def _follow(agent: Agent, output: Output) -> None:
    async for event in agent.events:
        show_event(event, output)


def show_event(event: Event, output: Output) -> None:
    """Print one event: its document, or one line."""
    document = event_document(event)
    if output.as_json:
        output.document({"event": document})
    else:
        clock = document["time"][11:19]
        output.line(f"{clock}  {event.site:<20}  {event.kind:<16}  {event.verdict:<16}  {event.summary}")
