"""How a command that goes on until it is told to stop hears of it."""

from __future__ import annotations

import asyncio
import signal


def told_to_stop() -> asyncio.Event:
    """Set by Ctrl-C and by SIGTERM, from now on and for as long as the running loop runs."""
    stop = asyncio.Event()
    for ending in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(ending, stop.set)
    return stop
