"""Stories: W3C Attribution e2e cases through the real engine and SQLite, without a browser.

A case is an object with ``events``, optionally ``config`` and ``id``; without ``config`` the ``CONFIG.json`` beside the
file, or in the folder above, applies as a whole (current draft, section 13). Extensions to the format: the draws of
``fairlyAllocateCreditFractions`` are taken in turn, timestamps may be equal, ``clearExpiredImpressions`` is an event,
and the overlays ``spec`` and ``reuse`` (``[event index, result]`` each) replace what ``expected`` says. A recorded case
(docs/bundles.md) has ``milliseconds``, a ``dialect``, ``allowed`` and ``activated`` in its events, and ``limits``.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import cycle
from typing import Any

from agent.engines.attribution import webidl
from agent.journeys.recorded_limits import recorded_limits
from agent.model.attribution import AggregationService, CallContext, ConversionRequest, Dialect, Policy
from agent.model.clock import SECOND
from agent.model.errors import PageException, UsageError
from agent.model.limits import AttributionLimits
from agent.model.rng import Draw
from agent.reporting.conversion_form import made_report
from agent.verbs import attribution as verbs
from storage.database import MEMORY, Database

Result = list[int] | str | dict[str, Any] | None
"""Of one event: a histogram (of a recorded case the whole report), an error as the format writes it, or None."""

_LIMITS = {
    "globalPrivacyBudgetPerEpoch": "global_privacy_budget_per_epoch",
    "impressionSiteQuotaPerEpoch": "impression_site_quota_per_epoch",
    "maxConversionSitesPerImpression": "max_conversion_sites_per_impression",
    "maxConversionCallersPerImpression": "max_conversion_callers_per_impression",
    "maxImpressionSitesForConversion": "max_impression_sites_for_conversion",
    "maxImpressionCallersForConversion": "max_impression_callers_for_conversion",
    "maxCreditSize": "max_credit_size",
    "maxMatchValues": "max_match_values",
    "maxLookbackDays": "max_lookback_days",
    "maxHistogramSize": "max_histogram_size",
    "perSitePrivacyBudget": "per_site_privacy_budget",
    "privacyBudgetEpochDays": "privacy_budget_epoch_days",
}
_SERVICES = "aggregationServices"
_PHASE = "epochStart"
_FRACTION = "fairlyAllocateCreditFraction"
_FRACTIONS = "fairlyAllocateCreditFractions"
_MOST = 2**32 - 1
_LATEST = 8_640_000_000_000
"""The last second that JavaScript's Date can name."""
_ALL_LIMITS = "limits"
"""A recorded story's: every limit of the agent that was recorded, under its own name."""
_CONFIG_KEYS = (*_LIMITS, _ALL_LIMITS, _SERVICES, _PHASE, _FRACTION, _FRACTIONS)


class StoryError(UsageError):
    """A story that is not in the format; ``event`` is the position of the offending event, or None."""

    def __init__(self, what: str, *, event: int | None = None, where: str = "") -> None:
        self.event = event
        super().__init__(what, where=where, fix="the format is described by `tallyhost story --help`")


@dataclass(frozen=True, slots=True)
class Mismatch:
    """An event whose result is not the expected one."""

    event: int
    """Position in ``events``, from 0."""
    expected: Result
    result: Result

    def __str__(self) -> str:
        return f"events[{self.event}]: expected {self.expected!r}, the result was {self.result!r}"


@dataclass(frozen=True, slots=True)
class StoryResult:
    """What a story gave."""

    id: str
    """The case's ``id``, or the path as given."""
    results: list[Any]
    """What each event gave, a :data:`Result`."""
    mismatches: Sequence[Any] = field(default_factory=list)
    """Where that is not what was expected; text says it to people, fields to programs."""
    notes: Sequence[str] = ()
    """What a recorded run did that is not played, in words."""

    def emit(self) -> str:
        """One JSON line for an outside judge."""
        return json.dumps({"id": self.id, "results": self.results}, separators=(",", ":"))


class StoryRng:
    """The constants of a story in the place of chance."""

    def __init__(self, phase: float, fractions: Sequence[float]) -> None:
        self._phase = phase
        self._fractions = cycle(fractions)

    def fraction(self, draw: Draw) -> float:
        """The epoch phase, or the next credit fraction."""
        return self._phase if draw is Draw.EPOCH_PHASE else next(self._fractions)

    def below(self, draw: Draw, bound: int) -> int:
        """No integer is drawn in a story."""
        raise AssertionError(f"a story draws no {draw} below {bound}")

    def bytes(self, draw: Draw, count: int) -> bytes:
        """No bytes are drawn in a story."""
        raise AssertionError(f"a story draws no {count} bytes of {draw}")


@dataclass(frozen=True, slots=True)
class StoryConfig:
    """The configuration of a case."""

    limits: AttributionLimits
    services: tuple[AggregationService, ...]
    rng: StoryRng


