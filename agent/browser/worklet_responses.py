"""Whether a response may be the module script of a worklet, and what the page sees rejected where it may not.

Shared-storage section 4 and Fetch's CORS check. The texts are Chromium 143's.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import http_sf

from agent.browser.documents import origin_of

_FAILED = "net::ERR_FAILED"
_JAVASCRIPT = frozenset(
    f"{kind}/{name}"
    for kind, names in {
        "application": ("ecmascript", "javascript", "x-ecmascript", "x-javascript"),
        "text": (
            *("ecmascript", "javascript", "jscript", "livescript", "x-ecmascript", "x-javascript"),
            *(f"javascript1.{minor}" for minor in range(6)),
        ),
    }.items()
    for name in names
)
_ALLOWED_CROSS_ORIGIN = "shared-storage-cross-origin-worklet-allowed"


@dataclass(frozen=True, slots=True)
class ScriptRequest:
    """What a page asks for: a script, and the data that its worklet is to have."""

    url: str
    """Absolute."""
    document_origin: str
    data_origin: str
    """Both serialised."""
    credentials: str
    """A RequestCredentials."""

    @property
    def script_origin(self) -> str:
        """Origin of the URL, serialised."""
        return origin_of(self.url, self.url)

    @property
    def is_cross_origin(self) -> bool:
        """Whether the script is not of the document's own origin."""
        return self.script_origin != self.document_origin

    @property
    def has_custom_data_origin(self) -> bool:
        """Whether the data is a third party's, neither the document's nor the script's."""
        return self.data_origin not in (self.document_origin, self.script_origin)

    @property
    def includes_credentials(self) -> bool:
        """Whether cookies are sent and kept."""
        return self.credentials == "include" or (self.credentials == "same-origin" and not self.is_cross_origin)


@dataclass(frozen=True, slots=True)
class ScriptResponse:
    """What came of a request."""

    status: int = 0
    """0 where there is no response."""
    status_text: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    """By name in lower case."""
    body: bytes = b""
    net_error: str = ""
    """Chromium's name for what went wrong, where there is no whole response."""


def script_problem(request: ScriptRequest, response: ScriptResponse) -> str | None:
    """Why a response is no module script for that request, as the page is told; None where it is one."""
    # Who may not read the response learns nothing of its end.
    error = _FAILED if response.status and not _is_readable(request, response) else response.net_error
    if error:
        return f"Failed to load {request.url} error = {error}."
    if not 200 <= response.status < 300:
        return f"Failed to load {request.url} HTTP status = {response.status} {response.status_text}."
    if not is_javascript(response):
        return f"Rejecting load of {request.url} due to unexpected MIME type."
    return None


def _is_readable(request: ScriptRequest, response: ScriptResponse) -> bool:
    """Whether the script's origin lets the document have the response, and its own data where that was asked for."""
    if not request.is_cross_origin:
        return True
    is_data_given = _is_true(response.fields.get(_ALLOWED_CROSS_ORIGIN, ""))
    return _passes_cors(request, response) and (request.data_origin != request.script_origin or is_data_given)


def file_problem(response: ScriptResponse, document_origin: str, max_bytes: int) -> bool:
    """Whether a response cannot be the trusted-origins file that a document of that origin asked for."""
    return (
        bool(response.net_error)
        or not 200 <= response.status < 300
        or response.fields.get("access-control-allow-origin") not in ("*", document_origin)
        or not is_json(response)
        or len(response.body) > max_bytes
    )


def _passes_cors(request: ScriptRequest, response: ScriptResponse) -> bool:
    """Fetch, "CORS check"."""
    allowed = response.fields.get("access-control-allow-origin")
    if request.credentials != "include":
        return allowed in ("*", request.document_origin)
    is_told_so = response.fields.get("access-control-allow-credentials") == "true"
    return allowed == request.document_origin and is_told_so


def is_javascript(response: ScriptResponse) -> bool:
    """Whether a response says that it is a script."""
    return _mime_type(response) in _JAVASCRIPT


def is_json(response: ScriptResponse) -> bool:
    """Whether a response says that it is JSON."""
    mime_type = _mime_type(response)
    return mime_type in ("application/json", "text/json") or mime_type.endswith("+json")


def _mime_type(response: ScriptResponse) -> str:
    return response.fields.get("content-type", "").partition(";")[0].strip().lower()


def _is_true(text: str) -> bool:
    """Whether a field is the structured boolean ``?1``."""
    try:
        value = http_sf.parse(text.encode("latin-1"), tltype="item")
    except (http_sf.StructuredFieldError, ValueError, UnicodeEncodeError):
        return False
    return isinstance(value, tuple) and value[0] is True
