"""How long a response stays fresh: Cache-Control, Expires and Age of RFC 9111, as far as key sets need them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from email.utils import parsedate_to_datetime

from agent.model.clock import SECOND

Headers = Sequence[tuple[str, str]]


def freshness_lifetime(headers: Headers) -> int:
    """Milliseconds for which a response is fresh from when it was made; 0 where it must not be kept.

    An ``Expires`` counts from the response's own ``Date``: the agent's clock need not be the server's.
    """
    directives = list(_list(headers, "cache-control"))
    if {"no-cache", "no-store"} & set(directives) or "no-cache" in _list(headers, "pragma"):
        return 0
    for directive in directives:
        name, _, value = directive.partition("=")
        if name == "max-age" and value.isascii() and value.isdecimal():
            return int(value) * SECOND
    expires, date = _date(headers, "expires"), _date(headers, "date")
    return max(0, expires - date) if expires is not None and date is not None else 0


def age(headers: Headers) -> int:
    """Milliseconds since the response was made, as caches on its way counted them."""
    value = next((value.strip() for name, value in headers if name.lower() == "age"), "")
    return int(value) * SECOND if value.isascii() and value.isdecimal() else 0


def _list(headers: Headers, wanted: str) -> Iterator[str]:
    for name, value in headers:
        if name.lower() == wanted:
            yield from (part.strip().lower() for part in value.split(","))


def _date(headers: Headers, wanted: str) -> int | None:
    value = next((value for name, value in headers if name.lower() == wanted), "")
    try:
        return round(parsedate_to_datetime(value).timestamp()) * SECOND
    except (ValueError, OverflowError):
        return None
