from __future__ import annotations

import asyncio
import os
import signal

import pytest

from agent.cli.stopping import told_to_stop


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
async def test_ctrl_c_and_sigterm_tell_a_command_to_stop(ending: signal.Signals) -> None:
    stop = told_to_stop()
    assert not stop.is_set()
    try:
        os.kill(os.getpid(), ending)
        await asyncio.wait_for(stop.wait(), 5)
    finally:
        for one in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().remove_signal_handler(one)
