"""Effective settings: flag before environment before ``tallyhost.toml`` before default.

Every flag of the command line is a key of the file and an environment variable: ``--allow-network`` is
``allow_network`` and ``TALLYHOST_ALLOW_NETWORK``.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from agent.cli.toml_lines import Place, line_of
from agent.model import limit_tables
from agent.model.attribution import AggregationService, Dialect
from agent.model.attribution_reporting.limits import AttributionReportingLimits
from agent.model.clock import format_instant, parse_instant
from agent.model.errors import UsageError
from agent.model.limits import AttributionLimits
from agent.model.presets import settings_for
from agent.model.private_aggregation_limits import PrivateAggregationLimits
from agent.model.protected_audience_limits import ProtectedAudienceLimits
from agent.model.settings import Settings
from agent.model.shared_storage_limits import SharedStorageLimits
from agent.model.site import is_suitable_origin, schemeful_site

MEMORY = ":memory:"
DEFAULTS = Settings()
DEFAULT_FILE = Path("tallyhost.toml")
PREFIX = "TALLYHOST_"
DEFAULT_PARAMS: Final = "chromium"
FILE_VARIABLE = PREFIX + "CONFIG"
TABLES = limit_tables.TABLES
"""The tables of numbers, by their name in the file."""
_FILE_ONLY = {*TABLES, "aggregation_services"}
_NAMED = ("params", "noise", "delays")
"""The settings that stand for several others."""
_SHORT_FLAGS = {"verbosity": "-v or -q"}
_FOREIGN_VARIABLES = {FILE_VARIABLE, PREFIX + "CONFORMANCE"}


def _instant(value: object) -> object:
    if isinstance(value, datetime):
        return parse_instant(value.isoformat())
    if isinstance(value, str):
        try:
            return parse_instant(value)
        except ValueError:
            raise ValueError("expected an ISO 8601 time such as 2026-06-01T09:00:00Z") from None
    return value


def _maps(value: object) -> object:
    """``HOST=TARGET`` texts, one or several apart by white space, as a table."""
    texts = value.split() if isinstance(value, str) else value
    if not isinstance(texts, list | tuple):
        return value
    table: dict[str, str] = {}
    for text in texts:
        host, found, target = str(text).partition("=")
        if not (found and host and target):
            raise ValueError(f"expected HOST=TARGET such as shop.test=http://localhost:3000, not {text!r}")
        table[host] = target
    return table


def _names(value: object) -> object:
    """Names, one or several apart by commas, as a list."""
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, list | tuple) or not all(isinstance(text, str) for text in texts):
        return value
    return [name.strip() for text in texts for name in text.split(",")]


def _sites(value: object) -> object:
    """Sites such as ``https://adtech.test``, one or several apart by commas."""
    names = _names(value)
    for name in names if isinstance(names, list) else ():
        if not is_suitable_origin(name) or schemeful_site(name) != name:
            raise ValueError(f"expected sites such as https://adtech.test, not {name!r}")
    return names


