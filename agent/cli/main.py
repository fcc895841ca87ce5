"""The command ``tallyhost``: which commands there are, and how a failure is told.

Exit codes: 0 done, 1 an expectation failed, 2 the input was wrong, 3 the machine lacks something.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import re
import sys
from collections.abc import Sequence
from difflib import get_close_matches
from typing import NamedTuple

import rich_click as click

from agent.cli.output import print_error, start_log
from agent.cli.run_state import RunState
from agent.model.errors import HostEnvironmentError, TallyhostError, UsageError

_VERBOSE = re.compile(r"--verbose|-v+").fullmatch
INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""


class Entry(NamedTuple):
    """A command of the table: where it is defined, as module and name, and the first paragraph of its help."""

    place: str
    words: str


COMMANDS = {
    "up": Entry(
        "agent.cli.commands.up:up",
        "Start the agent and its dashboard, and open URL in the agent; Ctrl-C stops both.",
    ),
    "demo": Entry(
        "agent.cli.commands.demo:demo",
        "Send users through simulated weeks and show a private summary of each API; the same seed, the same output.",
    ),
    "open": Entry(
        "agent.cli.commands.open_page:open_page",
        "Open URL in the agent and show what it does; `state`, `time`, `reports` and `explain` reach it meanwhile.",
    ),
    "run": Entry("agent.cli.commands.run:run", "Run journeys: files of YAML or Python, or folders of them."),
    "record": Entry(
        "agent.cli.commands.record:record",
        "Open URL, record what you do there, and write it as a journey with expectations of what was seen.",
    ),
    "export-journey": Entry(
        "agent.cli.commands.export_journey:export_journey",
        "Write a YAML JOURNEY as a test for pytest, to go on in Python.",
    ),
    "explain": Entry(
        "agent.cli.commands.explain:explain",
        "Say why: the checks behind a decision, by event number, job id, report id or the word last.",
    ),
    "check": Entry("agent.cli.commands.check:check", "Check a header before a browser does."),
    "aggregate": Entry(
        "agent.cli.commands.aggregate:aggregate",
        "Add collected reports up with noise, as the aggregation service does, and show each bucket.",
    ),
    "noise": Entry(
        "agent.cli.commands.noise:noise",
        "Show what noise makes of the sums that you expect, at one epsilon beside another.",
    ),
    "reports": Entry(
        "agent.cli.commands.reports:reports",
        "List the reports, show, send or drop one, or export those that an aggregation service takes.",
    ),
    "decrypt": Entry(
        "agent.cli.commands.decrypt:decrypt",
        "Open the payloads of aggregatable reports: one line of JSON for each.",
    ),
    "keys": Entry("agent.cli.commands.keys:keys", "List, rotate or generate the keys that payloads are sealed to."),
    "state": Entry("agent.cli.commands.state:state", "Show, clear, save or load what the agent remembers."),
    "time": Entry(
        "agent.cli.commands.clock:clock",
        "Tell the agent's time, move it forward, stop it, or let it run faster.",
    ),
    "chaos": Entry(
        "agent.cli.commands.chaos:chaos",
        "Let a running agent's requests fail, stall, be reset or come late, or take it offline.",
    ),
    "story": Entry(
        "agent.cli.commands.story:story",
        "Run stories and say where the results are not the expected ones.",
    ),
    "export": Entry(
        "agent.cli.commands.export:export",
        "Write what happened to files: a HAR of the network, a bundle that plays again.",
    ),
    "doctor": Entry(
        "agent.cli.commands.doctor:doctor",
        "Say what was found on this machine and how to mend what is wrong.",
    ),
    "config": Entry(
        "agent.cli.commands.show_config:show_config",
        "Show the settings in force and where each came from.",
    ),
    "completion": Entry("agent.cli.commands.completion:completion", "Print tab completion for bash, zsh or fish."),
}
"""Every command, in the order of the help, which is shown without importing any of them."""


def load_command(name: str) -> click.Command:
    """The command of that name, imported; the groups' own ``get_command`` gives what a list shows of it."""
    module, _, attribute = COMMANDS[name].place.partition(":")
    command: click.Command = getattr(importlib.import_module(module), attribute)
    return command


