"""DevTools sessions: which target each speaks for, its execution contexts and its requests in flight."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

_KEPT_REQUESTS = 4096
_KEPT_BYTES = 1 << 25
"""Of announcements: a page chooses how long its URLs are, up to two megabytes each."""
_REQUEST_ID = re.compile(rb'"requestId":"([^"]*)"')


@dataclass(frozen=True, slots=True)
class ExecutionContext:
    """A realm: its origin as the browser fixed it at creation, and the frame it belongs to."""

    id: int
    origin: str
    frame_id: str
    world: str = ""
    """Name of an isolated world; empty for the page's own."""


@dataclass(frozen=True, slots=True)
class RequestFacts:
    """What the browser says of one request (one hop of it): ``Network.requestWillBeSent``."""

    request_id: str
    url: str
    method: str
    frame_id: str
    loader_id: str
    referrer: str
    accept_language: str
    """Carries the session's mark, unless the page set the field itself."""


@dataclass(slots=True, eq=False)
class Session:
    """One attached target and what passed on its session.

    ``requests`` holds the raw announcements by request id until the request has finished (the latest few
    thousand: some never do): they are read only when a response asks who stands behind it.
    """

    id: str
    target_id: str
    type: str
    """``page``, ``iframe``, ``worker``, ``shared_worker``, ``service_worker`` ..."""
    context_id: str
    """The BrowserContext."""
    mark: int = 0
    """The number that its requests carry to the front; 0 for none."""
    contexts: dict[int, ExecutionContext] = field(default_factory=dict)
    requests: dict[bytes, list[bytes]] = field(default_factory=dict)
    _held: int = 0
    """Bytes of them."""

    @property
    def is_document(self) -> bool:
        """Whether its requests have a Window as their client."""
        return self.type in ("page", "iframe")

    def announce(self, raw: bytes) -> None:
        """Keep a ``Network.requestWillBeSent``."""
        self.requests.setdefault(request_id_of(raw), []).append(raw)
        self._held += len(raw)
        while len(self.requests) > _KEPT_REQUESTS or self._held > _KEPT_BYTES:
            self._forget(next(iter(self.requests)))

    def finished(self, raw: bytes) -> None:
        """Forget a request: ``Network.loadingFinished``. One that failed may be on the wire still, and is kept."""
        self._forget(request_id_of(raw))

    def forget_requests(self) -> None:
        """Forget all of them: nobody asks a session that has ended."""
        self.requests.clear()
        self._held = 0

    def _forget(self, request_id: bytes) -> None:
        self._held -= sum(map(len, self.requests.pop(request_id, ())))

    def matching(self, url: str, method: str) -> list[tuple[bytes, RequestFacts]]:
        """The announced requests for ``url``, in the order of their announcement, with their raw text."""
        # Chromium writes URLs in ASCII; of what a URL may contain JSON escapes nothing.
        wanted = url.encode("ascii", "replace")
        announced = (raw for raws in self.requests.values() for raw in raws if wanted in raw)
        read = ((raw, _read(raw)) for raw in announced)
        return [(raw, facts) for raw, facts in read if facts.url == url and facts.method == method]

    def consume(self, raw: bytes, facts: RequestFacts) -> None:
        """One announcement stands for one exchange."""
        raws = self.requests.get(facts.request_id.encode(), [])
        if raw in raws:
            raws.remove(raw)
            self._held -= len(raw)


def request_id_of(raw: bytes) -> bytes:
    """The request that a network event is about; ids are unique in a browser."""
    found = _REQUEST_ID.search(raw)
    return b"" if found is None else found.group(1)


def _read(raw: bytes) -> RequestFacts:
    params: dict[str, Any] = json.loads(raw)["params"]
    request = params["request"]
    headers = {name.lower(): value for name, value in request["headers"].items()}
    return RequestFacts(
        params["requestId"],
        request["url"],
        request["method"],
        params.get("frameId", ""),
        params.get("loaderId", ""),
        headers.get("referer", ""),
        headers.get("accept-language", ""),
    )
