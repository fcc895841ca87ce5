"""The command ``tallyhost``: which commands there are, and how a failure is told.

Exit codes: 0 done, 1 an expectation failed, 2 the input was wrong, 3 the machine lacks something.
"""

from __future__ import annotations

import importlib
import logging
import os
import sys
from collections.abc import Sequence

import rich_click as click

from agent.cli.output import print_error
from agent.cli.session import RunState
from agent.model.errors import HostEnvironmentError, TallyhostError, UsageError
from agent.version import version

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it."""

COMMANDS = {
    "up": "agent.cli.commands.up:up",
    "demo": "agent.cli.commands.demo:demo",
    "open": "agent.cli.commands.open_page:open_page",
    "run": "agent.cli.commands.run:run",
    "record": "agent.cli.commands.record:record",
    "export-journey": "agent.cli.commands.export_journey:export_journey",
    "explain": "agent.cli.commands.explain:explain",
    "check": "agent.cli.commands.check:check",
    "aggregate": "agent.cli.commands.aggregate:aggregate",
    "reports": "agent.cli.commands.reports:reports",
    "decrypt": "agent.cli.commands.decrypt:decrypt",
    "keys": "agent.cli.commands.keys:keys",
    "state": "agent.cli.commands.state:state",
    "time": "agent.cli.commands.clock:clock",
    "chaos": "agent.cli.commands.chaos:chaos",
    "story": "agent.cli.commands.story:story",
    "export": "agent.cli.commands.export:export",
    "doctor": "agent.cli.commands.doctor:doctor",
    "config": "agent.cli.commands.show_config:show_config",
    "completion": "agent.cli.commands.completion:completion",
}
"""Command and where it is defined, in the order of the help."""


class LazyGroup(click.RichGroup):
    """A group that imports a command's module when the command is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names in the order of the help."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(module), name)
        return command


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version(), prog_name="tallyhost")
def cli() -> None:
    """A Chromium-like browser agent for testing ad-measurement APIs.

    Every flag is also a key of tallyhost.toml and an environment variable TALLYHOST_*.
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and give its exit code; what fails is told in one form and never as a traceback."""
    arguments = sys.argv[1:] if arguments is None else arguments
    state = RunState(as_json="--json" in arguments)
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
        return _fail(_as_usage_error(error), state)
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
    print_error(error, as_json=state.as_json)
    return error.exit_code


def _as_usage_error(error: click.ClickException) -> UsageError:
    context = getattr(error, "ctx", None)
    path = context.command_path if context is not None else "tallyhost"
    message = error.format_message().rstrip(".")
    return UsageError(message[:1].lower() + message[1:], where=path, fix=f"`{path} --help` shows what it takes")


def _as_bug(error: Exception) -> HostEnvironmentError:
    reason = str(error).strip().splitlines()
    return HostEnvironmentError(
        f"{type(error).__name__}: {reason[0] if reason else 'no message'}",
        where="inside tallyhost",
        rule="a failure that tallyhost did not foresee",
        fix="run again with -vv for the whole story, and report it",
    )
