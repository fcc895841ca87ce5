"""The in-band token: a media range in ``Accept`` that says which announcement of a page's script a request stands for.

``Accept`` may be set by script without a preflight, in ``no-cors`` too, and the browser repeats it on every hop of a
redirect. The token means nothing in itself: what the request is was told through the host channel before it began.
"""

from __future__ import annotations

import re

from agent.browser.network.headers import Headers

_DEFAULT = (b"Accept", b"*/*")
_BEHIND_DEFAULT = frozenset({b"origin", b"sec-fetch-site"})
"""Where script set no ``Accept``, Chromium puts its own before these."""


class TokenReader:
    """Takes the tokens of one browser out of its requests; ``parameter`` names the parameter of their media range."""

    def __init__(self, parameter: str) -> None:
        self._within = f";{parameter}=".encode()
        item = rb"\*/\*" + re.escape(self._within) + rb"([\w-]{16})"
        self._item = re.compile(item + rb"(?![^,])")
        self._with_comma = re.compile(rb", ?" + item + rb"(?![^,])|" + item + rb", ?")

    def take(self, headers: Headers) -> str:
        """Remove every token from a request's headers and give the last; "" where there is none."""
        value = headers.get(b"accept")
        if value is None or self._within not in value:
            return ""
        tokens = self._item.findall(value)
        if not tokens:
            return ""
        rest = self._item.sub(b"", self._with_comma.sub(b"", value))
        place = next(i for i, (name, _) in enumerate(headers) if name.lower() == b"accept")
        name, _ = headers.pop(place)
        if rest:
            headers.insert(place, (name, rest))
        else:
            default = (i for i, (other, _) in enumerate(headers) if other.lower() in _BEHIND_DEFAULT)
            headers.insert(next(default, len(headers)), _DEFAULT)
        token: bytes = tokens[-1]
        return token.decode("ascii")