class LazyGroup(click.RichGroup):
    """A group that holds names and words of its commands, and imports the module of the one that is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names in the order of the help."""
        del ctx
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that ``args`` begin with, imported, and what follows it; UsageError where it is none."""
        if args[0] not in self.commands and not args[0].startswith("-") and not ctx.resilient_parsing:
            raise _no_such_command(args[0])
        name, listed, rest = super().resolve_command(ctx, args)
        return name, None if name is None or listed is None else load_command(name), rest


def _no_such_command(typed: str) -> UsageError:
    if "://" in typed:
        fix = f"`tallyhost open {typed}` opens a page, `tallyhost up {typed}` the dashboard too"
    elif typed.endswith((".yaml", ".yml", ".py", ".json", ".jsonl", ".zip")):
        fix = f"`tallyhost run {typed}` runs a journey or a story"
    elif close := get_close_matches(typed, COMMANDS, 1):
        fix = f"write `tallyhost {close[0]}`; `tallyhost --help` lists the commands"
    else:
        fix = "`tallyhost --help` lists the commands"
    return UsageError(f"no such command '{typed}'", where="tallyhost", fix=fix)


def _tell_version(context: click.Context, _: click.Parameter, asked: bool) -> None:
    if asked and not context.resilient_parsing:
        from agent.version import version  # noqa: PLC0415 - the lists of packages are slow to import

        click.echo(f"tallyhost, version {version()}")
        context.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_tell_version,
    help="Show the version and exit.",
)
def cli() -> None:
    """A Chromium-like browser agent for testing ad-measurement APIs.

    Begin with `tallyhost demo`. `tallyhost COMMAND --help` says what a command takes; most flags are also keys of
    tallyhost.toml and environment variables TALLYHOST_*.
    """


for _name, _entry in COMMANDS.items():
    cli.add_command(click.RichCommand(name=_name, help=_entry.words))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code; what fails is told in one form and never as a traceback."""
    arguments = sys.argv[1:] if arguments is None else arguments
    state = RunState(as_json=_wants_json(arguments), verbosity=_verbosity(arguments))
    start_log(state.verbosity)
    try:
        result = cli.main(list(arguments), prog_name="tallyhost", standalone_mode=False, obj=state)
        sys.stdout.flush()
    except click.Abort:
        return INTERRUPTED
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of a pipe has seen enough; Python must not complain when it flushes at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except click.ClickException as error:
        return _fail(_as_usage_error(error, arguments), state)
    except TallyhostError as error:
        return _fail(error, state)
    except OSError as error:
        return _fail(HostEnvironmentError(error.strerror or str(error), where=str(error.filename or "")), state)
    except Exception as error:
        # The last resort: people get a sentence, developers the whole story with -vv.
        logging.getLogger("tallyhost").debug("unexpected", exc_info=error)
        return _fail(_as_bug(error), state)
    return result if isinstance(result, int) else 0


def _fail(error: TallyhostError, state: RunState) -> int:
    # Where stdout takes nothing, stderr has been told by then.
    with contextlib.suppress(OSError):
        print_error(error, as_json=state.as_json)
    return error.exit_code


def _wants_json(arguments: Sequence[str]) -> bool:
    """Whether a run is asked for JSON, known before its settings are read: errors of usage are told in it too."""
    flags = [argument for argument in arguments if argument in {"--json", "--no-json"}]
    if flags:
        return flags[-1] == "--json"
    return os.environ.get("TALLYHOST_JSON", "").lower() in {"1", "true", "t", "yes", "y", "on"}


def _verbosity(arguments: Sequence[str]) -> int:
    """How verbose a run is asked to be, known before its settings are read."""
    counted = (argument.count("v") if argument != "--verbose" else 1 for argument in arguments if _VERBOSE(argument))
    return min(sum(counted), 2)


def _as_usage_error(error: click.ClickException, arguments: Sequence[str]) -> UsageError:
    context = getattr(error, "ctx", None)
    path = _command_path(arguments) if context is None else context.command_path
    if path == "tallyhost" and isinstance(error, click.NoSuchOption):
        return UsageError(
            f"no such option '{error.option_name}'",
            where=path,
            rule="an option stands behind the command that it is for",
            fix=f"write `tallyhost COMMAND {error.option_name}`; `tallyhost --help` lists the commands",
        )
    message = " ".join(error.format_message().rstrip(".").split())
    return UsageError(message[:1].lower() + message[1:], where=path, fix=f"`{path} --help` shows what it takes")


def _command_path(arguments: Sequence[str]) -> str:
    """The command that ``arguments`` name, for errors that do not say where they come from."""
    path, known = "tallyhost", dict.fromkeys(COMMANDS)
    for argument in arguments:
        if argument not in known:
            break
        command = load_command(argument) if path == "tallyhost" else None
        known = dict.fromkeys(command.commands) if isinstance(command, click.Group) else {}
        path += f" {argument}"
    return path


def _as_bug(error: Exception) -> HostEnvironmentError:
    reason = str(error).strip().splitlines()
    return HostEnvironmentError(
        f"{type(error).__name__}: {reason[0] if reason else 'no message'}",
        where="inside tallyhost",
        rule="a failure that tallyhost did not foresee",
        fix="run again with -vv for the whole story, and report it",
    )
