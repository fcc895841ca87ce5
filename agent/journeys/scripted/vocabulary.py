"""The words of a journey: fifteen steps and what each takes. Closed: what is not here is no step.

These models are what files are checked against, and what ``docs/journey.schema.json`` is made of.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from agent.journeys.scripted.expected import Expectation
from agent.journeys.scripted.limits import LimitTables
from agent.journeys.scripted.targets import DEMO, demo_hosts
from agent.journeys.scripted.words import (
    Duration,
    Host,
    Instant,
    Locator,
    Said,
    Switch,
    Target,
    Text,
    Url,
    Words,
    as_text_locator,
)
from agent.model.chaos_input import chaos_rule
from agent.model.errors import UsageError

CONVERSIONS = "attribution-conversion"


def number_of(bucket: str, names: Mapping[str, str]) -> int:
    """The bucket that a name or number stands for. Raises ValueError."""
    try:
        number = int(names.get(bucket, bucket), 0)
    except ValueError:
        number = -1
    if number < 0:
        rule = f"expected a number in decimal or 0x, or a name as in buckets: {{{bucket}: 0x559}}"
        raise ValueError(f"{bucket!r} is no bucket: {rule}")
    return number


class Opening(Words):
    """An address, and what its server answers."""

    url: Url
    status: int = Field(
        default=200, ge=200, le=599, description="status that is expected; 200 stands for all below 400"
    )

    @field_validator("status")
    @classmethod
    def _is_seen(cls, status: int) -> int:
        if 300 <= status < 400:
            raise ValueError("redirects are followed: write the status at their end")
        return status


class Filling(Locator):
    """A field and what is typed into it."""

    value: Text


class Pressing(Words):
    """A key, and the element that it is for; without one, the element with the focus."""

    key: str = Field(description="such as Enter, Tab or Control+A")
    inside: Target | None = Field(default=None, alias="in", description="the element that gets it")


class Selecting(Locator):
    """A list and what is chosen in it."""

    option: Text = Field(description="label or value of the option")


class Waiting(Locator):
    """An element, and what is waited for."""

    state: Literal["visible", "hidden"] = "visible"


class Chaos(Words):
    """Trouble for one host, or none any more."""

    host: str = Field(description="such as adtech.test, *.adtech.test or *")
    fail: Text | None = Field(default=None, description="share of the requests that fail, such as 50%")
    status: int | None = Field(default=None, ge=400, le=599, description="what those that fail answer; 503 by default")
    reset: Text | None = Field(default=None, description="share of the connections that are reset")
    stall: Duration | None = Field(default=None, description="how long answers hang, and then fail")
    slow: Duration | None = Field(default=None, description="how much later answers come")
    times: int | None = Field(default=None, ge=1, description="how many requests are troubled")

    @model_validator(mode="after")
    def _is_a_rule(self) -> Chaos:
        given = {name: getattr(self, name) for name in self.model_fields_set}
        try:
            chaos_rule(given.pop("host"), **given)
        except UsageError as error:
            raise ValueError(": ".join(filter(None, (error.what, error.rule)))) from None
        return self


class Summary(Words):
    """Reports of one kind, added up by the local aggregation service, and the sums that are expected."""

    reports: Literal["attribution-conversion", "aggregatable", "private-aggregation"] = Field(
        default="attribution-conversion", description="kind of the reports"
    )
    service: str | None = Field(
        default=None, description="the aggregation service, or coordinator, that they are sealed to"
    )
    to: Url | None = Field(default=None, description="the reporting origin; needed where there are several")
    epsilon: float | None = Field(
        default=None, gt=0, description="of the noise; 10, or what conversion reports paid for, by default"
    )
    filtering_ids: list[Annotated[int, Field(ge=0)]] | None = Field(
        default=None, min_length=1, description="the filtering ids that count; 0 by default"
    )
    noise: Switch | None = Field(default=None, description="whether the sums have noise; as the agent by default")
    buckets: dict[str, Text] = Field(default_factory=dict, description="names of buckets: {campaign-12: 0x559}")
    tolerance: int = Field(default=0, ge=0, description="how far a sum may be from the expected one")
    expect: dict[str, int] = Field(min_length=1, description="sums by bucket: its name, or its number in decimal or 0x")

    @model_validator(mode="after")
    def _can_be_asked(self) -> Summary:
        named: dict[int, str] = {}
        for name in self.expect:
            number = number_of(name, self.buckets)
            if number in named:
                raise ValueError(f"{named[number]} and {name} of expect are the same bucket")
            named[number] = name
        for key in ("to", "filtering_ids"):
            if getattr(self, key) is not None and self.reports == CONVERSIONS:
                raise ValueError(f"{key} is for reports: aggregatable or private-aggregation, which have one")
        return self


class Open(Words):
    """Open an address in the current tab."""

    open: Annotated[
        Opening,
        BeforeValidator(lambda v: {"url": v} if isinstance(v, str) else v, json_schema_input_type=Url | Opening),
    ]


class Click(Words):
    """Click an element."""

    click: Target


class Fill(Words):
    """Type into a field."""

    fill: Filling


class Press(Words):
    """Press a key."""

    press: Annotated[
        Pressing,
        BeforeValidator(lambda v: {"key": v} if isinstance(v, str) else v, json_schema_input_type=str | Pressing),
    ]


class Select(Words):
    """Choose in a list."""

    select: Selecting


class WaitFor(Words):
    """Wait until an element is there, or gone."""

    wait_for: Annotated[Waiting, BeforeValidator(as_text_locator, json_schema_input_type=str | Waiting)]


class Expect(Words):
    """Check what came of it; waits a little, and moves the clock where told."""

    expect: Expectation


class Advance(Words):
    """Move the agent's clock forward; what becomes due on the way is done."""

    advance: Duration


