"""URLs as requests name them."""

from __future__ import annotations

import ada_url


def request_url(text: str, base: str) -> str:
    """``text`` parsed against ``base``, as a request for it goes over the wire: without fragment; "" if it is none."""
    try:
        url = ada_url.URL(text, base=base)
    except (ValueError, UnicodeError):
        return ""
    url.hash = ""
    return str(url.href)
