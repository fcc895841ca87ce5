"""A page in the agent, and what the agent does while it is open: what ``tallyhost open`` runs."""

from __future__ import annotations

from urllib.parse import urlsplit

from agent.browser.address_bar import open_address, wait_until_quiet
from agent.cli.config import MEMORY
from agent.cli.control import control_endpoint
from agent.cli.launch import launch_agent
from agent.cli.output import Output
from agent.cli.session import Session
from agent.cli.stopping import told_to_stop
from agent.expectations.waiting import asked
from agent.model.errors import HostEnvironmentError
from agent.model.events import Event
from agent.model.tasks import Tasks
from agent.reporting.documents.events import event_document
from agent.runtime import Agent

NAVIGATION = "navigation"
"""Kind of the event that the agent, and no server, answered for a page."""


async def open_and_tell(session: Session, url: str, *, leave: bool) -> None:
    """Open ``url`` and print every event; ``leave`` once the page has loaded, else until Ctrl-C."""
    output = session.output
    stop = told_to_stop()
    # A private agent never touches the profile folder.
    profile = MEMORY if session.config.private else session.config.profile
    async with launch_agent(session.config) as agent, control_endpoint(agent, profile) as control:
        if output.as_json:
            output.document({"agent": {"address": control.address, "pid": control.pid, "profile": profile}})
        else:
            output.note(f"profile {profile}  control {control.address}  {'' if leave else 'Ctrl-C leaves'}")
        teller = _Teller(agent, output)
        following = Tasks()
        following.start(teller.follow(), "follow events")
        try:
            page = await agent.new_page()
            page.on("close", lambda _: stop.set())
            before = await agent.events.last(NAVIGATION)
            loaded = await open_address(page, url)
            check_answer(loaded, before, await agent.events.last(NAVIGATION))
            if leave:
                await wait_until_quiet(page)
                await asked(agent)
            else:
                await stop.wait()
        finally:
            await following.close()
        await teller.finish()


def check_answer(url: str, before: Event | None, refused: Event | None) -> None:
    """Raise HostEnvironmentError where it was not the host that answered for ``url``, but the agent in its place."""
    if refused is None or refused == before or refused.data["url"] != url:
        return
    host = urlsplit(url).hostname
    raise HostEnvironmentError(
        refused.summary,
        fix=f"map the host to a folder or to a server that runs, such as --map {host}=http://localhost:3000",
    )


class _Teller:
    """Prints what the agent does."""

    def __init__(self, agent: Agent, output: Output) -> None:
        self._agent, self._output = agent, output
        self._told = 0

    async def follow(self) -> None:
        """Print every event as it comes."""
        async for event in self._agent.events:
            self._tell(event)

    async def finish(self) -> None:
        """Print what came too late to be followed."""
        for event in await self._agent.events.read(after=self._told):
            self._tell(event)

    def _tell(self, event: Event) -> None:
        self._told = event.id
        print_event(event, self._output)


def print_event(event: Event, output: Output) -> None:
    """Print one event; its number, which `tallyhost explain` takes, stands first."""
    document = event_document(event)
    if output.as_json:
        output.document({"event": document})
    else:
        clock = document["time"][11:19]
        what = f"{event.site:<20}  {event.kind:<16}  {event.verdict:<16}  {event.summary}"
        output.line(f"{event.id:>4}  {clock}  {what}")
