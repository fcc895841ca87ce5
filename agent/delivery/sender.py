"""The POST of a report to its URL: redirects as Fetch follows them, and what the attempt came to.

Conversion reports go to the page's report-url in mode "cors" (W3C Attribution section 11), those of the other APIs to
a well-known path of their reporting origin: of Attribution Reporting in mode "same-origin" (its engine, section 5), of
Private Aggregation in mode "no-cors" (its section 4).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from ada_url import URL

from agent.delivery.chaos import Chaos, Strikes
from agent.delivery.hops import Hops
from agent.delivery.request_fields import (
    Fields,
    Form,
    Hop,
    attribution_fields,
    conversion_fields,
    private_aggregation_fields,
)
from agent.model.events import Check
from agent.model.http_record import without_credentials
from agent.model.interfaces import Answer, Exchange, NetworkError, NoAnswer
from agent.model.reports import Report, ReportKind
from agent.model.site import is_potentially_trustworthy, serialized_origin

MAX_REDIRECTS = 20
TIMEOUT_SECONDS = 30.0
NOT_MAPPED = "not sent: host not mapped"
_MAX_REFERRER = 4096
_REDIRECTS = {301, 302, 303, 307, 308}


class Outcome(StrEnum):
    """What an attempt came to."""

    DELIVERED = "delivered"
    FAILED = "failed"
    NOT_MAPPED = "not-mapped"


@dataclass(frozen=True, slots=True)
class Attempt:
    """The result of one attempt; ``detail`` is the status, or why there is none."""

    outcome: Outcome
    detail: str
    transient: bool = False
    """Whether Attribution Reporting tries again after a failure: no server said no."""
    waits_for: str | None = None
    """The host that is not mapped, where it is not the one that the report goes to."""
    rule: str = "status 200 to 299"
    """What a report needs to be delivered, and this one did not get if it failed."""
    unresolved: bool = False
    """Whether a host's name was not found."""
    chaos: tuple[Check, ...] = ()
    """What chaos did to it, if it did."""
    hops: tuple[Mapping[str, Any], ...] = field(default=(), compare=False)
    """Its requests, as :func:`agent.model.http_record.http_record` keeps them."""


@dataclass(frozen=True, slots=True)
class _Manner:
    """How an API's reports are sent."""

    form: Form
    mode: str
    """Fetch's request mode."""
    accepted: range = range(200, 300)
    """The statuses that mean success."""
    rule: str = "status 200 to 299"
    asks_again: bool = False
    """Whether the loader repeats, once and at once, a request for a name that was not found.

    It does so after a change of the network too; a request under the host map sees none.
    """


_CONVERSION = _Manner(conversion_fields, "cors")
_ATTRIBUTION = _Manner(attribution_fields, "same-origin")
_PRIVATE_AGGREGATION = _Manner(private_aggregation_fields, "no-cors", range(200, 201), "status 200", asks_again=True)


@dataclass(frozen=True, slots=True)
class Sender:
    """Sends reports through ``exchange``, as a browser with this ``User-Agent``."""

    exchange: Exchange
    user_agent: str
    chaos: Chaos | None = None

    async def send(self, report: Report, body: bytes) -> Attempt:
        """POST ``body`` for ``report`` once, redirects followed; delivered means a status of 200 to 299.

        Of Private Aggregation's reports it means 200. Raises ValueError for a report without a URL.
        """
        if report.delivered_to is None:
            raise ValueError(f"report {report.id} was returned to its page, it is not to be sent")
        manner = _manner(report.kind)
        strikes, hops = Strikes(self.chaos, TIMEOUT_SECONDS, report.site, report.id), Hops()
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                attempt = await self._follow(report.delivered_to, body, manner, strikes, hops)
                if attempt.unresolved and manner.asks_again:
                    attempt = await self._follow(report.delivered_to, body, manner, strikes, hops)
        except TimeoutError:
            detail = f"no response within {TIMEOUT_SECONDS:g} s"
            attempt = Attempt(Outcome.FAILED, detail, transient=True, rule=manner.rule)
        return replace(attempt, chaos=tuple(strikes.checks), hops=tuple(hops.records))

    async def _follow(self, report_url: str, body: bytes, manner: _Manner, strikes: Strikes, hops: Hops) -> Attempt:
        url = _without_secrets(report_url)
        method, referrer = "POST", url
        for redirects in range(MAX_REDIRECTS + 1):
            referrer = _referrer(referrer, url)
            fields = manner.form(Hop(method, url, body, referrer, self.user_agent))
            answer = await hops.told(method, url, fields, self._answer(strikes, method, url, fields, body))
            if isinstance(answer, NoAnswer):
                if not answer.mapped and not redirects:
                    return Attempt(Outcome.NOT_MAPPED, NOT_MAPPED)
                detail = f"{url}: {answer.detail}" if redirects else answer.detail
                return Attempt(
                    Outcome.FAILED,
                    detail,
                    transient=answer.error is not NetworkError.OTHER,
                    rule=manner.rule,
                    unresolved=answer.error is NetworkError.NAME_NOT_RESOLVED,
                )
            if answer.status not in _REDIRECTS or answer.location is None:
                outcome = Outcome.DELIVERED if answer.status in manner.accepted else Outcome.FAILED
                return Attempt(outcome, str(answer.status), rule=manner.rule)
            target = _redirect_target(answer, url, manner.mode)
            if target is None:
                location = without_credentials(answer.location)
                detail = f"{answer.status} to {location!r}, which Fetch does not follow"
                return Attempt(Outcome.FAILED, detail, rule=manner.rule)
            url = target
            if answer.status in {301, 302, 303}:
                method, body = "GET", b""
        return Attempt(Outcome.FAILED, f"more than {MAX_REDIRECTS} redirects", rule=manner.rule)

    async def _answer(self, strikes: Strikes, method: str, url: str, fields: Fields, body: bytes) -> Answer | NoAnswer:
        return await strikes.meet(method, url) or await self.exchange(method, url, fields, body)


def _manner(kind: ReportKind) -> _Manner:
    match kind:
        case ReportKind.ATTRIBUTION_CONVERSION:
            return _CONVERSION
        case ReportKind.PRIVATE_AGGREGATION | ReportKind.PRIVATE_AGGREGATION_DEBUG:
            return _PRIVATE_AGGREGATION
        case _:
            return _ATTRIBUTION


def _without_secrets(text: str) -> str:
    """A URL without user, password and fragment: what a referrer shows and credentials mode "omit" sends."""
    url = URL(text)
    url.username = url.password = url.hash = ""
    return str(url.href)


def _referrer(referrer: str, url: str) -> str:
    """The referrer under strict-origin-when-cross-origin; "" for none. One hop never widens what another narrowed."""
    if not referrer:
        return ""
    source, target = URL(referrer), URL(url)
    if is_potentially_trustworthy(referrer) and not is_potentially_trustworthy(url):
        return ""
    if source.origin == target.origin and len(referrer) <= _MAX_REFERRER:
        return referrer
    return f"{source.origin}/"


def _redirect_target(answer: Answer, url: str, mode: str) -> str | None:
    """Where Fetch goes from ``url``; None where it ends with a network error."""
    try:
        target = URL(answer.location or "", base=url)
    except ValueError:
        return None
    # A location with credentials is refused in mode "cors", another origin in mode "same-origin".
    if target.protocol not in {"http:", "https:"}:
        return None
    if (target.username or target.password) and mode == "cors":
        return None
    if mode == "same-origin" and target.origin != serialized_origin(url):
        return None
    target.hash = target.username = target.password = ""
    return str(target.href)
