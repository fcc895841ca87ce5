"""Chaos, as its owner asks for it: which requests to which hosts fail, are reset, get no answer, or get it late."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from agent.model.clock import SECOND
from agent.model.events import Check, Event, Trace

CHAOS = "chaos"
"""The kind of the event that each struck request leaves."""
CHAOS_RULE, CHAOS_OFFLINE = "chaos.rule", "chaos.offline"
"""The kinds of the events that the owner leaves: of a rule, and of taking the profile offline or back."""
EVERY_HOST = "*"
STATUS = 503
"""What a request that fails is answered with unless a rule says otherwise."""


class Strike(StrEnum):
    """What became of a request that chaos struck; the verdicts of its event."""

    FAILED = "failed"
    """It was answered with an error, and never reached the server."""
    RESET = "reset"
    """Its connection was reset."""
    STALLED = "stalled"
    """It had no answer, until it timed out."""
    SLOWED = "slowed"
    """It was held back, then sent."""


@dataclass(frozen=True, slots=True)
class ChaosRule:
    """What goes wrong with requests to the hosts of a pattern; :func:`agent.model.chaos_input.chaos_rule` makes one."""

    host: str
    """``adtech.test``, ``*.adtech.test`` for the names below it, or ``*``."""
    fail: float = 0.0
    """The share of the requests, 0 to 1, that is answered with ``status``."""
    status: int = STATUS
    reset: float = 0.0
    """The share of the requests whose connection is reset."""
    stall: int = 0
    """Milliseconds for which the other requests get no answer, and then time out; 0 where they do not stall.

    A page sees its connection reset then: no server can make Chromium's own time limits pass faster.
    """
    slow: int = 0
    """Milliseconds by which every answer comes later."""
    times: int | None = None
    """How many more requests it strikes before it ends; None for no end."""
    pages: bool = True
    """Whether it strikes what pages ask for, beside what the agent sends."""

    def __str__(self) -> str:
        parts = []
        if self.fail:
            parts.append(f"{_percent(self.fail)} fail with {self.status}")
        if self.reset:
            parts.append(f"{_percent(self.reset)} are reset")
        if self.stall:
            parts.append(f"{'the others' if parts else 'all'} stall for {_seconds(self.stall)}")
        if self.slow:
            parts.append(f"answers come {_seconds(self.slow)} later")
        if self.times is not None:
            parts.append(f"for {self.times:,} more request{'' if self.times == 1 else 's'}")
        if not self.pages:
            parts.append("pages are spared")
        return ", ".join(parts)


@dataclass(frozen=True, slots=True)
class Trouble:
    """What chaos does to one request."""

    strike: Strike
    rule: ChaosRule
    """As it was when it struck."""
    delay: int
    """Milliseconds that pass before it shows."""

    def __str__(self) -> str:
        match self.strike:
            case Strike.FAILED:
                return f"answered with {self.rule.status}"
            case Strike.RESET:
                return "connection reset"
            case Strike.STALLED:
                return f"no answer for {_seconds(self.delay)}"
            case Strike.SLOWED:
                return f"sent {_seconds(self.delay)} later"

    def check(self) -> Check:
        """The check that names the rule; passed where the request was held back alone."""
        passed = self.strike is Strike.SLOWED
        fix = "" if passed else f"tallyhost chaos clear {self.rule.host}"
        if fix and self.rule.times == 1:
            fix = "none is needed: the rule has ended with this request"
        return Check("no chaos", passed, f"{self}, as chaos asks for {self.rule.host}: {self.rule}", fix)


def rule_document(rule: ChaosRule) -> dict[str, Any]:
    """A rule as JSON values: shares as numbers, durations in milliseconds."""
    return asdict(rule)


def chaos_event(
    trouble: Trouble, method: str, url: str, *, now: int, site: str = "", report_id: str | None = None
) -> Event:
    """That ``trouble`` struck a request at ``now`` (milliseconds); ``report_id`` where a report was to be sent."""
    rule = trouble.rule
    data = {
        "url": url,
        "method": method,
        "host": rule.host,
        "rule": rule_document(rule),
        "delay": trouble.delay,
        **({} if report_id is None else {"report": report_id}),
    }
    summary = f"chaos for {rule.host}: {method} {url}: {trouble}"
    return Event(CHAOS, now, trouble.strike, summary, site, data, Trace((trouble.check(),)))


def rule_event(rule: ChaosRule, now: int, *, ended: bool = False) -> Event:
    """That the owner put ``rule`` in force, or ``ended`` it, at ``now`` (milliseconds)."""
    verdict, what = ("cleared", "ended") if ended else ("set", str(rule))
    data = {"host": rule.host, "rule": rule_document(rule)}
    return Event(CHAOS_RULE, now, verdict, f"chaos for {rule.host}: {what}, by the profile's owner", data=data)


def offline_event(now: int, *, offline: bool) -> Event:
    """That the owner took the profile offline, or back online, at ``now`` (milliseconds)."""
    verdict = "offline" if offline else "online"
    return Event(CHAOS_OFFLINE, now, verdict, f"{verdict}, by the profile's owner")


def _percent(share: float) -> str:
    return f"{share * 100:g} %"


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds / SECOND:g} s"
