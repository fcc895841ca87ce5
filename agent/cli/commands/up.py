"""``tallyhost up``: the agent with its dashboard, until Ctrl-C."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import rich_click as click

from agent.browser.address_bar import open_address
from agent.browser.launch import Browser
from agent.cli.config import MEMORY, Config
from agent.cli.control import ROOT, announced, control_app
from agent.cli.launch import launch_agent
from agent.cli.operations import OPERATIONS
from agent.cli.session import AGENT_FLAGS, Session, with_session
from agent.dashboard.app import DEFAULT_PORT, dashboard_app, serve
from agent.dashboard.guard import LOOPBACK
from agent.model.rng import token
from agent.runtime import Agent


@click.command("up")
@click.argument("url", required=False)
@click.option("--demo", is_flag=True, help="With the demo's sites, beginning with https://home.test/.")
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=DEFAULT_PORT, show_default=True, help="The dashboard's; 0: any."
)
@with_session(*AGENT_FLAGS)
def up(session: Session, url: str | None, demo: bool, port: int) -> None:
    """Start the agent and its dashboard, and open URL in the agent; Ctrl-C stops both."""
    asyncio.run(_up(session, url, port, demo=demo))


async def _up(session: Session, url: str | None, port: int, *, demo: bool) -> None:
    stop = asyncio.Event()
    for ending in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(ending, stop.set)
    config, output, secret = session.config, session.output, token(32)
    # A private agent, or the demo's, never touches the profile folder.
    profile = MEMORY if config.private or demo else config.profile
    async with AsyncExitStack() as stack:
        agent = await stack.enter_async_context(_demo_agent(config) if demo else launch_agent(config))
        # One server and one guard: what the command line asks comes in by the dashboard's door too.
        mounts = {ROOT: control_app(agent, secret)}
        application = dashboard_app(agent, OPERATIONS, token=secret, mounts=mounts)
        bound = await stack.enter_async_context(serve(application, port))
        stack.enter_context(announced(profile, bound, secret))
        address = f"http://{LOOPBACK}:{bound}"
        if output.as_json:
            output.document({"dashboard": address, "token": secret, "profile": profile, "hosts": agent.hosts.mapped()})
        else:
            output.line(f"dashboard  {address}")
            output.line(f"sites      {'  '.join(f'https://{host}' for host in agent.hosts.mapped()) or 'none mapped'}")
            output.note(f"profile    {profile}")
            output.note(f"token      {secret}  (for {address}/api)")
            output.note("Ctrl-C to stop")
        first = url or ("https://home.test/" if demo else None)
        if first is not None:
            await open_address(await agent.new_page(), first)
        await stop.wait()


@asynccontextmanager
async def _demo_agent(config: Config) -> AsyncIterator[Agent]:
    """An agent among the demo's sites; nothing has happened there yet."""
    from agent.cli.commands.demo import DEFAULT_SEED  # noqa: PLC0415 - slow to import
    from agent.journeys.world import World  # noqa: PLC0415
    from agent.model.clock import DEFAULT_FROZEN_START  # noqa: PLC0415

    seed = DEFAULT_SEED if config.seed is None else config.seed
    start = DEFAULT_FROZEN_START if config.now is None else config.now
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(World.open(seed, start, lambda _row: None, config.chromium))
        browser = world.browser
        if config.headed:
            browser = await stack.enter_async_context(Browser(headed=True, executable=config.chromium))
        yield await stack.enter_async_context(world.visitor(browser))
