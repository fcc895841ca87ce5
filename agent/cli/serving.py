"""The agent with its dashboard, until Ctrl-C: what ``tallyhost up`` runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from agent.browser.address_bar import open_address
from agent.cli.config import MEMORY
from agent.cli.control import ROOT, announced, control_app
from agent.cli.launch import browser_of, launch_agent, settings_of
from agent.cli.operations import OPERATIONS
from agent.cli.session import Session
from agent.cli.stopping import told_to_stop
from agent.dashboard.app import dashboard_app, serve
from agent.dashboard.guard import LOOPBACK
from agent.model.errors import UsageError
from agent.model.rng import token
from agent.model.tasks import Tasks
from agent.runtime import Agent


async def serve_agent(session: Session, url: str | None, port: int, *, demo: bool) -> None:
    """Serve the dashboard at ``port`` and open ``url``; with ``demo`` the agent is a visitor of the demo's sites."""
    stop = told_to_stop()
    config, output, secret = session.config, session.output, token(32)
    # A private agent, or the demo's, never touches the profile folder.
    profile = MEMORY if config.private or demo else config.profile
    async with AsyncExitStack() as stack:
        agent = await stack.enter_async_context(demo_agent(session) if demo else launch_agent(config))
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
async def demo_agent(session: Session) -> AsyncIterator[Agent]:
    """An agent among the demo's sites, with the settings of ``session``; nothing has happened there yet."""
    from agent.cli.commands.demo import DEFAULT_SEED  # noqa: PLC0415 - slow to import
    from agent.journeys.world import World  # noqa: PLC0415
    from agent.model.clock import DEFAULT_FROZEN_START  # noqa: PLC0415

    config = session.config
    if session.effective.origins.get("profile") == "--profile":
        raise UsageError(
            "the demo keeps nothing",
            where="flag --profile",
            rule="the demo's sites and their keys are gone with it, and so is the agent among them",
            fix="leave out --profile, or --demo",
        )
    start = DEFAULT_FROZEN_START if config.now is None else config.now
    seed = DEFAULT_SEED if config.seed is None else config.seed
    async with AsyncExitStack() as stack:
        opened = World.open(seed, start, lambda _row: None, config.chromium, settings_of(config))
        world, following = await stack.enter_async_context(opened), Tasks()
        browser = world.browser
        if config.headed or config.allow_network or not config.third_party_cookies:
            browser = await stack.enter_async_context(browser_of(config))
        agent = await stack.enter_async_context(
            world.visitor(browser, seed=config.seed, private=config.private, opted_out=config.opt_out, maps=config.map)
        )
        stack.push_async_callback(following.close)
        following.start(world.follow(agent), "follow events for the sites' strip")
        yield agent