def run_story(
    case: Mapping[str, Any],
    default_config: Mapping[str, Any] | None = None,
    *,
    name: str = "",
    policy: Policy | None = None,
) -> StoryResult:
    """Run one case on a fresh store, and compare its results with what it expects.

    ``default_config`` applies where the case has no ``config``; ``name`` is the id of a case that has none;
    ``policy`` imitates a defect of the published reference. Raises StoryError.
    """
    events = case.get("events")
    if not isinstance(events, list):
        raise StoryError("a story needs a list `events`")
    config = read_config(case.get("config", default_config))
    with Database.open(MEMORY, now=0) as database:
        teller = Teller(database, config, policy, recorded=case.get("recorded") is True)
        results = [teller.tell(position, event) for position, event in enumerate(events)]
    expected = expectations(case)
    mismatches = [
        Mismatch(position, expected[position], result)
        for position, result in enumerate(results)
        if position in expected and expected[position] != result
    ]
    return StoryResult(str(case.get("id", name)), results, mismatches)


def expectations(case: Mapping[str, Any]) -> dict[int, Result]:
    """What each event should give, by position; ``spec`` and ``reuse`` replace what the events say."""
    expected: dict[int, Result] = {}
    for position, event in enumerate(case["events"]):
        if event["event"] == "measureConversion":
            if "expected" in event:
                expected[position] = event["expected"]
        else:
            expected[position] = event.get("expectedError")
    for overlay in ("spec", "reuse"):
        try:
            expected.update((position, result) for position, result in case.get(overlay, ()))
        except (TypeError, ValueError) as error:
            raise StoryError(f"`{overlay}` must be a list of [event index, result]") from error
    return expected


def read_config(config: object) -> StoryConfig:
    """The limits, services and constants of a case. Raises StoryError where a value is not what it must be."""
    if not isinstance(config, Mapping):
        raise StoryError("a story needs a `config`, or a CONFIG.json beside its file or in the folder above")
    for key in config:
        if key not in _CONFIG_KEYS and key != "$comment":
            raise StoryError(f"config: unknown key {key!r}; known are {', '.join(_CONFIG_KEYS)}")
    numbers: dict[str, Any] = {}
    for key, limit in _LIMITS.items():
        if key in config:
            number = config[key]
            if type(number) is not int or not 0 <= number <= _MOST:
                raise StoryError(f"config: {key} must be a whole number from 0 to {_MOST}, not {number!r}")
            numbers[limit] = number
    if numbers.get("privacy_budget_epoch_days") == 0:
        raise StoryError("config: privacyBudgetEpochDays must be greater than 0")
    services = config.get(_SERVICES, {})
    if not isinstance(services, Mapping):
        raise StoryError(f"config: {_SERVICES} must map URLs to protocols")
    fractions = config.get(_FRACTIONS, [config.get(_FRACTION, 0.5)])
    if not isinstance(fractions, list) or not fractions:
        raise StoryError(f"config: {_FRACTIONS} must be a list of numbers in [0, 1)")
    return StoryConfig(
        replace(_recorded(config.get(_ALL_LIMITS, {})), **numbers),
        tuple(_service(url, given) for url, given in services.items()),
        StoryRng(_fraction(config.get(_PHASE, 0.5), _PHASE), [_fraction(one, _FRACTION) for one in fractions]),
    )


def _recorded(limits: object) -> AttributionLimits:
    try:
        read = recorded_limits(AttributionLimits, limits)
    except UsageError as error:
        raise StoryError(error.what) from error
    if read.privacy_budget_epoch_days == 0:
        raise StoryError("limits: privacy_budget_epoch_days must be greater than 0")
    return read


def _service(url: str, given: object) -> AggregationService:
    """A service: its protocol, or (recorded) all that it is."""
    match given:
        case {"name": str(name), "apiVersion": str(version), "protocol": str(protocol), **more}:
            maximum = more.get("maxHistogramSize")
            return AggregationService(name, url, version, protocol, maximum if type(maximum) is int else None)
    return AggregationService(url, url, protocol=str(given))


