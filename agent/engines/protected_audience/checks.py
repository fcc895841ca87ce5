"""What the members of groups and auctions have in common: origins, URLs, and the exceptions of ``navigator``."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import ada_url

from agent.model.errors import PageException
from agent.model.site import serialized_origin


class Refused(Exception):  # noqa: N818 - it is no error of ours: it carries what the page sees thrown
    """A member cannot be used; caught within this package."""

    def __init__(self, message: str, name: str = "TypeError", *, of_promise: bool = False) -> None:
        super().__init__(message)
        self.message, self.name, self._of_promise = message, name, of_promise

    def exception(self, method: str) -> PageException:
        """What the caller of ``navigator``'s method sees rejected, its message complete."""
        text = self.message
        if not self._of_promise:  # such a member may be a promise, and fails after the call
            text = f"Failed to execute '{method}' on 'Navigator': {text}"
        return PageException(self.name, text, is_dom_exception=self.name != "TypeError")


def https_origin(text: str) -> str | None:
    """The origin that ``text`` names, a URL's path ignored; None where that is not https."""
    origin = serialized_origin(text)
    return origin if origin.startswith("https://") else None


def resolved(text: str, base_url: str | None = None) -> ada_url.URL | None:
    """``text`` as a URL, relative to ``base_url`` if there is one; None where it is none."""
    try:
        return ada_url.URL(text, base_url)
    except (ValueError, UnicodeError):
        return None


def hostname_of(origin: str) -> str:
    """The host name of an origin; "" for an opaque one."""
    url = resolved(origin)
    return "" if url is None else str(url.hostname)


def has_credentials(url: ada_url.URL) -> bool:
    """Whether a URL names a user or a password."""
    return bool(url.username or url.password)


def coordinator(config: Mapping[str, Any] | None, allowed: Collection[str]) -> str | None:
    """The coordinator of ``privateAggregationConfig``, None for the default one (private-aggregation section 2)."""
    text = None if config is None else config["aggregationCoordinatorOrigin"]
    if text is None:
        return None
    origin = https_origin(text)
    if origin is None:
        raise Refused(f"aggregationCoordinatorOrigin '{text}' must be a valid https origin.", "SyntaxError")
    if origin not in allowed:
        raise Refused(f"aggregationCoordinatorOrigin '{text}' is not a recognized coordinator origin.", "DataError")
    return origin
