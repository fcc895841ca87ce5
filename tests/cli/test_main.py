from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from agent.cli import main as main_module
from agent.cli.commands.completion import completion
from agent.cli.main import COMMANDS, cli, main
from agent.version import version
from tests.cli.conftest import Tallyhost
from tests.conformance_data import REPOSITORY


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


def main_module_root() -> str:
    return str(main_module.__file__).removesuffix("/agent/cli/main.py")


def test_every_command_loads_and_has_a_short_help() -> None:
    context = cli.make_context("tallyhost", [], resilient_parsing=True)
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None
        assert command.name == name
        assert command.get_short_help_str()


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


ASKING = ("chaos", "clock", "decrypt", "explain", "export", "keys", "reports")
SLOW = {"agent.runtime", "agent.browser", "agent.cli.operations", "playwright", "aiohttp"}


def test_a_command_that_asks_an_agent_imports_none() -> None:
    modules = ", ".join(f"agent.cli.commands.{name}" for name in ASKING)
    program = f"import sys, agent.cli.main, {modules}; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True)
    imported = set(done.stdout.split())
    assert "agent.cli.commands.explain" in imported
    assert imported & SLOW == set()
