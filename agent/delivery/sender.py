"""The POST of a report to its URL: redirects as Fetch follows them, and what the attempt came to.

Conversion reports go to the page's report-url in mode "cors" (W3C Attribution section 11), reports of Attribution
Reporting to a well-known path of their reporting origin in mode "same-origin" (its engine, section 5).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import StrEnum

from ada_url import URL

from agent.delivery.request_fields import Form, Hop, attribution_fields, conversion_fields
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


@dataclass(frozen=True, slots=True)
class Sender:
    """Sends reports through ``exchange``, as a browser with this ``User-Agent``."""

    exchange: Exchange
    user_agent: str

    async def send(self, report: Report, body: bytes) -> Attempt:
        """POST ``body`` for ``report`` once, redirects followed; delivered means a status of 200 to 299.

        Raises ValueError for a report without a URL.
        """
        if report.delivered_to is None:
            raise ValueError(f"report {report.id} was returned to its page, it is not to be sent")
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                if report.kind is ReportKind.ATTRIBUTION_CONVERSION:
                    return await self._follow(report.delivered_to, body, conversion_fields, same_origin=False)
                return await self._follow(report.delivered_to, body, attribution_fields, same_origin=True)
        except TimeoutError:
            return Attempt(Outcome.FAILED, f"no response within {TIMEOUT_SECONDS:g} s", transient=True)

    async def _follow(self, report_url: str, body: bytes, form: Form, *, same_origin: bool) -> Attempt:
        url = _without_secrets(report_url)
        method, referrer = "POST", url
        for redirects in range(MAX_REDIRECTS + 1):
            referrer = _referrer(referrer, url)
            fields = form(Hop(method, url, body, referrer, self.user_agent))
            answer = await self.exchange(method, url, fields, body)
            if isinstance(answer, NoAnswer):
                if not answer.mapped and not redirects:
                    return Attempt(Outcome.NOT_MAPPED, NOT_MAPPED)
                detail = f"{url}: {answer.detail}" if redirects else answer.detail
                return Attempt(Outcome.FAILED, detail, answer.error is not NetworkError.OTHER)
            if answer.status not in _REDIRECTS or answer.location is None:
                delivered = 200 <= answer.status <= 299
                return Attempt(Outcome.DELIVERED if delivered else Outcome.FAILED, str(answer.status))
            target = _redirect_target(answer, url, same_origin=same_origin)
            if target is None:
                return Attempt(Outcome.FAILED, f"{answer.status} to {answer.location!r}, which Fetch does not follow")
            url = target
            if answer.status in {301, 302, 303}:
                method, body = "GET", b""
        return Attempt(Outcome.FAILED, f"more than {MAX_REDIRECTS} redirects")


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


def _redirect_target(answer: Answer, url: str, *, same_origin: bool) -> str | None:
    """Where Fetch goes from ``url``; None where it ends with a network error."""
    try:
        target = URL(answer.location or "", base=url)
    except ValueError:
        return None
    # A location with credentials is refused in mode "cors", another origin in mode "same-origin".
    if target.protocol not in {"http:", "https:"}:
        return None
    if (target.username or target.password) and not same_origin:
        return None
    if same_origin and target.origin != serialized_origin(url):
        return None
    target.hash = target.username = target.password = ""
    return str(target.href)
