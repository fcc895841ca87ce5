"""The POST of a report to its report-url (W3C Attribution section 11; the request rules are Fetch's)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from enum import StrEnum

from ada_url import URL

from agent.model.interfaces import Answer, Exchange, NoAnswer
from agent.model.reports import Report
from agent.model.site import is_potentially_trustworthy

MAX_REDIRECTS = 20
TIMEOUT_SECONDS = 30.0
_MAX_REFERRER = 4096


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


@dataclass(frozen=True, slots=True)
class Sender:
    """Sends reports through ``exchange``, as a browser with this ``User-Agent``."""

    exchange: Exchange
    user_agent: str

    async def send(self, report: Report) -> Attempt:
        """POST the body of ``report`` once, redirects followed; delivered means a status of 200 to 299.

        Raises ValueError for a report without a URL.
        """
        if report.delivered_to is None:
            raise ValueError(f"report {report.id} was returned to its page, it is not to be sent")
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                return await self._follow(report.delivered_to, report.body)
        except TimeoutError:
            return Attempt(Outcome.FAILED, f"no response within {TIMEOUT_SECONDS:g} s")

    async def _follow(self, report_url: str, body: bytes) -> Attempt:
        url = _without_secrets(report_url)
        method, referrer = "POST", url
        for redirects in range(MAX_REDIRECTS + 1):
            referrer = _referrer(referrer, url)
            answer = await self.exchange(method, url, self._fields(method, url, referrer), body)
            if isinstance(answer, NoAnswer):
                if answer.mapped or redirects:
                    return Attempt(Outcome.FAILED, f"{url}: {answer.detail}" if redirects else answer.detail)
                return Attempt(Outcome.NOT_MAPPED, "not sent: host not mapped")
            if answer.status not in {301, 302, 303, 307, 308} or answer.location is None:
                delivered = 200 <= answer.status <= 299
                return Attempt(Outcome.DELIVERED if delivered else Outcome.FAILED, str(answer.status))
            target = _redirect_target(answer, url)
            if target is None:
                return Attempt(Outcome.FAILED, f"{answer.status} to {answer.location!r}, which Fetch does not follow")
            url = target
            if answer.status in {301, 302, 303}:
                method, body = "GET", b""
        return Attempt(Outcome.FAILED, f"more than {MAX_REDIRECTS} redirects")

    def _fields(self, method: str, url: str, referrer: str) -> list[tuple[str, str]]:
        """The request's fields: no cookie and no credentials, as its credentials mode is "omit"."""
        fields = [("Content-Type", "application/dap-report")] if method == "POST" else []
        # The draft's request has no client whose origin it could take, so Fetch gives it an opaque one: "null", which
        # also keeps the page out of what the collector reads. Mode "cors" puts the field on every hop; there is no
        # preflight, as the unsafe-request flag is not set, and no CORS check to fail, as nobody reads the response.
        fields += [("Origin", "null"), ("Accept", "*/*"), ("User-Agent", self.user_agent)]
        if referrer:
            fields.append(("Referer", referrer))
        # Cache mode "no-store".
        fields += [("Pragma", "no-cache"), ("Cache-Control", "no-cache")]
        if is_potentially_trustworthy(url):
            fields += [("Sec-Fetch-Dest", "empty"), ("Sec-Fetch-Mode", "cors"), ("Sec-Fetch-Site", "cross-site")]
        return fields


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


def _redirect_target(answer: Answer, url: str) -> str | None:
    """Where Fetch goes from ``url``; None where it ends with a network error."""
    try:
        target = URL(answer.location or "", base=url)
    except ValueError:
        return None
    # A location with credentials is refused in mode "cors".
    if target.protocol not in {"http:", "https:"} or target.username or target.password:
        return None
    target.hash = ""
    return str(target.href)
