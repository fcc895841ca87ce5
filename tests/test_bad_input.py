"""Bad input: one test for each promise, named after it. The rules behind each are tested beside their modules."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from agent.browser.launch import Browser
from agent.model.attribution import CallContext, Dialect
from agent.model.clock import Clock
from agent.model.errors import HostEnvironmentError
from agent.runtime import Agent

IMPRESSION = {
    "histogramIndex": 1,
    "matchValue": 0,
    "conversionSites": [],
    "conversionCallers": [],
    "lifetimeDays": 30,
    "priority": 0,
}


def tallyhost(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "agent", *arguments], cwd=cwd, capture_output=True, text=True, timeout=60, check=False
    )


async def contents(agent: Agent) -> tuple[object, ...]:
    return await agent.state.impressions(), await agent.state.budgets(), await agent.reports.all()


@pytest.mark.browser
@pytest.mark.parametrize(
    ("script", "exception"),
    [
        ("navigator.attribution.saveImpression({})", "TypeError"),
        ("navigator.attribution.saveImpression({histogramIndex: 2 ** 20})", "RangeError"),
        ("navigator.attribution.saveImpression({histogramIndex: 1, conversionSites: ['com']})", "SyntaxError"),
        ("navigator.attribution.measureConversion({aggregationService: 'no', histogramSize: 1})", "ReferenceError"),
        ("navigator.privateAttribution.saveImpression({histogramIndex: 1, ad: '', conversionSite: ''})", "SyntaxError"),
        ("navigator.privateAttribution.measureConversion({aggregator: 'no', histogramSize: 1})", "ReferenceError"),
    ],
)
async def test_a_pages_bad_input_gets_the_specifications_exception_and_changes_nothing(
    agent_browser: Browser, script: str, exception: str, tmp_path: Path
) -> None:
    (tmp_path / "index.html").write_text("<!doctype html><title>news</title>")
    async with Agent.launch(browser=agent_browser, clock=Clock.frozen(), seed=1, maps={"news.test": tmp_path}) as agent:
        page = await agent.new_page("https://news.test/")
        await page.evaluate("navigator.attribution.saveImpression({histogramIndex: 0})")
        before = await contents(agent)
        thrown = await page.evaluate(f"(async () => {{ try {{ await {script} }} catch (e) {{ return e.name }} }})()")
        assert thrown == exception
        assert await contents(agent) == before


@pytest.mark.parametrize(
    ("arguments", "file", "text", "said"),
    [
        (["open", "https://shop.test/", "--map", "shop.test"], "", "", ["--map", "HOST=TARGET"]),
        (["story", "missing.json"], "", "", ["missing.json"]),
        (["story", "broken.json"], "broken.json", '{"events": [\n  {"seconds": 1,, }]}', ["broken.json:2"]),
        (
            ["story", "unknown.json"],
            "unknown.json",
            json.dumps({"config": {}, "events": [{"seconds": 1, "event": "guess"}]}),
            ["unknown.json"],
        ),
        (["config"], "tallyhost.toml", 'profile = "p"\nseed = "seven"\n', ["tallyhost.toml:2", "seed"]),
    ],
    ids=["flag", "missing file", "story that is no JSON", "story with an unknown event", "config"],
)
def test_a_bad_flag_file_story_or_config_gets_a_message_with_file_line_and_what_was_expected(
    tmp_path: Path, arguments: list[str], file: str, text: str, said: list[str]
) -> None:
    if file:
        (tmp_path / file).write_text(text)
    done = tallyhost(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
    for part in said:
        assert part in done.stderr


async def test_a_profile_written_by_a_newer_version_is_refused_not_touched(tmp_path: Path) -> None:
    folder = tmp_path / "profile"
    async with Agent.open_profile(folder) as agent:
        await agent.save_impression(Dialect.CURRENT, CallContext("news.test"), IMPRESSION)
    file = folder / "tallyhost.sqlite3"
    with sqlite3.connect(file) as newer:
        newer.execute("INSERT INTO migrations VALUES ('9999_future.sql', '', 0)")
    newer.close()
    before = file.read_bytes()
    with pytest.raises(HostEnvironmentError) as error:
        async with Agent.open_profile(folder):
            pass
    assert str(file) in str(error.value)
    assert file.read_bytes() == before


async def test_a_second_running_agent_on_one_profile_is_refused_with_a_clear_message(tmp_path: Path) -> None:
    async with Agent.open_profile(tmp_path / "profile") as first:
        done = tallyhost("open", "https://news.test/", "--exit", "--profile", "profile", cwd=tmp_path)
        assert done.returncode == 3
        assert str(os.getpid()) in done.stderr
        assert "one running agent per profile" in done.stderr
        assert await first.state.impressions() == []


SAVE_UNTIL_KILLED = """
import asyncio, sys
from pathlib import Path
from agent.runtime import Agent
from agent.model.attribution import CallContext, Dialect