class Config(BaseModel):
    """What the command line can be told; the fields are the keys of ``tallyhost.toml``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    profile: str = Field(
        default=MEMORY, description="folder that keeps the agent's state; :memory: leaves nothing behind"
    )
    seed: int | None = Field(default=None, ge=0, description="repeats every random choice")
    now: Annotated[int | None, BeforeValidator(_instant)] = Field(
        default=None, description="where the clock stands at start"
    )
    headed: bool = Field(default=False, description="show the browser")
    map: Annotated[dict[str, str], BeforeValidator(_maps)] = Field(
        default_factory=dict, description="hosts and what answers for them"
    )
    allow_network: bool = Field(default=False, description="let pages and reports reach hosts that are not mapped")
    private: bool = Field(default=False, description="private mode: the API answers, nothing is kept")
    opt_out: bool = Field(default=False, description="the user has opted out of measurement")
    json_output: bool = Field(default=False, alias="json", description="one JSON document on stdout")
    verbosity: int = Field(default=0, ge=-1, le=2, description="-1 quiet, 0 normal, 1 verbose, 2 debug")
    color: bool | None = Field(default=None, description="colour; by default where the terminal has it")
    chromium: Path | None = Field(default=None, description="the Chromium to launch")
    workers: int | None = Field(
        default=None, ge=1, description="processes that open reports for `tallyhost aggregate`; one for each processor"
    )
    params: Literal["chromium", "spec", "testing", "tiny"] = Field(
        default=DEFAULT_PARAMS,
        description="numbers by name: Chromium's; `spec`, the least that W3C Attribution asks for, and Chromium's where"
        " a specification leaves them to the browser; `testing`, Chromium's switches for local testing, which leave out"
        " noise and delays of reports; `tiny`, limits soon used up",
    )
    noise: bool = Field(
        default=True,
        description="what is drawn to protect users: randomised responses, null reports by chance, noise of summaries",
    )
    delays: bool = Field(
        default=True, description="aggregatable reports and those of Private Aggregation wait before they leave"
    )
    dialects: Annotated[frozenset[Dialect], BeforeValidator(_names)] = Field(
        default=DEFAULTS.dialects, description="the APIs that pages see"
    )
    aggregation_services: tuple[AggregationService, ...] = Field(
        default=DEFAULTS.aggregation_services, description="the services that pages may name"
    )
    minimum_batch: int = Field(
        default=DEFAULTS.minimum_batch, ge=1, description="fewest reports that the aggregation service takes"
    )
    page_clock: bool = Field(default=DEFAULTS.page_clock, description="`Date` in pages shows the agent's clock")
    third_party_cookies: bool = Field(
        default=DEFAULTS.third_party_cookies, description="third-party frames may use cookies"
    )
    limits: AttributionLimits = Field(
        default=DEFAULTS.limits,
        description="numbers of W3C Attribution: the least that the draft asks for, else this project's choice; budgets"
        " in micro-epsilon, times in ms",
    )
    attribution_reporting: bool = Field(
        default=DEFAULTS.attribution_reporting, description="Attribution Reporting is on for pages"
    )
    enrolled_sites: Annotated[frozenset[str] | None, BeforeValidator(_sites)] = Field(
        default=DEFAULTS.enrolled_sites,
        description="sites that may register, store and contribute; everyone where not set",
    )
    grease: bool = Field(
        default=DEFAULTS.grease, description="request headers of Attribution Reporting vary at random, as Chromium's"
    )
    attribution_reporting_limits: AttributionReportingLimits = Field(
        default=DEFAULTS.attribution_reporting_limits,
        description="numbers of Attribution Reporting: Chromium 143's, for the specification leaves them to browsers;"
        " times in ms",
    )
    shared_storage: bool = Field(default=DEFAULTS.shared_storage, description="Shared Storage is on for pages")
    shared_storage_limits: SharedStorageLimits = Field(
        default=DEFAULTS.shared_storage_limits,
        description="numbers and switches of Shared Storage: Chromium 143's, and bounds of this project's; times in ms",
    )
    private_aggregation: bool = Field(
        default=DEFAULTS.private_aggregation, description="contributions to Private Aggregation are reported"
    )
    private_aggregation_limits: PrivateAggregationLimits = Field(
        default=DEFAULTS.private_aggregation_limits,
        description="numbers and switches of Private Aggregation: Chromium 143's; times in ms",
    )
    protected_audience: bool = Field(
        default=DEFAULTS.protected_audience, description="Protected Audience is on for pages"
    )
    protected_audience_limits: ProtectedAudienceLimits = Field(
        default=DEFAULTS.protected_audience_limits,
        description="numbers of Protected Audience: Chromium 143's; times in ms",
    )


@dataclass(frozen=True, slots=True)
class Effective:
    """The settings in force, and where each that is not a default came from."""

    config: Config
    origins: Mapping[str, str]
    file: Path | None


def load_config(flags: Mapping[str, Any], file: Path | None = None) -> Effective:
    """Settings from ``flags`` (absent or None: not given), the environment and the file.

    ``file`` is the one asked for; without it ``TALLYHOST_CONFIG``, else ``tallyhost.toml`` of the working folder
    where there is one. Raises UsageError with file, line and what was expected.
    """
    path, text = _file_text(file)
    from_file = _file_values(path, text)
    from_environment = _environment_values()
    from_flags = {name: value for name, value in flags.items() if value is not None and value != ()}
    _check(from_file, lambda place: f"{path}:{line_of(text, place)}")
    _check(from_environment, lambda place: f"environment variable {PREFIX}{str(place[0]).upper()}")
    _check(from_flags, lambda place: f"flag --{str(place[0]).replace('_', '-')}")
    given = {**from_file, **from_environment, **from_flags}
    if "params" in flags:  # other commands have no agent, whose noise and delays these would be
        _refuse_contradiction(from_file, from_environment, from_flags)
    named = Config.model_validate({name: given[name] for name in _NAMED if name in given})
    preset, origins = _preset(named)
    origins |= dict.fromkeys(_dotted(from_file), str(path))
    origins |= {name: f"{PREFIX}{name.upper()}" for name in from_environment}
    origins |= {name: _SHORT_FLAGS.get(name) or f"--{name.replace('_', '-')}" for name in from_flags}
    tables = {name: preset[name] | given.get(name, {}) for name in TABLES}
    return Effective(Config.model_validate({**preset, **given, **tables}), origins, path)


def printable(config: Config) -> dict[str, Any]:
    """The settings as plain JSON values, nested as in the file."""
    values = config.model_dump(mode="json", by_alias=True)
    for name in ("dialects", "enrolled_sites"):
        values[name] = None if values[name] is None else sorted(values[name])
    if config.now is not None:
        values["now"] = format_instant(config.now)
    return values


def _preset(named: Config) -> tuple[dict[str, Any], dict[str, str]]:
    """What ``params``, ``noise`` and ``delays`` change, as keys of the file, and which of them changes each.

    Every other setting wins over it.
    """
    preset: dict[str, Any] = {table: {} for table in TABLES}
    origins: dict[str, str] = {}
    for settings, origin in (
        (settings_for(named.params), f"params {named.params}"),
        (settings_for(noise=named.noise), "noise off"),
        (settings_for(delays=named.delays), "delays off"),
    ):
        changed: dict[str, Any] = {}
        for table in TABLES:
            before, after = getattr(DEFAULTS, table), getattr(settings, table)
            values = {field.name: getattr(after, field.name) for field in fields(after)}
            changed[table] = {name: value for name, value in values.items() if value != getattr(before, name)}
            preset[table] |= changed[table]
        if settings.minimum_batch != DEFAULTS.minimum_batch:
            preset["minimum_batch"] = changed["minimum_batch"] = settings.minimum_batch
        origins |= dict.fromkeys(_dotted(changed), origin)
    return preset, origins


def _refuse_contradiction(*levels: Mapping[str, Any]) -> None:
    """Raise UsageError where noise or delays are asked for of params that have none; later ``levels`` win."""

    def found(name: str) -> tuple[int, Any]:
        places = [place for place, level in enumerate(levels) if name in level]
        return (places[-1], levels[places[-1]][name]) if places else (-1, None)

    place, params = found("params")
    for name in ("noise", "delays"):
        at, value = found(name)
        if params == "testing" and at >= place and getattr(Config.model_validate({name: value}), name):
            raise UsageError(
                f"{name} on, and params testing",
                where=f"{name} and params",
                rule="Chromium's switches for local testing have neither noise nor delays",
                fix=f"leave out {name}, or choose other params",
            )


def _file_text(file: Path | None) -> tuple[Path | None, str]:
    asked = file or (Path(chosen) if (chosen := os.environ.get(FILE_VARIABLE)) else None)
    path = asked or DEFAULT_FILE
    try:
        return path, path.read_text(encoding="utf-8")
    except FileNotFoundError:
        if asked is None:
            return None, ""
        raise UsageError("no such file", where=str(path), rule="--config names a TOML file") from None
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UsageError(
            f"cannot be read: {reason}", where=str(path), rule="the configuration is UTF-8 TOML"
        ) from error


def _file_values(path: Path | None, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        where = re.search(r"line (\d+)", str(error))
        line = where.group(1) if where else str(text.count("\n") + 1)
        raise UsageError(
            f"{error}", where=f"{path}:{line}", rule="the configuration is TOML 1.0", fix="write for example seed = 7"
        ) from None


def _environment_values() -> dict[str, Any]:
    names = {field.alias or name for name, field in Config.model_fields.items()} - _FILE_ONLY
    values: dict[str, Any] = {}
    for variable, value in os.environ.items():
        if not variable.startswith(PREFIX) or variable in _FOREIGN_VARIABLES or not value:
            continue
        name = variable.removeprefix(PREFIX).lower()
        if name not in names:
            raise UsageError(
                "no such setting",
                where=f"environment variable {variable}",
                rule="TALLYHOST_* variables are the settings in capitals",
                fix="`tallyhost config` lists the settings",
            )
        values[name] = value
    return values


def _check(values: Mapping[str, Any], where: Callable[[Place], str]) -> None:
    try:
        Config.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        place = first["loc"]
        key = ".".join(map(str, place))
        if first["type"] in {"extra_forbidden", "unexpected_keyword_argument"}:
            known = ", ".join(sorted(_known_keys(place)))
            raise UsageError(f"no such key: {key}", where=where(place), rule=f"expected one of {known}") from None
        message = first["msg"].removeprefix("Value error, ")
        value = " ".join(map(str, first["input"])) if isinstance(first["input"], tuple) else first["input"]
        raise UsageError(
            f"{key} = {value!r} cannot be used", where=where(place), rule=message[:1].lower() + message[1:]
        ) from None
    limits = [(table, name, value) for table in TABLES for name, value in values.get(table, {}).items()]
    for table, name, value in limits:
        if rule := limit_tables.broken_rule(name, value):
            shown = value if isinstance(value, int | float) else repr(value)
            raise UsageError(f"{table}.{name} = {shown} cannot be used", where=where((table, name)), rule=rule)


def _known_keys(place: Place) -> Iterable[str]:
    match place:
        case (str(table), _) if table in TABLES:
            return [field.name for field in fields(TABLES[table])]
        case ("aggregation_services", *_):
            return AggregationService.__dataclass_fields__
        case _:
            return (field.alias or name for name, field in Config.model_fields.items())


def _dotted(values: Mapping[str, Any]) -> Iterator[str]:
    for name, value in values.items():
        if name in TABLES:
            yield from (f"{name}.{inner}" for inner in value)
        else:
            yield name
