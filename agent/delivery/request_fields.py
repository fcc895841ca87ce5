"""The header fields that each API's reports travel with, on every hop of a redirect."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from agent.model.site import is_potentially_trustworthy, serialized_origin

Fields = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Hop:
    """One request on the way of a report."""

    method: str
    url: str
    body: bytes
    referrer: str
    """The URL, or the origin, that a referrer may show here; "" for none."""
    user_agent: str


Form = Callable[[Hop], Fields]


def conversion_fields(hop: Hop) -> Fields:
    """Of a conversion report: no cookie and no credentials, as its credentials mode is "omit" (draft, section 11)."""
    fields = [("Content-Type", "application/dap-report")] if hop.method == "POST" else []
    # The draft's request has no client whose origin it could take, so Fetch gives it an opaque one: "null", which
    # also keeps the page out of what the collector reads. Mode "cors" puts the field on every hop; there is no
    # preflight, as the unsafe-request flag is not set, and no CORS check to fail, as nobody reads the response.
    fields += [("Origin", "null"), ("Accept", "*/*"), ("User-Agent", hop.user_agent)]
    if hop.referrer:
        fields.append(("Referer", hop.referrer))
    # Cache mode "no-store".
    fields += [("Pragma", "no-cache"), ("Cache-Control", "no-cache")]
    if is_potentially_trustworthy(hop.url):
        fields += [("Sec-Fetch-Dest", "empty"), ("Sec-Fetch-Mode", "cors"), ("Sec-Fetch-Site", "cross-site")]
    return fields


def attribution_fields(hop: Hop) -> Fields:
    """Of a report of Attribution Reporting, in the order in which Chromium 143 sends them."""
    fields = [("Connection", "keep-alive")]
    if hop.method == "POST":
        fields.append(("Content-Length", str(len(hop.body))))
    fields += [("Pragma", "no-cache"), ("Cache-Control", "no-cache")]
    if hop.method == "POST":
        fields += [("Content-Type", "application/json"), ("Origin", serialized_origin(hop.url))]
    trustworthy = is_potentially_trustworthy(hop.url)
    if trustworthy:
        fields += [("Sec-Fetch-Site", "same-origin"), ("Sec-Fetch-Mode", "same-origin"), ("Sec-Fetch-Dest", "empty")]
    fields += [("User-Agent", hop.user_agent), _accept_encoding(trustworthy)]
    return fields


def private_aggregation_fields(hop: Hop) -> Fields:
    """Of a report of Private Aggregation, which nobody initiates: as Chromium 143 sends them, without an origin."""
    fields = [("Connection", "keep-alive")]
    if hop.method == "POST":
        fields.append(("Content-Length", str(len(hop.body))))
    fields += [("Pragma", "no-cache"), ("Cache-Control", "no-cache")]
    if hop.method == "POST":
        fields.append(("Content-Type", "application/json"))
    trustworthy = is_potentially_trustworthy(hop.url)
    if trustworthy:
        fields += [("Sec-Fetch-Site", "none"), ("Sec-Fetch-Mode", "no-cors"), ("Sec-Fetch-Dest", "empty")]
    fields += [("User-Agent", hop.user_agent), _accept_encoding(trustworthy)]
    return fields


def key_request_fields(user_agent: str) -> Fields:
    """Of the request for a coordinator's keys, which nobody initiates and no cache answers."""
    return [
        ("Connection", "keep-alive"),
        ("Pragma", "no-cache"),
        ("Cache-Control", "no-cache"),
        ("Sec-Fetch-Site", "none"),
        ("Sec-Fetch-Mode", "no-cors"),
        ("Sec-Fetch-Dest", "empty"),
        ("User-Agent", user_agent),
        ("Accept-Encoding", "gzip, deflate"),
    ]


def _accept_encoding(trustworthy: bool) -> tuple[str, str]:
    # The response's body is never read, so it matters to nobody whether we could decode it.
    return "Accept-Encoding", "gzip, deflate, br, zstd" if trustworthy else "gzip, deflate"