async def main():
    async with Agent.open_profile(Path(sys.argv[1])) as agent:
        index = 0
        while True:
            options = dict({impression}, histogramIndex=index)
            await agent.save_impression(Dialect.CURRENT, CallContext("news.test"), options)
            print(index, flush=True)
            index += 1

asyncio.run(main())
"""


async def test_nothing_acknowledged_is_lost_when_the_process_is_killed(tmp_path: Path) -> None:
    program = SAVE_UNTIL_KILLED.replace("{impression}", repr(IMPRESSION))
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "profile")], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        acknowledged = [int(process.stdout.readline()) for _ in range(50)]
        process.send_signal(signal.SIGKILL)
        acknowledged += [int(line) for line in process.stdout.read().split()]
    async with Agent.open_profile(tmp_path / "profile") as agent:
        stored = [impression.histogram_index for impression in await agent.state.impressions()]
    assert stored[: len(acknowledged)] == acknowledged


async def test_a_full_disk_loses_nothing_acknowledged_and_the_message_names_the_file_and_the_way_out(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "profile"
    async with Agent.open_profile(folder) as agent:
        await agent.save_impression(Dialect.CURRENT, CallContext("news.test"), IMPRESSION)
        await agent._database.transact("fill", lambda c: c.execute("PRAGMA max_page_count = 1").fetchone())
        acknowledged = [1]

        async def save_until_full() -> None:
            while True:
                await agent.save_impression(Dialect.CURRENT, CallContext("news.test"), IMPRESSION)
                acknowledged[0] += 1

        with pytest.raises(HostEnvironmentError) as error:
            await save_until_full()
        assert str(folder / "tallyhost.sqlite3") in str(error.value)
        assert error.value.fix
        assert len(await agent.state.impressions()) == acknowledged[0]


async def test_a_locked_database_names_the_file_and_the_way_out(tmp_path: Path) -> None:
    folder = tmp_path / "profile"
    async with Agent.open_profile(folder) as agent:
        with sqlite3.connect(folder / "tallyhost.sqlite3", isolation_level=None) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(HostEnvironmentError) as error:
                await agent.save_impression(Dialect.CURRENT, CallContext("news.test"), IMPRESSION)
            other.execute("ROLLBACK")
        other.close()
        assert str(folder / "tallyhost.sqlite3") in str(error.value)
        assert error.value.fix
        assert await agent.save_impression(Dialect.CURRENT, CallContext("news.test"), IMPRESSION) is None
        assert len(await agent.state.impressions()) == 1


async def test_a_torn_database_names_the_file_and_the_way_out(tmp_path: Path) -> None:
    folder = tmp_path / "profile"
    async with Agent.open_profile(folder) as agent:
        await agent.save_impression(Dialect.CURRENT, CallContext("news.test"), IMPRESSION)
    file = folder / "tallyhost.sqlite3"
    with file.open("r+b") as content:
        content.write(b"\0" * 100)
    with pytest.raises(HostEnvironmentError) as error:
        async with Agent.open_profile(folder):
            pass
    assert str(file) in str(error.value)
    assert error.value.fix
