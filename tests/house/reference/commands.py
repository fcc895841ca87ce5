"""docs/reference/commands.md: what ``--help`` says, of every command."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator

import click

from agent.cli.main import COMMANDS, load_command
from tests.house.reference.markdown import code, page, sentence, table

_INTRODUCTION = """The commands of `tallyhost`, in the order of its help.

Exit codes: 0 done, 1 an expectation failed, 2 the input was wrong, 3 the machine lacks something. Most flags are
[settings](configuration.md) too."""


def commands() -> Iterator[tuple[str, click.Command]]:
    """Every command and command of a command, by what is typed after ``tallyhost``."""
    for name in COMMANDS:
        command = load_command(name)
        yield name, command
        if isinstance(command, click.Group):
            yield from ((f"{name} {inner}", each) for inner, each in command.commands.items())


def commands_page() -> str:
    """The text of the page."""
    return page("Commands", _INTRODUCTION, _lines())


def _lines() -> Iterator[str]:
    everything = list(commands())
    common = _common([command for _, command in everything])
    yield "## Flags of every command"
    yield ""
    yield from _options(common.values())
    for name, command in everything:
        yield f"{'##' if ' ' not in name else '###'} tallyhost {name}"
        yield ""
        yield from _help(command)
        if not isinstance(command, click.Group):
            pieces = command.collect_usage_pieces(click.Context(command))
            yield f"    tallyhost {' '.join([name, *pieces])}"
            yield ""
        own = [option for option in _shown(command) if _flags(option) not in common]
        if own:
            yield from _options(own)


def _common(every: list[click.Command]) -> dict[str, click.Option]:
    """The options that all commands have which have any but ``--help``."""
    with_options = [{_flags(option): option for option in _shown(each)} for each in every]
    with_options = [options for options in with_options if options]
    shared = set.intersection(*(set(options) for options in with_options))
    return {flags: option for flags, option in with_options[0].items() if flags in shared}


def _shown(command: click.Command) -> list[click.Option]:
    options = [each for each in command.params if isinstance(each, click.Option)]
    return [option for option in options if not option.hidden and "--help" not in option.opts]


def _help(command: click.Command) -> Iterator[str]:
    """The help's paragraphs; one marked as laid out (``\\b``) stays so."""
    for paragraph in re.split(r"\n\s*\n", inspect.cleandoc(command.help or "")):
        lines = paragraph.splitlines()
        if lines and lines[0].strip() == "\b":
            yield from (f"    {line}" for line in lines[1:])
        else:
            yield sentence(paragraph).replace("<", "\\<")
        yield ""


def _options(options: Iterable[click.Option]) -> Iterator[str]:
    rows = [(code(_flags(option)), option.help or "", _default(option)) for option in options]
    yield from table(("Flag", "", "Default"), rows)


def _flags(option: click.Option) -> str:
    names = ", ".join(option.opts)
    if option.secondary_opts:
        names += " / " + ", ".join(option.secondary_opts)
    if option.is_flag or option.count:
        return names
    return f"{names} {option.make_metavar(click.Context(click.Command('tallyhost')))}"


def _default(option: click.Option) -> str:
    shown = option.show_default is True and option.default is not None
    return code(str(option.default)) if shown and not option.is_flag else ""