class NextReport(Words):
    """Move the clock to the next report that is due, and send it."""

    next_report: None = None


class ClearSiteData(Words):
    """Clear one site's data as a user who keeps the history, or all data with the history."""

    clear_site_data: Host = Field(description="a site, or all")


class ChaosStep(Words):
    """Trouble a host from now on, or end it with ``chaos: none``."""

    chaos: Annotated[
        Chaos | None,
        BeforeValidator(lambda v: None if v == "none" else v, json_schema_input_type=Chaos | Literal["none"]),
    ]


class Offline(Words):
    """Take the browser off the network, or back."""

    offline: Switch


class SummaryStep(Words):
    """Have the local aggregation service add reports up."""

    summary: Summary


class Screenshot(Words):
    """Keep a picture of the page under a name."""

    screenshot: str


class Note(Words):
    """Say something in the report."""

    note: str


Step = (
    Open
    | Click
    | Fill
    | Press
    | Select
    | WaitFor
    | Expect
    | Advance
    | NextReport
    | ClearSiteData
    | ChaosStep
    | Offline
    | SummaryStep
    | Screenshot
    | Note
)
STEPS: dict[str, type[Words]] = {next(iter(model.model_fields)): model for model in Step.__args__}
"""Every step by its word."""


class AgentOptions(LimitTables):
    """The emulated browser: a fresh profile with these settings. Keys are those of tallyhost.toml."""

    params: Literal["chromium", "spec", "testing", "tiny"] = Field(default="chromium", description="preset of limits")
    noise: Switch = Field(default=True, description="whether anything is drawn to protect users; off for exact numbers")
    delays: Switch = Field(default=True, description="whether reports wait as they do in a browser")
    seed: int | None = Field(default=None, ge=0, description="repeats every random choice; of the name by default")
    now: Instant | None = Field(default=None, description="where the clock stands")
    page_clock: Switch = Field(default=False, description="`Date` in pages shows the agent's clock")
    private: Switch = Field(default=False, description="private mode")
    opt_out: Switch = Field(default=False, description="the user has opted out of measurement")
    minimum_batch: int | None = Field(default=None, ge=1, description="fewest conversion reports that are aggregated")
    attribution_reporting: Switch = True
    shared_storage: Switch = True
    private_aggregation: Switch = True
    protected_audience: Switch = True


def _demo(value: object) -> object:
    return dict.fromkeys(demo_hosts(), DEMO) if value == DEMO else value


class JourneyWords(Words):
    """A journey: a fresh browser, sites, and steps in their order."""

    name: str = Field(description="what happens, in one sentence")
    agent: AgentOptions = AgentOptions()
    vars: dict[str, Text] = Field(default_factory=dict, description="texts that ${name} stands for")
    sites: Annotated[
        dict[Host, Said],
        BeforeValidator(_demo, json_schema_input_type=dict[Host, Said] | Literal["demo"]),
    ] = Field(
        default_factory=dict,
        description="what answers for each host: a folder beside the journey, a URL, or demo for the demo's site; "
        "demo alone stands for all of the demo's hosts",
    )
    steps: list[Step] = Field(min_length=1)


def word_of(step: Words) -> str:
    """The word of a step."""
    return next(iter(type(step).model_fields))


def argument_of(step: Words) -> Any:
    """What a step takes."""
    return getattr(step, word_of(step))
