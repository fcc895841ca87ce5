"""What every command starts with: its flags, the settings in force and its output."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rich_click as click

from agent.cli.output import Output
from agent.cli.run_state import RunState
from agent.model.errors import UsageError

if TYPE_CHECKING:
    from agent.cli.config import Config, Effective

Command = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Session:
    """The settings in force for one command, and its output."""

    effective: Effective
    output: Output

    @property
    def config(self) -> Config:
        """The settings in force."""
        return self.effective.config


def as_address(context: click.Context, _: click.Parameter, value: str | None) -> str | None:
    """The callback of an argument that is the URL of a page; UsageError before any browser starts."""
    if value is None or "://" in value or value.startswith(("about:", "blob:", "data:")):
        return value
    raise UsageError(
        f"{value!r} is no URL",
        where=context.command_path,
        rule="an address is a full URL",
        fix=f"write https://{value.lstrip('/')}",
    )


OUTPUT_FLAGS = (
    click.option("--json/--no-json", "json", default=None, help="One JSON document on stdout, the log on stderr."),
    click.option("-v", "--verbose", "verbose", count=True, help="Say more; -vv says everything."),
    click.option("-q", "--quiet", "quiet", is_flag=True, help="Say only what was asked for."),
    click.option("--color/--no-color", "color", default=None, help="Colour; by default where the terminal has it."),
    click.option("--config", "config_file", type=click.Path(path_type=Path), help="Settings file [tallyhost.toml]."),
)
PROFILE_FLAG = click.option("--profile", metavar="DIR|:memory:", help="Where the agent's state is kept [:memory:].")
LATEST_FLAGS = (
    click.option(
        "--limit", type=click.IntRange(min=1), default=100, show_default=True, metavar="N", help="Show the latest N."
    ),
    click.option("--all", "everything", is_flag=True, help="Show all, whatever --limit says."),
)
SEED_FLAG = click.option("--seed", metavar="N", help="Repeat every random choice.")
NOW_FLAG = click.option("--now", metavar="ISO", help="Where the clock stands at start, e.g. 2026-06-01T09:00:00Z.")
HEADED_FLAG = click.option("--headed/--headless", "headed", default=None, help="Show the browser.")
CHROMIUM_FLAG = click.option("--chromium", metavar="PATH", help="The Chromium to launch.")
ON_OFF = click.Choice(["on", "off"])
NOISE_FLAG = click.option(
    "--noise", type=ON_OFF, help="Randomised responses, null reports by chance, noise of sums [on]."
)
PRESET_FLAGS = (
    click.option(
        "--params", type=click.Choice(["chromium", "spec", "testing", "tiny"]), help="Numbers by name [chromium]."
    ),
    NOISE_FLAG,
    click.option("--delays", type=ON_OFF, help="Sealed reports wait before they leave [on]."),
)
AGENT_FLAGS = (
    PROFILE_FLAG,
    SEED_FLAG,
    NOW_FLAG,
    HEADED_FLAG,
    *PRESET_FLAGS,
    click.option("--map", "map", multiple=True, metavar="HOST=TARGET", help="Let a URL or a folder answer for a host."),
    click.option("--allow-network/--no-allow-network", default=None, help="Reach hosts that are not mapped."),
    click.option("--private/--no-private", default=None, help="Private mode: the API answers, nothing is kept."),
    click.option("--opt-out/--no-opt-out", default=None, help="The user has opted out of measurement."),
    click.option(
        "--dialects", multiple=True, metavar="NAME,...", help="The APIs that pages see: current, level1_2024 [both]."
    ),
    click.option(
        "--attribution-reporting/--no-attribution-reporting", default=None, help="Attribution Reporting for pages [on]."
    ),
    click.option("--shared-storage/--no-shared-storage", default=None, help="Shared Storage for pages [on]."),
    click.option(
        "--private-aggregation/--no-private-aggregation", default=None, help="Reports of Private Aggregation [on]."
    ),
    click.option(
        "--protected-audience/--no-protected-audience", default=None, help="Protected Audience for pages [on]."
    ),
    CHROMIUM_FLAG,
)


def with_session(*flags: Callable[[Command], Command]) -> Callable[[Command], Command]:
    """Give a command these flags and the output flags; it is called with a Session and its own arguments."""

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        @click.pass_context
        def run(context: click.Context, /, **given: Any) -> Any:
            session = _open_session(context, given)
            return command(session, **given)

        return functools.reduce(lambda inner, flag: flag(inner), reversed((*flags, *OUTPUT_FLAGS)), run)

    return decorate


def _open_session(context: click.Context, given: dict[str, Any]) -> Session:
    """Take the settings out of ``given`` and load them."""
    # Slow to import, and neither --help nor a completion reads settings.
    from agent.cli.config import Config, load_config  # noqa: PLC0415

    file = given.pop("config_file")
    verbose, quiet = given.pop("verbose"), given.pop("quiet")
    keys = {field.alias or name for name, field in Config.model_fields.items()}
    flags = {name: given.pop(name) for name in list(given) if name in keys}
    flags["verbosity"] = -1 if quiet else min(verbose, 2) or None
    effective = load_config(flags, file)
    config = effective.config
    state = context.find_object(RunState)
    if state is not None:
        state.as_json, state.verbosity = config.json_output, config.verbosity
    return Session(effective, Output(as_json=config.json_output, color=config.color, verbosity=config.verbosity))
