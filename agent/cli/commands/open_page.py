"""``tallyhost open``: a page in the agent, and what the agent does while it is open."""

from __future__ import annotations

import rich_click as click

from agent.cli.session import AGENT_FLAGS, Session, as_address, with_session


@click.command("open")
@click.argument("url", callback=as_address)
@click.option("--exit", "leave", is_flag=True, help="Leave once the page has loaded; otherwise Ctrl-C leaves.")
@with_session(*AGENT_FLAGS)
def open_page(session: Session, url: str, leave: bool) -> None:
    """Open URL in the agent and show what it does; `state`, `time`, `reports` and `explain` reach it meanwhile."""
    import asyncio  # noqa: PLC0415

    from agent.cli.opening import open_and_tell  # noqa: PLC0415

    asyncio.run(open_and_tell(session, url, leave=leave))
