"""The renderer process in which worklets run, and the memory it has."""

from __future__ import annotations

import os
from pathlib import Path

from agent.browser.devtools_pipe import DevToolsPipe

_PROC = Path("/proc")
_MARK = 64 * 1024 * 1024
"""Bytes that the page takes for a moment, by which its process is known among others that began with it."""
_TAKE = f"globalThis.mark = new Uint8Array({_MARK}).fill(1); 0"
_GIVE_BACK = "globalThis.mark.buffer.transfer(0); delete globalThis.mark; 0"


async def renderers(pipe: DevToolsPipe) -> set[int]:
    """Ids of the browser's renderer processes."""
    answer = await pipe.call("SystemInfo.getProcessInfo", {})
    return {int(one["id"]) for one in answer.get("processInfo", ()) if one["type"] == "renderer"}


class WorkletProcess:
    """One renderer process; its id is unknown until :meth:`find`, and stays so where there is no ``/proc``."""

    def __init__(self) -> None:
        self.id: int | None = None
        self.own_growth = 0
        """By how many bytes it has grown for itself, apart from what worklets hold."""
        self.settled = 0.0
        """From when on, in the watch's seconds, its memory tells the truth again."""
        self._at_first = 0

    async def find(self, pipe: DevToolsPipe, before: set[int], page_session: str) -> None:
        """Find it: DevTools does not tell which process a page has.

        ``before`` are the renderers from before the page was made.
        """
        candidates = await renderers(pipe) - before
        sizes = {one: _resident(one) for one in candidates}
        await pipe.call("Runtime.evaluate", {"expression": _TAKE}, page_session)
        grown = {one: _resident(one) - size for one, size in sizes.items()}
        await pipe.call("Runtime.evaluate", {"expression": _GIVE_BACK}, page_session)
        found = max(grown, key=lambda one: grown[one], default=None)
        if found is not None and grown[found] > _MARK // 2:
            self.id, self._at_first = found, sizes[found]

    def grown(self) -> int:
        """By how many bytes in memory it has grown since it was found; 0 where that cannot be told."""
        return 0 if self.id is None else _resident(self.id) - self._at_first


def _resident(process: int) -> int:
    try:
        pages = int((_PROC / str(process) / "statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE")
