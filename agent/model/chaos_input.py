"""Chaos rules out of what a person writes, on a command line, in a journey or in JSON."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from agent.model.chaos import EVERY_HOST, STATUS, ChaosRule
from agent.model.clock import DAY, parse_duration
from agent.model.errors import UsageError

_HOST = re.compile(r"\*|(\*\.)?[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?\.?")
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%")
_FRACTION = re.compile(r"\d*\.\d+")
_DIGITS = re.compile(r"[0-9]{1,9}")
_STATUSES = range(400, 600)
_TIMES = range(1, 1_000_001)
_LONGEST = DAY
_EXACT = 9
"""Decimals to which shares are added: 0.7 and 0.3 are all."""


def chaos_rule(
    host: str,
    *,
    fail: float | str = 0.0,
    status: int | str = STATUS,
    reset: float | str = 0.0,
    stall: int | str = 0,
    slow: int | str = 0,
    times: int | str | None = None,
    pages: bool = True,
) -> ChaosRule:
    """A rule; shares such as ``"50%"`` or ``0.5``, durations such as ``"30s"`` or in milliseconds.

    Raises UsageError for what no rule can be.
    """
    where = f"chaos {host}"
    rule = ChaosRule(
        host=host_pattern(host),
        fail=_share(where, "fail", fail),
        status=_whole(where, "status", status, _STATUSES),
        reset=_share(where, "reset", reset),
        stall=_duration(where, "stall", stall),
        slow=_duration(where, "slow", slow),
        times=None if times is None else _whole(where, "times", times, _TIMES),
        pages=pages,
    )
    if not isinstance(pages, bool):
        raise UsageError(f"pages is {pages!r}", where=where, rule="true or false", fix="false spares pages")
    if round(rule.fail + rule.reset, _EXACT) > 1:
        raise UsageError(
            f"fail and reset are {(rule.fail + rule.reset) * 100:g} % together",
            where=where,
            rule="a request fails or is reset: at most 100 % in all",
            fix="lower one of them",
        )
    if rule.stall and rule.slow:
        raise UsageError(
            "stall and slow exclude one another",
            where=where,
            rule="what stalls gets no answer, what is slow gets one later",
            fix="leave one of them out",
        )
    if rule.status != STATUS and not rule.fail:
        raise UsageError(
            f"status {rule.status} is for requests that fail, and none does",
            where=where,
            rule="a status goes with fail",
            fix="add fail 50%",
        )
    if not (rule.fail or rule.reset or rule.stall or rule.slow):
        raise UsageError(
            "nothing goes wrong by this rule",
            where=where,
            rule="a rule says what goes wrong",
            fix="say fail 50%, reset 10%, stall 30s or slow 2s",
        )
    return rule


def chaos_rule_of(document: Mapping[str, Any]) -> ChaosRule:
    """The rule of a JSON object with the parameters of :func:`chaos_rule` as members. Raises UsageError as it does."""
    members = tuple(ChaosRule.__dataclass_fields__)
    unknown = next((name for name in document if name not in members), None)
    if unknown is not None:
        raise UsageError(
            f"a chaos rule has no {unknown!r}", where="chaos", rule=f"its members are {', '.join(members)}"
        )
    if "host" not in document:
        raise UsageError("a chaos rule names no host", where="chaos", fix=f"name one, or {EVERY_HOST} for all")
    return chaos_rule(**document)


def host_pattern(host: object) -> str:
    """The pattern as rules have it, in lower case. Raises UsageError for what names no hosts."""
    name = host.strip().lower() if isinstance(host, str) else ""
    if not _HOST.fullmatch(name) or ".." in name:
        raise UsageError(
            f"{host!r} is no host",
            where="chaos",
            rule="a host without scheme, port and path, *.host for the names below it, or * for all",
            fix="adtech.test",
        )
    return name.removesuffix(".")


def _share(where: str, name: str, given: object) -> float:
    share = given
    if isinstance(given, str):
        if match := _PERCENT.fullmatch(given.strip()):
            share = float(match[1]) / 100
        elif _FRACTION.fullmatch(given.strip()):
            share = float(given)
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share <= 1:
        raise UsageError(
            f"{name} is {given!r}",
            where=where,
            rule="a share from 0% to 100%, or a number from 0 to 1",
            fix=f"{name} 50%",
        )
    return float(share)


def _duration(where: str, name: str, given: object) -> int:
    duration = given
    if isinstance(given, str):
        try:
            duration = parse_duration(given)
        except ValueError:
            duration = None
    if isinstance(duration, bool) or not isinstance(duration, int) or not 0 <= duration <= _LONGEST:
        raise UsageError(
            f"{name} is {given!r}",
            where=where,
            rule="a duration of at most 1d with its unit (h m s ms), or a number of milliseconds",
            fix=f"{name} 30s",
        )
    return duration


def _whole(where: str, name: str, given: object, allowed: range) -> int:
    number = int(given) if isinstance(given, str) and _DIGITS.fullmatch(given) else given
    if isinstance(number, bool) or not isinstance(number, int) or number not in allowed:
        raise UsageError(
            f"{name} is {given!r}",
            where=where,
            rule=f"a whole number from {allowed[0]:,} to {allowed[-1]:,}",
            fix=f"{name} {STATUS if allowed is _STATUSES else 3}",
        )
    return number
