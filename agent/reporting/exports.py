"""Files that are taken out of an agent: its network log, its state, and a story that plays the run again."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.reporting.har import har_document
from agent.reporting.replay import story_document
from agent.version import version
from storage.profile import write_private

if TYPE_CHECKING:
    from agent.runtime import Agent

HAR_FILE, STATE_FILE, STORY_FILE = "network.har", "state.sqlite3", "story.json"


async def write_har(agent: Agent, path: Path) -> int:
    """Write the registrations and deliveries to the file ``path`` as HAR 1.2; gives how many entries there are."""
    document = har_document(await agent.events.all(), await agent.reports.all(), version=version())
    await asyncio.to_thread(_write, path, document)
    return len(document["log"]["entries"])


async def write_exports(agent: Agent, folder: Path) -> list[str]:
    """Write what lets others go on with a run to ``folder``; gives, in words, what the story cannot play again.

    ``network.har`` is the log of the network, ``state.sqlite3`` a state for ``tallyhost state load``, ``story.json``
    what ``tallyhost story`` plays. Raises OSError, or HostEnvironmentError, where they cannot be written.
    """
    await write_har(agent, folder / HAR_FILE)
    await agent.state.save(folder / STATE_FILE)
    story = story_document(
        await agent.events.all(),
        await agent.reports.all(),
        settings=agent.settings,
        enabled=agent.enabled,
        seed=agent.seed,
        version=version(),
    )
    await asyncio.to_thread(_write, folder / STORY_FILE, story)
    notes: list[str] = story["recorded"]["notes"]
    return notes


def _write(path: Path, document: dict[str, Any]) -> None:
    write_private(path, json.dumps(document, indent=1) + "\n")
