"""One request and its response as the wire had them, as the JSON values that an event keeps of them.

Cookies and credentials are left out, as by the export of browsers' own tools: what is kept may be shared.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable
from typing import Any

SECRET = frozenset(
    {"cookie", "set-cookie", "authorization", "proxy-authorization", "www-authenticate", "proxy-authenticate"}
)
"""Names of fields, in lower case, that are never kept."""
_NAMING_URLS = frozenset({"location", "content-location", "refresh", "referer", "link"})
"""Names of fields whose URLs may have user and password in front of the host."""
_CREDENTIALS = re.compile(r"(?<=//)[^/?#\s]*@")
LONGEST_VALUE = 2048
"""Characters of a field's value that are kept."""
MOST_FIELDS = 100
"""Fields of a message that are kept."""
Field = tuple[str, str]


def http_record(
    method: str,
    url: str,
    request: Iterable[Field],
    *,
    status: int = 0,
    reason: str = "",
    response: Iterable[Field] = (),
    began: int | None = None,
    took: float | None = None,
    told: Container[str] = (),
    error: str = "",
) -> dict[str, Any]:
    """The record of one request. ``status`` is 0 where there was no response, for ``error``.

    ``began``: milliseconds on the agent's clock; ``took``: real milliseconds until the response's head. Either is None
    where nobody looked. Values of the fields in ``told`` (lower case) stand elsewhere in the event, and are null here.
    """
    cut: list[str] = []
    record: dict[str, Any] = {
        "method": method,
        "url": url,
        "request": _kept(request, told, cut),
        "status": status,
        "reason": reason,
        "response": _kept(response, told, cut),
        "began": began,
        "took": None if took is None else round(took, 3),
    }
    if error:
        record["error"] = error[:LONGEST_VALUE]
    if cut:
        record["cut"] = cut
    return record


def without_credentials(text: str) -> str:
    """``text`` with ``***`` for the user and password of its URLs."""
    return _CREDENTIALS.sub("***@", text)


def _kept(fields: Iterable[Field], told: Container[str], cut: list[str]) -> list[list[str | None]]:
    """The fields that are kept; ``cut`` is given the names of those that were not kept whole."""
    kept: list[list[str | None]] = []
    for name, value in fields:
        lowered = name.lower()
        if lowered in SECRET:
            continue
        if len(kept) == MOST_FIELDS:
            cut.append(f"fields after the first {MOST_FIELDS}")
            break
        if lowered in told:
            kept.append([name, None])
            continue
        shown = without_credentials(value) if lowered in _NAMING_URLS else value
        if len(shown) > LONGEST_VALUE:
            cut.append(name)
        kept.append([name, shown[:LONGEST_VALUE]])
    return kept
