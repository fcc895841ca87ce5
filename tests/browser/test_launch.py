"""One Chromium with the agent's seat on its pipe: it fails fast, it is shared, it leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent.browser.devtools_pipe import DevToolsPipe
from agent.browser.launch import Browser
from agent.model.errors import HostEnvironmentError
from agent.runtime import Agent
from tests.browser.ledger import site
from tests.conformance_data import REPOSITORY


def _executable(folder: Path, script: str) -> Path:
    path = folder / "chromium"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


@pytest.fixture
def folders(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where a browser makes its folder: a place of the test's own, as others launch browsers meanwhile."""
    # Its path is short, as that of a socket must be.
    with tempfile.TemporaryDirectory() as place:
        monkeypatch.setattr(tempfile, "tempdir", place)
        yield Path(place)


async def test_a_browser_that_ends_at_once_is_reported_at_once_and_leaves_no_folder(
    tmp_path: Path, folders: Path
) -> None:
    async with asyncio.timeout(60):
        with pytest.raises(HostEnvironmentError, match="Chromium did not start") as raised:
            async with Browser(executable=_executable(tmp_path, "exit 7")):
                pass
    assert str(tmp_path / "chromium") in str(raised.value)
    assert "doctor" in str(raised.value)
    assert list(folders.iterdir()) == []


async def test_a_seat_that_fails_ends_the_launch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(_pipe: DevToolsPipe) -> None:
        raise OSError("no seat")

    monkeypatch.setattr(DevToolsPipe, "connected", fail)
    async with asyncio.timeout(60):
        with pytest.raises(HostEnvironmentError, match="no seat"):
            async with Browser(executable=_executable(tmp_path, "sleep 1")):
                pass


async def test_a_setting_that_names_no_executable_is_refused_before_anything_starts(
    tmp_path: Path, folders: Path
) -> None:
    with pytest.raises(HostEnvironmentError):
        async with Browser(executable=tmp_path / "nothing"):
            pass
    assert list(folders.iterdir()) == []


def _processes(text: str) -> list[str]:
    """Command lines of living processes that contain ``text``."""
    found = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = process.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if text in line and str(os.getpid()) != process.parent.name:
            found.append(line)
    return found


@pytest.mark.browser
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="reads /proc")
async def test_a_browser_leaves_no_process_and_no_folder_behind() -> None:
    async with Browser() as browser, Agent.launch(browser=browser, maps={"news.test": site({})}) as agent:
        await agent.new_page("https://news.test/")
        [chromium] = [line for line in _processes(browser.authority.spki_fingerprint) if "--type=" not in line]
        [data] = [word.split("=", 1)[1] for word in chromium.split() if word.startswith("--user-data-dir=")]
        assert Path(data).is_dir()
    async with asyncio.timeout(10):
        while _processes(data):
            await asyncio.sleep(0.05)
    assert not Path(data).exists()


@pytest.mark.browser
async def test_closing_a_profile_forgets_its_sessions_and_frames(agent_browser: Browser) -> None:
    observer = agent_browser._observer
    before = len(observer.sessions), len(observer.frames.frames), len(agent_browser.channel.profiles)
    async with Agent.launch(browser=agent_browser, maps={"news.test": site({"/": "<iframe></iframe>"})}) as agent:
        for _ in range(3):
            await agent.new_page("https://news.test/")
        assert len(observer.sessions) >= before[0] + 3
    async with asyncio.timeout(5):
        while (len(observer.sessions), len(observer.frames.frames), len(agent_browser.channel.profiles)) != before:
            await asyncio.sleep(0.02)


HEARS_CTRL_C = """
import asyncio, signal
from agent.browser.launch import Browser

async def main():
    heard = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, heard.set)
    async with Browser() as browser:
        print("ready", flush=True)
        await heard.wait()
        await asyncio.sleep(1)
        print("connected" if browser.connected else "gone")

asyncio.run(main())
"""


@pytest.mark.browser
def test_ctrl_c_in_a_terminal_leaves_the_browser_to_whoever_launched_it() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HEARS_CTRL_C], stdout=subprocess.PIPE, text=True, start_new_session=True, cwd=REPOSITORY
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does, to every process of the command
        out, _ = process.communicate(timeout=60)
    assert out == "connected\n"