def _fraction(value: object, key: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1:
        raise StoryError(f"config: {key} must be a number in [0, 1), not {value!r}")
    return float(value)


class Teller:
    """Plays the events of one case, one by one."""

    def __init__(
        self, database: Database, config: StoryConfig, policy: Policy | None, *, recorded: bool = False
    ) -> None:
        self._database = database
        self._limits, self._services, self._rng = config.limits, config.services, config.rng
        self._policy, self._recorded = policy, recorded
        self._enabled = True
        self._now = 0
        self._verbs: dict[str, Callable[[sqlite3.Connection, Mapping[str, Any]], Result]] = {
            "saveImpression": self._save_impression,
            "measureConversion": self._measure_conversion,
            "clearImpressionsForSite": self._clear_impressions_for_site,
            "clearBrowsingHistoryForAttribution": self._clear_browsing_history,
            "clearExpiredImpressions": self._clear_expired,
            "enableAPI": partial(self._switch, enabled=True),
            "disableAPI": partial(self._switch, enabled=False),
        }

    def tell(self, position: int, event: Any) -> Result:
        """Play one event in one transaction. Raises StoryError with its position."""
        try:
            verb = self._read(event)
            return self._database.transact(event["event"], lambda connection: verb(connection, event))
        except StoryError as error:
            raise StoryError(f"events[{position}]: {error.what}", event=position) from error

    def _read(self, event: Any) -> Callable[[sqlite3.Connection, Mapping[str, Any]], Result]:
        """Set the clock to an event and give the verb that plays it."""
        if not isinstance(event, dict):
            raise StoryError("an event must be an object")
        name = event.get("event")
        if not isinstance(name, str) or name not in self._verbs:
            raise StoryError(f"`event` must be one of {', '.join(self._verbs)}, not {name!r}")
        if "milliseconds" in event:
            self._now = _milliseconds(event["milliseconds"])
            return self._verbs[name]
        seconds = event.get("seconds")
        if type(seconds) is not int or not 0 < seconds <= _LATEST or seconds * SECOND < self._now:
            raise StoryError(f"`seconds` must be a whole number > 0 that does not go back, not {seconds!r}")
        self._now = seconds * SECOND
        return self._verbs[name]

    def _save_impression(self, connection: sqlite3.Connection, event: Mapping[str, Any]) -> Result:
        context, dialect = _context(event), _dialect(event)
        options = webidl.convert_impression(dialect, event.get("options"))
        if isinstance(options, PageException):
            return _error(options)
        outcome = verbs.save_impression(
            connection, dialect, context, options, limits=self._limits_of(event), now=self._now, enabled=self._enabled
        )
        return None if outcome.exception is None else _error(outcome.exception)

    def _measure_conversion(self, connection: sqlite3.Connection, event: Mapping[str, Any]) -> Result:
        context, dialect = _context(event), _dialect(event)
        options = webidl.convert_conversion(dialect, event.get("options"))
        if isinstance(options, PageException):
            return _error(options)
        outcome = verbs.measure_conversion(
            connection,
            dialect,
            context,
            options,
            limits=self._limits_of(event),
            services=self._services,
            rng=self._rng,
            now=self._now,
            enabled=self._enabled,
            policy=self._policy,
            named=0,
        )
        if outcome.exception is not None:
            return _error(outcome.exception)
        histogram = outcome.histogram or ()
        if self._recorded and isinstance(outcome.request, ConversionRequest):
            return made_report(outcome.request, histogram, self._now)
        return list(histogram)

    def _limits_of(self, event: Mapping[str, Any]) -> AttributionLimits:
        return _recorded(event["limits"]) if "limits" in event else self._limits

    def _clear_impressions_for_site(self, connection: sqlite3.Connection, event: Mapping[str, Any]) -> Result:
        verbs.clear_impressions_for_site(connection, _text(event, "site"), now=self._now)
        return None

    def _clear_browsing_history(self, connection: sqlite3.Connection, event: Mapping[str, Any]) -> Result:
        sites, forget = event.get("sites"), event.get("forgetVisits")
        if not isinstance(sites, list) or not all(isinstance(site, str) and site.isprintable() for site in sites):
            raise StoryError("`sites` must be a list of sites")
        if not isinstance(forget, bool):
            raise StoryError("`forgetVisits` must be true or false")
        if forget:
            verbs.clear_history(connection, sites, now=self._now)
        elif sites:
            verbs.clear_site_data(connection, sites, limits=self._limits, rng=self._rng, now=self._now)
        else:
            raise StoryError("`sites` must not be empty where `forgetVisits` is false")
        return None

    def _clear_expired(self, connection: sqlite3.Connection, event: Mapping[str, Any]) -> Result:
        del event
        verbs.expire(connection, now=self._now)
        return None

    def _switch(self, connection: sqlite3.Connection, event: Mapping[str, Any], *, enabled: bool) -> Result:
        del connection, event
        self._enabled = enabled
        return None


def _context(event: Mapping[str, Any]) -> CallContext:
    intermediary = None if event.get("intermediarySite") is None else _text(event, "intermediarySite")
    if not isinstance(event.get("options"), dict):
        raise StoryError("`options` must be an object")
    allowed, activated = (event.get(name, True) is True for name in ("allowed", "activated"))
    return CallContext(_text(event, "site"), intermediary, allowed, activated)


def _dialect(event: Mapping[str, Any]) -> Dialect:
    try:
        return Dialect(event.get("dialect", Dialect.CURRENT))
    except ValueError as error:
        raise StoryError(f"`dialect` must be one of {', '.join(Dialect)}") from error


def _milliseconds(given: object) -> int:
    """The time of a recorded event; of two that came at one time the later may be recorded first."""
    if type(given) is not int or not 0 < given <= _LATEST * SECOND:
        raise StoryError(f"`milliseconds` must be a whole number > 0, not {given!r}")
    return given


def _text(event: Mapping[str, Any], key: str) -> str:
    value = event.get(key)
    if not isinstance(value, str) or not value.isprintable():
        raise StoryError(f"`{key}` must be a site such as shop.example, not {value!r}")
    return value


def _error(exception: PageException) -> Result:
    return {"error": "DOMException", "name": exception.name} if exception.is_dom_exception else exception.name
