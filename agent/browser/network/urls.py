"""URLs as requests name them."""

from __future__ import annotations

import hashlib

import ada_url

_SHORT = 256
_SHOWN = 2048


def request_url(text: str, base: str) -> str:
    """``text`` parsed against ``base``, as a request for it goes over the wire: without fragment; "" if it is none."""
    try:
        url = ada_url.URL(text, base=base)
    except (ValueError, UnicodeError):
        return ""
    url.hash = ""
    return str(url.href)


def shown_url(url: str) -> str:
    """A URL as events tell it: a page chooses how long its URLs are, up to two megabytes each."""
    return url if len(url) <= _SHOWN else f"{url[:_SHOWN]}..."


def url_key(url: str) -> str:
    """What stands for a URL where many are kept: itself, or a digest of a long one."""
    return url if len(url) <= _SHORT else hashlib.sha256(url.encode()).hexdigest()
