"""What a command imports before it has anything to do: help, completion and settings cost no engine and no browser."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from agent.cli.main import COMMANDS
from agent.model.errors import HostEnvironmentError, UsageError
from tests.conformance_data import REPOSITORY

BROWSER = {"agent.browser", "agent.runtime", "playwright"}
SLOW = BROWSER | {
    "agent.aggregation",
    "agent.cli.operations",
    "agent.crypto",
    "agent.dashboard",
    "agent.journeys",
    "agent.verbs",
    "aiohttp",
    "cryptography",
    "fastavro",
    "jinja2",
    "yaml",
}
"""Whole packages and libraries that take long to import."""
SETTINGS = {"agent.cli.config", "pydantic", "tomllib"}
"""What reads the settings, which neither help nor completion does."""
STORE = {"aiosqlite", "asyncio", "sqlite3"}
SOURCE = '{"destination": "https://shop.test"}'


def imported(*arguments: str, folder: Path, code: int = 0, shell: str = "") -> set[str]:
    """The modules that one command has imported when it ends with ``code``; with ``shell``, to complete that line."""
    program = (
        "import atexit, sys; atexit.register(lambda: sys.stderr.write(' '.join(sys.modules)))\n"
        "from agent.cli.main import main; sys.exit(main(sys.argv[1:]))"
    )
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(folder), "PYTHONPATH": str(REPOSITORY)}
    if shell:
        words = shell.split(" ")
        environment |= {"_TALLYHOST_COMPLETE": "bash_complete", "COMP_WORDS": shell, "COMP_CWORD": str(len(words) - 1)}
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr
    assert "inside tallyhost" not in done.stderr
    assert done.stdout or code
    return set(done.stderr.split())


@pytest.mark.parametrize(
    ("arguments", "code"),
    [((), UsageError.exit_code), (("--help",), 0), (("--version",), 0)],
    ids=["alone", "help", "version"],
)
def test_the_list_of_commands_imports_none_of_them(arguments: tuple[str, ...], code: int, tmp_path: Path) -> None:
    modules = imported(*arguments, folder=tmp_path, code=code)
    assert [name for name in modules if name.startswith("agent.cli.commands.")] == []
    assert (
        modules & (SLOW | STORE | SETTINGS - ({"importlib.metadata"} if "--version" in arguments else set())) == set()
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_a_command_reads_no_settings_and_imports_nothing_that_runs(name: str, tmp_path: Path) -> None:
    modules = imported(name, "--help", folder=tmp_path)
    assert COMMANDS[name].place.partition(":")[0] in modules
    assert modules & (SLOW | STORE | SETTINGS) == set()


@pytest.mark.parametrize("line", ["tallyhost ", "tallyhost st", "tallyhost up --", "tallyhost run --j"])
def test_completion_imports_nothing_that_runs(line: str, tmp_path: Path) -> None:
    assert imported(folder=tmp_path, shell=line) & (SLOW | STORE | SETTINGS) == set()


@pytest.mark.parametrize(
    ("arguments", "never"),
    [
        (("config",), SLOW | STORE),
        (("completion", "bash"), SLOW | STORE),
        (("check", "header", "--kind", "source", SOURCE), SLOW | STORE),
        (("keys", "generate", "keys.json"), SLOW - {"agent.crypto", "cryptography"}),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, tuple) else "",
)
def test_a_command_that_needs_no_browser_imports_none(
    arguments: tuple[str, ...], never: set[str], tmp_path: Path
) -> None:
    modules = imported(*arguments, folder=tmp_path)
    assert "agent.cli.config" in modules
    assert modules & never == set()


@pytest.mark.parametrize(
    "command",
    ["explain last", "reports list", "state show", "keys list", "time now", "chaos show", "export har x.har"],
)
def test_a_command_that_finds_no_agent_to_ask_imports_none(command: str, tmp_path: Path) -> None:
    modules = imported(*command.split(), folder=tmp_path, code=HostEnvironmentError.exit_code)
    assert "agent.cli.running" in modules
    assert modules & SLOW == set()


def test_the_doctor_examines_the_browser_without_importing_what_drives_it(tmp_path: Path) -> None:
    nothing = str(tmp_path / "none")
    modules = imported("doctor", "--chromium", nothing, folder=tmp_path, code=HostEnvironmentError.exit_code)
    assert "agent.browser.chromium" in modules
    assert modules & (SLOW - {"agent.browser"}) == set()
