"""``tallyhost up``: the agent with its dashboard, until Ctrl-C."""

from __future__ import annotations

import rich_click as click

from agent.cli.session import AGENT_FLAGS, Session, as_address, with_session

DEFAULT_PORT = 8610


@click.command("up")
@click.argument("url", required=False, callback=as_address)
@click.option("--demo", is_flag=True, help="With the demo's sites, beginning with https://home.test/.")
@click.option(
    "--port", type=click.IntRange(0, 65_535), default=DEFAULT_PORT, show_default=True, help="The dashboard's; 0: any."
)
@with_session(*AGENT_FLAGS)
def up(session: Session, url: str | None, demo: bool, port: int) -> None:
    """Start the agent and its dashboard, and open URL in the agent; Ctrl-C stops both."""
    import asyncio  # noqa: PLC0415

    from agent.cli.serving import serve_agent  # noqa: PLC0415

    asyncio.run(serve_agent(session, url, port, demo=demo))
