"""The in-band mark: spaces in ``Accept-Language`` that name the session a request came from.

Chromium puts the text of a user agent override into every request of the target, without a preflight and without a
trace in the page (Blink trims the languages that scripts see). The number of spaces at three places is the mark. It
decides nothing by itself: it only says in which session to look for the browser's own announcement of the request,
and each announcement serves once. The front removes the spaces and puts the field back where it belongs.
"""

from __future__ import annotations

import re

from agent.browser.network.headers import Headers

_WIDTH = 12
COUNT = _WIDTH**3 - 1
"""How many sessions of one BrowserContext can be told apart at a time."""
_MARKED = re.compile(rb"en-US( {0,11}),( {0,11})en( {0,11});q=0\.9")
_PLAIN = b"en-US,en;q=0.9"


def accept_language(mark: int) -> str:
    """The override's ``acceptLanguage`` for a mark of 1 .. COUNT."""
    first, rest = divmod(mark, _WIDTH * _WIDTH)
    second, third = divmod(rest, _WIDTH)
    # Trailing spaces would be trimmed, and the third place stands before ";q=0.9" that the network adds.
    return f"en-US{' ' * first},{' ' * second}en{' ' * third}"


def take_mark(headers: Headers) -> int:
    """Remove the mark from a request's headers and give it; 0 where there is none.

    The field moves behind ``Accept-Encoding``, where Chromium puts it when no override is set.
    """
    value = headers.get(b"accept-language")
    found = None if value is None else _MARKED.fullmatch(value)
    if found is None:
        return 0
    name = next(name for name, _ in headers if name.lower() == b"accept-language")
    headers.drop(b"accept-language")
    place = next((i + 1 for i, (field, _) in enumerate(headers) if field.lower() == b"accept-encoding"), len(headers))
    headers.insert(place, (name, _PLAIN))
    first, second, third = (len(spaces) for spaces in found.groups())
    return (first * _WIDTH + second) * _WIDTH + third
