from __future__ import annotations

import subprocess
import sys
from inspect import cleandoc
from pathlib import Path

import pytest

from agent.cli import main as main_module
from agent.cli.commands.completion import completion
from agent.cli.main import COMMANDS, load_command, main
from agent.version import version
from tests.cli.conftest import Tallyhost


def test_version_is_the_installed_distribution_s(tallyhost: Tallyhost) -> None:
    run = tallyhost("--version")
    assert run.code == 0
    assert version() in run.out


@pytest.mark.parametrize(
    "arguments",
    [("nonsense",), ("config", "--nonsense"), ("time", "advance"), ("config", "--seed", "x"), ("completion", "tcsh")],
    ids=" ".join,
)
def test_bad_usage_exits_2_and_says_where(tallyhost: Tallyhost, arguments: tuple[str, ...]) -> None:
    run = tallyhost(*arguments)
    assert run.code == 2
    assert run.err.startswith("error: ")
    assert run.out == ""
    assert "Traceback" not in run.err


def test_with_json_an_error_is_a_document_too(tallyhost: Tallyhost) -> None:
    run = tallyhost("config", "--seed", "x", "--json")
    assert run.code == 2
    assert run.document["error"]["where"] == "flag --seed"
    assert run.document["error"]["exit_code"] == 2


@pytest.mark.parametrize(("flags", "json"), [((), True), (("--no-json",), False), (("--no-json", "--json"), True)])
def test_the_variable_has_errors_of_usage_told_as_json_unless_a_flag_says_otherwise(
    tallyhost: Tallyhost, monkeypatch: pytest.MonkeyPatch, *, flags: tuple[str, ...], json: bool
) -> None:
    monkeypatch.setenv("TALLYHOST_JSON", "on")
    run = tallyhost("config", "--nonsense", *flags)
    assert run.code == 2
    assert bool(run.out) is json
    assert not json or run.document["error"]["where"] == "tallyhost config"


def test_an_unforeseen_failure_is_one_sentence_and_exit_code_3(
    tallyhost: Tallyhost, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the sky fell\nand more")

    monkeypatch.setattr(main_module.cli, "main", fail)
    run = tallyhost("config")
    assert run.code == 3
    assert "RuntimeError: the sky fell" in run.err
    assert "Traceback" not in run.err


@pytest.mark.parametrize("flag", ["-vv", "--verbose --verbose", "-v -v"])
def test_an_unforeseen_failure_is_told_in_full_with_vv_wherever_it_began(
    tallyhost: Tallyhost, monkeypatch: pytest.MonkeyPatch, flag: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("the sky fell")

    monkeypatch.setattr(main_module.cli, "main", fail)
    run = tallyhost("config", *flag.split())
    assert run.code == 3
    assert "Traceback" in run.err
    assert "in fail" in run.err
    assert "Traceback" not in tallyhost("config", "-v").err


def test_an_option_before_the_command_is_told_where_it_belongs(tallyhost: Tallyhost) -> None:
    run = tallyhost("--json", "config")
    assert run.code == 2
    assert "error: tallyhost: no such option '--json'\n" in run.err
    assert "write `tallyhost COMMAND --json`" in run.err


@pytest.mark.parametrize(
    ("arguments", "where"),
    [
        (("open", "--profile"), "tallyhost open"),
        (("state", "show", "--limit"), "tallyhost state show"),
        (("config", "--seed"), "tallyhost config"),
    ],
    ids=" ".join,
)
def test_an_option_without_its_value_names_its_command(
    tallyhost: Tallyhost, arguments: tuple[str, ...], where: str
) -> None:
    run = tallyhost(*arguments)
    assert run.code == 2
    assert run.err.startswith(f"error: {where}: ")
    assert f"`{where} --help`" in run.err


@pytest.mark.parametrize("command", ["open", "up", "record"])
@pytest.mark.parametrize("address", ["shop.test", "//shop.test/", "localhost:3000"])
def test_an_address_without_a_scheme_is_refused_before_a_browser_starts(
    tallyhost: Tallyhost, command: str, address: str
) -> None:
    run = tallyhost(command, address, "--chromium", "none")
    assert run.code == 2
    assert f"{address!r} is no URL" in run.err
    assert f"write https://{address.lstrip('/')}" in run.err


def test_an_error_is_one_line_and_its_fix(tallyhost: Tallyhost) -> None:
    run = tallyhost("completion")
    assert len(run.err.splitlines()) == 2
    assert "bash, zsh, fish" in run.err


@pytest.mark.parametrize("flag", ["--params=tiny", "--noise=off", "--delays=off"])
def test_the_demo_whose_numbers_are_its_own_refuses_others(tallyhost: Tallyhost, flag: str) -> None:
    run = tallyhost("demo", flag, "--chromium", "none")
    assert run.code == 2
    assert f"{flag.partition('=')[0]} is not for the demo" in run.err
    assert "tallyhost up --demo" in run.err


def test_ctrl_c_exits_as_shells_have_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(main_module.cli, "main", interrupt)
    assert main(["config"]) == 130


def test_a_reader_that_leaves_early_is_no_failure() -> None:
    command = f"{sys.executable} -m agent config | head -n 1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, cwd=main_module_root())
    assert done.returncode == 0
    assert done.stderr == ""


@pytest.mark.parametrize("flags", [[], ["--json"]])
def test_a_full_disk_is_one_sentence_and_exit_code_3(flags: list[str]) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        done = subprocess.run(
            [sys.executable, "-m", "agent", "config", *flags],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            cwd=main_module_root(),
        )
    assert done.returncode == 3
    assert done.stderr == "error: No space left on device\n"


def main_module_root() -> str:
    return str(main_module.__file__).removesuffix("/agent/cli/main.py")


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_lists_the_first_paragraph_of_each_command_s_own_help(name: str) -> None:
    command = load_command(name)
    assert command.name == name
    assert COMMANDS[name].words == cleandoc(command.help or "").partition("\n\n")[0].replace("\n", " ")


@pytest.mark.parametrize(
    ("typed", "fix"),
    [
        ("opne", "write `tallyhost open`"),
        ("https://shop.test/", "`tallyhost open https://shop.test/`"),
        ("journeys/sale.yaml", "`tallyhost run journeys/sale.yaml`"),
        ("qqq", "`tallyhost --help`"),
    ],
)
def test_what_is_no_command_is_told_what_was_perhaps_meant(tallyhost: Tallyhost, typed: str, fix: str) -> None:
    run = tallyhost(typed, "--json")
    assert run.code == 2
    assert run.document["error"]["what"] == f"no such command '{typed}'"
    assert run.document["error"]["fix"].startswith(fix)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_for_the_shell(tallyhost: Tallyhost, shell: str) -> None:
    run = tallyhost("completion", shell)
    assert run.code == 0
    assert "_TALLYHOST_COMPLETE" in run.out
    assert completion.name == "completion"


def test_completion_as_json_is_the_same_script_in_a_document(tallyhost: Tallyhost) -> None:
    document = tallyhost("completion", "bash", "--json").document
    assert document == {"shell": "bash", "script": tallyhost("completion", "bash").out.removesuffix("\n")}


def test_the_demo_takes_a_chromium(tallyhost: Tallyhost, tmp_path: Path) -> None:
    run = tallyhost("demo", "--exit", "--chromium", str(tmp_path / "none"))
    assert run.code == 3
    assert str(tmp_path / "none") in run.err
